"""Many pictures judged in the background: in portions, to a CSV file, until done or cancelled.

The thread here only asks and writes; whoever is asked (the computing process) reads, decodes and
predicts. Batches take turns after every portion, so that ten pictures need not wait for a zip of
thousands, and leave the computing process to others.
"""

from __future__ import annotations

import csv
import dataclasses
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.asking.items import Item
from core.asking.judging import AT_ONCE, Taker, Verdict
from core.asking.results import Tally, columns, lines
from core.errors import N_, LabError, NotFoundError, Text, text
from core.fair import FairLock

Ask = Callable[[Sequence[Item], Sequence[Taker], bool], list[Verdict]]
"""Pictures, runs, with small changes or not → what is said about the first of the pictures."""
Status = Literal["waiting", "running", "finished", "failed", "cancelled"]
FIRST = 1
"""Pictures of the first portion: it may be judged by four large networks, in many versions."""
LONG_SECONDS = 2.0
OLD_SECONDS = 24 * 3600.0
"""After so long nobody comes for a result any more."""


@dataclass(frozen=True)
class BatchRequest:
    """What is to be judged, by whom, and how many classes each answer names."""

    items: Sequence[Item]
    takers: tuple[Taker, ...]
    top: int
    varied: bool = False


@dataclass(frozen=True)
class BatchState:
    """Where a batch is. ``eta_seconds`` is known after the first portion."""

    status: Status
    done: int
    total: int
    tally: Tally
    eta_seconds: float | None = None
    message: Text | None = None

    def is_over(self) -> bool:
        return self.status in ("finished", "failed", "cancelled")


class _Batch:
    """What stays of a request; its pictures go with the thread that has judged them."""

    def __init__(self, request: BatchRequest, file: Path) -> None:
        self.file = file
        self.cancelled = threading.Event()
        self.state = BatchState("waiting", 0, len(request.items), Tally(len(request.takers)))


class Batches:
    """The batches of one server; their threads end with it."""

    def __init__(self, folder: Path, ask: Ask) -> None:
        self._folder = folder
        self._ask = ask
        self._turn, self._changing = FairLock(), threading.Lock()
        self._batches: dict[str, _Batch] = {}

    def start(self, request: BatchRequest) -> str:
        """Begin a batch; returns its id at once."""
        self._folder.mkdir(parents=True, exist_ok=True)
        sweep(self._folder)
        batch_id = uuid.uuid4().hex
        batch = _Batch(request, self._folder / f"{batch_id}.csv")
        with self._changing:
            wanted = {i: b for i, b in self._batches.items() if _wanted(b)}
            self._batches = {**wanted, batch_id: batch}
        threading.Thread(target=self._run, args=(batch, request), daemon=True).start()
        return batch_id

    def read(self, batch_id: str) -> BatchState:
        """Where it is.

        Raises:
            NotFoundError: if it was begun on another server, or too long ago.
        """
        return self._find(batch_id).state

    def result(self, batch_id: str) -> bytes:
        """The CSV, also of what a cancelled batch has got.

        Raises:
            NotFoundError: as :meth:`read`.
        """
        return self._find(batch_id).file.read_bytes()

    def cancel(self, batch_id: str) -> None:
        """Ask it to end; it does after the portion under way."""
        with suppress(NotFoundError):
            self._find(batch_id).cancelled.set()

    def _find(self, batch_id: str) -> _Batch:
        batch = self._batches.get(batch_id)
        if batch is None or (batch.state.is_over() and not batch.file.is_file()):
            raise NotFoundError(N_("These results are no longer here; have them worked out again."))
        return batch

    def _run(self, batch: _Batch, request: BatchRequest) -> None:
        """The file is whole before the last word is said."""
        message: Text | None = None
        over: Status = "failed"
        try:
            with batch.file.open("w", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerow(columns(request.top))
                self._portions(batch, request, table.writerows)
            over = "finished" if batch.state.done == batch.state.total else "cancelled"
        except LabError as error:
            message = error.text
        except Exception as error:  # noqa: BLE001 - a thread's last word, told to the page
            message = text(N_("Unexpected error: {error}."), error=repr(error))
        batch.state = dataclasses.replace(
            batch.state, status=over, eta_seconds=None, message=message
        )

    def _portions(self, batch: _Batch, request: BatchRequest, write: Callable[..., object]) -> None:
        size = FIRST
        while not batch.cancelled.is_set() and batch.state.done < batch.state.total:
            with self._turn:
                began = time.monotonic()
                batch.state = self._portion(batch.state, request, size, write)
                size = next_size(size, time.monotonic() - began)

    def _portion(
        self, state: BatchState, request: BatchRequest, size: int, write: Callable[..., object]
    ) -> BatchState:
        began = time.monotonic()
        portion = request.items[state.done : state.done + size]
        verdicts = self._ask(portion, request.takers, request.varied)
        for verdict in verdicts:
            state.tally.add(verdict, request.takers)
            write(lines(verdict, request.takers, request.top))
        done = state.done + len(verdicts)
        pace = (time.monotonic() - began) / len(verdicts)
        eta = pace * (state.total - done)
        return dataclasses.replace(state, status="running", done=done, eta_seconds=eta)


def next_size(size: int, seconds: float) -> int:
    """How many pictures to ask for after ``size`` of them took ``seconds``: others wait for the
    same process, so no portion shall take long, be it four large networks and many versions."""
    if seconds > LONG_SECONDS:
        return max(1, size // 2)
    return min(AT_ONCE, 2 * size) if seconds < LONG_SECONDS / 4 else size


def _wanted(batch: _Batch) -> bool:
    return not batch.state.is_over() or batch.file.is_file()


def sweep(folder: Path) -> None:
    """Remove what has lain there for a day."""
    for file in folder.iterdir():
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > OLD_SECONDS:
                file.unlink()
