"""Very many files in little memory: a million of them are listed, one at a time is looked at."""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from core.datasets.reading import Where


class Entry(NamedTuple):
    """One file: its name for people, its folders, and where it is."""

    name: str
    folders: tuple[str, ...]
    where: Where
    order: int
    """Its place in the source: reading in this order is the quickest."""


class _Lazy(Sequence[Entry]):
    """Entries that are made when they are asked for."""

    def _at(self, number: int) -> Entry:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | Sequence[Entry]:
        places = range(len(self))[index]
        return self._at(places) if isinstance(places, int) else taken(self, np.array(places))


class Entries(_Lazy):
    """A list of entries as bytes, some 90 for each instead of 300 as objects.

    It matters twice: the processes that decode are forked, and counting the references to an
    object copies the page on which it lies. ``where`` must be plain: a number, text or bytes.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("q", [0])
        self._folders: dict[tuple[str, ...], int] = {}
        self._known: list[tuple[str, ...]] = []

    def append(self, entry: Entry) -> None:
        folder = self._folders.setdefault(entry.folders, len(self._known))
        if folder == len(self._known):
            self._known.append(entry.folders)
        self._bytes += marshal.dumps((entry.name, folder, entry.where, entry.order))
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _at(self, number: int) -> Entry:
        dumped = self._bytes[self._ends[number] : self._ends[number + 1]]
        name, folder, where, order = marshal.loads(dumped)
        return Entry(name, self._known[folder], where, order)


class _Taken(_Lazy):
    def __init__(self, entries: Sequence[Entry], numbers: NDArray[np.int64]) -> None:
        self.entries = entries
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def _at(self, number: int) -> Entry:
        return self.entries[int(self.numbers[number])]


def taken(entries: Sequence[Entry], numbers: NDArray[np.integer]) -> Sequence[Entry]:
    """``entries[i]`` for each of ``numbers`` (n,), without a copy."""
    if isinstance(entries, _Taken):
        return _Taken(entries.entries, entries.numbers[numbers])
    return _Taken(entries, numbers.astype(np.int64))


def orders(entries: Sequence[Entry]) -> NDArray[np.int64]:
    """The order of each, int64 (n,)."""
    return np.fromiter((entry.order for entry in entries), np.int64, len(entries))
