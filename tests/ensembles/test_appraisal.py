"""What is seen of members before they are combined."""

from __future__ import annotations

import numpy as np
import pytest

from core.ensembles.appraisal import (
    against_best,
    agreement,
    error_correlation,
    greedy_order,
    judge_method,
    judge_methods,
)
from core.ensembles.votes import Votes, aligned
from core.errors import RunError
from core.evaluation.predictions import Predictions
from core.plots.ensembles import gains_info, growth_info, pairs_info, plot_gains, plot_pairs

TRUTH = np.array([0, 0, 1, 1], np.int32)


def said(*classes: int, sure: float = 0.8) -> np.ndarray:
    """(n, 2) of a member that says these classes."""
    proba = np.full((len(classes), 2), 1 - sure, np.float32)
    proba[np.arange(len(classes)), classes] = sure
    return proba


def votes(*members: np.ndarray) -> Votes:
    return Votes(np.stack(members), TRUTH, np.arange(4), (0,) * len(members))


def test_agreement_and_error_correlation() -> None:
    found = votes(said(0, 0, 1, 0), said(0, 0, 1, 0), said(1, 0, 1, 1), said(0, 0, 1, 1))
    np.testing.assert_array_equal(agreement(found)[0], [1, 1, 0.5, 0.75])
    errors = error_correlation(found)
    assert errors[0, 1] == pytest.approx(1)
    assert errors[0, 2] == pytest.approx(-1 / 3)
    assert np.isnan(errors[3]).all()  # it never errs


def test_greedy_begins_with_the_best_and_adds_what_corrects_it() -> None:
    best = said(0, 0, 1, 0, sure=0.6)
    twin = said(0, 0, 1, 0, sure=0.7)
    other = said(1, 1, 0, 1, sure=0.9)  # mostly wrong, but right where the best is not
    steps = greedy_order(votes(other, best, twin))
    assert [step.member for step in steps] == [2, 1, 0]  # of equals the one with the least loss
    assert [step.accuracy for step in steps[:2]] == [0.75, 0.75]
    helpful = said(0, 1, 1, 1, sure=0.65)
    steps = greedy_order(votes(best, helpful))
    assert [step.accuracy for step in steps] == [0.75, 0.75]
    assert {step.member for step in steps} == {0, 1}


def test_rows_are_aligned_and_what_is_left_out_is_told() -> None:
    a = Predictions(TRUTH, said(0, 0, 1, 1), np.array([5, 3, 9, 7]))
    b = Predictions(TRUTH[[3, 1, 2]], said(0, 1, 0), np.array([7, 3, 9]))
    found = aligned([a, b])
    np.testing.assert_array_equal(found.rows, [3, 7, 9])
    np.testing.assert_array_equal(found.y_true, [0, 1, 1])
    np.testing.assert_array_equal(found.proba[1].argmax(1), [1, 0, 0])
    assert found.left == (1, 0)
    assert found.only([1]).left == (0,)


def test_members_that_disagree_about_the_truth_do_not_fit() -> None:
    a = Predictions(TRUTH, said(0, 0, 1, 1), np.arange(4))
    with pytest.raises(ValueError, match="true classes"):
        aligned([a, a._replace(y_true=1 - TRUTH)])
    with pytest.raises(ValueError, match="numbers of classes"):
        aligned([a, a._replace(proba=np.full((4, 3), 1 / 3, np.float32))])


def test_methods_are_judged_and_one_that_cannot_be_is_named() -> None:
    found = votes(said(0, 0, 1, 0), said(0, 1, 1, 1), said(1, 0, 1, 1))

    def fit(method: str, proba: np.ndarray, y_true: np.ndarray) -> np.ndarray:
        if method == "stacking":
            raise RunError("no")
        mean: np.ndarray = proba.mean(axis=0)
        return mean

    judged, problems = judge_methods(found, fit)
    assert [j.method for j in judged] == ["mean", "logits", "accuracy", "weights", "vote"]
    assert [str(p) for p in problems] == ["no"]
    best, compared = against_best(found, judge_method("vote", found).proba)
    assert (best, compared.accuracy_a, compared.accuracy_b) == (0, 0.75, 1.0)
    assert (compared.fixed, compared.broken) == (1, 0)


def test_plots_say_what_they_show() -> None:
    matrix = np.array([[1, 0.5], [0.5, np.nan]])
    info = pairs_info(matrix, ["a", "b"])
    assert info.values == ((1, 0.5), (0.5, None))
    assert info.low == 0.5
    assert info.high == pytest.approx(0.5, abs=1e-5)
    assert plot_pairs(info).data[0].text[0][1] == "0.5"
    assert growth_info("ab", [1, 0], [0.5, 0.6], [0.4, 0.5]) == (("b", "a"), (0.5, 0.6), (0.5, 0.4))
    gains = gains_info("abcd", [1, -2, 3, 0], most=2)
    assert gains == (("c", "b"), (3, -2))
    assert plot_gains(gains, "x").data[0].text == ("+3", "-2")
