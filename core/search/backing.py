"""Optuna's own record of a study, in the database of the runs; loaded when first asked for.

The rows can be lost like any other rows there: they are made again from the runs of the trials.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from core.config import RunConfig
from core.database import database_url, tune
from core.errors import N_, LabError, Text, text
from core.paths import Paths
from core.records import RunRecord
from core.search.endings import Ending, ending, values_by_epoch
from core.search.ranges import plain
from core.search.space import Plan
from core.search.spec import StudySpec
from core.store import Store

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, TrialState

RUN, WHY, VOID, COMBINATION, SECONDS = "run", "why", "void", "combination", "seconds"
"""What we note on a trial: its run, why it failed, :data:`IMPOSSIBLE` or :data:`UNBEGUN`, which
combination of a grid it is, and how long it has trained."""
IMPOSSIBLE, UNBEGUN = "impossible", "unbegun"
"""It could not become a run; it was given up before its first epoch had ended. Neither counts."""
BUSY_SECONDS = 60
AT_ONCE = 50
"""So many lost trials are made again while a page waits (a second); more go on without it."""
_LOCK = threading.Lock()
"""Held for a moment."""
_CONNECTING = threading.Lock()
_SERVERS: dict[str, Any] = {}
"""Database address → Optuna's connection to it."""
_KNOWN: dict[tuple[str, str], optuna.Study] = {}
"""(database address, study) → the trials as this process has read them."""
_OPENING: dict[tuple[str, str], _Opening] = {}
"""The same of those that are being opened."""


class RemakingError(LabError):
    """The trials are being put into the database again, ``done`` of ``all`` so far: ask later."""

    def __init__(self, done: int, all_: int) -> None:
        super().__init__(
            N_(
                "The database has lost the trials of this search; they are made again from their "
                "runs: {done} of {all} so far."
            ),
            done=done,
            all=all_,
        )
        self.done, self.all = done, all_


def trials_known(store: Store, spec: StudySpec, *, wait: bool = True) -> optuna.Study:
    """The study as Optuna knows it, shared by all who look at it in this process. The first time
    it is made, and trials of which only the runs are left are put in again.

    Raises:
        RemakingError: if that takes long, and whoever asks cannot ``wait``: it goes on meanwhile.
    """
    key = (database_url(store.paths), spec.id)
    with _LOCK:
        if key in _KNOWN:
            return _KNOWN[key]
        opening = _OPENING.get(key)
        if opening is None:
            opening = _OPENING[key] = _Opening(store, spec, key)
            opening.start()
    (opening.over if wait else opening.told).wait()
    if not opening.over.is_set():
        raise RemakingError(opening.done, opening.all)
    with _LOCK:
        if _OPENING.get(key) is opening:  # the next one who asks tries again, should it have failed
            del _OPENING[key]
    return opening.study()


class _Opening(threading.Thread):
    """Opens a study; in a thread of its own, because a thousand lost rows take half a minute."""

    def __init__(self, store: Store, spec: StudySpec, key: tuple[str, str]) -> None:
        super().__init__(name=f"opening {spec.id}", daemon=True)
        self._store, self._spec, self._key = store, spec, key
        self._study: optuna.Study | None = None
        self._error: BaseException | None = None
        self.done = self.all = 0
        self.over, self.told = threading.Event(), threading.Event()
        """``told``: it is over, or will take its time."""

    def run(self) -> None:
        try:
            self._study = self._opened()
            with _LOCK:
                _KNOWN[self._key] = self._study
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for it
            self._error = error
        finally:
            self.over.set()
            self.told.set()

    def study(self) -> optuna.Study:
        """What was opened; raises what went wrong."""
        if self._study is None:
            assert self._error is not None
            raise self._error
        return self._study

    def _opened(self) -> optuna.Study:
        store, spec = self._store, self._spec
        with _CONNECTING:
            storage = _storage(self._key[0])
        # Two processes may open it at once, and both find trials missing.
        lock = FileLock(store.paths.study(spec.id).remaking)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.told.set()
            lock.acquire()
        try:
            return self._whole(storage)
        finally:
            lock.release()

    def _whole(self, storage: BaseStorage) -> optuna.Study:
        """With a trial for every run."""
        import optuna

        store, spec = self._store, self._spec
        # Runs first: whatever trial they belong to has been asked for before.
        runs = {r.part.number: r for r in reversed(store.runs(part_of=spec.id)) if r.part}
        study = optuna.create_study(
            storage=storage,
            study_name=spec.id,
            direction="maximize" if spec.maximize else "minimize",
            load_if_exists=True,
        )
        self.done, self.all = len(study.get_trials(deepcopy=False)), max(runs, default=-1) + 1
        if self.all - self.done > AT_ONCE:
            self.told.set()
        plan = Plan(spec.space, spec.config)
        for number in range(self.done, self.all):
            study.add_trial(_remade(store, spec, plan, runs.get(number)))
            self.done = number + 1
        return study


def forget_trials(paths: Paths, study_id: str) -> None:
    """Remove the study from Optuna's tables."""
    import optuna

    key = (database_url(paths), study_id)
    with _LOCK:
        _KNOWN.pop(key, None)
    with _CONNECTING:
        storage = _storage(key[0])
    with contextlib.suppress(KeyError):  # it never began
        optuna.delete_study(study_name=study_id, storage=storage)


def _storage(url: str) -> BaseStorage:
    """One connection per process and database, but for every study a memory of its own: a number
    that the database gives a second time is then no mistake."""
    import optuna

    if url not in _SERVERS:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        options = {"connect_args": {"timeout": BUSY_SECONDS}} if "sqlite" in url else {}
        server = optuna.storages.RDBStorage(url, engine_kwargs=options)
        tune(server.engine)
        server.engine.dispose()  # the connection that made the tables was not tuned
        _SERVERS[url] = server
    return optuna.storages.get_storage(_SERVERS[url])


def _remade(store: Store, spec: StudySpec, plan: Plan, record: RunRecord | None) -> FrozenTrial:
    """The trial of a run; of one whose run is gone nothing is known but that it was."""
    from optuna.trial import TrialState, create_trial

    if record is None:
        why = text(N_("The database was made anew, and this trial has no run."))
        noted: dict[str, Any] = {WHY: why.model_dump(), VOID: IMPOSSIBLE}
        return create_trial(state=TrialState.FAIL, user_attrs=noted)
    values = values_by_epoch(store.paths.run(record.id), spec.objective)
    end = ending(record, spec.objective, values)
    read = _Reader(record.config)
    plan.draw(read)
    return create_trial(
        state=state_of(end),
        value=end.value,
        params=read.params,
        distributions=read.distributions,
        intermediate_values=values,
        user_attrs=notes_on(record, end),
    )


def notes_on(record: RunRecord, end: Ending) -> dict[str, Any]:
    """What we note on the trial of a run that stands so."""
    noted: dict[str, Any] = {RUN: record.id}
    if end.why is not None:
        noted[WHY] = end.why.model_dump()
    if end.outcome != "open" and record.summary is not None:
        noted[SECONDS] = record.summary.seconds
    return noted


def state_of(end: Ending) -> TrialState:
    from optuna.trial import TrialState

    states = {
        "open": TrialState.RUNNING,
        "complete": TrialState.COMPLETE,
        "pruned": TrialState.PRUNED,
        "failed": TrialState.FAIL,
    }
    return states[end.outcome]


def why_of(trial: FrozenTrial) -> Text | None:
    """Why it failed, if it did."""
    said = trial.user_attrs.get(WHY)
    return Text.model_validate(said) if said else None


class _Reader:
    """A trial that draws what a config has, and remembers from what."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self.params: dict[str, Any] = {}
        self.distributions: dict[str, BaseDistribution] = {}

    def _read(self, name: str, make: Callable[[], BaseDistribution]) -> Any:
        section, _, field = plain(name).partition(".")
        self.params[name] = getattr(getattr(self._config, section), field)
        self.distributions[name] = make()
        return self.params[name]

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        from optuna.distributions import CategoricalDistribution

        return self._read(name, lambda: CategoricalDistribution(choices))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        from optuna.distributions import IntDistribution

        return int(self._read(name, lambda: IntDistribution(low, high, log=log, step=step)))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        from optuna.distributions import FloatDistribution

        return float(self._read(name, lambda: FloatDistribution(low, high, log=log, step=step)))
