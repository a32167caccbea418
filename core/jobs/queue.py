"""The queue as everybody sees it: the queued runs in the order of their turns.

It is not kept anywhere of its own. What a person has moved lies in the run's folder, beside the
record and not in it: a worker may be taking the run at this moment, and the record is then its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from core.errors import N_, RunError
from core.jobs.expecting import Experience
from core.jobs.turns import Place, Waiting, Working, forecast
from core.paths import RunPaths, write_atomic
from core.records import RunRecord, RunStatus, run_paths
from core.store import Store

Move = Literal["up", "down", "front", "first"]
"""Up, down and front among the runs of one's own name; first: before everybody, for the teacher."""
FRESH_SECONDS = 1.0
REMEMBERED = 200
"""The newest runs: who was served when, and how long an epoch took."""


class Standing(BaseModel, frozen=True):
    """``place.json``: what was moved by hand; without it a run stands where it was queued."""

    rank: float | None = None
    ahead: float | None = None


class Queued(NamedTuple):
    """One row of the queue."""

    record: RunRecord
    position: int
    """From 1."""
    starts_in: float | None
    """Seconds; None if it cannot be known, 0 if a slot is free."""
    ahead: bool
    """The teacher has put it before all turns."""


def read_standing(files: RunPaths) -> Standing:
    try:
        return Standing.model_validate_json(files.place.read_bytes())
    except (OSError, ValidationError):
        return Standing()


def read_queue(store: Store, slots: int) -> list[Queued]:
    """The runs that wait for a slot of a server, in the order of their turns.

    Args:
        slots: runs that work at the same time.
    """
    queued = _of_servers(store.runs(RunStatus.QUEUED))
    if not queued:
        return []
    running = _of_servers(store.runs(RunStatus.RUNNING))
    seen = [*store.runs(limit=REMEMBERED), *running]
    known = Experience(store.paths, seen)
    working = [Working(record.by, known.of_run(record)) for record in running]
    waiting = [_waiting(store, record, known.of_run(record)) for record in queued]
    places = forecast(waiting, working, last_starts(seen), slots)
    return _rows(queued, places, {run.run_id for run in waiting if run.ahead is not None})


class Board:
    """The queue for all who look at it: thirty viewers ask for it every second or three.

    It is read anew when it is older than :data:`FRESH_SECONDS`, or when this server has changed it.
    """

    def __init__(self, store: Store, slots: int) -> None:
        self._store = store
        self._slots = slots
        self._lock = threading.Lock()
        self._rows: list[Queued] = []
        self._old_at = 0.0

    def rows(self) -> list[Queued]:
        with self._lock:
            if time.monotonic() >= self._old_at:
                self._rows = read_queue(self._store, self._slots)
                self._old_at = time.monotonic() + FRESH_SECONDS
            return self._rows

    def change(self) -> None:
        """It is not as it was."""
        with self._lock:
            self._old_at = 0.0


def _rows(queued: Sequence[RunRecord], places: Sequence[Place], ahead: set[str]) -> list[Queued]:
    records = {record.id: record for record in queued}
    return [
        Queued(records[place.run_id], position, place.starts_in, place.run_id in ahead)
        for position, place in enumerate(places, 1)
    ]


def in_turn(
    store: Store, queued: Iterable[RunRecord], working: Sequence[str], slots: int
) -> list[RunRecord]:
    """The queued runs, next first, while runs of the names ``working`` are at work."""
    records = {record.id: record for record in queued}
    if len(records) < 2:
        return list(records.values())
    waiting = [_waiting(store, record) for record in records.values()]
    served = last_starts([*store.runs(limit=REMEMBERED), *store.runs(RunStatus.RUNNING)])
    places = forecast(waiting, [Working(name) for name in working], served, slots)
    return [records[place.run_id] for place in places]


def last_starts(records: Iterable[RunRecord]) -> dict[str, float]:
    """Per name the time of its latest start, in seconds since 1970."""
    starts: dict[str, float] = {}
    for record in records:
        if record.owner == "server" and record.started is not None:
            starts[record.by] = max(starts.get(record.by, 0.0), record.started.timestamp())
    return starts


def move(store: Store, run_id: str, how: Move) -> None:
    """Give a waiting run another place.

    Raises:
        NotFoundError: if there is no such run.
        RunError: if it does not wait any more.
    """
    # Two people, or two clicks, at once: places are read and written under one lock.
    with FileLock(store.paths.index_lock):
        record = store.read(run_id)
        if record.status is not RunStatus.QUEUED:
            raise RunError(
                N_("Run {run} is {status}: only a waiting run can be moved."),
                run=run_id,
                status=record.status.text,
            )
        queued = _of_servers(store.runs(RunStatus.QUEUED))
        waiting = [_waiting(store, other) for other in queued]
        own = sorted(
            (run for run in waiting if run.name == record.by), key=lambda w: (w.rank, w.run_id)
        )
        for changed, standing in _moved(waiting, own, run_id, how).items():
            path = run_paths(store.paths, changed).place
            write_atomic(path, standing.model_dump_json())


def _moved(
    waiting: Sequence[Waiting], own: Sequence[Waiting], run_id: str, how: Move
) -> dict[str, Standing]:
    """The places that change: those of neighbours are swapped."""
    here = next((i for i, run in enumerate(own) if run.run_id == run_id), None)
    if here is None:  # started or cancelled between two looks
        return {}
    run = own[here]
    if how == "first":
        foremost = min((w.ahead for w in waiting if w.ahead is not None), default=0.0)
        return {run_id: Standing(rank=run.rank, ahead=foremost - 1)}
    if how == "front":
        return {run_id: Standing(rank=own[0].rank - 1, ahead=run.ahead)}
    if how == "down" and run.ahead is not None:
        return {run_id: Standing(rank=run.rank)}  # back to its turn
    there = here + (1 if how == "down" else -1)
    if not 0 <= there < len(own):
        return {}
    other = own[there]
    return {
        run_id: Standing(rank=other.rank, ahead=run.ahead),
        other.run_id: Standing(rank=run.rank, ahead=other.ahead),
    }


def _waiting(store: Store, record: RunRecord, seconds: float = float("inf")) -> Waiting:
    standing = read_standing(store.paths.run(record.id))
    return Waiting(
        run_id=record.id,
        name=record.by,
        rank=record.created.timestamp() if standing.rank is None else standing.rank,
        ahead=standing.ahead,
        goes_on=record.interrupted_by == "server",
        seconds=seconds,
    )


def _of_servers(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Without the runs of command lines, which wait for nobody, and what is no training."""
    return [r for r in records if r.owner == "server" and r.kind == "training"]
