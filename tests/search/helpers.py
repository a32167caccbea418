"""Studies without trainings: a runner that only notes down, and hands that do a worker's work."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.config import RunConfig
from core.datasets.digits import ensure_digits
from core.parts import Part, Start
from core.paths import Paths
from core.records import (
    Epoch,
    Failure,
    RunRecord,
    RunStatus,
    RunSummary,
    append_epoch,
    now,
    read_history,
)
from core.search import backing
from core.search.conductor import Conductor
from core.search.ranges import Choices, FloatRange
from core.search.results import TrialRow, trials_of
from core.search.space import SearchSpace
from core.search.spec import Study, Wanted
from core.search.study import create_study, read_study
from core.store import Store

BASE = RunConfig.parse(
    {
        "data": {"dataset": "digits"},
        "model": {"architecture": "mlp", "layers": 1, "units": 8},
        "train": {"epochs": 4},
    }
)
RATE = "optimizer.learning_rate"
SPACE = SearchSpace(fields={RATE: FloatRange(low=0.001, high=0.1, log=True)})
LISTS = SearchSpace(
    fields={RATE: Choices(values=(0.1, 0.01)), "train.batch_size": Choices(values=(32, 64, 128))}
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeRunner:
    """What is submitted waits for the test's hands."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.resumed: list[str] = []

    def submit(
        self,
        config: RunConfig,
        preset: str | None = None,
        *,
        by: str = "",
        start: Start | None = None,
        part: Part | None = None,
    ) -> str:
        return self.store.create(config, owner="server", preset=preset, by=by, part=part).id

    def stop(self, run_id: str) -> None:
        self.store.ask_to_stop(run_id)

    def resume(self, run_id: str) -> None:
        self.resumed.append(run_id)


class Hall:
    """A server's conductor whose thread does not run: the tests turn its crank."""

    def __init__(self, paths: Paths, slots: int = 1) -> None:
        self.paths = paths
        ensure_digits(paths)
        self.store = Store(paths)
        self.runner = FakeRunner(self.store)
        self.clock = Clock()
        self.slots = slots
        self.conductor = self.fresh()

    def fresh(self) -> Conductor:
        return Conductor(self.store, self.runner, self.slots, clock=self.clock)

    def restart(self) -> None:
        """As after a kill: another process, which knows what is on the disk."""
        self.conductor.close()
        backing._KNOWN.clear()
        self.conductor = self.fresh()

    def create(self, **wanted: object) -> str:
        asked = {"config": BASE, "space": SPACE, "pruner": "none", "trials": 3, **wanted}
        return create_study(self.store, Wanted.model_validate(asked))

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.conductor()

    def study(self, study_id: str) -> Study:
        return read_study(self.paths, study_id)

    def rows(self, study_id: str) -> list[TrialRow]:
        return trials_of(self.store, study_id)

    def states(self, study_id: str) -> list[str]:
        return [row.state for row in self.rows(study_id)]

    def waiting(self) -> list[RunRecord]:
        """Oldest first."""
        return self.store.runs(RunStatus.QUEUED)[::-1]

    def epoch(self, run_id: str, accuracy: float) -> None:
        files = self.paths.run(run_id)
        line = Epoch(
            epoch=len(read_history(files)) + 1,
            loss=1.0,
            accuracy=accuracy,
            val_loss=1 - accuracy,
            val_accuracy=accuracy,
            learning_rate=0.1,
            seconds=1.0,
            images_per_second=1.0,
        )
        append_epoch(files, line)

    def end(
        self, run_id: str, status: RunStatus = RunStatus.FINISHED, failure: Failure | None = None
    ) -> None:
        """The worker's last word: the network of the last epoch is kept."""
        history = read_history(self.paths.run(run_id))
        summary = None
        if history and status.has_shown():
            last = history[-1]
            summary = RunSummary(
                epochs=last.epoch,
                best_epoch=last.epoch,
                parameters=9,
                seconds=float(last.epoch),
                val_accuracy=last.val_accuracy,
                val_loss=last.val_loss,
            )
        record = self.store.read(run_id)
        self.store.save(
            record.changed(status=status, ended=now(), summary=summary, failure=failure)
        )

    def train_all(self, accuracy: Callable[[RunConfig], Sequence[float]]) -> None:
        """Every waiting run, to its end."""
        for record in self.waiting():
            for value in accuracy(record.config):
                self.epoch(record.id, value)
            self.end(record.id)

    def until_settled(self, study_id: str, *, most: int = 100) -> None:
        for _ in range(most):
            self.tick()
            if self.study(study_id).state.settled:
                return
            self.train_all(near_a_hundredth)
        raise AssertionError("it does not come to an end")


def near_a_hundredth(config: RunConfig) -> list[float]:
    """Two epochs; the best learning rate is 0.01."""
    best = 1 - abs(config.optimizer.learning_rate - 0.01)
    return [best / 2, best]


def finished_study(store: Store, trials: int = 6, **wanted: object) -> str:
    """A study that is over, with runs that never trained: for tests of pages and commands."""
    hall = Hall(store.paths)
    study_id = hall.create(trials=trials, space=LISTS, **wanted)
    hall.until_settled(study_id)
    hall.conductor.close()
    return study_id
