"""One study at work: what its trials have done is taken in, and new ones are begun.

Nothing is kept here that is not on the disk: whoever conducts it may be killed between any two
steps, and the next one goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import NamedTuple

from core.caps import check_caps
from core.config import RunConfig
from core.errors import N_, ConfigError, LabError, NotFoundError, RunError, StoreError, Text, text
from core.fitting import check_fits
from core.jobs.runner import Runner
from core.records import RunRecord, RunStatus, is_abandoned, now
from core.remarks import Remarks
from core.search.backing import IMPOSSIBLE, UNBEGUN, notes_on
from core.search.endings import OPEN, Ending, ending, values_by_epoch
from core.search.images import images_of
from core.search.space import Plan
from core.search.spec import (
    StudySpec,
    StudyState,
    StudyStatus,
    changing,
    read_spec,
    read_state,
    write_state,
)
from core.search.trials import Open, Trials
from core.store import Store

MOST_IMPOSSIBLE = 50
"""So many impossible combinations in a row, and the study ends: the space is at fault."""
MOST_FAILED = 10
"""The same for trainings that failed."""
SAVE_SECONDS = 5.0


class Means(NamedTuple):
    """With what a study is conducted."""

    store: Store
    runner: Runner
    slots: int
    """Trainings that may be at work at the same time."""
    clock: Callable[[], float]


class Conducting:
    """One study, while this process conducts it.

    Raises (all methods):
        LabError: what ends the study, such as a dataset that is gone.
    """

    def __init__(self, means: Means, study_id: str) -> None:
        self._means = means
        self._files = means.store.paths.study(study_id)
        self._stamp = self._file_stamp()
        self.spec: StudySpec = read_spec(means.store.paths, study_id)
        self.state: StudyState = read_state(self._files)
        self._plan = Plan(self.spec.space, self.spec.config)
        # A server has other things to do; a command line has not.
        self.trials = Trials(means.store, self.spec, wait=self.spec.owner == "cli")
        self._seconds = self.state.seconds
        self._seen = self._saved = means.clock()

    def tick(self) -> None:
        """One look at everything, and the next step."""
        self._count_time()
        self._hear()
        for one in list(self.trials.open.values()):
            self._take_in(one)
        if self.state.status is StudyStatus.RUNNING:
            self._fill()
        else:
            self._wind_up()

    # -- time, and what others have written -------------------------------------------------------

    def _count_time(self) -> None:
        moment = self._means.clock()
        if self.state.status is StudyStatus.RUNNING:
            self._seconds += moment - self._seen
        self._seen = moment

    def _file_stamp(self) -> tuple[int, ...]:
        files = (self._files.spec, self._files.state)
        return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)

    def _hear(self) -> None:
        """Somebody may have stopped it, or given it more; and now and then say that it is alive."""
        stamp = self._file_stamp()
        if stamp != self._stamp:
            self.state, self._stamp = read_state(self._files), stamp
            spec = read_spec(self._means.store.paths, self.spec.id)
            self.spec = self.trials.spec = spec
        if self.state.status is StudyStatus.RUNNING and (
            self.state.told is None or self._means.clock() - self._saved >= SAVE_SECONDS
        ):
            self._save()

    def _save(self, *, of: bool = True, **update: object) -> None:
        """Write where it stands, if it is (``of``: it is running; else: it is over) as we know it:
        somebody may have stopped it meanwhile, or gone on with it."""
        with changing(self._files):
            found = read_state(self._files)
            if (found.status is StudyStatus.RUNNING) is of:
                update = {"seconds": self._seconds, "told": now(), **update} if of else update
                found = found.model_copy(update=update)
                write_state(self._files, found)
            self.state, self._stamp = found, self._file_stamp()
        self._saved = self._means.clock()

    def _end(self, status: StudyStatus, why: Text) -> None:
        """No further trials."""
        self._save(status=status, why=why)

    # -- what trials have done --------------------------------------------------------------------

    def _take_in(self, one: Open) -> None:
        if one.run is None:
            return
        files = self._means.store.paths.run(one.run)
        stamp = tuple(
            f.stat().st_mtime_ns if f.exists() else 0 for f in (files.record, files.metrics)
        )
        if stamp == one.stamp:
            return
        try:
            record = self._means.store.read(one.run)
        except NotFoundError:
            self._lose(one, text(N_("Its run was deleted.")))
        except StoreError as error:
            self._lose(one, error.text)
        else:
            one.stamp = stamp
            self._judge(one, record)

    def _lose(self, one: Open, why: Text) -> None:
        """A trial whose run cannot be read."""
        void = "" if one.values else UNBEGUN
        self.trials.tell(one, Ending("failed", why=why), notes={}, void=void)

    def _judge(self, one: Open, record: RunRecord) -> None:
        values = values_by_epoch(self._means.store.paths.run(record.id), self.spec.objective)
        end = ending(record, self.spec.objective, values)
        epochs = record.config.train.epochs if end.outcome == "open" else 0
        hopeless = self.trials.report(one, values, epochs)
        if end.outcome != "open":
            unbegun = end.outcome == "pruned" and not values
            void = UNBEGUN if unbegun else ""
            self.trials.tell(one, end, notes=notes_on(record, end), void=void)
        elif hopeless:
            self._give_up(record)
        elif self.state.status is StudyStatus.RUNNING:
            self._send_on(record)

    def _send_on(self, record: RunRecord) -> None:
        """What another one has left behind, who conducted the study before. A server goes on by
        itself with a training that it has begun."""
        if record.owner == self.spec.owner or record.status is RunStatus.RUNNING:
            return
        if record.status is RunStatus.INTERRUPTED:
            self._means.runner.resume(record.id)
        else:
            mine = {"owner": self.spec.owner, "lab_id": self._means.store.lab_id}
            self._means.store.save(record.changed(**mine))

    def _give_up(self, record: RunRecord) -> None:
        """Have a run end with what it has shown."""
        # Over or deleted in this very moment: the next look will see.
        with contextlib.suppress(RunError, NotFoundError):
            if not self._means.store.paths.run(record.id).stop.exists():
                self._means.store.ask_to_stop(record.id, "pruned")

    # -- the next ones ----------------------------------------------------------------------------

    def _fill(self) -> None:
        """Begin what was asked for, ask for what there is room for, or end."""
        for one in [one for one in self.trials.open.values() if one.run is None]:
            self._begin(one)
        while (over := self._over()) is None and self._room():
            self._begin(self.trials.ask())
        if over is not None and (over.at_once or not self.trials.open):
            self._end(over.status, over.why)
            self._wind_up()

    def _room(self) -> bool:
        return len(self.trials.open) < (self.spec.parallel or self._means.slots)

    def _over(self) -> _Over | None:
        """Why there will be no further trial, if so."""
        spec, trials = self.spec, self.trials
        if spec.minutes is not None and self._seconds >= 60 * spec.minutes:
            return _Over(
                text(N_("Its time of {minutes} min is over."), minutes=_short(spec.minutes)), True
            )
        if trials.in_a_row("impossible") >= MOST_IMPOSSIBLE:
            why = N_("{count} combinations in a row were impossible; the last one: {reason}")
            return self._failed(why, MOST_IMPOSSIBLE)
        if trials.in_a_row("failed") >= MOST_FAILED:
            return self._failed(
                N_("{count} trials in a row failed; the last one: {reason}"), MOST_FAILED
            )
        if spec.trials is not None and trials.begun() >= spec.trials:
            return _Over(text(N_("All of its {count} trials are done."), count=spec.trials))
        if trials.exhausted():
            return _Over(text(N_("Every combination has been tried.")))
        return None

    def _failed(self, why: str, count: int) -> _Over:
        reason = self.trials.last_reason() or Text(msgid="–")
        return _Over(text(why, count=count, reason=reason), True, StudyStatus.FAILED)

    def _begin(self, one: Open) -> None:
        """Make the run of a trial."""
        try:
            info = images_of(self._means.store.paths, self.spec)
            config = self.spec.config.with_values(
                {**self._plan.draw(self.trials.drawing(one)), "data.dataset": info.name}
            )
            check_fits(config.model, info.image_shape)
            check_caps(config)
        except ConfigError as error:
            # Not as failed: from what has failed TPE learns nothing, and would draw it again.
            end = Ending("pruned", why=error.text)
            self.trials.tell(one, end, notes={}, void=IMPOSSIBLE)
            return
        run_id = self._submit(config, one)
        if self.spec.tags:
            self._means.store.remark(run_id, Remarks(tags=self.spec.tags))
        self.trials.has_run(one, run_id)

    def _submit(self, config: RunConfig, one: Open) -> str:
        return self._means.runner.submit(config, by=self.spec.by, part=self.trials.part(one))

    # -- the end ----------------------------------------------------------------------------------

    def _wind_up(self) -> None:
        """Trials that are left end with what they have shown."""
        for one in list(self.trials.open.values()):
            if one.run is None:
                self.trials.tell(one, Ending("pruned"), notes={}, void=UNBEGUN)
            else:
                self._part_with(one, one.run)
        if not self.trials.open and not self.state.settled:
            self._save(of=False, settled=True)

    def _part_with(self, one: Open, run_id: str) -> None:
        try:
            record = self._means.store.read(run_id)
        except LabError as error:
            self._lose(one, error.text)
            return
        if record.status is RunStatus.INTERRUPTED:  # nobody will go on with it for this study
            void = "" if one.values else UNBEGUN
            self.trials.tell(one, Ending("pruned"), notes=notes_on(record, OPEN), void=void)
        elif not record.status.is_over():
            self._give_up(record)

    def next_run(self) -> str | None:
        """A run of this study that nobody is training, for whoever trains by hand."""
        for one in self.trials.open.values():
            if one.run is not None:
                record = self._means.store.read(one.run)
                waits = record.status is RunStatus.QUEUED or record.status.can_resume()
                if waits or is_abandoned(self._means.store.paths, record):
                    return one.run
        return None


class _Over(NamedTuple):
    why: Text
    at_once: bool = False
    """Trials at work are ended, too."""
    status: StudyStatus = StudyStatus.FINISHED


def _short(minutes: float) -> str:
    return f"{minutes:g}"
