"""Which images a gallery shows, on six images whose answer can be read off."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.evaluation.predictions import Predictions
from core.evaluation.selecting import Order, Outcome, Wanted, margin, select_images

PROBA = np.array(
    [
        [0.9, 0.1, 0.0],  # 0, right
        [0.6, 0.4, 0.0],  # 1 taken for 0
        [0.5, 0.2, 0.3],  # 2 taken for 0
        [0.1, 0.7, 0.2],  # 1, right
        [0.1, 0.1, 0.8],  # 0 taken for 2
        [0.0, 1.0, 0.0],  # 2 taken for 1, surely
    ],
    np.float32,
)
SEEN = Predictions(np.array([0, 1, 2, 1, 0, 2], np.int32), PROBA, np.arange(10, 16))


def shown(order: Order = Order.CONFIDENCE, *, reverse: bool = False, **wanted: object) -> list[int]:
    found = select_images(SEEN, Wanted(**wanted), order, reverse=reverse)  # type: ignore[arg-type]
    return [int(position) for position in found]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [5, 4, 1, 2]),
        ({"outcome": Outcome.RIGHT}, [0, 3]),
        ({"outcome": Outcome.ALL}, [5, 0, 4, 3, 1, 2]),
        ({"true": 2}, [5, 2]),
        ({"pred": 0}, [1, 2]),
        ({"outcome": Outcome.ALL, "true": 1, "pred": 1}, [3]),
        ({"confidence": (0.5, 0.8)}, [4, 1, 2]),
        ({"loss": (1.0, 3.0)}, [4, 2]),
        ({"rows": frozenset({10, 12, 14})}, [4, 2]),
        ({"rows": frozenset()}, []),
        ({"outcome": Outcome.RIGHT, "pred": 2}, []),
    ],
)
def test_what_is_wanted(wanted: dict[str, object], found: list[int]) -> None:
    assert shown(**wanted) == found  # type: ignore[arg-type]


def test_orders_and_their_other_ends() -> None:
    # Losses: 5 is clipped at 16.1, 4 has 2.3, 2 has 1.2, 1 has 0.9.
    assert shown(Order.LOSS) == [5, 4, 2, 1]
    assert shown(Order.LOSS, reverse=True) == [1, 2, 4, 5]
    # Margins: 1 and 2 have 0.2 (0.6 - 0.4 and 0.5 - 0.3 in float32), 4 has 0.7, 5 has 1.
    assert sorted(shown(Order.MARGIN)[:2]) == [1, 2]
    assert shown(Order.MARGIN)[2:] == [4, 5]
    assert shown(Order.CLASS) == [4, 1, 2, 5]


def test_equal_images_keep_the_order_of_the_dataset() -> None:
    same = Predictions(np.zeros(3, np.int32), np.tile(PROBA[4], (3, 1)), np.arange(3))
    for order in Order:
        for reverse in (False, True):
            assert select_images(same, Wanted(), order, reverse=reverse).tolist() == [0, 1, 2]


def test_margins() -> None:
    np.testing.assert_allclose(margin(PROBA), [0.8, 0.2, 0.2, 0.5, 0.7, 1.0], atol=1e-6)
    assert margin(np.ones((2, 1))).tolist() == [1, 1]


def test_nothing_of_nothing() -> None:
    nothing = Predictions(np.zeros(0, np.int32), np.zeros((0, 3), np.float32), np.zeros(0, int))
    for order in Order:
        assert len(select_images(nothing, Wanted(loss=(0, math.inf)), order)) == 0
