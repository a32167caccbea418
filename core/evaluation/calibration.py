"""Whether a network is as sure as it should be, and what may be left to it.

``confidence`` (n,) is the probability of the predicted class, ``right`` (n,) whether it was true.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.evaluation.metrics import Floats, Ints, cross_entropy, wilson_interval

BINS = 15
TEMPERATURES = (0.05, 20.0)
"""Between these a temperature is looked for: of a network that is always right it would be 0."""
Bools = npt.NDArray[np.bool_]


class Bin(NamedTuple):
    """The ``n`` images whose confidence is above ``low`` and at most ``high``: their mean
    confidence and their accuracy with its 95 % Wilson interval (None without images)."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None
    interval: tuple[float, float] | None


class Reliability(NamedTuple):
    """``ece``, the expected calibration error (Guo and others 2017): the mean distance between
    confidence and accuracy over the bins, each weighing as many images as it holds; in [0, 1]."""

    bins: tuple[Bin, ...]
    ece: float | None


class Figures(NamedTuple):
    """Of a split: expected calibration error, and mean cross-entropy in nats."""

    ece: float | None
    loss: float | None


class Kept(NamedTuple):
    """What is left when only answers with at least some confidence count: ``coverage`` of the
    images, ``n`` of them, of which ``right``; ``accuracy`` is None without any."""

    coverage: float
    n: int
    right: int
    accuracy: float | None


def reliability(confidence: Floats, right: Bools, bins: int = BINS) -> Reliability:
    """Confidence against accuracy in ``bins`` of equal width over [0, 1]."""
    n = len(confidence)
    place = bin_of(confidence, bins)
    sizes = np.bincount(place, minlength=bins)
    sure = np.bincount(place, confidence, minlength=bins)
    hits = np.bincount(place, right, minlength=bins)
    found = tuple(
        _bin((i / bins, (i + 1) / bins), *values)
        for i, values in enumerate(zip(sizes.tolist(), sure.tolist(), hits.tolist(), strict=True))
    )
    return Reliability(found, float(np.abs(sure - hits).sum() / n) if n else None)


def bin_of(confidence: Floats, bins: int) -> Ints:
    """(n,): in which of ``bins`` of equal width over [0, 1] each image is."""
    place: Ints = np.ceil(np.asarray(confidence, np.float64) * bins).astype(np.int64) - 1
    return np.clip(place, 0, bins - 1)


def _bin(ends: tuple[float, float], n: int, sure: float, hits: float) -> Bin:
    if not n:
        return Bin(*ends, 0, None, None, None)
    return Bin(*ends, n, sure / n, hits / n, wilson_interval(round(hits), n))


def softened(proba: Floats, temperature: float) -> npt.NDArray[np.float32]:
    """The probabilities if the logits were divided by ``temperature`` first: above 1 they become
    more even, below 1 surer; the order of the classes, and so every answer, stays."""
    scaled = _logits(proba) / np.float32(temperature)
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def _logits(proba: Floats) -> npt.NDArray[np.float32]:
    """But for a constant per row, which a softmax does not see."""
    smallest = np.finfo(np.float32).tiny
    logits: npt.NDArray[np.float32] = np.log(np.maximum(proba, smallest, dtype=np.float32))
    return logits


def fit_temperature(y_true: Ints, proba: Floats) -> float | None:
    """The temperature with the lowest cross-entropy on these images, within
    :data:`TEMPERATURES`; None without images or with a single class.

    The cross-entropy is convex in 1/temperature, so its slope has one zero at most.
    """
    from scipy.optimize import brentq

    if not len(y_true) or proba.shape[1] < 2:
        return None
    logits = _logits(proba)
    truth = np.take_along_axis(logits, np.asarray(y_true)[:, None], axis=1).mean(dtype=np.float64)

    def slope(sharpness: float) -> float:
        """Of the cross-entropy: the mean expected logit less the mean logit of the truth."""
        weights = softened(proba, 1 / sharpness)
        expected = np.einsum("ij,ij->i", weights, logits).mean(dtype=np.float64)
        return float(expected - truth)

    flattest, sharpest = (1 / t for t in reversed(TEMPERATURES))
    if slope(flattest) >= 0:
        return TEMPERATURES[1]
    if slope(sharpest) <= 0:
        return TEMPERATURES[0]
    return float(1 / brentq(slope, flattest, sharpest, xtol=1e-4, rtol=1e-4))


def calibration_figures(y_true: Ints, proba: Floats) -> Figures:
    """Of these probabilities, as they are or softened."""
    if not len(y_true):
        return Figures(None, None)
    confidence = proba.max(axis=1)
    right = proba.argmax(axis=1) == y_true
    loss = float(cross_entropy(y_true, proba).mean())
    return Figures(reliability(confidence, right).ece, loss)


def kept(confidence: Floats, right: Bools, threshold: float) -> Kept:
    """The images with a confidence of at least ``threshold``."""
    chosen = confidence >= threshold
    n, hits = int(chosen.sum()), int(right[chosen].sum())
    return Kept(n / len(right) if len(right) else 0.0, n, hits, hits / n if n else None)
