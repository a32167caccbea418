"""Figures of merit of a classifier, from ``y_true`` (n,) and ``proba`` (n, classes).

A figure that is not defined (the precision of a class never predicted, anything over no image)
is ``None``: it is shown as a dash, is ``null`` in JSON, and is left out of averages. Zero would
claim a measurement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.evaluation.predictions import Predictions

Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.floating]

EPSILON = 1e-7  # Keras' clip, so that the loss of one sure mistake is 16.1 and not infinite


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: ``support`` images are truly of it, ``predicted`` were said to be."""

    index: int
    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    predicted: int


class Summary(NamedTuple):
    """A split in one line; ``low`` to ``high`` is accuracy's 95 % Wilson interval."""

    n: int
    accuracy: float | None
    low: float
    high: float
    macro_f1: float | None
    loss: float | None


def accuracy(y_true: Ints, proba: Floats) -> float | None:
    """The share of images whose likeliest class is the true one, in [0, 1]."""
    return _mean(proba.argmax(axis=1) == y_true)


def top_k_accuracy(y_true: Ints, proba: Floats, k: int) -> float | None:
    """The share of images whose true class is among the ``k`` likeliest, in [0, 1].

    Of equal probabilities the lower class index counts as the likelier, so that k = 1 is
    exactly :func:`accuracy`. Raises ValueError for k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    return _mean(true_ranks(y_true, proba) < k)


def true_ranks(y_true: Ints, proba: Floats) -> npt.NDArray[np.int64]:
    """How many classes every image's true class has before it, (n,): 0 where the answer is right.

    Of equal probabilities the lower class index counts as the likelier.
    """
    truth = np.take_along_axis(proba, np.asarray(y_true)[:, None], axis=1)
    tied_before = (proba == truth) & (np.arange(proba.shape[1]) < np.asarray(y_true)[:, None])
    ranks: npt.NDArray[np.int64] = ((proba > truth) | tied_before).sum(axis=1)
    return ranks


def cross_entropy(y_true: Ints, proba: Floats) -> npt.NDArray[np.float64]:
    """The loss of every image, (n,), ``-ln p(true class)`` in nats, clipped to [0, 16.12]."""
    truth = np.take_along_axis(proba, np.asarray(y_true)[:, None], axis=1)[:, 0]
    # The zero added turns -0.0 (of a sure, right answer) into 0.0.
    loss: npt.NDArray[np.float64] = -np.log(np.clip(truth.astype(np.float64), EPSILON, 1.0))
    return loss + 0.0


def confusion_matrix(y_true: Ints, y_pred: Ints, classes: int) -> npt.NDArray[np.int64]:
    """Counts, (classes, classes) int64: row = true class, column = predicted class."""
    cells = np.asarray(y_true, dtype=np.int64) * classes + np.asarray(y_pred, dtype=np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def row_normalised(matrix: Ints) -> npt.NDArray[np.float64]:
    """The matrix as shares of the true class, in [0, 1]; a class without images is all 0."""
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.zeros(matrix.shape)
    np.divide(matrix, totals, out=shares, where=totals > 0)
    return shares


def per_class(matrix: Ints) -> list[ClassScore]:
    """Precision, recall and F1 of every class, in class order, from the confusion matrix.

    A class never predicted has no precision, one without images no recall; F1 is
    ``2 tp / (2 tp + fp + fn)`` and so undefined only for a class that occurs in neither.
    """
    right, support, predicted = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    return [
        ClassScore(i, _ratio(tp, p), _ratio(tp, s), _ratio(2 * tp, s + p), s, p)
        for i, (tp, s, p) in enumerate(
            zip(right.tolist(), support.tolist(), predicted.tolist(), strict=True)
        )
    ]


def macro_f1(scores: list[ClassScore]) -> float | None:
    """The plain mean of F1 over the classes that occur, each counting the same."""
    return _mean(np.array([score.f1 for score in scores if score.f1 is not None]))


def wilson_interval(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Where the true accuracy lies when ``right`` of ``n`` were right, (low, high) in [0, 1].

    Wilson's score interval (Wilson 1927), which unlike the normal approximation stays within
    [0, 1] and is honest for few images and for accuracies near 1. For n = 0 it is (0, 1).
    """
    if n == 0:
        return 0.0, 1.0
    p, zz = right / n, z * z
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = z * math.sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def summary(predictions: Predictions) -> Summary:
    """The headline figures of one split."""
    y_true, y_pred = predictions.y_true, predictions.y_pred
    matrix = confusion_matrix(y_true, y_pred, predictions.proba.shape[1])
    right = int(matrix.diagonal().sum())
    return Summary(
        len(y_true),
        _ratio(right, len(y_true)),
        *wilson_interval(right, len(y_true)),
        macro_f1(per_class(matrix)),
        _mean(cross_entropy(y_true, predictions.proba)),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: npt.NDArray[np.bool_] | Floats) -> float | None:
    return float(values.mean()) if len(values) else None
