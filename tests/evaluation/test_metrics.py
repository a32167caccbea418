from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from core.evaluation import metrics
from core.evaluation.metrics import ClassScore
from core.evaluation.predictions import Predictions

# Row 2 is class 1 taken for class 0, row 3 class 2 taken for class 1; class 2 is never predicted.
Y_TRUE = np.array([0, 1, 1, 2], dtype=np.int32)
PROBA = np.array(
    [[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.5, 0.25, 0.25], [0.0, 0.625, 0.375]],
    dtype=np.float32,
)
MATRIX = [[1, 0, 0], [1, 1, 0], [0, 1, 0]]


def random_case(seed: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """200 images of 6 classes, of which class 5 never occurs."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 5, 200).astype(np.int32)
    proba = rng.dirichlet(np.ones(6), 200)
    proba[np.arange(200), y_true] += rng.random(200)
    return y_true, (proba / proba.sum(axis=1, keepdims=True)).astype(np.float32)


def test_accuracy_by_hand() -> None:
    assert metrics.accuracy(Y_TRUE, PROBA) == 0.5


@pytest.mark.parametrize(("k", "expected"), [(1, 0.5), (2, 1.0), (3, 1.0), (9, 1.0)])
def test_top_k_by_hand(k: int, expected: float) -> None:
    assert metrics.top_k_accuracy(Y_TRUE, PROBA, k) == expected


def test_equal_probabilities_count_once() -> None:
    flat = np.full((4, 4), 0.25, dtype=np.float32)
    y_true = np.arange(4)
    got = [metrics.top_k_accuracy(y_true, flat, k) for k in (1, 2, 3, 4)]
    assert got == [0.25, 0.5, 0.75, 1.0]
    assert got[0] == metrics.accuracy(y_true, flat)


def test_no_k_below_one() -> None:
    with pytest.raises(ValueError, match="0"):
        metrics.top_k_accuracy(Y_TRUE, PROBA, 0)


def test_loss_by_hand() -> None:
    proba = np.array([[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]], dtype=np.float32)
    loss = metrics.cross_entropy(np.array([0, 0, 1]), proba)
    assert loss.tolist() == pytest.approx([0, np.log(2), -np.log(1e-7)])
    assert str(loss[0]) == "0.0"


def test_confusion_matrix_has_the_truth_in_rows() -> None:
    matrix = metrics.confusion_matrix(Y_TRUE, PROBA.argmax(axis=1), 3)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == MATRIX


def test_row_normalised_leaves_a_class_without_images_at_zero() -> None:
    assert metrics.row_normalised(np.array([[1, 3], [0, 0]])).tolist() == [[0.25, 0.75], [0, 0]]


def test_per_class_by_hand() -> None:
    assert metrics.per_class(np.array(MATRIX)) == [
        ClassScore(0, precision=0.5, recall=1.0, f1=2 / 3, support=1, predicted=2),
        ClassScore(1, precision=0.5, recall=0.5, f1=0.5, support=2, predicted=2),
        ClassScore(2, precision=None, recall=0.0, f1=0.0, support=1, predicted=0),
    ]


def test_a_class_that_never_occurs_has_no_scores_and_does_not_lower_the_mean() -> None:
    scores = metrics.per_class(np.array([[2, 0, 0], [0, 2, 0], [0, 0, 0]]))
    assert scores[2] == ClassScore(2, None, None, None, 0, 0)
    assert metrics.macro_f1(scores) == 1.0


def test_one_class() -> None:
    scores = metrics.per_class(np.array([[3]]))
    assert scores == [ClassScore(0, 1.0, 1.0, 1.0, 3, 3)]


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed: int) -> None:
    y_true, proba = random_case(seed)
    y_pred, labels = proba.argmax(axis=1), list(range(6))
    matrix = metrics.confusion_matrix(y_true, y_pred, 6)
    np.testing.assert_array_equal(matrix, oracle.confusion_matrix(y_true, y_pred, labels=labels))
    np.testing.assert_allclose(
        metrics.row_normalised(matrix),
        oracle.confusion_matrix(y_true, y_pred, labels=labels, normalize="true"),
    )
    scores = metrics.per_class(matrix)
    mine = [[s.precision or 0, s.recall or 0, s.f1 or 0, s.support] for s in scores]
    theirs = oracle.precision_recall_fscore_support(y_true, y_pred, labels=labels, zero_division=0)
    np.testing.assert_allclose(np.array(mine).T, theirs)
    found = metrics.summary(Predictions(y_true, proba, np.arange(200)))
    assert found.accuracy == pytest.approx(oracle.accuracy_score(y_true, y_pred))
    assert found.macro_f1 == pytest.approx(oracle.f1_score(y_true, y_pred, average="macro"))
    assert found.loss == pytest.approx(oracle.log_loss(y_true, proba, labels=labels), rel=1e-5)
    assert metrics.top_k_accuracy(y_true, proba, 3) == pytest.approx(
        oracle.top_k_accuracy_score(y_true, proba, k=3, labels=labels)
    )


def test_summary_of_no_image() -> None:
    empty = Predictions(np.zeros(0, np.int32), np.zeros((0, 3), np.float32), np.zeros(0, np.int64))
    assert metrics.summary(empty) == (0, None, 0.0, 1.0, None, None)


def test_wilson_interval_as_published() -> None:
    # Newcombe 1998, table I: 81 of 263.
    assert metrics.wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    # The same, 0 of 20 and 1 of 29.
    assert metrics.wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert metrics.wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_wilson_interval_holds_the_measured_share(a: int, b: int) -> None:
    right, n = min(a, b), max(a, b)
    low, high = metrics.wilson_interval(right, n)
    assert 0 <= low < high <= 1
    if n:
        assert low - 1e-12 <= right / n <= high + 1e-12
