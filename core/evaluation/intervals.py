"""How far a figure may be off: where it would lie with other images of the same kind, 95 of 100
times. Accuracy has Wilson's interval (``core.evaluation.metrics``)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.evaluation.calibration import BINS, Bools, bin_of
from core.evaluation.metrics import Floats, Ints, cross_entropy
from core.evaluation.predictions import Predictions

Values = npt.NDArray[np.float64]
ROUNDS = 400
"""Bootstrap samples: with 10,000 images the ends move by a tenth of the width from seed to seed,
and the page waits 60 ms for them."""


class Interval(NamedTuple):
    """95 %: from ``low`` to ``high``, in the unit of the figure."""

    low: float
    high: float


class Intervals(NamedTuple):
    """``None`` where the figure is not defined."""

    macro_f1: Interval | None = None
    loss: Interval | None = None


UNKNOWN = Intervals()


def bootstrap(predictions: Predictions, rounds: int = ROUNDS, seed: int = 0) -> Intervals:
    """Percentile bootstrap (Efron 1979): the figures of ``rounds`` splits of the same size, drawn
    with replacement from this one, moved so that their mean is the figure: with ten images per
    class a drawn split has a lower macro F1, because it repeats some and misses others (74.5 %,
    drawn 73.4 %). The same seed gives the same intervals."""
    n = len(predictions.y_true)
    if not n:
        return UNKNOWN
    rng = np.random.default_rng(seed)
    loss = cross_entropy(predictions.y_true, predictions.proba)
    y_true, y_pred = predictions.y_true, predictions.y_pred
    found = np.empty((rounds, 2))
    for row in found:
        drawn = rng.integers(0, n, n)
        row[:] = _macro_f1(y_true[drawn], y_pred[drawn]), loss[drawn].mean()
    figures = np.array([_macro_f1(y_true, y_pred), loss.mean()])
    low, high = np.clip(_ends(found, figures), 0, [1, np.inf])
    return Intervals(*(Interval(float(a), float(b)) for a, b in zip(low, high, strict=True)))


def _ends(found: Values, figures: Values) -> Values:
    """Of what was ``found`` in the samples (rounds, k): (2, k), around the ``figures`` (k,)."""
    ends: Values = np.percentile(found, [2.5, 97.5], axis=0) + figures - found.mean(axis=0)
    return ends


def ece_interval(
    confidence: Floats, right: Bools, rounds: int = ROUNDS, seed: int = 0
) -> Interval | None:
    """Of the expected calibration error, as :func:`bootstrap`: of a drawn split it is larger, since
    chance drives confidence and accuracy apart in every bin. ``None`` without images."""
    n = len(confidence)
    if not n:
        return None
    place, apart = bin_of(confidence, BINS), np.asarray(confidence, np.float64) - right

    def ece(rows: Ints | slice) -> float:
        return float(np.abs(np.bincount(place[rows], apart[rows], minlength=BINS)).sum() / n)

    rng = np.random.default_rng(seed)
    found = np.array([[ece(rng.integers(0, n, n))] for _ in range(rounds)])
    ((low,), (high,)) = np.clip(_ends(found, np.array([ece(slice(None))])), 0, 1)
    return Interval(float(low), float(high))


def _macro_f1(y_true: Ints, y_pred: Ints) -> float:
    """As :func:`core.evaluation.metrics.macro_f1`, without a matrix: over a class never seen and
    never predicted it is undefined, and such a class does not count."""
    most = int(max(y_true.max(), y_pred.max())) + 1
    right = np.bincount(y_true[y_true == y_pred], minlength=most)
    both = np.bincount(y_true, minlength=most) + np.bincount(y_pred, minlength=most)
    return float((2 * right[both > 0] / both[both > 0]).mean())


def macro_auc_interval(y_true: Ints, proba: Floats) -> Interval | None:
    """Of the mean over the classes of AUC, one class against the rest; ``None`` if it is undefined.

    By how much every image moves the mean (DeLong, DeLong and Clarke-Pearson 1988): to draw
    samples and sort each would take a hundred times as long.
    """
    moved, areas = np.zeros(len(y_true)), []
    for index in range(proba.shape[1]):
        scores, positive = proba[:, index], y_true == index
        if positive.all() or not positive.any():
            continue
        above = _share_below(scores[positive], np.sort(scores[~positive]))
        below = 1 - _share_below(scores[~positive], np.sort(scores[positive]))
        areas.append(float(above.mean()))
        moved[positive] += (above - areas[-1]) / len(above)
        moved[~positive] += (below - areas[-1]) / len(below)
    if not areas:
        return None
    mean = float(np.mean(areas))
    half = 1.959964 * math.sqrt(float((moved**2).sum())) / len(areas)
    return Interval(max(0.0, mean - half), min(1.0, mean + half))


def macro_ap_interval(y_true: Ints, proba: Floats) -> Interval | None:
    """Of the mean over the classes of average precision; ``None`` if no class has images.

    By how much the mean would move if an image counted a little more (the infinitesimal jackknife,
    Jaeckel 1972): what a bootstrap comes to with many samples, each of which would have to be
    ranked anew for every class.
    """
    moved, areas = np.zeros(len(y_true)), []
    for index in range(proba.shape[1]):
        positive = y_true == index
        if positive.any():
            area, by = _average_precision(proba[:, index], positive)
            areas.append(area)
            moved += by
    if not areas:
        return None
    mean = float(np.mean(areas))
    half = 1.959964 * math.sqrt(float((moved**2).sum())) / len(areas)
    return Interval(max(0.0, mean - half), min(1.0, mean + half))


def _average_precision(scores: Floats, positive: Bools) -> tuple[float, Values]:
    """Of one class: its value, and its derivative (n,) by the weight of every image.

    At the threshold of each positive score, ``found`` of the positives and ``said`` of all images
    score at least as much; both grow with the weight of every image above."""
    levels, each = np.unique(scores[positive], return_counts=True)
    found = np.cumsum(each[::-1])[::-1]
    said = len(scores) - np.searchsorted(np.sort(scores), levels)
    precision, n = found / said, int(found[0])
    area = float((each * precision).sum() / n)
    below = np.searchsorted(levels, scores, "right")
    lost = np.append(0, np.cumsum(each * precision / said))[below]
    won = np.append(0, np.cumsum(each / said))[below] + np.append(0, precision)[below] - area
    return area, (np.where(positive, won, 0) - lost) / n


def _share_below(scores: Floats, others: Floats) -> Floats:
    """Of the sorted ``others``, for every score; an equal one counts half."""
    less = np.searchsorted(others, scores, "left") + np.searchsorted(others, scores, "right")
    shares: Floats = less / (2 * len(others))
    return shares
