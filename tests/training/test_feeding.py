"""Which rows a training sees, and in which order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import feeding
from core.datasets.dataset import Split
from core.feeding import Batches, Rows, balanced_rows


def split_of(rows: int) -> Split:
    """Row i holds a picture of value i and label i."""
    numbers = np.arange(rows)
    images = numbers.astype(np.uint8).reshape(-1, 1, 1, 1)
    return Split(images, numbers.astype(np.int32), [str(n) for n in numbers])


def dealt(batches: Batches, epoch: int) -> list[npt.NDArray[Any]]:
    batches.epoch = epoch
    return [batches[i][1] for i in range(len(batches))]


@given(
    rows=st.integers(1, 200),
    batch_size=st.integers(1, 50),
    seed=st.none() | st.integers(0, 2**31 - 1),
    epoch=st.integers(0, 5),
)
def test_every_epoch_deals_each_row_once(
    rows: int, batch_size: int, seed: int | None, epoch: int
) -> None:
    batches = Batches(split_of(rows), np.arange(rows), batch_size, seed)
    parts = dealt(batches, epoch)
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
    assert [len(part) for part in parts[:-1]] == [batch_size] * (len(parts) - 1)
    assert 0 < len(parts[-1]) <= batch_size


def test_images_and_labels_belong_together() -> None:
    batches = Batches(split_of(50), np.arange(10, 50), 7, seed=1)
    for images, labels in (batches[i] for i in range(len(batches))):
        assert images.reshape(-1).tolist() == labels.tolist()
        assert (images.dtype, labels.dtype) == (np.uint8, np.int32)


def test_without_a_seed_the_order_is_that_of_the_rows() -> None:
    rows = np.array([4, 2, 9])
    parts = dealt(Batches(split_of(10), rows, 2), epoch=3)
    assert [part.tolist() for part in parts] == [[4, 2], [9]]


def test_an_epoch_has_its_own_order_whatever_came_before() -> None:
    split, rows = split_of(100), np.arange(100)
    in_a_row = Batches(split, rows, 100, seed=3)
    orders = [dealt(in_a_row, epoch)[0].tolist() for epoch in range(4)]
    assert len({tuple(order) for order in orders}) == 4
    resumed = Batches(split, rows, 100, seed=3)
    assert dealt(resumed, 2)[0].tolist() == orders[2]
    other_seed = Batches(split, rows, 100, seed=4)
    assert dealt(other_seed, 2)[0].tolist() != orders[2]


LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=120)


@given(labels=LABELS, limit=st.integers(1, 150), seed=st.integers(0, 100))
@settings(max_examples=200)
def test_a_part_is_balanced(labels: list[int], limit: int, seed: int) -> None:
    given_labels = np.array(labels, dtype=np.int32)
    rows = balanced_rows(given_labels, limit, seed)
    assert len(rows) == min(limit, len(labels))
    assert len(set(rows.tolist())) == len(rows)
    assert (np.diff(rows) > 0).all()
    there, taken = Counter(labels), Counter(given_labels[rows].tolist())
    # A class has fewer than another only if it has no more, or by one.
    most = max(taken.values())
    assert all(taken[c] >= most - 1 or taken[c] == there[c] for c in there)


def test_a_part_by_hand() -> None:
    labels = np.array([0] * 6 + [1] * 2 + [2] * 6, dtype=np.int32)
    rows = balanced_rows(labels, 8, seed=0)
    assert Counter(labels[rows].tolist()) == {0: 3, 1: 2, 2: 3}


def test_no_limit_means_all_and_the_seed_chooses() -> None:
    labels = np.zeros(100, dtype=np.int32)
    everything: Rows = balanced_rows(labels, None, 0)
    assert everything.tolist() == list(range(100))
    some = [balanced_rows(labels, 10, seed).tolist() for seed in (0, 0, 1)]
    assert some[0] == some[1] != some[2]


def test_of_a_large_set_stretches_are_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row once, an order per epoch, and never more than a window's stretches at a time."""
    monkeypatch.setattr(feeding, "LARGE_BYTES", 999)
    monkeypatch.setattr(feeding, "STRETCH_BYTES", 10)
    monkeypatch.setattr(feeding, "WINDOW_BYTES", 100)
    batches = Batches(split_of(1000), np.arange(1000), 100, seed=3)
    first, again, second = (np.concatenate(dealt(batches, epoch)) for epoch in (0, 0, 1))
    assert sorted(first.tolist()) == list(range(1000))
    assert (first == again).all()
    assert (first != second).any()
    for window in first.reshape(10, 100):
        assert len(set((window // 10).tolist())) == 10
        assert np.abs(np.diff(window)).mean() > 100
    small = Batches(split_of(999), np.arange(999), 100, seed=3)
    assert len(set((np.concatenate(dealt(small, 0))[:100] // 10).tolist())) > 50


def test_the_first_epoch_does_not_undo_the_shuffling_of_an_import() -> None:
    """Rows that lie as ``default_rng(0)`` has thrown them, as an import with seed 0 leaves them."""
    thrown = np.random.default_rng(0).permutation(100)
    for places in (thrown, np.argsort(thrown)):
        images = np.zeros((100, 1, 1, 1), np.uint8)
        batches = Batches(Split(images, places.astype(np.int32), ()), np.arange(100), 100, 0)
        seen = batches[0][1]
        assert (np.diff(seen) > 0).mean() < 0.7


def test_a_limit_is_a_sample_of_an_import() -> None:
    """Not the first files of every class, which the shuffling of an import with seed 0 once made
    it: what lies where it was thrown must not come out in the order of the files."""
    thrown = np.random.default_rng(0).permutation(200)
    for files in (thrown, np.argsort(thrown)):
        rows = balanced_rows((files // 100).astype(np.int32), 50, 0)
        assert files[rows].max() > 150
        assert (files[rows] % 100).max() > 50
