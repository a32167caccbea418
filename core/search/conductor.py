"""Conducts all studies of a server, a little in every tick of its supervising thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

from filelock import FileLock, Timeout

from core.errors import N_, LabError
from core.jobs.runner import Runner
from core.search.backing import RemakingError
from core.search.conducting import Conducting, Means
from core.search.spec import StudyStatus, changing, read_spec, read_state, write_state
from core.search.study import Owner, study_ids
from core.store import Store

_LOG = logging.getLogger(__name__)
PATIENCE = 20
"""A study over which so many ticks in a row have failed is ended."""
RETRY_SECONDS = 3.0


class Conductor:
    """Call it again and again: it never waits for anything.

    Args:
        slots: trainings that may be at work at the same time.
        owner: whose studies are conducted.
        only: one study, instead of all of them.
    """

    def __init__(
        self,
        store: Store,
        runner: Runner,
        slots: int,
        *,
        owner: Owner = "server",
        only: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._means = Means(store, runner, slots, clock)
        self._owner = owner
        self._only = only
        self._at_work: dict[str, Conducting] = {}
        self._locks: dict[str, FileLock] = {}
        self._quiet: dict[str, tuple[int, int]] = {}
        """Studies with nothing to do, and when their files were changed."""
        self._trouble: dict[str, tuple[int, float]] = {}
        """Ticks in a row that failed, and when to try again."""

    def __call__(self) -> None:
        for study_id in list(self._to_do()):
            try:
                self._conduct(study_id)
            except LabError as error:
                self._fail(study_id, error)
            except Exception:  # noqa: BLE001 - it is logged, and the other studies go on
                _LOG.exception("the conductor goes on after an error")
                self._stumble(study_id)

    def conducting(self, study_id: str) -> Conducting | None:
        """The study, if it is at work."""
        return self._at_work.get(study_id)

    def has_given_up(self, study_id: str) -> bool:
        """Whether nothing more will be done about it, as long as it stays as it is."""
        return study_id in self._quiet and study_id not in self._at_work

    def close(self) -> None:
        """Let go of all studies, for another process to go on."""
        for study_id in [*self._locks]:
            self._let_go(study_id)

    def _to_do(self) -> Iterator[str]:
        """Quick: a look at the times of change of every study's files."""
        for study_id in [self._only] if self._only else study_ids(self._means.store.paths):
            stamp = self._stamp(study_id)
            if study_id in self._at_work or (stamp and stamp != self._quiet.get(study_id)):
                yield study_id

    def _stamp(self, study_id: str) -> tuple[int, int] | None:
        files = self._means.store.paths.study(study_id)
        try:
            return files.spec.stat().st_mtime_ns, files.state.stat().st_mtime_ns
        except OSError:  # being made or deleted
            return None

    def _conduct(self, study_id: str) -> None:
        if self._trouble.get(study_id, (0, 0.0))[1] > self._means.clock():
            return
        work = self._at_work.get(study_id) or self._take_up(study_id)
        if work is None:
            return
        work.tick()
        self._trouble.pop(study_id, None)
        if work.state.settled or work.spec.owner != self._owner:
            self._let_go(study_id)

    def _take_up(self, study_id: str) -> Conducting | None:
        """None if it is not ours, over, or conducted by another process."""
        paths, stamp = self._means.store.paths, self._stamp(study_id)
        files = paths.study(study_id)
        if read_state(files).settled or read_spec(paths, study_id).owner != self._owner:
            if stamp is not None:
                self._quiet[study_id] = stamp
            return None
        lock = FileLock(files.conducting)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        self._locks[study_id] = lock
        try:
            work = self._at_work[study_id] = Conducting(self._means, study_id)
        except RemakingError:  # in a later tick
            self._let_go(study_id)
            return None
        return work

    def _let_go(self, study_id: str) -> None:
        """What is on the disk is all there is to know."""
        self._at_work.pop(study_id, None)
        lock = self._locks.pop(study_id, None)
        if lock is not None:
            lock.release()

    def _stumble(self, study_id: str) -> None:
        """Anew from the disk, a little later; not for ever."""
        self._let_go(study_id)
        times = self._trouble.get(study_id, (0, 0.0))[0] + 1
        self._trouble[study_id] = times, self._means.clock() + RETRY_SECONDS
        if times >= PATIENCE:
            error = LabError(
                N_("The search ran into an error again and again; see the server's log.")
            )
            self._fail(study_id, error)

    def _fail(self, study_id: str, error: LabError) -> None:
        """The study ends, and says why; its trials at work are ended in the next ticks."""
        files = self._means.store.paths.study(study_id)
        self._let_go(study_id)
        try:
            with changing(files):
                state = read_state(files)
                if state.status is StudyStatus.RUNNING:
                    ended = {"status": StudyStatus.FAILED, "why": error.text}
                    write_state(files, state.model_copy(update=ended))
                    return
        except (LabError, OSError):
            _LOG.exception("study %s cannot be read", study_id)
        stamp = self._stamp(study_id)
        if stamp is not None:
            self._quiet[study_id] = stamp
