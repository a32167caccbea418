"""The part of an import that runs in several processes: read, decode, resize, write a row."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from core.datasets.dataset import ResizeMode
from core.datasets.decoding import Decoding, Header
from core.datasets.reading import Reader, ReaderMaker, Where
from core.datasets.report import Repair
from core.datasets.resizing import draft_side, prepared
from core.datasets.writer import RowFile, row_digest
from core.errors import N_, DatasetError, ImageError, Text

# How long a wish to stop may wait for the next chunk to be finished.
_STOP_SECONDS = 0.25

Check = Callable[[], None]


@dataclass(frozen=True)
class Setup:
    """All that a worker process needs to know, once."""

    reader: ReaderMaker
    files: tuple[Path, ...]
    """The image file of each split."""
    image_shape: tuple[int, int, int]
    resize: ResizeMode
    decoding: Decoding


class Item(NamedTuple):
    """One picture: its number in the plan, where to read it, where its row goes."""

    number: int
    where: Where
    part: int
    row: int


@dataclass
class Outcome:
    """What became of a chunk of pictures, by their numbers. Small, as it crosses processes."""

    digests: list[tuple[int, bytes]] = field(default_factory=list)
    failures: list[tuple[int, Text]] = field(default_factory=list)
    repairs: list[tuple[int, Repair]] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)

    @property
    def done(self) -> int:
        return len(self.digests) + len(self.failures)


class Worker:
    """Decodes chunks of pictures; one in each process, with its own handles on every file.

    ``check`` is called before every picture and may raise to end the work.
    """

    def __init__(self, setup: Setup, check: Check) -> None:
        self._setup = setup
        self._check = check
        self._reader: Reader = setup.reader()
        self._files = [RowFile(file, setup.image_shape) for file in setup.files]

    def close(self) -> None:
        self._reader.close()
        for file in self._files:
            file.close()

    def decode(self, items: Sequence[Item]) -> Outcome:
        """Import the pictures of ``items``; an unreadable one leaves its row empty."""
        outcome = Outcome()
        for item in items:
            self._check()
            try:
                self._decode(item, outcome)
            except ImageError as error:
                outcome.failures.append((item.number, error.text))
        return outcome

    def _decode(self, item: Item, outcome: Outcome) -> None:
        shape = self._setup.image_shape
        picture = self._reader.picture(item.where, self._setup.decoding, draft_side(shape))
        ground = self._setup.decoding.background
        ready = prepared(picture, shape, self._setup.resize, ground)
        row = ready.pixels.tobytes()
        self._files[item.part].write(item.row, row)
        outcome.digests.append((item.number, row_digest(row)))
        outcome.sizes[ready.size] += 1
        outcome.repairs += [(item.number, repair) for repair in ready.repairs]


def probe(maker: ReaderMaker, places: Iterable[Where]) -> Iterator[Header | None]:
    """The header of each picture, None where it cannot be read."""
    reader = maker()
    try:
        for where in places:
            try:
                yield reader.header(where)
            except ImageError:
                yield None
    finally:
        reader.close()


_worker: Worker | None = None


class _AbandonedError(Exception):
    """Nobody wants the outcome any more."""


def _start_worker(setup: Setup, abandoned: ctypes.c_bool) -> None:
    """Run first in every worker process."""
    global _worker

    def check() -> None:
        if abandoned.value:
            raise _AbandonedError

    _worker = Worker(setup, check)
    # Ctrl+C reaches every process of a terminal; the parent decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """A killed parent cannot stop its workers; they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _decode_in_worker(items: Sequence[Item]) -> Outcome:
    assert _worker is not None
    return _worker.decode(items)


def decode_all(
    setup: Setup, chunks: Iterable[Sequence[Item]], processes: int, stop: Check
) -> Generator[Outcome]:
    """The outcomes of all chunks, in any order. ``stop`` is called often and may raise."""
    if processes <= 1:
        yield from _decode_here(setup, chunks, stop)
        return
    context = _context()
    # Without a lock: a worker killed while it held one would stop everybody.
    abandoned = context.RawValue(ctypes.c_bool, False)
    # Else the first collection in a forked process would write to every object it has inherited,
    # and so copy the list of all files.
    gc.freeze()
    pool = ProcessPoolExecutor(processes, context, _start_worker, (setup, abandoned))
    try:
        yield from _bounded(pool, chunks, 3 * processes, stop)
    except BrokenProcessPool as error:
        raise DatasetError(
            N_("A process of the import has died, probably for lack of memory; nothing was kept.")
        ) from error
    finally:
        # After a failure nothing of this is kept: chunks under way end with their next picture.
        abandoned.value = True
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()


def _decode_here(setup: Setup, chunks: Iterable[Sequence[Item]], stop: Check) -> Iterator[Outcome]:
    worker = Worker(setup, stop)
    try:
        for chunk in chunks:
            yield worker.decode(chunk)
    finally:
        worker.close()


def _bounded(
    pool: ProcessPoolExecutor,
    chunks: Iterable[Sequence[Item]],
    most: int,
    stop: Check,
) -> Iterator[Outcome]:
    """``pool.map`` with at most ``most`` chunks waiting: a million file names need not be copied
    at once, and a cancelled import ends soon."""
    queue = iter(chunks)
    waiting: set[Future[Outcome]] = {
        pool.submit(_decode_in_worker, chunk) for chunk in islice(queue, most)
    }
    while waiting:
        finished, waiting = wait(waiting, timeout=_STOP_SECONDS, return_when=FIRST_COMPLETED)
        stop()
        for future in finished:
            yield future.result()
            waiting |= {pool.submit(_decode_in_worker, chunk) for chunk in islice(queue, 1)}


def _context() -> multiprocessing.context.BaseContext:
    """How worker processes start.

    Forked on Linux: at once, and sharing NumPy's and Pillow's memory with the parent. But a fork
    takes along locks that other threads hold, so with threads about (a notebook, a progress bar's
    monitor), and on systems where forking is not safe, workers start afresh.
    """
    alone = sys.platform == "linux" and threading.active_count() == 1
    return multiprocessing.get_context("fork" if alone else "spawn")
