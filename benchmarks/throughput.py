"""How fast a training is through the app, compared with two scripts that train the same.

    python -m benchmarks.throughput [--epochs N] [--case plain|augmented|fast32|digits|digits-plain]

*bare* is what a student would write: arrays in memory, augmentation as Keras' own layers in the
model, ``model.fit``. *tuned* is the best loop that its author knows for a CPU: the images a
constant of the graph, a whole epoch one compiled call with nobody watching, with the app's network
and its one resampling. All three train the same network on the same images with the same batch
size, optimizer and validation, each in a process of its own. They take turns, an epoch each, so
that whatever else the machine does meets all. The app's side is ``run_training``, what a worker
runs: batches from the mapped file in an order of its own per epoch, progress several times a
second, a line and a checkpoint per epoch. Compared are whole epochs, from the beginning of one to
the beginning of the next, by the clock and by the time of the processor.

Targets: at least 1.3 of bare where images are augmented, at least 0.9 of tuned. (The digits show
the app's own work at its worst: an epoch of theirs takes some tenths of a second.)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from core.config import RunConfig
from core.datasets.dataset import DatasetInfo
from core.datasets.digits import ensure_digits
from core.jobs.workers import ROOT, worker_environment
from core.paths import Paths
from core.presets import preset_config


class Case(NamedTuple):
    """What is trained; ``images`` 0 for the digits."""

    preset: str
    images: int
    shape: tuple[int, int, int]
    augment: dict[str, str | float]


BASIC: dict[str, str | float] = {
    "flip": "horizontal",
    "rotation": 15,
    "translation": 0.1,
    "zoom": 0.1,
}
"""What the form shows of augmentation before it is asked for more."""
CIFAR, DIGITS = (32, 32, 3), (8, 8, 1)
CASES = {
    "augmented": Case("cnn", 10_000, CIFAR, BASIC),
    "plain": Case("cnn", 10_000, CIFAR, {}),
    "fast32": Case("fast32", 1_000, CIFAR, {"flip": "horizontal", "translation": 0.1}),
    "digits": Case("digits-quick", 0, DIGITS, {"rotation": 10, "translation": 0.1}),
    "digits-plain": Case("cnn", 0, DIGITS, {}),
}
SIDES = ("app", "bare", "tuned")


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
    """The preset, never stopped early."""
    name = "bench" if case.images else "digits"
    config = preset_config(case.preset, name, case.shape)
    augment = {f"augment.{field}": value for field, value in case.augment.items()}
    return config.with_values({"train.epochs": epochs, "train.patience": epochs, **augment})


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

    {"app": through_the_app, "bare": bare_fit, "tuned": tuned_loop}[side](root, config, Turns())


def through_the_app(root: Path, config: RunConfig, turns: Any) -> None:
    from core.store import Store
    from core.training import run_training

    store = Store(Paths(root))
    run_id = store.create(config, owner="cli").id
    record = run_training(store.paths, run_id, extra=[turns])
    assert record.failure is None, record.failure


class Arrays(NamedTuple):
    """A dataset in memory."""

    info: DatasetInfo
    x: Any
    y: Any
    x_val: Any
    y_val: Any


def in_memory(root: Path, config: RunConfig) -> Arrays:
    files = Paths(root).dataset(config.data.dataset)
    info = DatasetInfo.model_validate_json(files.info.read_bytes())
    arrays = (
        np.load(file)
        for split in ("train", "val")
        for file in (files.images(split), files.labels(split))
    )
    return Arrays(info, *arrays)


def students_layers(config: RunConfig) -> list[Any]:
    """The same changes, each by Keras' own layer."""
    import keras

    augment, fill = config.augment, {"fill_mode": "nearest"}
    made = {
        "flip": lambda: keras.layers.RandomFlip(augment.flip),
        "rotation": lambda: keras.layers.RandomRotation(augment.rotation / 360, **fill),
        "translation": lambda: keras.layers.RandomTranslation(
            augment.translation, augment.translation, **fill
        ),
        "zoom": lambda: keras.layers.RandomZoom((-augment.zoom, augment.zoom), **fill),
    }
    wanted = [name for name in augment.switches() if augment.is_on(name)]
    return [made[name]() for name in wanted]


def bare_fit(root: Path, config: RunConfig, turns: Any) -> None:
    import keras

    from core.models import build_model
    from core.optimizers import build_optimizer

    data, train = in_memory(root, config), config.train
    keras.utils.set_random_seed(train.seed)
    network = build_model(config.model, data.info.image_shape, len(data.info.class_names))
    model = keras.Sequential([*students_layers(config), network])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(build_optimizer(config.optimizer), loss, metrics=["accuracy"])
    model.fit(
        data.x,
        data.y,
        batch_size=train.batch_size,
        epochs=train.epochs,
        validation_data=(data.x_val, data.y_val),
        validation_batch_size=256,
        callbacks=[turns],
        verbose=0,
    )


def tuned_loop(root: Path, config: RunConfig, turns: Any) -> None:
    """No callbacks, no metrics' objects, no Python between the steps of an epoch."""
    import keras
    import tensorflow as tf

    from core.losses import loss_for
    from core.optimizers import build_optimizer
    from core.trainer import build_network

    data, batch = in_memory(root, config), config.train.batch_size
    keras.utils.set_random_seed(config.train.seed)
    # Only its description is asked for.
    model = build_network(config, SimpleNamespace(info=data.info)).model  # type: ignore[arg-type]
    optimizer = build_optimizer(config.optimizer)
    optimizer.build(model.trainable_variables)
    loss_of = loss_for(config.train.label_smoothing)
    classes, smoothing = len(data.info.class_names), config.train.label_smoothing
    images, labels, x_val, y_val = (tf.constant(array) for array in data[1:])

    def loss_at(rows: Any, training: bool) -> tuple[Any, Any]:
        source = (images, labels) if training else (x_val, y_val)
        x, y = (tf.gather(array, rows) for array in source)
        logits = model(tf.cast(x, "float32"), training=training)
        target = tf.one_hot(y, classes) * (1 - smoothing) + smoothing / classes if smoothing else y
        right = tf.reduce_sum(tf.cast(tf.argmax(logits, 1, tf.int32) == y, tf.float32))
        return loss_of(target, logits) + sum(model.losses), right

    @tf.function  # type: ignore[untyped-decorator]
    def epoch(order: Any) -> Any:
        right = tf.constant(0.0)
        for start in tf.range(0, tf.size(order), batch):
            with tf.GradientTape() as tape:
                loss, found = loss_at(order[start : start + batch], training=True)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            right += found
        return right

    @tf.function  # type: ignore[untyped-decorator]
    def validate() -> Any:
        right = tf.constant(0.0)
        for start in tf.range(0, tf.size(y_val), 256):
            rows = tf.range(start, tf.minimum(start + 256, tf.size(y_val)))
            right += loss_at(rows, training=False)[1]
        return right

    for number in range(config.train.epochs):
        turns.on_epoch_begin(number)
        epoch(tf.constant(np.random.default_rng(number).permutation(len(data.y)))).numpy()
        validate().numpy()


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
        """Let it train one epoch."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()


def compare(name: str, epochs: int) -> None:
    """Train all sides in turns, and print the ratios of neighbouring epochs."""
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder)).create()
        if case.images:
            random_images(paths, case)
        images = case.images or ensure_digits(paths).splits["train"]
        # Two more than asked for: the first compiles, the last is never begun.
        sides = {side: Side(side, paths.root, name, epochs + 2) for side in SIDES}
        rounds: list[dict[str, Took]] = []
        for turn in range(epochs + 1):
            order = [SIDES[(turn + i) % len(SIDES)] for i in range(len(SIDES))]
            rounds.append({side: sides[side].epoch() for side in order})
        for side in sides.values():
            side.process.kill()
            side.process.wait()
    report(f"{name}: {case.preset}, {images:,} images {case.shape}", images, rounds[1:])


def report(title: str, images: int, rounds: list[dict[str, Took]]) -> None:
    """Medians, and how far the machine let the ratios spread."""
    speeds = (f"{s} {images / statistics.median(r[s].wall for r in rounds):,.0f}" for s in SIDES)
    print(f"{title}, {len(rounds)} epochs each; images/s: {', '.join(speeds)}")
    for other in SIDES[1:]:
        for what, index in (("time", 0), ("processor time", 1)):
            ratios = [r[other][index] / r["app"][index] for r in rounds]
            low, middle, high = np.percentile(ratios, [25, 50, 75])
            print(f"  app/{other}, by {what}: {middle:.2f} (quartiles {low:.2f}, {high:.2f})")
    print(f"  load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        train(options.side, options.root, config_of(CASES[options.case], options.epochs))
        return
    for name in [options.case] if options.case else CASES:
        compare(name, options.epochs)


if __name__ == "__main__":
    main()
