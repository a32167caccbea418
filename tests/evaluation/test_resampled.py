"""The corrected resampled t-test against numbers worked out by hand, and what folds say as one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.evaluation.pooling import pooled, recalls
from core.evaluation.predictions import Predictions
from core.evaluation.resampled import (
    Verdict,
    corrected_t_test,
    fold_mean,
    in_words,
    probability_in_words,
)


class TestMean:
    def test_interval_by_hand(self) -> None:
        # mean 0.9, s = 0.02; error = 0.02 * sqrt(1/3 + 1/2); t(0.975, 2) = 4.302653
        found = fold_mean([0.88, 0.9, 0.92], 1 / 2)
        half = 4.302653 * 0.02 * math.sqrt(5 / 6)
        assert found.mean == pytest.approx(0.9)
        assert found.deviation == pytest.approx(0.02)
        assert found.low == pytest.approx(0.9 - half, abs=1e-7)
        assert found.high == pytest.approx(0.9 + half, abs=1e-7)

    def test_one_fold_has_no_spread(self) -> None:
        assert fold_mean([0.5], 1 / 4) == (1, 0.5, None, None, None)

    def test_more_repeats_narrow_the_interval_but_not_to_nothing(self) -> None:
        once, often = fold_mean([0.8, 0.9] * 5, 1 / 4), fold_mean([0.8, 0.9] * 500, 1 / 4)
        assert once.high is not None
        assert often.high is not None
        assert 0.04 < often.high - often.mean < once.high - once.mean


class TestPairs:
    def test_by_hand(self) -> None:
        # differences 0.01, 0.02, 0.03: mean 0.02, s = 0.01, k = 3:
        # t = 0.02 / (0.01 * sqrt(1/3 + 1/2)) = 2.19089; with 2 degrees of freedom
        # p = 1 - t / sqrt(2 + t²) = 0.1597; uncorrected it would be t = 3.4641, p = 0.0742.
        found = corrected_t_test([0.9, 0.8, 0.7], [0.91, 0.82, 0.73], 1 / 2)
        t = 0.02 / (0.01 * math.sqrt(5 / 6))
        assert found.t == pytest.approx(t)
        assert found.p == pytest.approx(1 - t / math.sqrt(2 + t * t))
        assert found.df == 2
        assert found.differences == pytest.approx((0.01, 0.02, 0.03))
        assert found.low == pytest.approx(0.02 - 4.302653 * 0.02 / t, abs=1e-7)
        assert found.verdict is Verdict.LUCK

    def test_direction_and_words(self) -> None:
        a, b = [0.7, 0.71, 0.7, 0.69, 0.7], [0.8, 0.81, 0.79, 0.8, 0.8]
        found, back = corrected_t_test(a, b, 1 / 4), corrected_t_test(b, a, 1 / 4)
        assert found.verdict is Verdict.SURE
        assert found.mean == pytest.approx(0.1)
        assert back.t == pytest.approx(-(found.t or 0))
        assert str(in_words(found, "A", "B")).startswith("B is better than A by 10.0 points")
        assert str(in_words(back, "A", "B")).startswith("A is better than B by 10.0 points")
        assert "5 folds" in str(in_words(found, "A", "B"))
        assert "4 degrees of freedom" in str(probability_in_words(found))

    def test_the_same_difference_everywhere(self) -> None:
        equal = corrected_t_test([0.7, 0.8], [0.7, 0.8], 1)
        assert (equal.t, equal.p, equal.verdict) == (None, 1.0, Verdict.EQUAL)
        always = corrected_t_test([0.7, 0.8], [0.8, 0.9], 1)
        assert (always.t, always.p, always.verdict) == (None, 0.0, Verdict.SURE)
        # 0.3 - 0.1 and 0.1 - 0.3 - 1e-17 add up to less than what a float can tell from nothing.
        swapped = corrected_t_test([0.1, 0.3], [0.3, 0.1 + 1e-16], 1)
        assert swapped.mean
        assert swapped.verdict is Verdict.EQUAL
        assert "very same difference" in str(probability_in_words(always))

    @pytest.mark.parametrize(("a", "b"), [([0.1], [0.2]), ([0.1, 0.2], [0.1])])
    def test_too_few(self, a: list[float], b: list[float]) -> None:
        with pytest.raises(ValueError, match="cannot be compared"):
            corrected_t_test(a, b, 1)


def predictions(rows: list[int], truth: list[int], first: list[float]) -> Predictions:
    """Two classes; ``first`` are the probabilities of class 0."""
    proba = np.array([[p, 1 - p] for p in first], np.float32)
    return Predictions(np.array(truth, np.int32), proba, np.array(rows, np.int64))


class TestPooling:
    def test_folds_side_by_side(self) -> None:
        found = pooled([predictions([3, 1], [1, 0], [0.2, 0.9]), predictions([0], [1], [0.4])])
        assert found.rows.tolist() == [0, 1, 3]
        assert found.y_true.tolist() == [1, 0, 1]
        assert found.proba[:, 0] == pytest.approx([0.4, 0.9, 0.2])

    def test_repeats_are_averaged(self) -> None:
        found = pooled([predictions([0, 1], [1, 0], [0.2, 0.9]), predictions([1], [0], [0.4])])
        assert found.proba[:, 0] == pytest.approx([0.2, 0.65])
        assert found.proba.dtype == np.float32

    def test_other_truths_or_classes_are_refused(self) -> None:
        with pytest.raises(ValueError, match="true classes"):
            pooled([predictions([0], [1], [0.2]), predictions([0], [0], [0.2])])
        three = Predictions(
            np.array([0], np.int32), np.full((1, 3), 1 / 3, np.float32), np.arange(1)
        )
        with pytest.raises(ValueError, match="same classes"):
            pooled([three, predictions([0], [0], [0.2])])

    def test_recalls(self) -> None:
        found = recalls(
            [predictions([0, 1, 2], [0, 0, 1], [0.9, 0.2, 0.1]), predictions([3], [0], [0.7])]
        )
        assert found[0].tolist() == [0.5, 1.0]
        assert found[1, 0] == 1.0
        assert np.isnan(found[1, 1])
