"""What a study has found: its trials, the best of them, and what mattered."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from core.config import RunConfig
from core.errors import N_, ConfigError, DatasetError, LabError, NotFoundError, RunError, Text
from core.jobs.runner import Runner
from core.parts import Part
from core.paths import Paths
from core.records import RunRecord, RunStatus, new_run_id
from core.search.backing import IMPOSSIBLE, RUN, SECONDS, VOID, trials_known, why_of
from core.search.endings import values_by_epoch
from core.search.images import images_of
from core.search.ranges import Choice, FloatRange
from core.search.space import Plan
from core.search.spec import StudySpec, read_spec
from core.store import Store

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

State = Literal["open", "complete", "pruned", "failed", "impossible"]
STATE_NAMES: dict[State, str] = {
    "open": N_("waiting or running"),
    "complete": N_("finished"),
    "pruned": N_("ended early"),
    "failed": N_("failed"),
    "impossible": N_("impossible"),
}
LEAST_TRIALS = 5
"""Fewer finished trials say nothing about what matters."""
_LOCK = threading.Lock()
_ROWS: dict[tuple[Paths, str], dict[int, TrialRow]] = {}
"""Trials that are over do not change any more."""


class TrialRow(NamedTuple):
    """One trial."""

    number: int
    run_id: str | None
    """None if it never had one, or it was deleted."""
    state: State
    value: float | None
    """The objective; of one that was ended early the last epoch's."""
    params: dict[str, Choice]
    """What was drawn, by the keys of the space."""
    epochs: int
    seconds: float | None
    """Of training; None before its end."""
    values: dict[int, float]
    """Epoch (from 1) → the objective after it."""
    why: Text | None = None
    """Why it failed or was impossible."""


class Importance(NamedTuple):
    """How much of the differences between trials a setting explains; all together are 1."""

    key: str
    share: float


def trials_of(store: Store, study_id: str, *, wait: bool = True) -> list[TrialRow]:
    """All trials by number; quick, also with a thousand of them.

    Raises:
        NotFoundError: if there is no such study.
        RemakingError: unless it may ``wait``, while the database's rows are made again.
    """
    spec = read_spec(store.paths, study_id)
    trials = trials_known(store, spec, wait=wait).get_trials(deepcopy=False)
    there = store.ids()
    with _LOCK:
        known = _ROWS.setdefault((store.paths, study_id), {})
        rows = [known.get(trial.number) or _row(trial, spec) for trial in trials]
        known |= {row.number: row for row in rows if row.state != "open"}
    return [row if row.run_id in there else row._replace(run_id=None) for row in rows]


_STATES: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def _row(trial: FrozenTrial, spec: StudySpec) -> TrialRow:
    noted = trial.user_attrs
    state = _STATES.get(trial.state.name, "open")
    return TrialRow(
        number=trial.number,
        run_id=noted.get(RUN),
        state="impossible" if noted.get(VOID) == IMPOSSIBLE else state,
        value=trial.value if state in ("complete", "pruned") else None,
        params={name: _tidy(spec, name, value) for name, value in trial.params.items()},
        epochs=max(trial.intermediate_values, default=0),
        seconds=noted.get(SECONDS),
        values=dict(trial.intermediate_values),
        why=why_of(trial),
    )


def _tidy(spec: StudySpec, name: str, value: Choice) -> Choice:
    """As the config has it: Optuna knows more digits."""
    wanted = spec.space.fields[name]
    return wanted.tidy(float(value)) if isinstance(wanted, FloatRange) else value


def ranked(rows: Sequence[TrialRow], spec: StudySpec) -> list[TrialRow]:
    """Finished trials, best first."""
    done = [row for row in rows if row.state == "complete" and row.value is not None]
    return sorted(done, key=lambda row: row.value or 0.0, reverse=spec.maximize)


def best_trial(store: Store, study_id: str) -> TrialRow | None:
    """The best of the finished trials; None as long as there is none."""
    rows = ranked(trials_of(store, study_id), read_spec(store.paths, study_id))
    return rows[0] if rows else None


def config_of(spec: StudySpec, row: TrialRow) -> RunConfig:
    """The settings of a trial, also if its run is gone; on the dataset as it was called then."""
    plan = Plan(spec.space, spec.config)
    return spec.config.with_values(plan.draw(_Given(row.params)))


def best_config(store: Store, study_id: str) -> RunConfig:
    """The settings of the best trial.

    Raises:
        NotFoundError: if there is no such study.
        RunError: if no trial has finished yet.
    """
    spec = read_spec(store.paths, study_id)
    config = config_of(spec, _best(store, study_id))
    # Whoever uses them is told if the images are gone: the settings are worth having all the same.
    with contextlib.suppress(NotFoundError, DatasetError):
        config = config.with_values({"data.dataset": images_of(store.paths, spec).name})
    return config


def _best(store: Store, study_id: str) -> TrialRow:
    best = best_trial(store, study_id)
    if best is None:
        raise RunError(N_("No trial of this study has finished yet."))
    return best


class _Given:
    """A trial whose values are known."""

    def __init__(self, params: Mapping[str, Choice]) -> None:
        self._params = params

    def suggest_categorical(self, name: str, choices: object) -> Choice:
        return self._params[name]

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return int(self._params[name])

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._params[name])


def importance(store: Store, study_id: str) -> list[Importance]:
    """What mattered, most important first.

    By PED-ANOVA: what sets the better trials apart from the others. Not in the server, which has
    :meth:`core.jobs.service.ComputeService.importance`: it loads scikit-learn.

    Raises:
        NotFoundError: if there is no such study.
        RunError: if too few trials have finished, or they do not differ.
    """
    study = trials_known(store, read_spec(store.paths, study_id))
    done = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    if len(done) < LEAST_TRIALS:
        raise RunError(
            N_("What matters can be told from {least} finished trials on; here are {count}."),
            least=LEAST_TRIALS,
            count=len(done),
        )
    if len({trial.value for trial in done}) == 1:
        raise RunError(N_("All finished trials are equally good: there is nothing to explain."))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few trials are said to be few
        from optuna.importance import get_param_importances

        shares = get_param_importances(study)
    return [Importance(key, float(share)) for key, share in shares.items()]


def importance_in(paths: Paths, study_id: str) -> list[tuple[str, float]]:
    """:func:`importance` for another process, in plain tuples."""
    store = Store(paths)
    try:
        return [(one.key, one.share) for one in importance(store, study_id)]
    finally:
        store.close()


def best_epoch(store: Store, spec: StudySpec, row: TrialRow) -> int:
    """How many epochs of a trial were worth while."""
    summary = _summary_epoch(store, row)
    if summary is not None:
        return summary
    values = row.values or (
        values_by_epoch(store.paths.run(row.run_id), spec.objective) if row.run_id else {}
    )
    if not values:
        return config_of(spec, row).train.epochs
    choose = max if spec.maximize else min
    return choose(values, key=lambda epoch: values[epoch])


def _summary_epoch(store: Store, row: TrialRow) -> int | None:
    if row.run_id is None:
        return None
    try:
        summary = store.read(row.run_id).summary
    except LabError:  # deleted in this moment, or damaged
        return None
    return summary.best_epoch if summary else None


def final_runs(
    store: Store,
    runner: Runner,
    study_id: str,
    seeds: Sequence[int],
    *,
    with_validation: bool = True,
) -> list[str]:
    """Train the settings of the best trial again, once with every seed; returns the runs.

    With the validation images nothing judges the epochs: there are as many as were best in the
    search, and the last one is kept.

    Raises:
        NotFoundError: if there is no such study, or its dataset is gone.
        DatasetError: if another dataset has that name by now.
        RunError: if no trial has finished yet.
        ConfigError: if there is no seed, or the server's caps are lower by now.
    """
    if not seeds:
        raise ConfigError(N_("There is no seed: ask for at least one training."))
    spec = read_spec(store.paths, study_id)
    best, name = _best(store, study_id), images_of(store.paths, spec).name
    config = config_of(spec, best).with_values({"data.dataset": name})
    if with_validation:
        config = config.with_values(
            {
                "data.with_validation": True,
                "train.epochs": best_epoch(store, spec, best),
                "train.early_stopping": False,
                "train.restore_best": False,
            }
        )
    whole = new_run_id()
    return [
        runner.submit(
            config.with_values({"train.seed": seed}),
            by=spec.by,
            part=Part(kind="seeds", of=whole, number=number),
        )
        for number, seed in enumerate(seeds)
    ]


def open_runs(store: Store, study_id: str) -> list[RunRecord]:
    """The runs of the study that wait or are at work."""
    return store.runs(RunStatus.QUEUED, RunStatus.RUNNING, part_of=study_id)
