"""All runs as rows in memory: searched, filtered and sorted without reading a record.

The folders are the truth and the database is their index; this is what the pages of one server
look at. A look asks the index whether anything has changed and reads only what has.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from core.errors import N_, ConfigError
from core.fields import FIELDS, RunRow, Value
from core.records import RunStatus
from core.store import Stamp, Store

OVERLAP = 10_000
"""Milliseconds that are read once more: of two servers one may write a little late."""


class Query(NamedTuple):
    """Which runs are looked for; what is empty does not matter."""

    text: str = ""
    """Words that all occur in name, tags, note, dataset, architecture or optimizer."""
    statuses: tuple[RunStatus, ...] = ()
    datasets: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """A run has at least one of them."""
    parts: tuple[str, ...] = ()
    """Short names of searches and cross-validations that a run was trained for."""
    least_accuracy: float = 0.0
    """Best validation accuracy, in [0, 1]."""


class Listing:
    """The runs of a store as rows; safe to be used by several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._rows: dict[str, RunRow] = {}
        self._shared: dict[tuple[Value, ...], tuple[Value, ...]] = {}
        self._newest_first: tuple[RunRow, ...] = ()

    def rows(self) -> tuple[RunRow, ...]:
        """All runs, newest first, as the index has them now."""
        with self._lock:
            stamp = self._store.stamp()
            if stamp != self._stamp:
                self._look(stamp)
            return self._newest_first

    def _look(self, stamp: Stamp) -> None:
        since = self._stamp.newest - OVERLAP if self._stamp else 0
        if stamp.newest < since:  # made anew by a clock that is behind
            since = 0
        for listed in self._store.changed_since(since):
            before = self._rows.get(listed.record.id)
            if before is None or before.changed != listed.changed:
                self._rows[listed.record.id] = self._lean(RunRow(*listed))
        if len(self._rows) != stamp.runs:
            there = self._store.ids()
            self._rows = {i: row for i, row in self._rows.items() if i in there}
        self._newest_first = tuple(self._rows[i] for i in sorted(self._rows, reverse=True))
        self._stamp = stamp

    def _lean(self, row: RunRow) -> RunRow:
        """Many runs have the same settings: kept once."""
        row.settings = self._shared.setdefault(row.settings, row.settings)
        return row


def found(rows: Iterable[RunRow], query: Query) -> list[RunRow]:
    """The rows that fit, in the order given."""
    words = query.text.casefold().split()
    tags = set(query.tags)
    allowed = [
        (key, frozenset(values))
        for key, values in (
            ("status", query.statuses),
            ("data.dataset", query.datasets),
            ("model.architecture", query.architectures),
            ("by", query.names),
            ("part", query.parts),
        )
        if values
    ]
    least = query.least_accuracy
    return [
        row
        for row in rows
        if all(row[key] in values for key, values in allowed)
        and (not tags or not tags.isdisjoint(row["tags"]))
        and (not least or (row["best_val_accuracy"] or 0.0) >= least)
        and all(word in row.words for word in words)
    ]


def ordered(rows: Sequence[RunRow], key: str, *, descending: bool = False) -> list[RunRow]:
    """By a field; runs that do not have it come last either way, equals stay as they are.

    Raises:
        ConfigError: if there is no such field.
    """
    if key not in FIELDS:
        raise ConfigError(
            N_("There is no field {received}. Expected one of: {expected}."),
            received=key,
            expected=", ".join(FIELDS),
        )
    known = [row for row in rows if row[key] is not None]
    unknown = [row for row in rows if row[key] is None]
    return sorted(known, key=lambda row: row[key], reverse=descending) + unknown


def values_of(rows: Iterable[RunRow], key: str) -> list[str]:
    """What occurs in a field of names, in alphabetical order."""
    return sorted({str(row[key]) for row in rows if row[key] is not None}, key=str.casefold)


def all_tags(rows: Iterable[RunRow]) -> list[str]:
    return sorted({tag for row in rows for tag in row["tags"]}, key=str.casefold)
