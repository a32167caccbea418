"""Writing a dataset: arrays filled row by row by several processes, then published as a whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from pydantic import BaseModel

from core.datasets.dataset import SPLITS, STORED_SPLITS, UNLABELLED, DatasetInfo, ResizeMode
from core.datasets.lineage import Lineage
from core.datasets.report import ImportReport, Repair
from core.datasets.submission import NamedSubmission
from core.errors import N_, DatasetError
from core.paths import DatasetPaths, Paths, write_atomic

DIGEST_BYTES = 16
_STAGING = ".staging-"


def npy_header(shape: tuple[int, ...]) -> bytes:
    """The header of a uint8 .npy file.

    NumPy leaves room in it for the first axis to grow, so that its length does not depend on the
    number of rows: it can be rewritten in place when some rows turn out unreadable.
    """
    header = BytesIO()
    spec = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, spec)
    return header.getvalue()


def row_digest(row: bytes) -> bytes:
    return hashlib.blake2b(row, digest_size=DIGEST_BYTES).digest()


class RowFile:
    """A uint8 (n, h, w, c) .npy file whose rows are written one by one, in any order.

    Written with ``seek`` and ``write`` instead of a memory map: mapped pages would count as memory
    of every process that touched them. Several processes may each open the same file.
    """

    def __init__(self, file: Path, image_shape: tuple[int, int, int]) -> None:
        self.file = file
        self.image_shape = image_shape
        self.row_bytes = int(np.prod(image_shape))
        self._start = len(npy_header((0, *image_shape)))
        self._handle = file.open("r+b" if file.exists() else "w+b", buffering=0)

    def close(self) -> None:
        self._handle.close()

    def resize(self, rows: int) -> None:
        """Make the file ``rows`` long; new rows are zero and take no room until written."""
        self._handle.seek(0)
        self._handle.write(npy_header((rows, *self.image_shape)))
        self._handle.truncate(self._start + rows * self.row_bytes)

    def write(self, row: int, data: bytes) -> None:
        self._handle.seek(self._start + row * self.row_bytes)
        _write_all(self._handle.fileno(), data)

    def read(self, row: int) -> bytes:
        self._handle.seek(self._start + row * self.row_bytes)
        return self._handle.read(self.row_bytes)

    def compact(self, good: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Fill the rows that are not ``good`` from the end and cut the file.

        Returns the former row of every remaining row, int64 (m,). Costs as much as there are
        holes, not as there are rows; the order of rows means nothing.
        """
        rows = int(good.sum())
        origin = np.arange(rows)
        holes = np.flatnonzero(~good[:rows])
        origin[holes] = rows + np.flatnonzero(good[rows:])
        for hole in holes:
            self.write(int(hole), self.read(int(origin[hole])))
        self.resize(rows)
        return origin


def _write_all(descriptor: int, data: bytes) -> None:
    """A disk that fills up may take part of a row before it says so."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@dataclass(frozen=True)
class SplitRows:
    """What is known of a split once its images are written."""

    labels: NDArray[np.int32]
    names: Sequence[str]
    digests: bytes
    """``DIGEST_BYTES`` for every row, in order."""


class Owner(BaseModel, frozen=True):
    """The process a temporary folder belongs to; a process id alone may be in use again."""

    pid: int
    started: float
    host: str

    @staticmethod
    def me() -> Owner:
        return Owner.of(os.getpid())

    @staticmethod
    def of(pid: int) -> Owner:
        return Owner(pid=pid, started=psutil.Process(pid).create_time(), host=platform.node())

    def alive(self) -> bool:
        """Of another machine's processes nothing is known: they count as alive."""
        if self.host != platform.node():
            return True
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return abs(process.create_time() - self.started) < 2
        except psutil.NoSuchProcess:
            return False


@contextlib.contextmanager
def staging_folder(paths: Paths) -> Iterator[DatasetPaths]:
    """A temporary dataset folder, gone at the end unless :func:`publish` has moved it."""
    paths.create()
    sweep(paths)
    folder = paths.imports / f"{_STAGING}{uuid.uuid4().hex}"
    folder.mkdir()
    try:
        write_atomic(folder / "owner.json", Owner.me().model_dump_json())
        yield DatasetPaths(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(paths: Paths) -> None:
    """Remove what killed imports and deletions have left."""
    for folder in paths.imports.glob(f"{_STAGING}*"):
        try:
            owner = Owner.model_validate_json((folder / "owner.json").read_bytes())
        except (OSError, ValueError):
            # No owner yet: killed in between, or in the act of being made this very moment.
            with contextlib.suppress(OSError):
                age = datetime.now(UTC).timestamp() - folder.stat().st_mtime
                if age > 60:
                    shutil.rmtree(folder, ignore_errors=True)
            continue
        if not owner.alive():
            shutil.rmtree(folder, ignore_errors=True)


def remove(paths: Paths, folder: Path) -> None:
    """Delete a folder so that it disappears at once, even if deleting its files takes long."""
    paths.create()
    away = paths.imports / f"{_STAGING}{uuid.uuid4().hex}"
    folder.replace(away)
    shutil.rmtree(away, ignore_errors=True)


def fingerprint(
    class_names: Sequence[str], image_shape: tuple[int, int, int], splits: dict[str, SplitRows]
) -> str:
    """A hash of everything a network could see. It hashes the hashes of the rows, which the
    processes that wrote them have computed on the way."""
    total = hashlib.blake2b(digest_size=DIGEST_BYTES)
    total.update(json.dumps([list(class_names), image_shape]).encode())
    for name in STORED_SPLITS:
        if name in splits:
            total.update(name.encode())
            total.update(splits[name].labels.astype("<i4").tobytes())
            total.update(splits[name].digests)
    return total.hexdigest()


@dataclass(frozen=True)
class Finished:
    """All a dataset needs besides its images."""

    name: str
    title: str
    class_names: Sequence[str]
    image_shape: tuple[int, int, int]
    resize: ResizeMode
    splits: dict[str, SplitRows]
    report: ImportReport
    vocabulary: str = ""
    groups: Sequence[str] = ()
    derived: Lineage | None = None
    background: str = ""
    submission: NamedSubmission | None = None
    repairs: Mapping[Repair, Sequence[str]] = field(default_factory=dict)
    """The names of all repaired pictures."""


def class_counts(splits: Mapping[str, SplitRows], classes: int) -> dict[str, list[int]]:
    """Rows per class of every split; what has no label counts for no class."""
    return {
        split: np.bincount(rows.labels[rows.labels >= 0], minlength=classes).tolist()
        for split, rows in splits.items()
        if split in SPLITS
    }


def publish(paths: Paths, staging: DatasetPaths, finished: Finished) -> DatasetInfo:
    """Write labels, names, report and description, and move the folder to its place in one step.

    DatasetError if a dataset of that name has appeared meanwhile.
    """
    for split, rows in finished.splits.items():
        np.save(staging.labels(split), rows.labels)
        staging.names(split).write_text(json.dumps(list(rows.names)), encoding="utf-8")
    staging.report.write_text(finished.report.model_dump_json(), encoding="utf-8")
    staging.repairs.write_text(json.dumps(finished.repairs), encoding="utf-8")
    if finished.submission and UNLABELLED in finished.splits:
        settled = finished.submission.settled(finished.splits[UNLABELLED].names)
        staging.submission.write_text(settled.model_dump_json(), encoding="utf-8")
    else:  # nothing is left that could be handed in
        finished = replace(finished, submission=None)
    info = _describe(finished)
    write_atomic(staging.info, info.model_dump_json(indent=1))
    for file in staging.folder.iterdir():
        _sync(file)
    (staging.folder / "owner.json").unlink(missing_ok=True)
    try:
        staging.folder.replace(paths.dataset(finished.name).folder)
    except OSError as error:
        if not paths.dataset(finished.name).folder.exists():
            raise
        raise DatasetError(
            N_("A dataset called “{name}” exists already; nothing was changed."),
            name=finished.name,
        ) from error
    return info


def _sync(file: Path) -> None:
    """Before the folder gets its final name its content must be on the disk, for power cuts."""
    with file.open("r+b") as handle:
        os.fsync(handle.fileno())


def _describe(finished: Finished) -> DatasetInfo:
    classes = len(finished.class_names)
    counts = class_counts(finished.splits, classes)
    sizes = {split: sum(counts.get(split, [])) for split in SPLITS}
    if UNLABELLED in finished.splits:
        sizes[UNLABELLED] = len(finished.splits[UNLABELLED].labels)
    return DatasetInfo(
        name=finished.name,
        title=finished.title,
        class_names=tuple(finished.class_names),
        image_shape=finished.image_shape,
        splits=sizes,
        class_counts={split: counts.get(split, [0] * classes) for split in SPLITS},
        resize=finished.resize,
        background=finished.background,
        submission=finished.submission.columns if finished.submission else (),
        origin=finished.report.origin,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        fingerprint=fingerprint(finished.class_names, finished.image_shape, finished.splits),
        imported=finished.report.imported,
        skipped=finished.report.left_out,
        repaired=sum(r.count for r in finished.report.repaired),
        warnings=finished.report.warnings,
        vocabulary=finished.vocabulary,
        groups=tuple(finished.groups),
        derived=finished.derived,
    )
