"""Any source of pictures → a prepared dataset."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from core.datasets import limits
from core.datasets.containers.entries import orders, taken
from core.datasets.dataset import STORED_SPLITS, DatasetInfo
from core.datasets.decoding import Header
from core.datasets.formats.base import Reading, Source
from core.datasets.gathering import Gathered, finish
from core.datasets.options import (
    DEFAULTS,
    ImportCancelledError,
    ImportOptions,
    ImportProgress,
    OnProgress,
    Phase,
    ShouldStop,
    check_options,
)
from core.datasets.planning import Plan, make_plan
from core.datasets.reading import Where
from core.datasets.registry import validate_name
from core.datasets.reserving import full_disk_said, reserved
from core.datasets.workers import Item, Setup, decode_all, probe
from core.datasets.writer import Finished, RowFile, publish, staging_folder
from core.errors import N_, DatasetError
from core.paths import DatasetPaths, Paths

PROBES = 2000
STREAM_PROBES = 200
MAX_AUTO_SIDE = 128
# A chunk is what a worker does between two reports: small enough for a progress bar to move.
CHUNK_FILES = 256
CHUNK_PIXELS = 10_000_000
CHUNK_BYTES = 8_000_000
# Fewer pictures than this are done sooner than another process has started.
FEW = 200
MAX_PROCESSES = 8
REPORT_SECONDS = 0.25


def import_dataset(
    paths: Paths,
    source: Source,
    name: str,
    *,
    options: ImportOptions = DEFAULTS,
    on_progress: OnProgress | None = None,
    processes: int | None = None,
    should_stop: ShouldStop | None = None,
) -> DatasetInfo:
    """Prepare the pictures of ``source`` as the dataset ``name``.

    ``processes`` None means one for each processor; 1 none besides this one. Whatever happens,
    there is in the end either the whole dataset or nothing.

    Raises DatasetError if the name is taken or impossible, or the source cannot become a dataset;
    NotFoundError if there is no such source; ImportCancelledError once ``should_stop`` says so.
    """
    check_options(options)
    name = validate_name(paths, name)
    paths.create()
    work = _Work(source, options, on_progress, should_stop, processes)
    with full_disk_said(), reserved(paths, name), staging_folder(paths) as staging:
        finished = work.prepare(staging, name)
        return publish(paths, staging, finished)


class _Work:
    """One import under way."""

    def __init__(
        self,
        source: Source,
        options: ImportOptions,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
        processes: int | None,
    ) -> None:
        self._source = source
        self._options = options
        self._on_progress = on_progress or (lambda progress: None)
        self._should_stop = should_stop or (lambda: False)
        self._processes = processes
        self._progress = ImportProgress()
        self._reported = 0.0

    def prepare(self, staging: DatasetPaths, name: str) -> Finished:
        """Everything but the last step: the images are written, the rest is returned."""
        self._begin("listing", 0)
        scratch = staging.folder / "scratch"
        scratch.mkdir()
        found = self._source.find(Reading(scratch, self._options, self._tell))
        if self._options.labels == "coarse" and not found.coarse:
            raise DatasetError(
                N_("There is only one set of labels here: its classes have no superclasses.")
            )
        plan = make_plan(found, self._options)
        headers = self._probe(plan)
        shape = image_shape(headers, self._options)
        limits.check_disk(staging.folder, len(plan.entries) * int(np.prod(shape)))
        rows = row_numbers(plan, self._options.seed)
        gathered = self._decode(plan, chunked(plan, rows, chunk_files(headers)), staging, shape)
        self._begin("writing", len(plan.entries))
        files = {
            s: RowFile(staging.images(s), shape)
            for s in STORED_SPLITS
            if staging.images(s).exists()
        }
        try:
            parts = finish(plan, rows, gathered, files)
        finally:
            for file in files.values():
                file.close()
        self._advance(len(plan.entries))
        shutil.rmtree(scratch)
        return Finished(
            name=name,
            title="",
            class_names=parts.class_names,
            image_shape=shape,
            resize=self._options.resize,
            background=self._options.background,
            submission=found.submission,
            splits=parts.splits,
            report=parts.report(self._source.origin, found.skipped, plan.capped),
            repairs=gathered.repaired_names,
            vocabulary=found.vocabulary,
            groups=parts.groups,
        )

    def _tell(self, phase: Phase, done: int, total: int) -> None:
        """A format's own steps, shown as any other."""
        if phase != self._progress.phase:
            self._begin(phase, total)
        self._advance(done - self._progress.done)

    def _probe(self, plan: Plan) -> list[Header]:
        """The headers of a sample of the pictures, those that can be read."""
        count = len(plan.entries)
        sample = np.linspace(0, count - 1, min(count, PROBES)).astype(int)
        self._begin("probing", len(sample))
        headers = []
        for header in probe(plan.found.reader, self._places(plan, sample)):
            self._advance(1)
            if header is not None:
                headers.append(header)
        return headers

    def _places(self, plan: Plan, sample: NDArray[np.int64]) -> Iterator[Where]:
        """Where the pictures of a sample are, or themselves (see InlineReader)."""
        if plan.found.stream is None:
            return (plan.entries[i].where for i in sample)
        entries = taken(plan.entries, np.argsort(orders(plan.entries), kind="stable"))
        if self._options.size and self._options.color != "auto":
            # Only for the size of the chunks: the beginning must do.
            return islice(plan.found.stream(entries[: len(sample)]), STREAM_PROBES)
        # One more pass: the first class alone would not tell whether there is any colour.
        return plan.found.stream(taken(entries, sample))

    def _decode(
        self,
        plan: Plan,
        chunks: Iterable[Sequence[Item]],
        staging: DatasetPaths,
        shape: tuple[int, int, int],
    ) -> Gathered:
        gathered = Gathered(len(plan.entries))
        files = tuple(staging.images(split) for split in STORED_SPLITS)
        counts = np.bincount(plan.parts, minlength=len(STORED_SPLITS))
        for file, count in zip(files, counts, strict=True):
            row_file = RowFile(file, shape)
            row_file.resize(int(count))
            row_file.close()
        setup = Setup(plan.found.reader, files, shape, self._options.resize, self._options.decoding)
        self._begin("decoding", len(plan.entries))
        outcomes = decode_all(setup, chunks, self._process_count(plan), self._check_stop)
        # Closed at once if something goes wrong: no worker may write to a folder being removed.
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                gathered.add(outcome, plan)
                self._advance(outcome.done)
        return gathered

    def _process_count(self, plan: Plan) -> int:
        if self._processes is not None:
            return self._processes
        return 1 if len(plan.entries) < FEW else min(MAX_PROCESSES, processors())

    def _check_stop(self) -> None:
        if self._should_stop():
            raise ImportCancelledError

    def _begin(self, phase: Phase, total: int) -> None:
        self._progress = ImportProgress(phase=phase, total=total, started=time.time())
        self._reported = 0.0
        self._advance(0)

    def _advance(self, done: int) -> None:
        """Count ``done`` more; told at most a few times a second, and at the end of each phase."""
        progress = self._progress.model_copy(update={"done": self._progress.done + done})
        self._progress = progress
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS or progress.done == progress.total:
            self._check_stop()
            self._reported = now
            self._on_progress(progress)


def processors() -> int:
    """The processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def image_shape(headers: Sequence[Header], options: ImportOptions) -> tuple[int, int, int]:
    """(h, w, c): what is asked for, and else the median size, grey if all of the sample is."""
    only_grey = bool(headers) and all(header.grey for header in headers)
    grey = only_grey if options.color == "auto" else options.color == "grey"
    sides = options.sides or median_size([header.size for header in headers])
    return (*sides, 1 if grey else 3)


def median_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Median (height, width) of ``sizes``, scaled down so that neither passes MAX_AUTO_SIDE."""
    if not sizes:
        return MAX_AUTO_SIDE, MAX_AUTO_SIDE
    height, width = np.median(np.array(sizes), axis=0)
    scale = min(1.0, MAX_AUTO_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def chunk_files(headers: Sequence[Header]) -> int:
    """How many pictures such as these a worker gets at a time."""
    pixels = np.mean([h * w for h, w in (header.size for header in headers)] or [1])
    return int(np.clip(CHUNK_PIXELS / pixels, 1, CHUNK_FILES))


def row_numbers(plan: Plan, seed: int) -> NDArray[np.int64]:
    """The row of every picture within its split, int64 (n,), shuffled.

    Shuffled so that the beginning of a split is a fair sample of it, and so that a network may
    read a large dataset in stretches instead of picking rows all over the disk.
    """
    rows = np.zeros(len(plan.entries), np.int64)
    for part in range(len(STORED_SPLITS)):
        members = np.flatnonzero(plan.parts == part)
        rows[members] = np.random.default_rng([seed, part]).permutation(len(members))
    return rows


def chunked(plan: Plan, rows: NDArray[np.int64], files: int) -> Iterator[list[Item]]:
    """All pictures in the order in which they lie in the source, ``files`` at a time."""
    chunk: list[Item] = []
    size = 0
    numbers = np.argsort(orders(plan.entries), kind="stable")
    entries = taken(plan.entries, numbers)
    stream = plan.found.stream
    places = stream(entries) if stream else (entry.where for entry in entries)
    for number, where in zip(map(int, numbers), places, strict=True):
        chunk.append(Item(number, where, int(plan.parts[number]), int(rows[number])))
        # What is sent along counts, too: of many large files that are no pictures after all, a
        # chunk would be gigabytes.
        size += len(where) if isinstance(where, bytes) else 0
        if len(chunk) == files or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
