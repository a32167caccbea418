"""How fast a training is through the app, compared with a bare ``model.fit`` of the same.

    python -m benchmarks.throughput [--epochs N] [--case digits|images]

Both train the same network on the same images with the same batch size and validation, each in a
process of its own. They take turns, an epoch each, so that whatever else the machine does meets
both. The app's side is ``run_training``, what a worker runs: batches from the mapped file in an
order of its own per epoch, progress several times a second, a line and a checkpoint per epoch.
The other side is a user's script: arrays in memory, ``model.fit``. Compared are whole epochs, from
the beginning of one to the beginning of the next. Target: at least 0.95 for images of 32×32 pixels
(the digits show the app's own work at its worst: an epoch of theirs takes a fifth of a second).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.config import RunConfig
from core.datasets.dataset import DatasetInfo
from core.datasets.digits import ensure_digits
from core.jobs.workers import ROOT, worker_environment
from core.paths import Paths
from core.presets import preset_config


class Case(NamedTuple):
    """What is trained; ``images`` 0 for the digits."""

    images: int
    shape: tuple[int, int, int]


CASES = {"images": Case(2_000, (32, 32, 3)), "digits": Case(0, (8, 8, 1))}


def random_images(paths: Paths, case: Case) -> None:
    """A dataset called ``bench``: how fast it trains does not depend on what is to be seen."""
    files = paths.dataset("bench")
    files.folder.mkdir()
    rng = np.random.default_rng(0)
    splits = {"train": case.images, "val": case.images // 10, "test": case.images // 10}
    for split, rows in splits.items():
        np.save(files.images(split), rng.integers(0, 256, (rows, *case.shape)).astype(np.uint8))
        np.save(files.labels(split), rng.integers(0, 10, rows).astype(np.int32))
        files.names(split).write_text(json.dumps([str(row) for row in range(rows)]))
    info = DatasetInfo(
        name="bench",
        class_names=tuple("0123456789"),
        image_shape=case.shape,
        splits=splits,
        class_counts={},
        resize="stretch",
        origin="benchmark",
        created="",
        fingerprint="bench",
        imported=sum(splits.values()),
        skipped=0,
    )
    files.info.write_text(info.model_dump_json())


def config_of(case: Case, epochs: int) -> RunConfig:
    """The CNN preset, never stopped early."""
    name = "bench" if case.images else "digits"
    config = preset_config("cnn", name, case.shape)
    return config.with_values({"train.epochs": epochs, "train.patience": epochs})


def train(side: str, root: Path, config: RunConfig) -> None:
    """In the process that is measured: an epoch for every line that comes in."""
    import keras

    class Turns(keras.callbacks.Callback):  # type: ignore[misc]
        """Says how long the last epoch took, and waits to be told to begin the next. It looks at
        no batch, so Keras need not wait for any."""

        wall = processor = 0.0

        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            print(time.perf_counter() - self.wall, time.process_time() - self.processor, flush=True)
            sys.stdin.readline()
            self.wall, self.processor = time.perf_counter(), time.process_time()

    {"app": through_the_app, "bare": bare_fit}[side](root, config, Turns())


def through_the_app(root: Path, config: RunConfig, turns: object) -> None:
    from core.store import Store
    from core.training import run_training

    store = Store(Paths(root))
    run_id = store.create(config, owner="cli").id
    record = run_training(store.paths, run_id, extra=[turns])
    assert record.failure is None, record.failure


def bare_fit(root: Path, config: RunConfig, turns: object) -> None:
    import keras

    from core.models import build_model
    from core.optimizers import build_optimizer

    files = Paths(root).dataset(config.data.dataset)
    info = DatasetInfo.model_validate_json(files.info.read_bytes())
    x, y, x_val, y_val = (
        np.load(file)
        for split in ("train", "val")
        for file in (files.images(split), files.labels(split))
    )
    keras.utils.set_random_seed(config.train.seed)
    model = build_model(config.model, info.image_shape, len(info.class_names))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(build_optimizer(config.optimizer), loss, metrics=["accuracy"])
    model.fit(
        x,
        y,
        batch_size=config.train.batch_size,
        epochs=config.train.epochs,
        validation_data=(x_val, y_val),
        validation_batch_size=256,
        callbacks=[turns],
        verbose=0,
    )


class Took(NamedTuple):
    """Seconds of an epoch, on the clock and of all cores together."""

    wall: float
    processor: float


class Side:
    """Our end of :func:`train`, ready to begin its first epoch."""

    def __init__(self, side: str, root: Path, case: str, epochs: int) -> None:
        command = [sys.executable, "-m", "benchmarks.throughput", "--side", side, "--case", case]
        self.process = subprocess.Popen(
            [*command, "--root", str(root), "--epochs", str(epochs)],
            cwd=ROOT,
            env=worker_environment("-1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.answer()

    def answer(self) -> Took:
        assert self.process.stdout
        wall, processor = self.process.stdout.readline().split()
        return Took(float(wall), float(processor))

    def epoch(self) -> Took:
        """Let it train one."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()


def compare(name: str, epochs: int) -> None:
    """Train both sides in turns, and print the ratios of neighbouring epochs."""
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder)).create()
        if case.images:
            random_images(paths, case)
        images = case.images or ensure_digits(paths).splits["train"]
        # Two more than asked for: the first compiles, the last is never begun.
        app, bare = (Side(side, paths.root, name, epochs + 2) for side in ("app", "bare"))
        turns: list[tuple[Took, Took]] = []
        for turn in range(epochs + 1):
            first, second = (app, bare) if turn % 2 else (bare, app)
            took = {first: first.epoch()} | {second: second.epoch()}
            turns.append((took[app], took[bare]))
        for side in (app, bare):
            side.process.kill()
            side.process.wait()
    report(f"{name}: {images:,} images {case.shape}", images, turns[1:])


def report(title: str, images: int, turns: list[tuple[Took, Took]]) -> None:
    """Medians, and how far the machine let the ratios spread."""
    app, bare = (
        images / statistics.median(t.wall for t in side) for side in zip(*turns, strict=True)
    )
    print(f"{title}: app {app:,.0f}, bare {bare:,.0f} images/s; bare to app, {len(turns)} epochs:")
    for what, index in (("time", 0), ("processor time", 1)):
        low, middle, high = np.percentile([b[index] / a[index] for a, b in turns], [25, 50, 75])
        print(f"  {what}: median ratio {middle:.3f} (quartiles {low:.3f}, {high:.3f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--side", choices=["app", "bare"], help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        train(options.side, options.root, config_of(CASES[options.case], options.epochs))
        return
    for name in [options.case] if options.case else CASES:
        compare(name, options.epochs)


if __name__ == "__main__":
    main()
