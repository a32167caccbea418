"""What the folds of a cross-validation say together: a mean that allows for what they share.

Any two folds learn from mostly the same images, so their results are less different than those of
independent experiments, and the usual t-test believes in differences too easily. Nadeau and Bengio
(2003, "Inference for the generalization error") correct the variance: instead of s²/n it is
(1/n + judged/learned) s², with n results and the sizes of what judges and what is learned from.
With k folds the latter are as 1 to k - 1, unless a limit cuts what is learned from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from core.errors import N_, Text, text

SURE = 0.05
"""Below this probability we do not believe in luck."""
NOTHING = 1e-12
"""Differences of the same two numbers may differ in their last digit."""


class FoldMean(NamedTuple):
    """Over ``n`` folds: ``mean``, sample standard ``deviation`` (None for one fold) and the 95 %
    interval of the mean, ``low`` to ``high``, with the corrected variance (None without one)."""

    n: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None


class PairedTest(NamedTuple):
    """B minus A, fold by fold; ``t`` with ``df`` degrees of freedom is None where all folds differ
    by the very same amount; ``p`` in [0, 1] is two-sided, ``low`` to ``high`` the 95 % interval of
    the mean difference."""

    differences: tuple[float, ...]
    mean: float
    deviation: float
    t: float | None
    df: int
    p: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        if abs(self.mean) <= NOTHING:
            return Verdict.EQUAL
        return Verdict.SURE if self.p < SURE else Verdict.LUCK


class Verdict(StrEnum):
    """What may be said of the two."""

    EQUAL = "equal"
    SURE = "sure"
    LUCK = "luck"


def corrected_error(deviation: float, n: int, share: float) -> float:
    """The standard error of the mean of ``n`` folds; ``share`` is how many images judge one of
    them by how many it learns from."""
    return deviation * math.sqrt(1 / n + share)


def fold_mean(values: Sequence[float], share: float) -> FoldMean:
    """Over the values of folds, at least one; ``share`` as for :func:`corrected_error`."""
    n, mean = len(values), math.fsum(values) / len(values)
    if n == 1:
        return FoldMean(1, mean, None, None, None)
    deviation = _deviation(values, mean)
    half = _quantile(n - 1) * corrected_error(deviation, n, share)
    return FoldMean(n, mean, deviation, mean - half, mean + half)


def corrected_t_test(a: Sequence[float], b: Sequence[float], share: float) -> PairedTest:
    """The corrected resampled t-test of B against A on the same folds.

    ``a`` and ``b``, at least 2 each and as many, are the results of the two on every fold, in the
    same order; ``share`` as for :func:`corrected_error`. Raises ValueError for anything else.
    """
    if len(a) != len(b) or len(a) < 2:
        raise ValueError(f"{len(a)} and {len(b)} folds cannot be compared")
    differences = tuple(y - x for x, y in zip(a, b, strict=True))
    n, mean = len(differences), math.fsum(differences) / len(differences)
    deviation = _deviation(differences, mean)
    error = corrected_error(deviation, n, share)
    half = _quantile(n - 1) * error
    if error <= NOTHING:
        p, t = (1.0 if abs(mean) <= NOTHING else 0.0), None
    else:
        t = mean / error
        p = _two_sided(t, n - 1)
    return PairedTest(differences, mean, deviation, t, n - 1, p, mean - half, mean + half)


def _deviation(values: Sequence[float], mean: float) -> float:
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def _two_sided(t: float, df: int) -> float:
    from scipy.special import stdtr  # a third of the time that scipy.stats takes to be imported

    return float(2 * stdtr(df, -abs(t)))


def _quantile(df: int) -> float:
    """Between plus and minus this lie 95 % of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.975))


SENTENCES = {
    Verdict.EQUAL: N_("On average over {n} folds both are equally good."),
    Verdict.SURE: N_(
        "{better} is better than {worse} by {points} points on average over {n} folds, and that "
        "is more than luck explains."
    ),
    Verdict.LUCK: N_(
        "{better} is better than {worse} by {points} points on average over {n} folds, but the "
        "folds differ so much that this may be luck."
    ),
}


def in_words(found: PairedTest, name_a: str, name_b: str) -> Text:
    """The verdict as a sentence with the names of the two."""
    better, worse = (name_b, name_a) if found.mean > 0 else (name_a, name_b)
    points = 100 * abs(found.mean)
    return text(
        SENTENCES[found.verdict],
        better=better,
        worse=worse,
        points=round(points, 1) or round(points, 3),
        n=len(found.differences),
    )


def probability_in_words(found: PairedTest) -> Text:
    """What the test says, for those who want to know how we know."""
    if found.t is None:
        return text(N_("Every fold shows the very same difference: there is nothing to test."))
    return text(
        N_(
            "If both were equally good, a difference at least as large would come up in {p} % of "
            "all such comparisons (t = {t}, {df} degrees of freedom: the corrected resampled "
            "t-test by Nadeau and Bengio, 2003, which allows for the images that the folds share)."
        ),
        p=float(f"{100 * found.p:.2g}") if found.p >= 1e-6 else text(N_("less than 0.0001")),
        t=round(found.t, 2),
        df=found.df,
    )
