"""One run as its folder tells it: ``run.json``, the epochs, the progress.

The folder is the truth. At any moment exactly one process may write it: whoever submits the run
until a worker has taken it, the worker while it lives, and the supervisor once the worker is gone.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

import psutil
from pydantic import BaseModel, ValidationError

from core.config import RunConfig
from core.errors import N_, NotFoundError, RunError, StoreError, Text
from core.parts import ID, Composition, Kind, Part, Start
from core.paths import Paths, RunPaths, write_atomic

_RUN_ID = re.compile(ID)
HEARTBEAT_SECONDS = 60.0
"""A worker on another host that has written nothing for so long counts as dead."""


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    PRUNED = "pruned"
    """Ended by a search, because others promised more."""

    def is_over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)

    def has_shown(self) -> bool:
        """Whether it has come to an end from which there is something to see."""
        return self in SHOWN

    def can_resume(self) -> bool:
        return self is RunStatus.INTERRUPTED

    @property
    def text(self) -> Text:
        """What it is called, to be translated."""
        return Text(msgid=STATUS_NAMES[self])


STATUS_NAMES = {
    RunStatus.QUEUED: N_("queued"),
    RunStatus.RUNNING: N_("running"),
    RunStatus.FINISHED: N_("finished"),
    RunStatus.FAILED: N_("failed"),
    RunStatus.STOPPED: N_("stopped"),
    RunStatus.INTERRUPTED: N_("interrupted"),
    RunStatus.PRUNED: N_("pruned"),
}
SHOWN = (RunStatus.FINISHED, RunStatus.STOPPED, RunStatus.PRUNED)
"""Those that :meth:`RunStatus.has_shown`."""


class Failure(BaseModel, frozen=True):
    """Why a run ended badly, in the user's words, and what to do."""

    what: Text
    remedy: Text | None = None
    smaller_batch: int | None = None
    """The batch size to try next, where memory was (or may have been) what was short."""


class RunSummary(BaseModel, frozen=True):
    """The figures of a run. Accuracies in [0, 1], losses in nats, times in seconds."""

    epochs: int
    best_epoch: int | None = None
    best_val_accuracy: float | None = None
    parameters: int
    seconds: float
    images_per_second: float | None = None
    val_accuracy: float | None = None
    val_loss: float | None = None
    test_accuracy: float | None = None
    test_loss: float | None = None


class RunRecord(BaseModel, frozen=True):
    """``run.json``: what was asked for, where it stands, what came out."""

    schema_version: Literal[1] = 1
    id: str
    config: RunConfig
    status: RunStatus
    created: datetime
    owner: Literal["server", "cli"]
    """Who goes on with it when its process has died: the server by itself, a person otherwise."""
    lab_id: str
    preset: str | None = None
    by: str = ""
    """Who launched it: a name that anybody may choose; the queue takes turns between names."""
    start: Start | None = None
    kind: Kind = "training"
    part: Part | None = None
    """Of what it is part, if it is: a search, a cross-validation."""
    composition: Composition | None = None
    """What a run that is no training is made of; None as long as that is not decided."""
    started: datetime | None = None
    ended: datetime | None = None
    host: str | None = None
    pid: int | None = None
    pid_started: float | None = None
    resumes: int = 0
    interrupted_by: Literal["server", "worker"] | None = None
    dataset_fingerprint: str | None = None
    class_names: tuple[str, ...] = ()
    vocabulary: str = ""
    """Whose class names these are, if the catalogues translate them."""
    image_shape: tuple[int, int, int] | None = None
    resize: str | None = None
    background: str = ""
    versions: dict[str, str] = {}
    summary: RunSummary | None = None
    failure: Failure | None = None
    note: Text | None = None
    """What else there is to say about how it ended."""

    @property
    def network(self) -> str:
        """What has learned, in words that are the same in every language."""
        if self.kind == "crossval":  # from the beginning: what a run is called never changes
            return f"{self.config.model.short_name} × {self.config.data.all_folds}"
        if self.composition is None:
            return self.config.model.short_name
        voices = len(self.composition.members)
        own = self.config.model.short_name
        name = {"ensemble": "Ensemble", "soup": f"Soup {own}"}.get(self.kind, own)
        return f"{name} × {voices}"

    @property
    def is_composed(self) -> bool:
        """Whether it has no network of its own: the runs that it is made of answer for it."""
        return self.kind in ("crossval", "ensemble")

    def changed(self, **values: object) -> Self:
        return self.model_copy(update=values)

    def taken_by_this_process(self) -> Self:
        """The record as the process that now owns the run writes it."""
        process = psutil.Process()
        return self.changed(
            status=RunStatus.RUNNING,
            started=self.started or now(),
            ended=None,
            host=socket.gethostname(),
            pid=process.pid,
            pid_started=process.create_time(),
            interrupted_by=None,
            failure=None,
            note=None,
        )


def now() -> datetime:
    return datetime.now(UTC)


def new_run_id() -> str:
    """A name that sorts by time and can be read: date, time, milliseconds, four random digits."""
    moment = now()
    stamp = moment.strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{moment.microsecond // 1000:03d}-{secrets.token_hex(2)}"


def is_run_id(name: str) -> bool:
    return _RUN_ID.fullmatch(name) is not None


def short_id(run_id: str) -> str:
    """``1120-1145-ab12``: enough to tell the runs of a term apart."""
    day, time, _milliseconds, tail = run_id.split("-")
    return f"{day[4:]}-{time[:4]}-{tail}"


def enough_names(names: Sequence[str], classes: int) -> tuple[str, ...]:
    """As many as a network has classes: a folder from elsewhere may name fewer, or more, than it
    predicts; classes without a name are called by their number."""
    return (*names, *map(str, range(len(names), classes)))[:classes]


def run_paths(paths: Paths, run_id: str) -> RunPaths:
    """The files of an existing run.

    Raises:
        NotFoundError: if there is none of that id (or the id could not be one: it may come from
            an address bar, so nothing but a real id may become a path).
    """
    if not is_run_id(run_id) or not paths.run(run_id).record.is_file():
        raise NotFoundError(N_("There is no run {received}."), received=run_id[:80])
    return paths.run(run_id)


def read_record(paths: Paths, run_id: str) -> RunRecord:
    """The record in a run's folder.

    Raises:
        NotFoundError: if there is no such run.
        StoreError: if its ``run.json`` is damaged or not ours.
    """
    return read_record_file(run_paths(paths, run_id).record)


def read_record_file(path: Path) -> RunRecord:
    """See :func:`read_record`."""
    try:
        record = RunRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise StoreError(
            N_("{file} cannot be read: {error}."), file=str(path), error=str(error)
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise StoreError(
            N_("{file} is damaged or of another version: {field}: {error}."),
            file=str(path),
            field=where,
            error=first["msg"],
        ) from error
    if record.id != path.parent.name:
        raise StoreError(
            N_("{file} says it is run {received}, but its folder has another name."),
            file=str(path),
            received=record.id,
        )
    return record


def write_record(paths: Paths, record: RunRecord) -> None:
    """Replace a run's ``run.json`` as a whole."""
    write_atomic(paths.run(record.id).record, record.model_dump_json(indent=1))


def check_is_training(record: RunRecord) -> None:
    """Raises RunError for a run that is made of others: there is no network in it to train."""
    if record.kind != "training":
        raise RunError(
            N_("Run {run} is made of other runs: it has no network of its own to train."),
            run=record.id,
        )


def process_alive(record: RunRecord) -> bool:
    """Whether the process that owns a running run still exists.

    A pid alone is not enough (it may be another process by now), nor is it known on another
    host: there the time of the last progress decides.
    """
    if record.pid is None:
        return False
    if record.host != socket.gethostname():
        return False
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - (record.pid_started or 0)) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def heartbeat_age(paths: RunPaths) -> float:
    """Seconds since the worker last said where it is; infinite if it never did."""
    try:
        return now().timestamp() - paths.progress.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def is_abandoned(paths: Paths, record: RunRecord) -> bool:
    """Whether a run is marked as running while nobody runs it."""
    if record.kind != "training" and record.pid is None:
        return False  # a server's cross-validation: its folds have processes, itself it has none
    if record.status is not RunStatus.RUNNING or process_alive(record):
        return False
    elsewhere = record.host is not None and record.host != socket.gethostname()
    return not elsewhere or heartbeat_age(paths.run(record.id)) > HEARTBEAT_SECONDS


StageName = Literal["frozen", "fine-tuning"]
"""Part of a training with a pretrained backbone, which learns in the second one only."""


class Epoch(BaseModel, frozen=True):
    """One line of ``metrics.jsonl``: Keras' names; ``epoch`` counts from 1."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None = None
    val_accuracy: float | None = None
    learning_rate: float
    seconds: float
    images_per_second: float
    stage: StageName | None = None
    penalty: float | None = None
    """What L1 and L2 have added to ``val_loss``, as the network stood after the epoch; None if
    they are off."""


def read_history(paths: RunPaths) -> list[Epoch]:
    """The finished epochs; a last line that is being written is left out."""
    return parse_history(paths.metrics)


def parse_history(file: Path) -> list[Epoch]:
    """See :func:`read_history`; nothing if there is no such file."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    epochs: list[Epoch] = []
    for line in lines:
        try:
            epochs.append(Epoch.model_validate_json(line))
        except ValidationError:
            break  # torn: nothing behind it can be trusted
    return epochs


def write_history(paths: RunPaths, epochs: list[Epoch]) -> None:
    """Replace the epochs, as a resumed run does with those after its checkpoint."""
    write_atomic(paths.metrics, "".join(e.model_dump_json() + "\n" for e in epochs))


def append_epoch(paths: RunPaths, epoch: Epoch) -> None:
    with paths.metrics.open("ab", buffering=0) as file:
        file.write((epoch.model_dump_json() + "\n").encode())


class Progress(BaseModel, frozen=True):
    """Where a running training is, at most a quarter of a second ago."""

    phase: Literal[
        "preparing", "downloading", "features", "training", "validating", "evaluating"
    ] = "preparing"
    """While downloading, ``step`` and ``steps`` count megabytes."""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    loss: float | None = None
    accuracy: float | None = None
    val_accuracy: float | None = None
    """Of the last finished epoch, as is the learning rate."""
    learning_rate: float | None = None
    images_per_second: float | None = None
    eta_seconds: float | None = None


def write_progress(paths: RunPaths, progress: Progress) -> None:
    write_atomic(paths.progress, progress.model_dump_json(), durable=False)


def read_progress(paths: RunPaths) -> Progress | None:
    try:
        return Progress.model_validate_json(paths.progress.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def read_steps(paths: RunPaths) -> list[list[float]]:
    """The decimated loss curve: ``[step, min, max, last]`` per bucket."""
    try:
        buckets = json.loads(paths.steps.read_bytes())["buckets"]
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return []
    return [list(map(float, bucket)) for bucket in buckets]


def lab_id(paths: Paths) -> str:
    """The name of this ``artifacts/`` directory, made on first use by whoever holds its lock.

    A folder copied in from elsewhere keeps the id of the lab it came from, so that a server never
    goes on by itself with somebody else's training.
    """
    if not paths.lab_id.exists():
        write_atomic(paths.lab_id, secrets.token_hex(8))
    return paths.lab_id.read_text()
