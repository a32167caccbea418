"""What a hyper-parameter search costs and what it brings.

    python -m benchmarks.search                       overhead per trial at 10 and 1,000 trials
    python -m benchmarks.search --make 1000           a study with so many finished trials
    python -m benchmarks.search --compare digits      TPE with pruning against random choice
    python -m benchmarks.search --compare cifar10     the same on 5,000 images, once added by
                                                      python -m core data add … --name cifar10

Overhead: the same training, through the queue of a server with real workers, once submitted bare
and once as the trials of a study; the ratio of the times from the first start to the last end, and
the processor time that the conductor itself takes for a trial. Target: at most 1.05.

``--make`` writes into LIENZO_ARTIFACTS (or artifacts/): run folders as of real trainings, but for
their networks, by an objective that costs nothing. A page is then tried with them.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from core.config import RunConfig
from core.datasets.digits import ensure_digits
from core.lab import Lab
from core.parts import Part
from core.paths import Paths, default_root
from core.records import Epoch, RunStatus, RunSummary, now, write_history, write_record
from core.search.foreground import conduct_here
from core.search.ranges import Choices, FloatRange, IntRange, Range
from core.search.results import best_trial, trials_of
from core.search.space import Plan, SearchSpace
from core.search.spec import StudyState, StudyStatus, Wanted, write_state
from core.search.study import continue_study, create_study, read_study
from core.store import Store

TRIALS, SEEDS = 20, (0, 1, 2)
BARE_RUNS = 5
EPOCHS = 8


class Dice:
    """Draws at random, without remembering anything."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self.random.choice(choices)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return self.random.randrange(low, high + 1, step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if log:
            return math.exp(self.random.uniform(math.log(low), math.log(high)))
        return self.random.uniform(low, high)


def instant_run(store: Store, config: RunConfig, part: Part, dice: random.Random) -> None:
    """The folder of a run that took no time."""
    record = store.create(config, owner="server", part=part)
    history = [epoch_of(config, number, dice) for number in range(1, EPOCHS + 1)]
    write_history(store.paths.run(record.id), history)
    last = history[-1]
    summary = RunSummary(
        epochs=EPOCHS,
        best_epoch=EPOCHS,
        best_val_accuracy=last.val_accuracy,
        parameters=10_000,
        seconds=8.0,
        val_accuracy=last.val_accuracy,
        val_loss=last.val_loss,
        test_accuracy=last.val_accuracy,
    )
    ended = {"status": RunStatus.FINISHED, "started": now(), "ended": now()}
    write_record(store.paths, record.changed(**ended, summary=summary))


def epoch_of(config: RunConfig, number: int, dice: random.Random) -> Epoch:
    """Best at a learning rate of 0.003, a dropout of 0.3 and a batch of 64."""
    far = (math.log10(config.optimizer.learning_rate) + 2.5) ** 2
    far += 4 * (config.model.dropout - 0.3) ** 2
    far += 0.1 * (math.log2(config.train.batch_size) - 6) ** 2
    best = 0.97 - 0.08 * far + dice.gauss(0, 0.005)
    reached = min(max(0.1 + (best - 0.1) * (1 - math.exp(-number / 2)), 0.05), 1.0)
    return Epoch(
        epoch=number,
        loss=1.2 - reached,
        accuracy=reached,
        val_loss=1.2 - reached,
        val_accuracy=reached,
        learning_rate=config.optimizer.learning_rate,
        seconds=1.0,
        images_per_second=1000.0,
    )


BASE = RunConfig.parse(
    {
        "data": {"dataset": "digits"},
        "model": {"architecture": "mlp", "layers": 2, "units": 64},
        "train": {"epochs": EPOCHS, "early_stopping": False},
    }
)
WIDE: dict[str, Range] = {
    "optimizer.learning_rate": FloatRange(low=1e-5, high=1, log=True),
    "train.batch_size": Choices(values=(16, 32, 64, 128, 256)),
    "model.dropout": FloatRange(low=0, high=0.8),
    "model.l2": FloatRange(low=1e-6, high=1e-1, log=True),
}
"""What a beginner may think of: much of it is bad."""


def make(store: Store, trials: int, wanted: Wanted) -> str:
    """A study with so many finished trials, drawn at random; returns its id. Optuna's rows are made
    from the runs, as after the loss of a database."""
    begin = time.monotonic()
    study_id = create_study(store, wanted.model_copy(update={"trials": trials}))
    files = store.paths.study(study_id)
    write_state(files, StudyState(status=StudyStatus.FINISHED, settled=True, seconds=8.0 * trials))
    dice, plan = Dice(0), Plan(wanted.space, wanted.config)
    for number in range(trials):
        part = Part(kind="study", of=study_id, number=number)
        instant_run(store, wanted.config.with_values(plan.draw(dice)), part, dice.random)
    store.reindex()
    made = time.monotonic()
    rows = trials_of(store, study_id)
    read = time.monotonic()
    trials_of(store, study_id)
    print(
        f"{len(rows)} trials: runs made in {made - begin:.0f} s, Optuna's rows in "
        f"{read - made:.1f} s, read again in {1000 * (time.monotonic() - read):.0f} ms: {study_id}"
    )
    return study_id


class Timed:
    """A companion, and the processor time that it takes."""

    def __init__(self, companion: Callable[[], object]) -> None:
        self._companion = companion
        self.seconds = 0.0

    def __call__(self) -> None:
        begin = time.thread_time()
        self._companion()
        self.seconds += time.thread_time() - begin


def overhead(numbers: tuple[int, ...]) -> None:
    """Trials that all take as long: what is searched changes no work."""
    narrow: dict[str, Range] = {
        "optimizer.learning_rate": FloatRange(low=0.001, high=0.0011, log=True),
        "model.dropout": FloatRange(low=0.2, high=0.21),
        "model.l2": FloatRange(low=0.0001, high=0.0002, log=True),
        "train.label_smoothing": FloatRange(low=0.1, high=0.11),
    }
    config = BASE.with_values({"train.epochs": 40, "model.dropout": 0.2, "model.l2": 0.0001})
    config = config.with_values({"train.label_smoothing": 0.1})
    wanted = Wanted(config=config, space=SearchSpace(fields=narrow), pruner="none", trials=1)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        studies = {n: make(lab.store, n, wanted) for n in numbers}
        timed = Timed(lab.runner.companions.pop())
        lab.runner.companions.append(timed)
        lab.start()
        together(lab, [lab.runner.submit(config)])  # warms up
        bare = together(lab, [lab.runner.submit(config) for _ in range(BARE_RUNS)])
        print(f"a bare run: {bare:.2f} s")
        for number, study_id in studies.items():
            known = {record.id for record in lab.store.runs(part_of=study_id)}
            timed.seconds = 0.0
            continue_study(lab.paths, study_id, more_trials=BARE_RUNS)
            while not read_study(lab.paths, study_id).state.settled:
                time.sleep(0.1)
            fresh = [r.id for r in lab.store.runs(part_of=study_id) if r.id not in known]
            each = together(lab, fresh)
            own = timed.seconds / BARE_RUNS
            print(
                f"at {number} trials: {each:.2f} s a trial, ratio {each / bare:.3f}; "
                f"the conductor itself {own:.3f} s, {1 + own / bare:.3f} of a bare run"
            )
        lab.close()


def together(lab: Lab, run_ids: list[str]) -> float:
    """Seconds per run from the first start to the last end, once all have ended."""
    while not all(lab.store.read(run_id).status.is_over() for run_id in run_ids):
        time.sleep(0.1)
    records = [lab.store.read(run_id) for run_id in run_ids]
    return (_last(r.ended for r in records) - _first(r.started for r in records)) / len(run_ids)


def _first(moments: Any) -> float:
    return min(m.timestamp() for m in moments if isinstance(m, datetime))


def _last(moments: Any) -> float:
    return max(m.timestamp() for m in moments if isinstance(m, datetime))


def compare(store: Store, dataset: str) -> None:
    """Best validation accuracy after 20 trials, and the test accuracy of that trial."""
    from core.search.ticking import Ticking
    from core.training import run_training

    def train(run_id: str, tick: Callable[[], None]) -> None:
        run_training(store.paths, run_id, extra=[Ticking(tick)])

    config, fields = BASE, dict(WIDE)
    if dataset != "digits":
        values = {"data.dataset": dataset, "data.limit": 5000, "model.architecture": "cnn"}
        config = BASE.with_values({**values, "model.blocks": 3, "model.filters": 16})
        fields["model.convs_per_block"] = IntRange(low=1, high=2)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in SEEDS:
        for sampler, pruner in (("random", "none"), ("tpe", "median")):
            wanted = Wanted(
                title=f"{dataset}, {sampler}, seed {seed}",
                config=config,
                space=SearchSpace(fields=fields),
                sampler=sampler,
                pruner=pruner,
                trials=TRIALS,
                seed=seed,
            )
            study_id = create_study(store, wanted, owner="cli")
            conduct_here(store, study_id, train)
            found.setdefault(sampler, []).append(_figures(store, study_id))
            value, test, seconds = found[sampler][-1]
            print(f"seed {seed} {sampler}: val {value:.4f}, test {test:.4f}, {seconds:.0f} s")
    for sampler, figures in found.items():
        best, tests, seconds_of = ([row[i] for row in figures] for i in range(3))
        print(
            f"{sampler}: val {fmean(best):.4f} ± {stdev(best):.4f}, "
            f"test {fmean(tests):.4f} ± {stdev(tests):.4f}, {fmean(seconds_of):.0f} s of training"
        )


def _figures(store: Store, study_id: str) -> tuple[float, float, float]:
    """(best validation accuracy, its test accuracy, seconds of all trainings)."""
    best = best_trial(store, study_id)
    assert best is not None
    assert best.run_id is not None
    assert best.value is not None
    summary = store.read(best.run_id).summary
    assert summary is not None
    seconds = sum(row.seconds or 0.0 for row in trials_of(store, study_id))
    return best.value, summary.test_accuracy or math.nan, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--make", type=int, metavar="N")
    parser.add_argument("--compare", metavar="DATASET")
    parser.add_argument("--finished", type=int, nargs="+", default=[10, 1000], metavar="N")
    options = parser.parse_args()
    if options.make is None and options.compare is None:
        overhead(tuple(options.finished))
        return
    paths = Paths(default_root()).create()
    ensure_digits(paths)
    store = Store(paths)
    if options.make is not None:
        space = SearchSpace(fields=WIDE)
        make(store, options.make, Wanted(title="instant", config=BASE, space=space, trials=1))
    else:
        compare(store, options.compare)


if __name__ == "__main__":
    main()
