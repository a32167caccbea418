"""Which images and which pairs of classes a run confuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.evaluation.metrics import ClassScore, Floats, Ints
from core.evaluation.predictions import Predictions


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """``count`` images of class ``true`` were taken for ``pred``: ``share`` of that class."""

    true: int
    pred: int
    count: int
    share: float


class TopK(NamedTuple):
    """The likeliest classes, best first: ``classes`` (…, k) int64, ``proba`` (…, k)."""

    classes: npt.NDArray[np.int64]
    proba: Floats


def most_confused(matrix: Ints, k: int = 10) -> list[ConfusedPair]:
    """The at most ``k`` cells off the diagonal with the most images; empty cells never.

    Sorted by count, then by share of the true class, then by class index.
    """
    wrong = np.array(matrix)
    np.fill_diagonal(wrong, 0)
    true, pred = np.nonzero(wrong)
    count = wrong[true, pred]
    share = count / np.asarray(matrix).sum(axis=1)[true]
    best = np.lexsort((pred, true, -share, -count))[:k]
    columns = (array[best].tolist() for array in (true, pred, count, share))
    return [ConfusedPair(*row) for row in zip(*columns, strict=True)]


def worst_classes(scores: Sequence[ClassScore], k: int | None = None) -> list[ClassScore]:
    """The classes with the lowest recall first; of equals, the one with more images.

    A class without images has no recall and is left out.
    """
    known = [
        (score.recall, -score.support, score.index, score)
        for score in scores
        if score.recall is not None
    ]
    return [entry[-1] for entry in sorted(known)][:k]


def select_errors(
    predictions: Predictions,
    *,
    true: int | None = None,
    pred: int | None = None,
    groups: Ints | None = None,
) -> npt.NDArray[np.int64]:
    """Positions in ``predictions`` of the images to show, (m,) int64, the most confident first.

    With both classes given: exactly the images of that cell of the confusion matrix, which on
    the diagonal are right. Otherwise the mistakes only, of one true or one predicted class
    where that is given. Equally confident ones keep the dataset's order.
    ``predictions.rows[result]`` are the rows of the dataset.

    With ``groups`` (classes,), the group of every class, all of this is about groups: ``true`` and
    ``pred`` are two of them, and what was taken for another class of its group is no mistake.
    """
    y_pred = predictions.y_pred
    truly: Ints = predictions.y_true
    taken: Ints = y_pred
    if groups is not None:
        truly, taken = groups[truly], groups[taken]
    chosen = truly != taken if true is None or pred is None else np.ones(len(y_pred), dtype=bool)
    if true is not None:
        chosen &= truly == true
    if pred is not None:
        chosen &= taken == pred
    positions = np.flatnonzero(chosen)
    order = np.argsort(-predictions.proba[positions].max(axis=1), kind="stable")
    return positions[order]


def top_k(proba: Floats, k: int = 5) -> TopK:
    """The ``k`` likeliest classes of every row, best first; all of them if there are fewer.

    ``proba`` is (classes,) or (n, classes). Of equal probabilities the lower class index comes
    first. Raises ValueError for k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    classes = np.argsort(-proba, axis=-1, kind="stable")[..., :k]
    return TopK(classes, np.take_along_axis(proba, classes, axis=-1))
