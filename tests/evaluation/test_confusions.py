from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.confusions import (
    ConfusedPair,
    most_confused,
    select_errors,
    top_k,
    worst_classes,
)
from core.evaluation.metrics import ClassScore
from core.evaluation.predictions import Predictions

# position:           0     1     2     3     4     5
# true -> predicted:  0->0  0->1  0->1  1->0  2->1  1->1
# confidence:         .75   .5    .625  .5    .75   .5
SIX = Predictions(
    np.array([0, 0, 0, 1, 2, 1], dtype=np.int32),
    np.array(
        [
            [0.75, 0.125, 0.125],
            [0.25, 0.5, 0.25],
            [0.375, 0.625, 0.0],
            [0.5, 0.125, 0.375],
            [0.125, 0.75, 0.125],
            [0.25, 0.5, 0.25],
        ],
        dtype=np.float32,
    ),
    np.array([10, 11, 12, 8, 9, 7], dtype=np.int64),
)


def test_most_confused_pairs_by_count_then_share() -> None:
    matrix = np.array([[90, 2, 2], [2, 8, 0], [5, 0, 5]])
    assert most_confused(matrix, 4) == [
        ConfusedPair(2, 0, 5, 0.5),
        ConfusedPair(1, 0, 2, 0.2),
        ConfusedPair(0, 1, 2, 2 / 94),
        ConfusedPair(0, 2, 2, 2 / 94),
    ]
    assert len(most_confused(matrix, 1)) == 1
    assert matrix[0, 0] == 90, "the caller's matrix was changed"


def test_nothing_confused() -> None:
    assert most_confused(np.diag([3, 4])) == []
    assert most_confused(np.array([[7]])) == []


def test_worst_classes_first_and_none_without_images() -> None:
    recalls = [(0.5, 10), (None, 0), (0.25, 4), (0.5, 30)]
    scores = [ClassScore(i, None, r, None, n, 0) for i, (r, n) in enumerate(recalls)]
    assert [s.index for s in worst_classes(scores)] == [2, 3, 0]
    assert [s.index for s in worst_classes(scores, 1)] == [2]


def test_the_most_confident_mistake_comes_first() -> None:
    # Positions 1 and 3 are equally confident: in the dataset's order.
    assert select_errors(SIX).tolist() == [4, 2, 1, 3]


@pytest.mark.parametrize(
    ("true", "pred", "expected"),
    [
        (0, 1, [2, 1]),
        (0, 0, [0]),
        (1, 1, [5]),
        (2, 2, []),
        (0, None, [2, 1]),
        (1, None, [3]),
        (None, 1, [4, 2, 1]),
        (None, 2, []),
    ],
)
def test_a_cell_holds_exactly_its_images(
    true: int | None, pred: int | None, expected: list[int]
) -> None:
    assert select_errors(SIX, true=true, pred=pred).tolist() == expected


def test_with_groups_a_cell_holds_the_images_of_all_members() -> None:
    """Classes 0 and 1 are one group: what is taken for the other of them is no mistake."""
    groups = np.array([0, 0, 1])
    assert select_errors(SIX, groups=groups).tolist() == [4]
    assert select_errors(SIX, true=0, pred=0, groups=groups).tolist() == [0, 2, 1, 3, 5]
    assert select_errors(SIX, true=1, groups=groups).tolist() == [4]
    assert select_errors(SIX, true=0, groups=groups).tolist() == []


def test_no_image_at_all() -> None:
    none = Predictions(SIX.y_true[:0], SIX.proba[:0], SIX.rows[:0])
    assert select_errors(none).tolist() == []


@given(st.integers(0, 2**32 - 1))
def test_selection_against_a_plain_sort(seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.integers(1, 4, (30, 4)).astype(np.float32)  # few values, so that ties are common
    cases = Predictions(
        rng.integers(0, 4, 30).astype(np.int32), raw / raw.sum(axis=1, keepdims=True), np.arange(30)
    )
    wrong = [i for i in range(30) if cases.y_pred[i] != cases.y_true[i]]
    expected = sorted(wrong, key=lambda i: -cases.confidence[i])  # stable
    assert select_errors(cases).tolist() == expected


def test_top_k_of_many_and_of_one() -> None:
    found = top_k(SIX.proba[:2], 2)
    assert found.classes.tolist() == [[0, 1], [1, 0]]
    assert found.proba.tolist() == [[0.75, 0.125], [0.5, 0.25]]
    assert top_k(SIX.proba[4], 9).classes.tolist() == [1, 0, 2]
    with pytest.raises(ValueError, match="0"):
        top_k(SIX.proba, 0)


def test_ten_thousand_images_of_a_hundred_classes_are_quick() -> None:
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(100), 10_000).astype(np.float32)
    many = Predictions(rng.integers(0, 100, 10_000).astype(np.int32), proba, np.arange(10_000))
    started = time.perf_counter()
    assert len(select_errors(many)) > 9_000
    assert time.perf_counter() - started < 1  # about 0.02 s; the rest is for a busy machine
