"""Two runs over the same images: every figure by hand or against SciPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from core.evaluation.comparison import (
    Agreement,
    ClassChange,
    McNemar,
    Verdict,
    agreement,
    bootstrap_interval,
    broken_images,
    compare,
    doubt_in_words,
    fixed_images,
    in_words,
    mcnemar,
    pair,
    probability_in_words,
)
from core.evaluation.predictions import Predictions


def predicted(y_true: list[int], y_pred: list[int], rows: list[int] | None = None) -> Predictions:
    """Over three classes; the later an image, the surer."""
    proba = np.full((len(y_true), 3), 0.1, np.float32)
    proba[np.arange(len(y_true)), y_pred] = 0.5 + 0.01 * np.arange(len(y_true))
    numbers = range(len(y_true)) if rows is None else rows
    return Predictions(np.array(y_true, np.int32), proba, np.array(list(numbers), np.int64))


TRUE = [0, 0, 0, 1, 1, 1]
A = predicted(TRUE, [0, 0, 1, 1, 0, 2])
B = predicted(TRUE, [0, 1, 0, 1, 1, 1])


def test_figures_by_hand() -> None:
    found = compare(pair(A, B))
    assert (found.n, found.accuracy_a) == (6, 0.5)
    assert found.accuracy_b == pytest.approx(5 / 6)
    assert (found.fixed, found.broken) == (3, 1)
    assert found.difference == pytest.approx(2 / 6)
    # Of four tosses at most one tails, or at most one heads: 2 (1 + 4) / 16.
    assert found.mcnemar == McNemar(0.625, None)
    assert found.classes == (ClassChange(0, 3, 2, 2, 1, 1), ClassChange(1, 3, 1, 3, 2, 0))
    assert [c.gain for c in found.classes] == [0, pytest.approx(2 / 3)]
    # Same: images 0 and 3. By chance: 0 3×2, 1 2×4, 2 1×0 of 36.
    assert found.agreement.share == pytest.approx(2 / 6)
    assert found.agreement.kappa == pytest.approx((12 - 14) / (36 - 14))
    assert found.verdict is Verdict.LUCK


def test_which_images_were_fixed_and_broken() -> None:
    both = pair(A, B)
    # The surer B has become of the truth, the earlier.
    assert fixed_images(both).tolist() == [5, 4, 2]
    assert broken_images(both).tolist() == [1]
    assert fixed_images(pair(A, A)).tolist() == []


def test_images_are_matched_by_their_rows() -> None:
    shuffled = predicted([1, 0, 2, 0], [1, 0, 2, 1], rows=[4, 0, 17, 1])
    both = pair(A, shuffled)
    assert both.a.rows.tolist() == both.b.rows.tolist() == [0, 1, 4]
    assert both.b.y_pred.tolist() == [0, 1, 1]
    assert (both.left_a, both.left_b) == (3, 1)


def test_what_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="true classes"):
        pair(A, predicted([1] * 6, [1] * 6))
    apart = pair(A, predicted(TRUE, TRUE, rows=list(range(10, 16))))
    assert apart.n == 0
    with pytest.raises(ValueError, match="nothing"):
        compare(apart)


@pytest.mark.parametrize(
    ("fixed", "broken"), [(0, 1), (1, 0), (3, 3), (2, 9), (40, 20), (500, 500), (1000, 0)]
)
def test_mcnemar_is_exact_for_few(fixed: int, broken: int) -> None:
    expected = stats.binomtest(fixed, fixed + broken, 0.5).pvalue
    found = mcnemar(fixed, broken)
    assert found.p == pytest.approx(expected, rel=1e-9)
    assert found.statistic is None


@pytest.mark.parametrize(("fixed", "broken"), [(520, 481), (700, 600), (900, 900), (2000, 100)])
def test_mcnemar_of_many_is_chi_square(fixed: int, broken: int) -> None:
    """As statsmodels has it: with correction of continuity."""
    p, statistic = mcnemar(fixed, broken)
    assert statistic is not None
    if fixed != broken:
        assert statistic == pytest.approx((abs(fixed - broken) - 1) ** 2 / (fixed + broken))
    assert p == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-9)


def test_without_a_difference_nothing_is_unlikely() -> None:
    assert mcnemar(0, 0) == McNemar(1.0, None)
    assert mcnemar(600, 600).p == 1.0
    assert bootstrap_interval(0, 0, 50) == (0, 0)


def test_the_bootstrap_is_that_of_the_images() -> None:
    """Drawn image by image (SciPy), and by the formula for the deviation of a mean."""
    fixed, broken, n = 60, 20, 500
    each = np.repeat([1.0, -1.0, 0.0], [fixed, broken, n - fixed - broken])
    low, high = bootstrap_interval(fixed, broken, n)
    by_image = stats.bootstrap(
        (each,), np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    assert (low, high) == pytest.approx(tuple(by_image), abs=0.004)
    half = 1.96 * each.std() / np.sqrt(n)
    assert (low, high) == pytest.approx((0.08 - half, 0.08 + half), abs=0.003)
    assert bootstrap_interval(fixed, broken, n) == (low, high)


def test_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    other[:120] = one[:120]
    share, kappa = agreement(one, other, 5)
    assert share == np.mean(one == other)
    assert kappa == pytest.approx(cohen_kappa_score(one, other))
    assert agreement(np.zeros(3, int), np.zeros(3, int), 2) == Agreement(1.0, None)


@pytest.mark.parametrize(
    ("a", "b", "verdict", "sentence"),
    [
        (400, 520, Verdict.SURE, "new is better than old by 12.0 points; with 1000 images that is"),
        (520, 400, Verdict.SURE, "old is better than new by 12.0 points; with 1000 images that is"),
        (500, 501, Verdict.LUCK, "new is better than old by 0.1 points; with 1000 images that may"),
        (500, 500, Verdict.SAME, "Both runs judge the very same images right"),
    ],
)
def test_the_verdict(a: int, b: int, verdict: Verdict, sentence: str) -> None:
    """``a`` and ``b`` of 1,000 images are right, the first ones."""
    one, other = ([0] * n + [1] * (1000 - n) for n in (a, b))
    found = compare(pair(predicted([0] * 1000, one), predicted([0] * 1000, other)))
    assert found.verdict is verdict
    assert sentence in str(in_words(found, "old", "new"))


@pytest.mark.parametrize(("fixed", "doubtful"), [(3, False), (5, True), (6, False)])
def test_where_interval_and_test_do_not_agree(fixed: int, doubtful: bool) -> None:
    """All in one direction: 3 and 0 may be luck for both, 5 for the test only (p = 1/16)."""
    truth = [0] * 50
    found = compare(
        pair(
            predicted(truth, [1] * 6 + [0] * 44),
            predicted(truth, [0] * fixed + [1] * (6 - fixed) + [0] * 44),
        )
    )
    assert (found.fixed, found.broken) == (fixed, 0)
    doubt = doubt_in_words(found)
    assert (doubt is not None) is doubtful
    if doubt:
        assert "only 5 images" in str(doubt)


def test_as_many_right_but_others() -> None:
    found = compare(pair(predicted([0, 0], [0, 1]), predicted([0, 0], [1, 0])))
    assert found.verdict is Verdict.EQUAL
    assert "not the same ones" in str(in_words(found, "a", "b"))
    assert "in 100.0 % of all" in str(probability_in_words(found))


def test_probabilities_in_words() -> None:
    assert "no image" in str(probability_in_words(compare(pair(A, A))))
    one, other = predicted([0] * 99, [0] * 99), predicted([0] * 99, [1] * 99)
    assert "less than 0.0001 %" in str(probability_in_words(compare(pair(one, other))))


def test_one_image_is_not_written_as_several() -> None:
    found = compare(pair(predicted([0], [1]), predicted([0], [0])))
    assert "by 100.0 points; with one image that may be luck" in str(in_words(found, "a", "b"))
    assert "by one of them only: one image, 1 by B and 0 by A." in str(probability_in_words(found))
