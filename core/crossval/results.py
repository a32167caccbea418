"""What a cross-validation has shown: fold by fold, as a mean, and against another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.crossval.standing import finished
from core.errors import N_, RunError, text
from core.evaluation.predictions import load_split
from core.evaluation.resampled import FoldMean, PairedTest, corrected_t_test, fold_mean
from core.networks import members_of
from core.pairing import check_same_images
from core.paths import Paths
from core.records import RunRecord, read_record, run_paths

MEASURES = ("val_accuracy", "val_loss")
"""Figures of a fold, measured on the images that it has not learned from."""
LEAST = 2
"""Folds without which there is nothing to compare."""
DEAL = {
    "folds": N_("folds"),
    "repeats": N_("repeats"),
    "grouping": N_("images that stay together"),
    "fold_seed": N_("seed of the folds"),
}
"""Settings that must be the same, or the folds are others; as a sentence calls them."""


Whole = tuple[RunRecord, Mapping[int, RunRecord]]
"""A cross-validation and its folds by number."""


class Paired(NamedTuple):
    """B against A: accuracies in [0, 1] by the numbers (from 0) of the folds both have."""

    numbers: tuple[int, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    test: PairedTest


def values(folds: Mapping[int, RunRecord], measure: str) -> dict[int, float]:
    """One of :data:`MEASURES` of every finished fold, by number."""
    found = {n: getattr(r.summary, measure) for n, r in finished(folds).items()}
    return {number: value for number, value in found.items() if value is not None}


def judged_share(paths: Paths, parent: RunRecord, folds: Mapping[int, RunRecord]) -> float:
    """How many images judge a fold by how many it learns from; at least one fold is finished.

    Raises:
        NotFoundError, StoreError: if that takes a fold's predictions, and they cannot be read.
    """
    data = parent.config.data
    others = (data.folds or 2) - 1
    if data.limit is None:
        return 1 / others
    judged = len(_judged_rows(paths, next(iter(finished(folds).values()))))
    # Where the limit has cut what judges, too, there are more than enough to learn from.
    return judged / min(data.limit, others * judged)


def _judged_rows(paths: Paths, fold: RunRecord) -> NDArray[np.int64]:
    return load_split(paths.run(fold.id).predictions, "val").rows


def judge_of(
    paths: Paths, parent: RunRecord, row: int
) -> tuple[RunRecord, NDArray[np.float32]] | None:
    """The first of its folds that has judged a row of the pool, and its probabilities (classes,);
    None if none has.

    Raises:
        NotFoundError, StoreError: if a fold is gone before one is found, or cannot be read.
    """
    for member in members_of(parent):
        said = load_split(run_paths(paths, member.run).predictions, "val")
        (place,) = np.nonzero(said.rows == row)
        if len(place):
            return read_record(paths, member.run), said.proba[place[0]]
    return None


def mean_of(folds: Mapping[int, RunRecord], measure: str, share: float) -> FoldMean | None:
    """Over the finished folds, its interval within what is possible; None if there is none.
    ``share`` is that of :func:`judged_share`."""
    known = values(folds, measure)
    if not known:
        return None
    found = fold_mean(list(known.values()), share)
    if found.low is None or found.high is None:
        return found
    most = 1.0 if measure == "val_accuracy" else found.high
    return found._replace(low=max(0.0, found.low), high=min(most, found.high))


def check_same_folds(a: RunRecord, b: RunRecord) -> None:
    """Raises RunError, with the reason, unless fold for fold the same images judge both."""
    for record in (a, b):
        if record.kind != "crossval":
            raise RunError(N_("Run {run} is no cross-validation."), run=record.id)
    check_same_images(a, b)
    for name, called in DEAL.items():
        one, other = getattr(a.config.data, name), getattr(b.config.data, name)
        if one != other:
            raise RunError(
                N_(
                    "These two have other folds, so they cannot be compared fold by fold: "
                    "{setting} is {one} in one and {other} in the other."
                ),
                remedy=text(N_("Cross-validate both with the same folds.")),
                setting=text(called),
                one=one,
                other=other,
            )


def compare(paths: Paths, a: Whole, b: Whole) -> Paired:
    """Two cross-validations, each with its folds, by validation accuracy.

    Raises:
        RunError: if they have other folds, or fewer than :data:`LEAST` in common that have ended.
        NotFoundError, StoreError: if a fold's predictions are wanted and cannot be read.
    """
    check_same_folds(a[0], b[0])
    of_a, of_b = (values(folds, MEASURES[0]) for _, folds in (a, b))
    both = tuple(number for number in of_a if number in of_b)
    if len(both) < LEAST:
        raise RunError(
            N_("They have {n} finished folds in common; at least {least} are needed."),
            n=len(both),
            least=LEAST,
        )
    one, other = tuple(of_a[n] for n in both), tuple(of_b[n] for n in both)
    _check_same_judges(paths, a, b, both)
    # Of two limits the one that promises less.
    share = max(judged_share(paths, *each) for each in (a, b))
    return Paired(both, one, other, corrected_t_test(one, other, share))


def _check_same_judges(paths: Paths, a: Whole, b: Whole, numbers: Sequence[int]) -> None:
    """A limit may leave out some of the images that judge, and which depends on the seed."""
    limits = {(r.config.data.limit, r.config.data.limit and r.config.train.seed) for r, _ in (a, b)}
    if len(limits) == 1:
        return
    for number in numbers:
        one, other = (np.sort(_judged_rows(paths, folds[number])) for _, folds in (a, b))
        if not np.array_equal(one, other):
            raise RunError(
                N_(
                    "These two were not judged by the same images: so large a dataset is cut by "
                    "the limit on training images, and that limit or the seed is another one."
                ),
                remedy=text(N_("Cross-validate both with the same limit and seed.")),
            )
