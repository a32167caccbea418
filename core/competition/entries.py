"""What was handed in, on the disk: every score, public and private. Nothing here is for a page."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

import filelock
from pydantic import BaseModel, ValidationError

from core.competition.scoring import Score
from core.errors import N_, StoreError, Text, text
from core.paths import CompetitionPaths, write_atomic

LOCK_SECONDS = 10.0
KEPT = 8
"""Competitions whose submissions stay in memory, each as of its last change."""


class Entry(BaseModel, frozen=True):
    """One line. ``baseline``: not handed in by anybody, but to be beaten."""

    id: str
    kind: Literal["run", "file", "baseline"]
    nickname: str = ""
    what: str = ""
    """The run's id, or the name of the file."""
    digest: str = ""
    """Of the answers: the same ones are not handed in twice."""
    label: Text | None = None
    """What a baseline is called."""
    at: datetime
    public: Score
    private: Score
    chosen: bool = False
    removed: bool = False


@contextmanager
def locked(files: CompetitionPaths) -> Iterator[None]:
    """Nobody else hands in or changes anything meanwhile, in whatever process.

    Raises:
        StoreError: if it takes too long.
    """
    try:
        with filelock.FileLock(files.lock, timeout=LOCK_SECONDS):
            yield
    except filelock.Timeout as error:
        raise StoreError(
            N_("Somebody else has been handing in for {seconds} s."),
            remedy=text(N_("Try again.")),
            seconds=LOCK_SECONDS,
        ) from error


def read_entries(files: CompetitionPaths) -> Sequence[Entry]:
    """All lines, the oldest first; a last one that is being written is left out.

    Raises:
        StoreError: if a line before the last one is damaged.
    """
    try:
        stat = files.submissions.stat()
    except FileNotFoundError:
        return ()
    return _read(files.submissions, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=KEPT)
def _read(file: Path, _changed: int, _size: int) -> tuple[Entry, ...]:
    *whole, _torn = file.read_bytes().split(b"\n")
    try:
        return tuple(Entry.model_validate_json(line) for line in whole)
    except ValidationError as error:
        raise StoreError(
            N_("The submissions in {file} are damaged: {error}."),
            file=str(file),
            error=str(error.errors(include_url=False)[0]["msg"]),
        ) from error


def append(files: CompetitionPaths, entry: Entry) -> None:
    """With the lock held. A line that a power cut has torn is mended first."""
    file = files.submissions
    before = file.read_bytes() if file.is_file() else b""
    if before and not before.endswith(b"\n"):
        write_atomic(file, before[: before.rfind(b"\n") + 1])
    with file.open("ab", buffering=0) as end:
        end.write((entry.model_dump_json() + "\n").encode())


def rewrite(files: CompetitionPaths, entries: Iterable[Entry]) -> None:
    """With the lock held."""
    write_atomic(files.submissions, "".join(e.model_dump_json() + "\n" for e in entries))
