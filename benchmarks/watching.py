"""What matrix and samples of every validation cost: epochs that are watched against others.

    python -m benchmarks.watching [--rounds N] [--artifacts DIR --dataset NAME]

Both networks are trained in one process, an epoch each in turns, so that whatever else the machine
does meets both. Printed are the medians over the rounds of the ratios of processor time and of time
on the clock, and the size of the file. Without a dataset: the digits: short epochs.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import keras

from core.config import RunConfig
from core.datasets.dataset import DIGITS, Dataset
from core.datasets.registry import ensure_digits, open_dataset
from core.evaluating import EVAL_BATCH, evaluated_rows
from core.feeding import Batches, training_batches
from core.paths import Paths, RunPaths
from core.presets import preset_config
from core.trainer import build_network, compile_model
from core.watching import Watching


class Side:
    """One training, ready for its next epoch; watched into a folder if there is one."""

    def __init__(self, config: RunConfig, dataset: Dataset, files: RunPaths | None) -> None:
        watching = Watching(config, dataset)
        watcher = watching.metric()
        images = dataset.info.splits["train"]
        self.model = compile_model(
            build_network(config, dataset).model, config, images, 1, [watcher] if files else []
        )
        self.batches = training_batches(config, dataset)
        rows = evaluated_rows(dataset, "val", config)
        self.validation = Batches(dataset.split("val"), rows, EVAL_BATCH)
        self.callbacks: list[keras.callbacks.Callback] = []
        if files:
            self.callbacks.append(watching.callback(files, watcher))

    def epoch(self) -> tuple[float, float]:
        """Seconds on the clock and of all cores together."""
        wall, processor = time.perf_counter(), time.process_time()
        self.model.fit(
            self.batches,
            validation_data=self.validation,
            callbacks=self.callbacks,
            shuffle=False,
            verbose=0,
        )
        return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--artifacts", type=Path)
    parser.add_argument("--dataset", default=DIGITS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(options.artifacts or Path(folder)).create()
        ensure_digits(paths)
        dataset = open_dataset(paths, options.dataset)
        config = preset_config("cnn", options.dataset, dataset.info.image_shape)
        files = RunPaths(Path(folder))
        plain, watched = Side(config, dataset, None), Side(config, dataset, files)
        plain.epoch(), watched.epoch()  # compiles
        took = [(plain.epoch(), watched.epoch()) for _ in range(options.rounds)]
        size = files.watched.stat().st_size
    wall, processor = (statistics.median(b[i] / a[i] for a, b in took) for i in (0, 1))
    length = statistics.median(a[0] for a, _ in took)
    print(f"{options.dataset}, {options.rounds} rounds; an epoch without it: {length:.2f} s")
    print(f"  watched: time {wall:.3f}, processor time {processor:.3f}, file {size:,} bytes")


if __name__ == "__main__":
    main()
