"""The trials of a study that is being conducted, in memory; all that is here is on the disk, too.

Every step may be the last before a kill: an asked trial without a run is given one at the next
start, an ended run without a told trial is told then, and a run says itself of which trial it is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal

from core.errors import Text
from core.parts import Part
from core.search.backing import (
    COMBINATION,
    IMPOSSIBLE,
    RUN,
    UNBEGUN,
    VOID,
    WHY,
    state_of,
    trials_known,
    why_of,
)
from core.search.endings import Ending
from core.search.methods import PRUNERS, SAMPLERS
from core.search.ranges import Choice, IntRange
from core.search.space import combinations
from core.search.spec import StudySpec
from core.store import Store

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

Done = Literal["shown", "failed", "impossible", "unbegun"]


@dataclass
class Open:
    """A trial that is not over."""

    number: int
    trial_id: int
    run: str | None = None
    stamp: tuple[int, ...] = ()
    """Of its run's files when they were last read."""
    values: dict[int, float] = field(default_factory=dict)
    """Epoch → measure, as told to Optuna."""
    trial: Trial | None = None
    """As it was asked for, by this process."""


class Trials:
    """What Optuna knows of a study, and what we need of it in every tick."""

    def __init__(self, store: Store, spec: StudySpec, *, wait: bool = True) -> None:
        """Raises RemakingError, unless it may ``wait``, as :func:`trials_known`."""
        import optuna

        shared = trials_known(store, spec, wait=wait)
        self.spec = spec
        self.store = store
        # Not the shared one: that is for looking at, and this one has a sampler and a pruner.
        self._study: Study = optuna.load_study(
            study_name=spec.id,
            storage=shared._storage,
            pruner=PRUNERS[spec.pruner].build(_most_epochs(spec)),
        )
        self.open: dict[int, Open] = {}
        self._done: dict[int, Done] = {}
        self._before = 0
        """Trials of former times: after a failure, a study that goes on has another chance."""
        self._runs: dict[int, str] | None = None
        """By trial; looked up when a trial does not know its run."""
        self._used: set[int] = set()
        """Combinations of the grid that have had their trial."""
        self._grid = _shuffled(spec) if spec.sampler == "grid" else []
        for trial in self._study.get_trials(deepcopy=False):
            self._learn(trial)
        self._before = len(self._done) + len(self.open)

    def _learn(self, trial: FrozenTrial) -> None:
        if COMBINATION in trial.user_attrs and trial.user_attrs.get(VOID) != UNBEGUN:
            self._used.add(trial.user_attrs[COMBINATION])
        if trial.state.is_finished():
            failed: Done = "shown" if trial.state.name != "FAIL" else "failed"
            self._done[trial.number] = trial.user_attrs.get(VOID) or failed
        else:
            run = trial.user_attrs.get(RUN) or self._run_of(trial.number)
            values = dict(trial.intermediate_values)
            self.open[trial.number] = Open(trial.number, trial._trial_id, run, values=values)

    def _run_of(self, number: int) -> str | None:
        """The run of a trial that was asked for by a process that was killed over it."""
        if self._runs is None:
            # Its folder may be there while the index does not know it yet.
            self.store.reindex()
            records = self.store.runs(part_of=self.spec.id)
            self._runs = {r.part.number: r.id for r in records if r.part is not None}
        return self._runs.get(number)

    # -- how far it is ----------------------------------------------------------------------------

    def begun(self) -> int:
        """Trials that count: what never became a training costs nothing."""
        return len(self.open) + sum(done in ("shown", "failed") for done in self._done.values())

    def exhausted(self) -> bool:
        """Whether every combination of the grid has had its trial."""
        return self.spec.sampler == "grid" and len(self._used) >= len(self._grid)

    def in_a_row(self, what: Done) -> int:
        """How many trials, the last ones, ended like this."""
        latest = (self._done[n] for n in sorted(self._done, reverse=True) if n >= self._before)
        counted = (done for done in latest if done != "unbegun")
        return sum(1 for _ in takewhile(lambda done: done == what, counted))

    def last_reason(self) -> Text | None:
        """Why the last trial that ended did not end well."""
        if not self._done:
            return None
        return why_of(self._study.get_trials(deepcopy=False)[max(self._done)])

    # -- what is told to Optuna -------------------------------------------------------------------

    def ask(self) -> Open:
        """The next trial, without values yet."""
        self._study.sampler = self._sampler(len(self._done) + len(self.open), {})
        trial = self._study.ask()
        self.open[trial.number] = one = Open(trial.number, trial._trial_id, trial=trial)
        return one

    def drawing(self, one: Open) -> Trial:
        """The trial to draw from; what was drawn already stays as it is."""
        import optuna

        self._study.sampler = self._sampler(one.number, self._combination(one))
        return one.trial or optuna.Trial(self._study, one.trial_id)

    def _sampler(self, number: int, combination: Mapping[str, Choice]) -> Any:
        seed = random.Random(f"{self.spec.seed} {number}").randrange(2**31)
        return SAMPLERS[self.spec.sampler].build(seed, combination)

    def _combination(self, one: Open) -> Mapping[str, Choice]:
        if not self._grid:
            return {}
        known = self._storage.get_trial(one.trial_id).user_attrs.get(COMBINATION)
        if known is None:
            known = next(i for i in range(len(self._grid)) if i not in self._used)
            self._storage.set_trial_user_attr(one.trial_id, COMBINATION, known)
        self._used.add(known)
        return self._grid[int(known)]

    def has_run(self, one: Open, run_id: str) -> None:
        one.run = run_id
        self._storage.set_trial_user_attr(one.trial_id, RUN, run_id)

    def report(self, one: Open, values: Mapping[int, float], epochs: int) -> bool:
        """Tell the epochs that are new; whether the trial should be given up over one of those
        before the last of ``epochs`` (0: none of them can be: it is over)."""
        hopeless = False
        for epoch in sorted(values.keys() - one.values.keys()):
            self._storage.set_trial_intermediate_value(one.trial_id, epoch, values[epoch])
            one.values[epoch] = values[epoch]
            hopeless = hopeless or (epoch < epochs and self._hopeless(one))
        return hopeless

    def _hopeless(self, one: Open) -> bool:
        if self.spec.pruner == "none":
            return False
        trial = self._storage.get_trial(one.trial_id)
        return self._study.pruner.prune(self._study, trial)

    def tell(self, one: Open, end: Ending, *, notes: Mapping[str, Any], void: str = "") -> None:
        """The last word on a trial: notes first, so that a told trial has all of them."""
        noted = dict(notes)
        if end.why is not None:
            noted[WHY] = end.why.model_dump()
        # A former conductor may have been killed just before it gave the trial up.
        if void or VOID in self._storage.get_trial(one.trial_id).user_attrs:
            noted[VOID] = void
        for name, value in noted.items():
            self._storage.set_trial_user_attr(one.trial_id, name, value)
        # Its sampler sees the trial end, which some of them remember.
        self._study.sampler = self._sampler(one.number, {})
        value = end.value if end.outcome == "complete" else None
        self._study.tell(one.number, value, state=state_of(end), skip_if_finished=True)
        del self.open[one.number]
        self._done[one.number] = _done(end, void)
        if void == UNBEGUN and self._grid:
            self._used = set(self._used_again())

    def _used_again(self) -> Iterator[int]:
        """Combinations used, without those of trials that were given up before they began."""
        for trial in self._study.get_trials(deepcopy=False):
            if COMBINATION in trial.user_attrs and trial.user_attrs.get(VOID) != UNBEGUN:
                yield trial.user_attrs[COMBINATION]

    def part(self, one: Open) -> Part:
        return Part(kind="study", of=self.spec.id, number=one.number)

    @property
    def _storage(self) -> Any:
        return self._study._storage


def _done(end: Ending, void: str) -> Done:
    if void == IMPOSSIBLE:
        return "impossible"
    if void == UNBEGUN:
        return "unbegun"
    return "failed" if end.outcome == "failed" else "shown"


def _most_epochs(spec: StudySpec) -> int:
    wanted = spec.space.fields.get("train.epochs")
    if wanted is None:
        return spec.config.train.epochs
    if isinstance(wanted, IntRange):
        return wanted.high
    return max(int(value) for value in wanted.all_values() or ())


def _shuffled(spec: StudySpec) -> list[dict[str, Choice]]:
    """A grid that is not finished has then looked everywhere."""
    grid = combinations(spec.space, spec.config)
    random.Random(spec.seed).shuffle(grid)
    return grid
