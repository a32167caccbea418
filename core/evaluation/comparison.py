"""Is one run really better than another one? From what both say of the very same images.

A is the run compared with, B the one that may be better: a *gain* is B's, a *loss* is B's, too.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.errors import N_, Text, Value, text
from core.evaluation.metrics import confusion_matrix
from core.evaluation.predictions import Predictions

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer]
Positions = npt.NDArray[np.int64]

EXACT_UP_TO = 1000
"""Images on which the two disagree for which McNemar's test is counted out exactly."""
SURE = 0.05
"""Below this probability we do not believe in luck."""
DRAWS = 10_000
"""Of the bootstrap."""


class Pair(NamedTuple):
    """Two runs over the same ``n`` images, in the same order; ``left_a`` and ``left_b`` images
    were judged by one of them only and are left out."""

    a: Predictions
    b: Predictions
    left_a: int
    left_b: int

    @property
    def n(self) -> int:
        return len(self.a.rows)

    @property
    def right_a(self) -> Bools:
        return np.asarray(self.a.y_pred == self.a.y_true)

    @property
    def right_b(self) -> Bools:
        return np.asarray(self.b.y_pred == self.b.y_true)


class McNemar(NamedTuple):
    """How likely so uneven a score is if both runs are equally good; ``p`` in [0, 1].

    ``statistic`` is the chi-square with one degree of freedom, ``None`` where the test is exact.
    """

    p: float
    statistic: float | None


class Agreement(NamedTuple):
    """``share`` of the images for which both say the same class, in [0, 1]; ``kappa`` Cohen's,
    at most 1, 0 for what chance would give, ``None`` where chance alone agrees always."""

    share: float
    kappa: float | None


class ClassChange(NamedTuple):
    """One class: its ``support`` images, how many A and B find, and which of them changed."""

    label: int
    support: int
    found_a: int
    found_b: int
    fixed: int
    broken: int

    @property
    def gain(self) -> float:
        """Of B over A in recall, in [-1, 1]."""
        return (self.found_b - self.found_a) / self.support


class Verdict(StrEnum):
    """What may be said of the two."""

    SAME = "same"  # not one image is judged right by one only
    EQUAL = "equal"  # as many right, though not the same
    SURE = "sure"
    LUCK = "luck"


class Comparison(NamedTuple):
    """Two runs over ``n`` images; accuracies in [0, 1]; ``low`` to ``high`` is the 95 % interval
    of ``difference``, which is B's accuracy minus A's."""

    n: int
    accuracy_a: float
    accuracy_b: float
    fixed: int
    broken: int
    low: float
    high: float
    mcnemar: McNemar
    agreement: Agreement
    classes: tuple[ClassChange, ...]

    @property
    def difference(self) -> float:
        return (self.fixed - self.broken) / self.n

    @property
    def verdict(self) -> Verdict:
        if not self.fixed and not self.broken:
            return Verdict.SAME
        if self.fixed == self.broken:
            return Verdict.EQUAL
        return Verdict.SURE if self.mcnemar.p < SURE else Verdict.LUCK


def pair(a: Predictions, b: Predictions) -> Pair:
    """The images that both have judged, found by their row in the dataset's split.

    ``n`` may be 0. Raises ValueError if the two disagree about what an image truly is: then
    they are not of the same split.
    """
    # A split has each row once.
    _, of_a, of_b = np.intersect1d(a.rows, b.rows, assume_unique=True, return_indices=True)
    if not np.array_equal(a.y_true[of_a], b.y_true[of_b]) or (a.proba.shape[1] != b.proba.shape[1]):
        raise ValueError("the two runs do not have the same true classes")
    left_a, left_b = len(a.rows) - len(of_a), len(b.rows) - len(of_b)
    return Pair(_only(a, of_a), _only(b, of_b), left_a, left_b)


def _only(predictions: Predictions, positions: Positions) -> Predictions:
    y_true, proba, rows = predictions
    return Predictions(y_true[positions], proba[positions], rows[positions])


def compare(both: Pair) -> Comparison:
    """All figures of a pair; raises ValueError over no image."""
    if not both.n:
        raise ValueError("nothing to compare")
    right_a, right_b = both.right_a, both.right_b
    fixed, broken = int((right_b & ~right_a).sum()), int((right_a & ~right_b).sum())
    low, high = bootstrap_interval(fixed, broken, both.n)
    return Comparison(
        n=both.n,
        accuracy_a=float(right_a.mean()),
        accuracy_b=float(right_b.mean()),
        fixed=fixed,
        broken=broken,
        low=low,
        high=high,
        mcnemar=mcnemar(fixed, broken),
        agreement=agreement(both.a.y_pred, both.b.y_pred, both.a.proba.shape[1]),
        classes=tuple(class_changes(both)),
    )


def mcnemar(fixed: int, broken: int) -> McNemar:
    """McNemar's test (1947) on the images that one of the two alone has right, two-sided.

    If both were equally good, each such image would be a toss of a coin. Up to
    :data:`EXACT_UP_TO` of them the binomial distribution is summed exactly; beyond, chi-square
    with Edwards' correction of continuity. Without any the probability is 1.
    """
    n = fixed + broken
    if n <= EXACT_UP_TO:
        tail, term = 0, 1
        for k in range(min(fixed, broken) + 1):
            tail += term
            term = term * (n - k) // (k + 1)
        # Whole numbers to the end: 2**1000 is no float.
        return McNemar(min(1.0, 2 * tail / 2**n) if n else 1.0, None)
    statistic = (abs(fixed - broken) - 1) ** 2 / n if fixed != broken else 0.0
    return McNemar(math.erfc(math.sqrt(statistic / 2)), statistic)


def bootstrap_interval(
    fixed: int, broken: int, n: int, *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval (low, high) of B's accuracy minus A's, each in [-1, 1].

    The images are drawn anew ``draws`` times, each with what both say of it (paired bootstrap,
    percentiles). All that counts is how many fixed, broken and other images are drawn, and that
    is multinomial: nothing is drawn image by image.
    """
    shares = np.array([fixed, broken, n - fixed - broken]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=draws)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / n, [2.5, 97.5])
    return float(low), float(high)


def agreement(one: Ints, other: Ints, classes: int) -> Agreement:
    """How often two lists (n,) of classes are the same, n at least 1, and Cohen's kappa (1960)."""
    matrix = confusion_matrix(one, other, classes)
    n = int(matrix.sum())
    share = float(np.trace(matrix)) / n
    chance = float(matrix.sum(axis=1) @ matrix.sum(axis=0)) / (n * n)
    return Agreement(share, (share - chance) / (1 - chance) if chance < 1 else None)


def class_changes(both: Pair) -> list[ClassChange]:
    """Every class that occurs, in class order."""
    classes = both.a.proba.shape[1]
    right_a, right_b = both.right_a, both.right_b

    def count(chosen: Bools) -> list[int]:
        counts: list[int] = np.bincount(both.a.y_true[chosen], minlength=classes).tolist()
        return counts

    columns = zip(
        range(classes),
        count(np.ones(both.n, bool)),
        count(right_a),
        count(right_b),
        count(right_b & ~right_a),
        count(right_a & ~right_b),
        strict=True,
    )
    return [change for row in columns if (change := ClassChange(*row)).support]


def fixed_images(both: Pair) -> Positions:
    """Positions in the pair of what A has wrong and B right, (m,); the greatest change of the
    true class's probability first."""
    return _by_change(both, both.right_b & ~both.right_a, sign=-1)


def broken_images(both: Pair) -> Positions:
    """What A has right and B wrong, as :func:`fixed_images`."""
    return _by_change(both, both.right_a & ~both.right_b, sign=1)


def _by_change(both: Pair, chosen: Bools, sign: int) -> Positions:
    positions = np.flatnonzero(chosen)
    truth = both.a.y_true[positions]
    change = both.b.proba[positions, truth] - both.a.proba[positions, truth]
    return positions[np.argsort(sign * change, kind="stable")]


SENTENCES = {
    Verdict.SAME: N_(
        "Both runs judge the very same images right: nothing tells them apart in {images}."
    ),
    Verdict.EQUAL: N_("Both runs judge as many images right, though not the same ones."),
    Verdict.SURE: N_(
        "{better} is better than {worse} by {points} points; with {images} that is not luck."
    ),
    Verdict.LUCK: N_(
        "{better} is better than {worse} by {points} points; with {images} that may be luck."
    ),
}


def in_words(found: Comparison, name_a: str, name_b: str) -> Text:
    """The verdict as a sentence with the names of the two."""
    better, worse = (name_b, name_a) if found.difference > 0 else (name_a, name_b)
    points = 100 * abs(found.difference)
    values: dict[str, Value | Text] = {
        "better": better,
        "worse": worse,
        "points": round(points, 1) or round(points, 3),
        "images": _images(found.n),
    }
    return text(SENTENCES[found.verdict], **values)


def _images(n: int) -> Text:
    return text(N_("one image")) if n == 1 else text(N_("{n} images"), n=n)


def doubt_in_words(found: Comparison) -> Text | None:
    """A word where the interval leaves out 0 and the test sees no more than luck: with few images
    on which the two differ the bootstrap is too narrow, and the exact test is not."""
    if found.verdict is not Verdict.LUCK or found.low <= 0 <= found.high:
        return None
    return text(
        N_(
            "The interval leaves out 0 all the same: where only {alone} images tell the two apart "
            "it comes out too narrow. McNemar's test, which is stricter there, decides."
        ),
        alone=found.fixed + found.broken,
    )


def probability_in_words(found: Comparison) -> Text:
    """What McNemar's test says, for those who want to know how we know."""
    alone = found.fixed + found.broken
    if not alone:
        return text(N_("There is no image that one of them alone judges right."))
    p = found.mcnemar.p
    return text(
        N_(
            "Judged right by one of them only: {images}, {fixed} by B and {broken} by A. If both "
            "were equally good, a score at least as uneven would come up in {p} % of all such "
            "comparisons (McNemar's test)."
        ),
        images=_images(alone),
        fixed=found.fixed,
        broken=found.broken,
        p=float(f"{100 * p:.2g}") if p >= 1e-6 else text(N_("less than 0.0001")),
    )
