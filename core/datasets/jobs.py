"""Imports for the app: each in a process of its own, found again by its folder.

``imports/<job_id>/`` holds ``job.json`` (what is asked), ``upload.zip`` (until the end),
``process.json`` (who works on it), ``progress.json`` (how far), ``log.txt`` and, while somebody
wants it to end, ``cancel``. This side starts and reads; :mod:`core.datasets.import_job` works.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import psutil
from filelock import FileLock
from pydantic import BaseModel

from core.datasets import limits
from core.datasets.options import ImportOptions, ImportProgress, check_options
from core.datasets.registry import validate_name
from core.datasets.writer import Owner, sweep
from core.errors import N_, DatasetError, LabError, NotFoundError, Text, text
from core.paths import Paths, write_atomic

JobStatus = Literal["uploading", "running", "finished", "failed", "cancelled"]
OVER: tuple[JobStatus, ...] = ("finished", "failed", "cancelled")

_BLOCK = 1 << 20
_ROOT = Path(__file__).resolve().parents[2]
# Kept until they end, or the system would keep them as zombies for as long as the app runs.
_children: list[subprocess.Popen[bytes]] = []


class JobRequest(BaseModel, frozen=True):
    """What is asked: ``job.json``."""

    job_id: str
    filename: str
    name: str
    options: ImportOptions
    created: float


class JobProgress(BaseModel, frozen=True):
    """How far it is: ``progress.json``, written by the one process that works on the job."""

    status: JobStatus = "uploading"
    progress: ImportProgress = ImportProgress()
    message: Text | None = None
    remedy: Text | None = None


@dataclass(frozen=True)
class ImportState:
    """An import as a page shows it."""

    request: JobRequest
    state: JobProgress

    @property
    def job_id(self) -> str:
        return self.request.job_id

    @property
    def name(self) -> str:
        return self.request.name

    @property
    def filename(self) -> str:
        return self.request.filename

    @property
    def status(self) -> JobStatus:
        return self.state.status

    @property
    def progress(self) -> ImportProgress:
        return self.state.progress

    @property
    def message(self) -> Text | None:
        return self.state.message

    @property
    def remedy(self) -> Text | None:
        return self.state.remedy

    def is_over(self) -> bool:
        return self.status in OVER


@dataclass(frozen=True)
class JobPaths:
    """The files of one import."""

    folder: Path

    @property
    def request(self) -> Path:
        return self.folder / "job.json"

    @property
    def upload(self) -> Path:
        return self.folder / "upload.zip"

    @property
    def process(self) -> Path:
        return self.folder / "process.json"

    @property
    def progress(self) -> Path:
        return self.folder / "progress.json"

    @property
    def cancel(self) -> Path:
        return self.folder / "cancel"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"


def start_import(
    paths: Paths,
    upload: BinaryIO,
    filename: str,
    name: str,
    options: ImportOptions | None = None,
) -> str:
    """Store the ``upload`` and begin to import it as the dataset ``name``; returns the job's id.

    DatasetError if the name or an option is impossible, the name is taken by a dataset or by
    another import, or the disk is too full; nothing is left behind then.
    """
    options = options or ImportOptions()
    check_options(options)
    files = _open_job(paths, filename, name, options)
    try:
        _store(upload, files.upload)
        # From here on the job belongs to its process, which tells its own id first of all.
        _launch(files)
    except BaseException:
        shutil.rmtree(files.folder, ignore_errors=True)
        raise
    return files.folder.name


def list_imports(paths: Paths) -> list[ImportState]:
    """All imports that have not been dismissed, the newest first."""
    folders = paths.imports.iterdir() if paths.imports.is_dir() else ()
    states = []
    for folder in folders:
        if not folder.name.startswith("."):
            with suppress(NotFoundError):
                states.append(read_import(paths, folder.name))
    return sorted(states, key=lambda s: s.request.created, reverse=True)


def read_import(paths: Paths, job_id: str) -> ImportState:
    """The state of one import; one whose process has died without a word is failed.

    NotFoundError if there is none of that id.
    """
    _children[:] = [child for child in _children if child.poll() is None]
    files = _job(paths, job_id)
    try:
        request = JobRequest.model_validate_json(files.request.read_bytes())
    except (OSError, ValueError) as error:
        raise _unknown(job_id) from error
    # The process before its progress: one that ends in between has written its last word.
    alive = _alive(files)
    state = _progress(files)
    if state.status not in OVER and not alive:
        with suppress(OSError):
            files.upload.unlink(missing_ok=True)
        sweep(paths)
        state = JobProgress(
            status="failed",
            progress=state.progress,
            message=text(
                N_("The import of “{file}” ended unexpectedly; nothing was kept."),
                file=request.filename,
            ),
            remedy=text(N_("Import it again. What happened is in {log}."), log=str(files.log)),
        )
    return ImportState(request, state)


def cancel_import(paths: Paths, job_id: str) -> None:
    """Ask an import to end; it does within a second or so and leaves nothing but its state."""
    state = read_import(paths, job_id)
    if not state.is_over():
        _job(paths, job_id).cancel.touch()


def dismiss_import(paths: Paths, job_id: str) -> None:
    """Forget an import that is over; DatasetError if it is not."""
    if not read_import(paths, job_id).is_over():
        raise DatasetError(N_("The import is still running. Cancel it first."))
    shutil.rmtree(_job(paths, job_id).folder, ignore_errors=True)


def _job(paths: Paths, job_id: str) -> JobPaths:
    """Job ids come from a URL, perhaps: only the plain name of a folder is one."""
    if not job_id or job_id.startswith(".") or Path(job_id).name != job_id:
        raise _unknown(job_id)
    return JobPaths(paths.imports / job_id)


def _unknown(job_id: str) -> NotFoundError:
    return NotFoundError(N_("There is no import “{job_id}”."), job_id=job_id)


def _open_job(paths: Paths, filename: str, name: str, options: ImportOptions) -> JobPaths:
    """A new job folder, which reserves the name."""
    paths.create()
    with _one_at_a_time(paths):
        name = validate_name(paths, name)
        for other in list_imports(paths):
            if not other.is_over() and other.name.casefold() == name.casefold():
                raise DatasetError(
                    N_(
                        "A dataset called “{name}” is being imported right now. "
                        "Choose another name."
                    ),
                    name=name,
                )
        job_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}"
        files = JobPaths(paths.imports / job_id)
        files.folder.mkdir()
        created = time.time()
        request = JobRequest(
            job_id=job_id, filename=filename, name=name, options=options, created=created
        )
        # While it uploads, this process is the one that must live.
        write_atomic(files.process, Owner.me().model_dump_json())
        write_atomic(files.request, request.model_dump_json(indent=1))
    return files


@contextmanager
def _one_at_a_time(paths: Paths) -> Iterator[None]:
    with FileLock(paths.imports / ".jobs.lock"):
        yield


def _store(upload: BinaryIO, file: Path) -> None:
    """Copy block by block, watching the disk."""
    with file.open("wb") as out:
        while block := upload.read(_BLOCK):
            if out.tell() % (64 * _BLOCK) == 0:
                limits.check_disk(file.parent, 64 * _BLOCK)
            out.write(block)


def _launch(files: JobPaths) -> None:
    with files.log.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "core.datasets.import_job", str(files.folder.resolve())],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # It outlives the app: an import needs nobody, and is found again.
            start_new_session=True,
        )
    # The child says the same of itself: whichever of the two is killed, the other tells.
    with suppress(psutil.NoSuchProcess):
        write_atomic(files.process, Owner.of(child.pid).model_dump_json())
    _children.append(child)


def _alive(files: JobPaths) -> bool:
    try:
        owner = Owner.model_validate_json(files.process.read_bytes())
    except (OSError, ValueError):
        return False
    return owner.alive()


def _progress(files: JobPaths) -> JobProgress:
    try:
        return JobProgress.model_validate_json(files.progress.read_bytes())
    except (OSError, ValueError):
        return JobProgress(status="uploading" if not files.log.exists() else "running")


def failure(error: LabError) -> JobProgress:
    """The last word of an import that has failed."""
    return JobProgress(status="failed", message=error.text, remedy=error.remedy)
