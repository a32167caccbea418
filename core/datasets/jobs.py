"""Imports for the app, and other long work on datasets: each in a process of its own, found again
by its folder.

``imports/<job_id>/`` holds ``job.json`` (what is asked), ``upload/`` (the file of an upload, until
the end), ``process.json`` (who works on it), ``progress.json`` (how far), ``log.txt`` and, while
somebody wants it to end, ``cancel``. This side starts and reads;
:mod:`core.datasets.import_job` works.
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
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

import psutil
from filelock import FileLock
from pydantic import BaseModel

from core.datasets import limits
from core.datasets.options import ImportOptions, ImportProgress, check_options
from core.datasets.registry import open_dataset, validate_name
from core.datasets.specs import SourceSpec, UploadSpec
from core.datasets.work import Derive, Work, ready_message
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
    """What the source is called."""
    name: str
    source: SourceSpec | None = None
    """What to import; None for other work."""
    options: ImportOptions = ImportOptions()
    created: float
    work: Work | None = None
    """What to do with datasets that are here; None for an import."""


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
    def reserves(self) -> bool:
        """Whether a dataset of this name comes of it."""
        return self.kind in ("import", "derive")

    @property
    def kind(self) -> Literal["import", "derive", "export", "duplicates"]:
        return self.request.work.kind if self.request.work else "import"

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
        """A folder for the uploaded file."""
        return self.folder / "upload"

    @property
    def export(self) -> Path:
        """The zip file that was asked for; it goes with the job."""
        return self.folder / "export.zip"

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
    source: SourceSpec,
    name: str,
    options: ImportOptions | None = None,
    upload: BinaryIO | None = None,
) -> str:
    """Begin to import a source as the dataset ``name``; returns the job's id.

    ``upload`` is the content of the file of an UploadSpec, which is stored first. DatasetError if
    the name or an option is impossible, the name is taken by a dataset or by another import, or
    the disk is too full; nothing is left behind then.
    """
    options = options or ImportOptions()
    check_options(options)
    files = _open_job(paths, source.called, name, source=source, options=options)
    try:
        if isinstance(source, UploadSpec) and upload is not None:
            files.upload.mkdir()
            _store(upload, files.upload / source.stored_name)
        # From here on the job belongs to its process, which tells its own id first of all.
        _launch(files)
    except BaseException:
        shutil.rmtree(files.folder, ignore_errors=True)
        raise
    return files.folder.name


def start_work(paths: Paths, work: Work, name: str, about: str = "") -> str:
    """Begin to work on datasets that are here; returns the job's id.

    ``name`` is that of the dataset that comes of it, or that it is about; ``about`` says more for
    people. DatasetError if a new name is impossible or taken.
    """
    files = _open_job(paths, about, name, work=work)
    try:
        _launch(files)
    except BaseException:
        shutil.rmtree(files.folder, ignore_errors=True)
        raise
    return files.folder.name


def check_idle(paths: Paths, dataset: str) -> None:
    """DatasetError if a job reads the dataset."""
    for state in list_imports(paths):
        if state.request.work and dataset in state.request.work.needs and not state.is_over():
            raise DatasetError(
                N_("“{name}” is in use: another dataset or a file is being made of it."),
                name=dataset,
            )


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
        shutil.rmtree(files.upload, ignore_errors=True)
        sweep(paths)
        made = _made_all_the_same(paths, request)
        state = made or JobProgress(
            status="failed",
            progress=state.progress,
            message=_ended_unexpectedly(request),
            remedy=text(N_("Start it again. What happened is in {log}."), log=str(files.log)),
        )
        # Kept: later there may be a dataset of that name which is not this job's.
        with suppress(OSError):
            write_atomic(files.progress, state.model_dump_json())
    return ImportState(request, state)


def _made_all_the_same(paths: Paths, request: JobRequest) -> JobProgress | None:
    """The last word of a job that was killed after its dataset was in its place."""
    if request.work is not None and not isinstance(request.work, Derive):
        return None
    try:
        info = open_dataset(paths, request.name).info
    except LabError:
        return None
    # Its name was free when the job began, and reserved since then.
    if datetime.fromisoformat(info.created).timestamp() < int(request.created):
        return None
    return JobProgress(status="finished", message=ready_message(info))


def _ended_unexpectedly(request: JobRequest) -> Text:
    if request.work is None:
        sentence = N_("The import of “{file}” ended unexpectedly; nothing was kept.")
        return text(sentence, file=request.filename)
    sentence = N_("The work on “{name}” ended unexpectedly; nothing was kept.")
    return text(sentence, name=request.name)


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


def _open_job(
    paths: Paths,
    called: str,
    name: str,
    *,
    source: SourceSpec | None = None,
    options: ImportOptions | None = None,
    work: Work | None = None,
) -> JobPaths:
    """A new job folder, which reserves the name of the dataset that will come of it."""
    paths.create()
    with _one_at_a_time(paths):
        if work is None or isinstance(work, Derive):
            name = _free_name(paths, name)
        job_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}"
        files = JobPaths(paths.imports / job_id)
        files.folder.mkdir()
        created = time.time()
        request = JobRequest(
            job_id=job_id,
            filename=called,
            name=name,
            source=source,
            options=options or ImportOptions(),
            created=created,
            work=work,
        )
        # While it uploads, this process is the one that must live.
        write_atomic(files.process, Owner.me().model_dump_json())
        write_atomic(files.request, request.model_dump_json(indent=1))
    return files


def _free_name(paths: Paths, name: str) -> str:
    """The name in normal form; DatasetError if it is impossible, taken, or will be soon."""
    name = validate_name(paths, name)
    check_not_coming(paths, name)
    return name


def check_not_coming(paths: Paths, name: str) -> None:
    """DatasetError if a dataset of this name is being made."""
    for other in list_imports(paths):
        if other.reserves and not other.is_over() and other.name.casefold() == name.casefold():
            raise DatasetError(
                N_("A dataset called “{name}” is being made right now. Choose another name."),
                name=name,
            )


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
