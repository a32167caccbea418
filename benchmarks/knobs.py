"""What each knob of a training costs: epochs with it, compared with epochs without.

    python -m benchmarks.knobs [--rounds N]

All networks are trained in one process on the digits (the CNN preset), an epoch each in turns, so
that whatever else the machine does meets all. Printed are the ratios of processor time and of time
on the clock to those of the plain training in the same round: median over the rounds. An epoch is
one of ``fit`` with batches, validation and the knob's own callbacks, without the run folder.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.averaging import Averages, HideAverages, ShowAverages
from core.config import RunConfig
from core.datasets.dataset import Dataset
from core.datasets.registry import ensure_digits, open_dataset
from core.evaluating import EVAL_BATCH
from core.feeding import Batches, training_batches
from core.losses import class_weights
from core.paths import Paths
from core.presets import preset_config
from core.transfer import build_trainer

KNOBS: dict[str, dict[str, object]] = {
    "plain (Adam)": {},
    "sgd": {"optimizer.name": "sgd"},
    "rmsprop": {"optimizer.name": "rmsprop"},
    "adamw": {"optimizer.name": "adamw"},
    "nadam": {"optimizer.name": "nadam"},
    "lion": {"optimizer.name": "lion"},
    "muon": {"optimizer.name": "muon"},
    "adagrad": {"optimizer.name": "adagrad"},
    "one-cycle schedule": {"optimizer.schedule": "one_cycle"},
    "clipping, global norm": {"optimizer.clipping": "global_norm"},
    "averaging (EMA)": {"optimizer.ema": True},
    "label smoothing": {"train.label_smoothing": 0.1},
    "class weights": {"train.class_weights": "balanced"},
    "mixed precision": {"train.precision": "on"},
}


class Took(NamedTuple):
    """Seconds of an epoch, on the clock and of all cores together."""

    wall: float
    processor: float


class Side:
    """One training, ready for its next epoch. ``bundle`` steps are one call of the backend."""

    def __init__(self, config: RunConfig, dataset: Dataset, bundle: int = 1) -> None:
        self.model = build_trainer(config, dataset).model
        self.model.steps_per_execution = bundle
        self.batches = training_batches(config, dataset)
        labels = dataset.split("train").labels[self.batches.rows]
        self.weights = class_weights(config.train.class_weights, labels, 10)
        rows = np.arange(dataset.info.splits["val"])
        self.validation = Batches(dataset.split("val"), rows, EVAL_BATCH)
        averages = Averages(self.model)
        self.callbacks = (
            [ShowAverages(averages), HideAverages(averages)] if config.optimizer.ema else []
        )

    def epoch(self) -> Took:
        wall, processor = time.perf_counter(), time.process_time()
        self.model.fit(
            self.batches,
            validation_data=self.validation,
            class_weight=self.weights,
            callbacks=self.callbacks,
            shuffle=False,
            verbose=0,
        )
        return Took(time.perf_counter() - wall, time.process_time() - processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder)).create()
        ensure_digits(paths)
        dataset = open_dataset(paths, "digits")
        config = preset_config("cnn", "digits", dataset.info.image_shape)
        sides = {name: Side(config.with_values(v), dataset) for name, v in KNOBS.items()}
        sides |= {f"{n} steps at once": Side(config, dataset, n) for n in (4, 16)}
        for side in sides.values():
            side.epoch()  # compiles
        took = [{name: side.epoch() for name, side in sides.items()} for _ in range(rounds)]
    plain = next(iter(KNOBS))
    print(f"digits, {rounds} rounds; plain: {statistics.median(t[plain].wall for t in took):.2f} s")
    for name in sides:
        wall, processor = (
            statistics.median(t[name][i] / t[plain][i] for t in took) for i in (0, 1)
        )
        print(f"  {name:24} time {wall:5.2f}   processor time {processor:5.2f}", flush=True)


if __name__ == "__main__":
    main()
