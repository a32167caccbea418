"""Which images of a split a gallery shows, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from core.evaluation.metrics import Floats, cross_entropy
from core.evaluation.predictions import Predictions


class Outcome(StrEnum):
    """Whether images were judged rightly."""

    WRONG = "wrong"
    RIGHT = "right"
    ALL = "all"


class Order(StrEnum):
    """What comes first, unless it is turned round."""

    CONFIDENCE = "confidence"  # the predicted class with the highest probability
    LOSS = "loss"  # the true class with the lowest probability
    MARGIN = "margin"  # the first class hardly before the second
    CLASS = "class"  # by true class, then predicted class, then confidence


@dataclass(frozen=True)
class Wanted:
    """Which images: those that meet all of these.

    ``true`` and ``pred`` are classes, ``None`` for any; ``confidence`` and ``loss`` (nats) are
    ranges with both ends, ``None`` for any; ``rows`` are rows of the dataset's split, ``None`` for
    all.
    """

    outcome: Outcome = Outcome.WRONG
    true: int | None = None
    pred: int | None = None
    confidence: tuple[float, float] | None = None
    loss: tuple[float, float] | None = None
    rows: frozenset[int] | None = None


def margin(proba: Floats) -> npt.NDArray[np.float64]:
    """How far the likeliest class is before the second, p₁ - p₂, (n,) in [0, 1]; with a single
    class its probability."""
    if proba.shape[1] == 1:
        return proba[:, 0].astype(np.float64)
    second, first = np.partition(proba, -2, axis=1)[:, -2:].T.astype(np.float64)
    ahead: npt.NDArray[np.float64] = first - second
    return ahead


def select_images(
    predictions: Predictions, wanted: Wanted, order: Order, *, reverse: bool = False
) -> npt.NDArray[np.int64]:
    """Positions in ``predictions`` of the images to show, in order, (m,) int64.

    Images that are equal in what is sorted by keep the dataset's order, turned round or not.
    """
    positions = np.flatnonzero(_mask(predictions, wanted))
    keys = _keys(predictions, positions, order)
    sign = -1 if reverse else 1
    return positions[np.lexsort([sign * key for key in reversed(keys)])]


def _mask(predictions: Predictions, wanted: Wanted) -> npt.NDArray[np.bool_]:
    y_true, proba, rows = predictions
    y_pred = predictions.y_pred
    chosen = np.ones(len(y_true), dtype=bool)
    if wanted.outcome is not Outcome.ALL:
        chosen &= (y_pred == y_true) == (wanted.outcome is Outcome.RIGHT)
    for classes, wish in ((y_true, wanted.true), (y_pred, wanted.pred)):
        if wish is not None:
            chosen &= classes == wish
    if wanted.confidence:
        chosen &= _within(predictions.confidence, *wanted.confidence)
    if wanted.loss:
        chosen &= _within(cross_entropy(y_true, proba), *wanted.loss)
    if wanted.rows is not None:
        chosen &= np.isin(rows, np.fromiter(wanted.rows, np.int64, len(wanted.rows)))
    return chosen


def _within(values: Floats, low: float, high: float) -> npt.NDArray[np.bool_]:
    return (values >= low) & (values <= high)


def _keys(
    predictions: Predictions, positions: npt.NDArray[np.int64], order: Order
) -> list[npt.NDArray[np.float64]]:
    """What to sort by, most important first, small values first."""
    y_true, proba = predictions.y_true[positions], predictions.proba[positions]
    confidence = -proba.max(axis=1)
    columns: dict[Order, Callable[[], list[npt.NDArray[np.generic]]]] = {
        Order.CONFIDENCE: lambda: [confidence],
        Order.LOSS: lambda: [-cross_entropy(y_true, proba)],
        Order.MARGIN: lambda: [margin(proba)],
        Order.CLASS: lambda: [y_true, predictions.y_pred[positions], confidence],
    }
    return [column.astype(np.float64) for column in columns[order]()]
