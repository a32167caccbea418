"""Pictures that belong together because they are the same, and which of them could be dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.analysis.rows import Rows

_UNPROTECTED = ("train", "val")
"""A picture in several splits is taken out of these first, so that the test stays as it is."""


class Groups(NamedTuple):
    """Two rows or more in every group: ``row`` int64 (m,) and ``group`` int64 (m,), from 0 on
    and ascending; inside a group the rows ascend.
    """

    row: NDArray[np.int64]
    group: NDArray[np.int64]

    @staticmethod
    def of(row: NDArray[np.int64], key: NDArray[np.int64]) -> Groups:
        """Rows with the same ``key`` (m,) are a group; a row by itself is none."""
        _keys, inverse, sizes = np.unique(key, return_inverse=True, return_counts=True)
        many = sizes[inverse] > 1
        row, inverse = row[many], inverse[many]
        order = np.lexsort((row, inverse))
        _kept, group = np.unique(inverse[order], return_inverse=True)
        return Groups(row[order].astype(np.int64), group.astype(np.int64))

    @property
    def number(self) -> int:
        return int(self.group[-1]) + 1 if len(self.group) else 0

    def starts(self) -> NDArray[np.int64]:
        """Where every group begins in :attr:`row`."""
        return np.flatnonzero(np.diff(self.group, prepend=-1)).astype(np.int64)

    def members(self, group: int) -> NDArray[np.int64]:
        """The rows of a group."""
        first, end = np.searchsorted(self.group, [group, group + 1])
        return self.row[first:end]

    def repeats(self) -> NDArray[np.int64]:
        """All rows but the first of every group."""
        return np.delete(self.row, self.starts())

    def links(self) -> NDArray[np.int64]:
        """(first of the group, other) for every other row of it: (m, 2)."""
        first = self.row[self.starts()]
        return np.column_stack([np.repeat(first, self._others()), self.repeats()])

    def _others(self) -> NDArray[np.int64]:
        return np.bincount(self.group, minlength=self.number).astype(np.int64) - 1

    def spread(self, value: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Per group whether ``value``, one for every row of the dataset, is not the same in it."""
        if not self.number:
            return np.zeros(0, bool)
        mine, starts = value[self.row], self.starts()
        low, high = np.minimum.reduceat(mine, starts), np.maximum.reduceat(mine, starts)
        return np.asarray(low != high)


def across_splits(groups: Groups, rows: Rows) -> NDArray[np.bool_]:
    """Per group whether it is in several splits: what was learnt is asked again in the test."""
    return groups.spread(rows.split_of)


def contradictory(groups: Groups, rows: Rows) -> NDArray[np.bool_]:
    """Per group whether it has several labels; a picture without label contradicts nobody."""
    if not groups.number:
        return np.zeros(0, bool)
    mine, starts = rows.labels[groups.row], groups.starts()
    known = np.where(mine < 0, np.iinfo(np.int32).max, mine)
    low, high = np.minimum.reduceat(known, starts), np.maximum.reduceat(mine, starts)
    return np.asarray((high >= 0) & (low != high))


def drop_across_splits(groups: Groups, rows: Rows) -> dict[str, list[int]]:
    """Rows by split, numbered inside it, without which no group is in several splits.

    Every group stays in the test split where it is there, else in the validation split.
    """
    order = {split: i for i, split in enumerate((*_UNPROTECTED, "", "test"))}
    rank = np.array([order.get(split, 2) for split in rows.splits])
    mine = rank[rows.split_of[groups.row]]
    if not len(mine):
        return {}
    best = np.maximum.reduceat(mine, groups.starts())[groups.group]
    return _by_split(groups.row[mine < best], rows)


def drop_repeats(groups: Groups, rows: Rows) -> dict[str, list[int]]:
    """Rows by split: of every group all but the first with the same split and label."""
    key = np.column_stack([groups.group, rows.split_of[groups.row], rows.labels[groups.row]])
    _keys, first = np.unique(key, axis=0, return_index=True)
    return _by_split(np.delete(groups.row, first), rows)


def drop_contradictory(groups: Groups, rows: Rows) -> dict[str, list[int]]:
    """Rows by split: every labelled row of a group with several labels, since nobody knows
    which one is right."""
    wrong = contradictory(groups, rows)[groups.group] if groups.number else np.zeros(0, bool)
    return _by_split(groups.row[wrong & (rows.labels[groups.row] >= 0)], rows)


DROPPING: Mapping[str, Callable[[Groups, Rows], dict[str, list[int]]]] = {
    "across_splits": drop_across_splits,
    "repeats": drop_repeats,
    "contradictory": drop_contradictory,
}
"""What can be dropped, by name. Each gives {split: rows of that split}, ascending."""


def _by_split(found: NDArray[np.int64], rows: Rows) -> dict[str, list[int]]:
    by_split: dict[str, list[int]] = {}
    for place in (rows.place(int(row)) for row in np.sort(found)):
        by_split.setdefault(place.split, []).append(place.row)
    return by_split
