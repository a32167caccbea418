"""What there is to see of several networks before they are combined; validation images only."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.ensembles.combine import COMBINATIONS, cross_fitted
from core.ensembles.votes import Votes
from core.errors import LabError
from core.evaluation.comparison import Comparison, Pair, compare
from core.evaluation.metrics import cross_entropy
from core.parts import Method

Square = npt.NDArray[np.float64]
Answers = npt.NDArray[np.float32]
CrossFit = Callable[[Method, Answers, npt.NDArray[np.int32]], Answers]
"""As :func:`core.ensembles.combine.cross_fitted`, here or in another process."""


class Step(NamedTuple):
    """A ``member`` is added: what the mean of the probabilities is worth then."""

    member: int
    accuracy: float
    loss: float


class Judged(NamedTuple):
    """What a method is worth on images of which it has learned nothing."""

    method: Method
    proba: Answers
    accuracy: float
    loss: float


def agreement(votes: Votes) -> Square:
    """(m, m): the share of images for which two members say the same class, in [0, 1]."""
    said = votes.proba.argmax(axis=2)
    return np.array([[float((a == b).mean()) for b in said] for a in said])


def error_correlation(votes: Votes) -> Square:
    """(m, m): how much two members err on the same images, Pearson's correlation in [-1, 1]; NaN
    where one of them never errs or always does."""
    wrong = (votes.proba.argmax(axis=2) != votes.y_true).astype(np.float64)
    centred = wrong - wrong.mean(axis=1, keepdims=True)
    lengths = np.sqrt((centred**2).sum(axis=1))
    products = centred @ centred.T
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Square = products / np.outer(lengths, lengths)
    return np.clip(found, -1, 1)


def greedy_order(votes: Votes) -> list[Step]:
    """Every member once, beginning with the best: each time the one with which the mean of the
    probabilities has the most right (of equals, the least loss). Chosen by the images on which it
    is measured, so it promises a little too much."""
    left, steps = list(range(len(votes.proba))), list[Step]()
    total = np.zeros(votes.proba.shape[1:])
    while left:
        tried = [_step(member, total, len(steps), votes) for member in left]
        best = max(tried, key=lambda step: (step.accuracy, -step.loss))
        steps.append(best)
        total += votes.proba[best.member]
        left.remove(best.member)
    return steps


def _step(member: int, total: npt.NDArray[np.float64], before: int, votes: Votes) -> Step:
    mixed = (total + votes.proba[member]) / (before + 1)
    return Step(member, *_worth(mixed, votes))


def _worth(proba: npt.NDArray[np.floating], votes: Votes) -> tuple[float, float]:
    accuracy = float((proba.argmax(axis=1) == votes.y_true).mean())
    return accuracy, float(cross_entropy(votes.y_true, proba).mean())


def judge_method(method: Method, votes: Votes, fit: CrossFit = cross_fitted) -> Judged:
    """See :class:`Judged`."""
    proba = fit(method, votes.proba, votes.y_true)
    return Judged(method, proba, *_worth(proba, votes))


def judge_methods(
    votes: Votes, fit: CrossFit = cross_fitted
) -> tuple[list[Judged], list[LabError]]:
    """Every method, in the order of the table; and why some could not be judged."""
    found, problems = list[Judged](), list[LabError]()
    for method in COMBINATIONS:
        try:
            found.append(judge_method(method, votes, fit))
        except LabError as error:
            problems.append(error)
    return found, problems


def against_best(votes: Votes, proba: Answers) -> tuple[int, Comparison]:
    """The best member, and whether an ensemble that says ``proba`` (n, classes) is really better
    (A is the member)."""
    best = int(np.argmax(votes.accuracies))
    pair = Pair(votes.predictions(votes.proba[best]), votes.predictions(proba), 0, 0)
    return best, compare(pair)
