"""What answers are worth, on the public part of the images and on the rest. NumPy only."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from core.competition.settings import DIGITS, METRICS, Metric
from core.datasets.splitting import stratified
from core.errors import N_, CompetitionError
from core.evaluation.intervals import Interval, bootstrap
from core.evaluation.metrics import (
    accuracy,
    confusion_matrix,
    cross_entropy,
    macro_f1,
    per_class,
    wilson_interval,
)
from core.evaluation.predictions import Predictions

FEWEST = 10
"""Images that either part has at least: of fewer no score means anything."""


class Solution(NamedTuple):
    """The truth: ``rows`` int64 (n,) of the unlabelled split, ascending; ``y_true`` int32 (n,);
    ``public`` bool (n,)."""

    rows: NDArray[np.int64]
    y_true: NDArray[np.int32]
    public: NDArray[np.bool_]


class Answers(NamedTuple):
    """About the images of a :class:`Solution`, in its order: ``proba`` float32 (n, classes), rows
    that sum to 1. ``sure`` if only classes were said: then every row holds a single 1."""

    proba: NDArray[np.float32]
    sure: bool = False

    @staticmethod
    def of_classes(y_pred: NDArray[np.integer], classes: int) -> Answers:
        return Answers(np.eye(classes, dtype=np.float32)[y_pred], True)


class Score(BaseModel, frozen=True):
    """A rounded score, and its 95 % interval as far as there is one."""

    value: float
    low: float | None = None
    high: float | None = None


class Scores(NamedTuple):
    public: Score
    private: Score


def split_public(y_true: NDArray[np.int32], share: float, seed: int) -> NDArray[np.bool_]:
    """Which images are public, bool (n,): of every class the same ``share``.

    Raises:
        CompetitionError: if either part would have fewer than :data:`FEWEST`.
    """
    public: NDArray[np.bool_] = stratified(y_true, (1 - share, share), seed) == 1
    there = int(public.sum())
    if min(there, len(public) - there) < FEWEST:
        raise CompetitionError(
            N_(
                "Of {n} images {public} would be public and {private} private; each part needs "
                "{fewest} at least. Choose another share, or use more images."
            ),
            n=len(public),
            public=there,
            private=len(public) - there,
            fewest=FEWEST,
        )
    return public


def judge(metric: Metric, solution: Solution, answers: Answers) -> Scores:
    """Both scores.

    Raises:
        CompetitionError: if the metric needs probabilities and only classes were said, or the
            answers are no numbers, as those of a network that went astray.
    """
    if not np.isfinite(answers.proba).all():
        raise CompetitionError(
            N_("Not every answer is a number: the network went astray while it was trained.")
        )
    if METRICS[metric].needs_proba and answers.sure:
        raise CompetitionError(
            N_(
                "This competition is about log loss: give a probability for every class, each in "
                "a column that is called like the class."
            )
        )
    return Scores(
        *(_score(metric, solution.y_true[part], answers.proba[part]) for part in _parts(solution))
    )


def _parts(solution: Solution) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return solution.public, ~solution.public


def _score(metric: Metric, y_true: NDArray[np.int32], proba: NDArray[np.float32]) -> Score:
    value, interval = _MEASURES[metric](y_true, proba)
    low, high = interval or (None, None)
    return Score(value=round(value, DIGITS), low=_round(low), high=_round(high))


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


Judged = tuple[float, Interval | None]


def _accuracy(y_true: NDArray[np.int32], proba: NDArray[np.float32]) -> Judged:
    right = int((proba.argmax(axis=1) == y_true).sum())
    return accuracy(y_true, proba) or 0.0, Interval(*wilson_interval(right, len(y_true)))


def _macro_f1(y_true: NDArray[np.int32], proba: NDArray[np.float32]) -> Judged:
    matrix = confusion_matrix(y_true, proba.argmax(axis=1), proba.shape[1])
    return macro_f1(per_class(matrix)) or 0.0, bootstrap(_all(y_true, proba)).macro_f1


def _log_loss(y_true: NDArray[np.int32], proba: NDArray[np.float32]) -> Judged:
    return float(cross_entropy(y_true, proba).mean()), bootstrap(_all(y_true, proba)).loss


def _all(y_true: NDArray[np.int32], proba: NDArray[np.float32]) -> Predictions:
    return Predictions(y_true, proba, np.arange(len(y_true)))


_MEASURES: dict[Metric, Callable[[NDArray[np.int32], NDArray[np.float32]], Judged]] = {
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "log_loss": _log_loss,
}
