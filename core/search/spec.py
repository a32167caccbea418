"""One study as its folder tells it: what was asked for, and where it stands.

``study.json`` changes only when somebody gives it more time or trials; ``state.json`` is written by
whoever conducts it, and by whoever stops it. Optuna's own tables hold the trials; the runs of the
trials say of what they are part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, Self

from filelock import FileLock
from pydantic import BaseModel, Field, ValidationError

from core.config import RunConfig, config_error
from core.errors import N_, NotFoundError, StoreError, Text
from core.parts import Id
from core.paths import Paths, StudyPaths, write_atomic
from core.records import is_run_id, now
from core.search.space import SearchSpace

Objective = Literal["val_accuracy", "val_loss"]
SILENT_SECONDS = 15.0
"""Who conducts a study says so every few seconds; what is longer ago does not count as its time."""


class Wanted(BaseModel, frozen=True):
    """What somebody asks to be searched."""

    title: str = ""
    config: RunConfig
    """What all trials have in common: everything that is not searched."""
    space: SearchSpace
    sampler: str = "tpe"
    """A key of :data:`core.search.methods.SAMPLERS`."""
    pruner: str = "median"
    """A key of :data:`core.search.methods.PRUNERS`."""
    objective: Objective = "val_accuracy"
    """Of the network that a trial keeps: the accuracy is to be high, the loss to be low."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    trials: Annotated[int, Field(ge=1)] | None = None
    """At most so many; None: no limit."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """At most so long, by the clock, while it is conducted; None: no limit."""
    parallel: Annotated[int, Field(ge=1)] | None = None
    """Trials in the queue and at work at the same time; None: as many as there are slots."""
    by: str = ""
    tags: tuple[str, ...] = ()
    """Put on the run of every trial."""

    @classmethod
    def parse(cls, values: object) -> Self:
        """Validate plain data.

        Raises:
            ConfigError: naming the field, what was expected and what was received.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise config_error(error) from None


class StudySpec(Wanted, frozen=True):
    """``study.json``."""

    schema_version: Literal[1] = 1
    id: Id
    created: datetime
    owner: Literal["server", "cli"]
    """Who conducts it: the server by itself, or a command line."""
    dataset_fingerprint: str | None = None
    """Of the images when it was made; None of a study that did not note them."""

    @property
    def maximize(self) -> bool:
        return self.objective == "val_accuracy"


class StudyStatus(StrEnum):
    """Where a study stands."""

    RUNNING = "running"
    STOPPED = "stopped"
    """By somebody."""
    FINISHED = "finished"
    """Its trials, its time or its combinations are used up."""
    FAILED = "failed"

    @property
    def text(self) -> Text:
        """What it is called, to be translated."""
        return Text(msgid=STATUS_NAMES[self])


STATUS_NAMES = {
    StudyStatus.RUNNING: N_("running"),
    StudyStatus.STOPPED: N_("stopped"),
    StudyStatus.FINISHED: N_("finished"),
    StudyStatus.FAILED: N_("failed"),
}


class StudyState(BaseModel, frozen=True):
    """``state.json``."""

    status: StudyStatus = StudyStatus.RUNNING
    why: Text | None = None
    """Why it ended, or was stopped, in the user's words."""
    seconds: float = 0.0
    """So long it has been conducted; what passed while it was stopped does not count."""
    told: datetime | None = None
    """When ``seconds`` were written, by whoever conducts it."""
    settled: bool = False
    """It is over, and so are all of its trials."""

    def seconds_used(self) -> float:
        """Up to this moment."""
        if self.status is not StudyStatus.RUNNING or self.told is None:
            return self.seconds
        return self.seconds + min(max(0.0, (now() - self.told).total_seconds()), SILENT_SECONDS)


class Study(NamedTuple):
    """A study as it is now."""

    spec: StudySpec
    state: StudyState

    @property
    def seconds_left(self) -> float | None:
        """Of its minutes; None if it has no limit."""
        if self.spec.minutes is None:
            return None
        return max(0.0, 60 * self.spec.minutes - self.state.seconds_used())


def study_paths(paths: Paths, study_id: str) -> StudyPaths:
    """The files of an existing study.

    Raises:
        NotFoundError: if there is none of that id (which may come from an address bar).
    """
    if not is_run_id(study_id) or not paths.study(study_id).spec.is_file():
        raise NotFoundError(N_("There is no study {received}."), received=study_id[:80])
    return paths.study(study_id)


def read_spec(paths: Paths, study_id: str) -> StudySpec:
    """What was asked for.

    Raises:
        NotFoundError: if there is no such study.
        StoreError: if its file is damaged.
    """
    files = study_paths(paths, study_id)
    try:
        return StudySpec.model_validate_json(files.spec.read_bytes())
    except (OSError, ValidationError) as error:
        raise StoreError(
            N_("{file} is damaged or of another version: {error}."),
            file=str(files.spec),
            error=_first_line(error),
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def read_state(files: StudyPaths) -> StudyState:
    """Where it stands; as at its beginning, if that was never written (a kill while it was made).

    Raises:
        StoreError: if the file is damaged.
    """
    try:
        return StudyState.model_validate_json(files.state.read_bytes())
    except FileNotFoundError:
        return StudyState()
    except (OSError, ValidationError) as error:
        raise StoreError(
            N_("{file} is damaged or of another version: {error}."),
            file=str(files.state),
            error=_first_line(error),
        ) from error


def write_spec(paths: Paths, spec: StudySpec) -> None:
    write_atomic(paths.study(spec.id).spec, spec.model_dump_json(indent=1))


def write_state(files: StudyPaths, state: StudyState) -> None:
    write_atomic(files.state, state.model_dump_json(indent=1))


@contextmanager
def changing(files: StudyPaths) -> Iterator[None]:
    """Inside, nobody else changes the files: a page may stop what a server conducts."""
    with FileLock(files.changing):
        yield
