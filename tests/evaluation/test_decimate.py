from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import StoreError
from core.evaluation.decimate import Bucket, Decimator

FLOATS = st.floats(-1e30, 1e30)


def filled(values: list[float], limit: int = 4) -> Decimator:
    decimator = Decimator(limit)
    for step, value in enumerate(values, start=1):
        decimator.add(step, value)
    return decimator


def test_up_to_the_limit_every_value_is_its_own_bucket() -> None:
    assert filled([3, 1, 2]).buckets == [(1, 3, 3, 3), (2, 1, 1, 1), (3, 2, 2, 2)]


def test_beyond_the_limit_neighbours_merge() -> None:
    assert filled([3, 1, 2, 5, 4]).buckets == [(2, 1, 3, 1), (4, 2, 5, 5), (5, 4, 4, 4)]
    assert filled([3, 1, 2, 5, 4, 6]).buckets[-1] == (6, 4, 6, 6)


def test_empty() -> None:
    assert Decimator().buckets == []
    assert len(Decimator()) == 0
    assert Decimator.from_json(Decimator().to_json()).buckets == []


@pytest.mark.parametrize("limit", [0, 1, 3, -2])
def test_limit_must_be_even(limit: int) -> None:
    with pytest.raises(ValueError, match="even"):
        Decimator(limit)


def test_what_is_not_a_number_is_left_out() -> None:
    assert filled([1, math.nan, math.inf, -math.inf, 2]).buckets == [(1, 1, 1, 1), (5, 2, 2, 2)]


def test_steps_must_increase() -> None:
    decimator = filled([1, 2])
    with pytest.raises(ValueError, match="step 2"):
        decimator.add(2, 0.0)


def test_the_curve_handed_out_does_not_change_afterwards() -> None:
    decimator = filled([1, 2])
    before = decimator.buckets
    decimator.add(3, 3)
    assert len(before) == 2


@given(st.lists(FLOATS, min_size=1, max_size=300), st.sampled_from([2, 4, 10, 120]))
def test_every_bucket_tells_the_truth_about_its_stretch(values: list[float], limit: int) -> None:
    decimator = filled(values, limit)
    buckets = decimator.buckets
    assert len(decimator) == len(values)
    assert len(buckets) <= limit
    # Half full at least, or there were fewer values than buckets.
    assert len(buckets) >= min(len(values), limit // 2)
    start = 0
    for bucket in buckets:
        stretch = values[start : bucket.step]
        assert bucket == Bucket(start + len(stretch), min(stretch), max(stretch), stretch[-1])
        start = bucket.step
    assert start == len(values)


@given(st.lists(FLOATS, max_size=60), st.lists(FLOATS, max_size=60))
def test_resumed_equals_uninterrupted(before: list[float], after: list[float]) -> None:
    resumed = Decimator.from_json(filled(before).to_json())
    for step, value in enumerate(after, start=len(before) + 1):
        resumed.add(step, value)
    assert resumed.to_json() == filled(before + after).to_json()


def test_size_does_not_grow_with_the_history() -> None:
    sizes = [len(filled([0.123456789] * n, 120).to_json()) for n in (120, 100_000)]
    assert sizes[1] < 1.2 * sizes[0]


@pytest.mark.parametrize(
    "damage",
    [
        {"limit": 3},
        {"limit": None},
        {"width": 0},
        {"fill": 0},
        {"fill": 5},
        {"buckets": [[1, 2, 3]]},
        {"buckets": [[2, 1, 1, 1], [1, 1, 1, 1]]},
        {"buckets": [["a", 1, 1, 1]]},
        {"buckets": []},
    ],
)
def test_damaged_state_is_refused(damage: dict[str, object]) -> None:
    state = json.loads(filled([1, 2, 3]).to_json()) | damage
    with pytest.raises(StoreError):
        Decimator.from_json(json.dumps(state))


@pytest.mark.parametrize("document", ["", "[]", "{}", "null", '{"limit": 4'])
def test_foreign_state_is_refused(document: str) -> None:
    with pytest.raises(StoreError):
        Decimator.from_json(document)
