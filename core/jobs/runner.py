"""The supervising thread, which works through the queue.

The queue is not kept anywhere of its own: it is the runs whose status is ``queued``
(:mod:`core.jobs.queue` says in which order). So it survives a restart, and several servers on one
``artifacts/`` see the same.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from filelock import FileLock, Timeout

from core.caps import check_caps
from core.config import RunConfig
from core.errors import N_, LabError, RunError, text
from core.failures import explain_death
from core.jobs.devices import slots as machine_slots
from core.jobs.queue import Board, Move, Queued, in_turn, move
from core.jobs.workers import HostLauncher, Launcher, PopenLauncher, Worker
from core.parts import Part, Start
from core.records import (
    Failure,
    RunRecord,
    RunStatus,
    check_is_training,
    heartbeat_age,
    is_abandoned,
    now,
    read_progress,
    run_paths,
)
from core.signals import reason_in
from core.store import Store

_LOG = logging.getLogger(__name__)
TICK_SECONDS = 0.2
IDLE_SECONDS = 1.0
STOP_GRACE_SECONDS = 30.0
"""Time for a stopped training to evaluate and save what it has, before it is terminated."""
KILL_GRACE_SECONDS = 5.0
CLOSE_SECONDS = 5.0
MAX_RESUMES = 10
"""A run that has taken its server down so often is not started again by itself."""


class Runner(Protocol):
    """Whoever trains queued runs."""

    def submit(
        self,
        config: RunConfig,
        preset: str | None = None,
        *,
        by: str = "",
        start: Start | None = None,
        part: Part | None = None,
    ) -> str: ...

    def stop(self, run_id: str) -> None: ...

    def resume(self, run_id: str) -> None: ...


@dataclass
class _Job:
    """A worker at work on a slot."""

    run_id: str
    by: str
    device: str
    worker: Worker
    log_start: int = 0
    """Bytes of the log that former lives of the run have written."""
    seen: float = 0.0
    """Time of change of the ``run.json`` that the index knows."""
    stop_asked: float | None = None
    terminated: bool = False


@dataclass
class Supervisor:
    """The :class:`Runner` of a server: one daemon thread, one worker process per run.

    Only one supervisor is active per ``artifacts/``; those of further servers submit and wait.
    """

    store: Store
    launcher: Launcher
    devices: list[str] = field(default_factory=machine_slots)
    clock: Callable[[], float] = time.monotonic
    companions: list[Callable[[], object]] = field(default_factory=list)
    """What else has its turn in every tick: whoever submits runs by what others have shown."""

    def __post_init__(self) -> None:
        self._jobs: dict[str, _Job] = {}
        self._board = Board(self.store, len(self.devices))
        self._wake = threading.Event()
        self._closing = False
        self._lock = FileLock(self.store.paths.runner_lock)
        self._thread = threading.Thread(target=self._loop, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Let go: workers save and end by themselves, to be resumed at the next start."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():  # or it might start one more worker
            self._thread.join(CLOSE_SECONDS)
        self.launcher.close()

    # -- asked for by pages ---------------------------------------------------------------------

    def submit(
        self,
        config: RunConfig,
        preset: str | None = None,
        *,
        by: str = "",
        start: Start | None = None,
        part: Part | None = None,
    ) -> str:
        """Queue a training for whoever is called ``by``; returns its run id at once.

        Raises:
            ConfigError: if it is longer than this server allows.
            NotFoundError, RunError: if what it is to ``start`` from is gone.
        """
        check_caps(config)
        record = self.store.create(
            config, owner="server", preset=preset, by=by, start=start, part=part
        )
        self._changed()
        return record.id

    def queue(self) -> list[Queued]:
        """The waiting runs in the order of their turns, as far as can be told now."""
        return self._board.rows()

    def move(self, run_id: str, how: Move) -> None:
        """See :func:`core.jobs.queue.move`."""
        move(self.store, run_id, how)
        self._changed()

    def _changed(self) -> None:
        self._board.change()
        self._wake.set()

    def stop(self, run_id: str) -> None:
        """See :meth:`core.store.Store.ask_to_stop`."""
        self.store.ask_to_stop(run_id)
        self._changed()

    def resume(self, run_id: str) -> None:
        """Go on with an interrupted run from its last checkpoint; from now on it is this lab's.

        Raises:
            RunError: if it is not interrupted.
        """
        # Two people may press the button at once, or a command line take the run meanwhile.
        with FileLock(self.store.paths.index_lock):
            record = self.store.read(run_id)
            check_is_training(record)
            if not record.status.can_resume():
                raise RunError(
                    N_("Run {run} is {status}: only an interrupted run can go on."),
                    run=run_id,
                    status=record.status.text,
                )
            # It waits for a turn, unlike those that go on by themselves after a restart.
            asked = {"owner": "server", "lab_id": self.store.lab_id, "interrupted_by": None}
            self._requeue(record.changed(**asked))
        self._changed()

    # -- the thread -----------------------------------------------------------------------------

    def _loop(self) -> None:
        """Nothing that a run does may end this."""
        while not self._closing and not self._acquire():
            self._pause(1.0)
        if not self._closing:
            # The last supervisor may have been killed between a folder and its row in the index.
            self._careful(self.store.reindex)
        while not self._closing:
            self._careful(self.tick)
            self._pause(TICK_SECONDS if self._jobs else IDLE_SECONDS)
        self._lock.release()

    def _pause(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _acquire(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def tick(self) -> None:
        """One look at everything: ended workers, stops, abandoned runs, the queue."""
        for job in list(self._jobs.values()):
            self._careful(self._watch, job)
        for record in self.store.runs(RunStatus.RUNNING, RunStatus.INTERRUPTED):
            if record.id not in self._jobs:
                self._careful(self._recover, record)
        for companion in self.companions:
            self._careful(companion)
        self._careful(self._deal)

    def _deal(self) -> None:
        """Free slots go to whoever is next; what was cancelled leaves the queue."""
        queued = [
            record
            for record in self.store.runs(RunStatus.QUEUED)
            if record.id not in self._jobs and record.kind == "training"
        ]
        if self._free_device() is not None:
            working = [job.by for job in self._jobs.values()]
            queued = in_turn(self.store, queued, working, len(self.devices))
        for record in queued:
            self._careful(self._advance, record)

    def _careful(self, step: Callable[..., object], *about: object) -> None:
        """Whatever is wrong with one run, the others go on."""
        try:
            step(*about)
        except Exception as error:  # noqa: BLE001 - it is logged, and the queue must go on
            _LOG.exception("the supervisor goes on after an error")
            if isinstance(error, LabError):  # a folder was deleted or damaged by hand
                self._careful(self.store.reindex)

    def _watch(self, job: _Job) -> None:
        files = self.store.paths.run(job.run_id)
        if job.worker.poll() is not None:
            del self._jobs[job.run_id]
            self._settle(job)
        elif not files.record.exists():
            job.worker.kill()  # deleted by hand: nothing is left to train for
        else:
            self._index(job)
            if files.stop.exists():
                self._press(job)

    def _index(self, job: _Job) -> None:
        changed = self.store.paths.run(job.run_id).record.stat().st_mtime
        if changed != job.seen:
            job.seen = changed
            self.store.refresh(job.run_id)

    def _press(self, job: _Job) -> None:
        """The user's stop was asked for: wait, then terminate, then kill."""
        if job.stop_asked is None:
            job.stop_asked = self.clock()
        if self._is_evaluating(job):
            return
        waited = self.clock() - job.stop_asked
        if waited > STOP_GRACE_SECONDS + KILL_GRACE_SECONDS:
            job.worker.kill()
        elif waited > STOP_GRACE_SECONDS and not job.terminated:
            job.terminated = True
            job.worker.terminate()

    def _is_evaluating(self, job: _Job) -> bool:
        """It has obeyed, and is working out what it has learnt: on large images, for minutes."""
        files = self.store.paths.run(job.run_id)
        progress = read_progress(files)
        evaluating = progress is not None and progress.phase == "evaluating"
        return evaluating and heartbeat_age(files) < STOP_GRACE_SECONDS

    def _settle(self, job: _Job) -> None:
        """The worker is gone: if it left no last word, say it for it."""
        record = self.store.refresh(job.run_id)
        if record.status is RunStatus.QUEUED or is_abandoned(self.store.paths, record):
            log = self.store.paths.run(record.id).log
            failure = explain_death(job.worker.poll(), log, record.config, since=job.log_start)
            record = self._bury(record, "worker", failure)
        if record.status.is_over() and not record.status.can_resume():
            self.store.paths.run(record.id).checkpoint.unlink(missing_ok=True)

    def _bury(self, record: RunRecord, by: str, failure: Failure | None = None) -> RunRecord:
        """Nobody trains it any more: stopped if that was asked for and nothing would be lost by
        it, otherwise interrupted."""
        files = self.store.paths.run(record.id)
        if files.stop.exists() and (files.model.exists() or not files.checkpoint.exists()):
            asked_by_search = reason_in(files.stop) == "pruned"
            status = RunStatus.PRUNED if asked_by_search else RunStatus.STOPPED
            ended = record.changed(status=status, ended=now())
        else:
            ended = record.changed(
                status=RunStatus.INTERRUPTED, interrupted_by=by, ended=now(), failure=failure
            )
        self.store.save(ended)
        files.stop.unlink(missing_ok=True)
        return ended

    def _recover(self, record: RunRecord) -> None:
        """A run left behind: by a server that is gone (it goes on), or by a worker (it waits)."""
        if record.status is not RunStatus.RUNNING and not self._goes_on(record):
            return
        told = self.store.read(record.id)
        if told != record:  # its worker has had another word
            self.store.refresh(record.id)
        if is_abandoned(self.store.paths, told):
            told = self._bury(told, "server")
        if self._goes_on(told):  # at once: before the slots are dealt to others
            self._requeue(told)

    def _goes_on(self, record: RunRecord) -> bool:
        """Whether an interrupted run is resumed by itself."""
        return (
            record.status is RunStatus.INTERRUPTED
            and record.interrupted_by == "server"
            and record.owner == "server"
            and record.lab_id == self.store.lab_id
            and record.resumes < MAX_RESUMES
        )

    def _requeue(self, record: RunRecord) -> None:
        run_paths(self.store.paths, record.id).stop.unlink(missing_ok=True)
        queued = record.changed(
            status=RunStatus.QUEUED, resumes=record.resumes + 1, failure=None, ended=None
        )
        self.store.save(queued)

    def _advance(self, record: RunRecord) -> None:
        """A queued run: out of the queue if it was stopped, onto a slot if one is free."""
        stop = run_paths(self.store.paths, record.id).stop
        device = self._free_device()
        if device is None and not stop.exists():
            return
        record = self.store.refresh(record.id)  # the index may lag behind the folder
        if record.status is not RunStatus.QUEUED or record.owner != "server":
            return
        if stop.exists() or record.lab_id != self.store.lab_id:
            self._bury(record, "worker")  # copied in from elsewhere: nobody here asked for it
        elif device is not None:
            self._launch(record, device)

    def _free_device(self) -> str | None:
        free = list(self.devices)
        for job in self._jobs.values():
            free.remove(job.device)
        return free[0] if free else None

    def _launch(self, record: RunRecord, device: str) -> None:
        log = self.store.paths.run(record.id).log
        said = log.stat().st_size if log.exists() else 0
        try:
            worker = self.launcher.start(record.id, device)
        except (OSError, LabError) as error:
            what = text(N_("The training could not be started: {error}."), error=str(error))
            failed = record.changed(
                status=RunStatus.FAILED, ended=now(), failure=Failure(what=what)
            )
            self.store.save(failed)
            return
        self._jobs[record.id] = _Job(record.id, record.by, device, worker, said)


def make_launcher(store: Store, devices: list[str]) -> Launcher:
    """Forked workers where that is safe (Linux, no GPU), fresh processes elsewhere."""
    if sys.platform == "linux" and set(devices) == {"cpu"}:
        return HostLauncher(store.paths)
    return PopenLauncher(store.paths)
