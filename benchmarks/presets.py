"""What the presets reach on CIFAR-10 within the minutes of a lesson, on this machine.

    python -m core data add cifar10-images.zip --name cifar10
    python -m benchmarks.presets [--minutes 3 10] [--presets cnn fast32 …] [--dataset cifar10]

Every preset is trained through the app (``run_training``, one process each, one after the other)
for so many minutes; its schedule is planned over the epochs that fit into them, which a first
epoch's time tells. Printed are test accuracy, best validation accuracy and epochs; run it on a
quiet machine: the default CNN is the one that is best after 3 minutes.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

from core.config import MIN_VALIDATION, RunConfig
from core.datasets.registry import open_dataset
from core.jobs.workers import ROOT, worker_environment
from core.paths import Paths
from core.presets import PRESETS, preset_config
from core.records import RunRecord, RunStatus, read_history, read_record
from core.store import Store

CANDIDATES = tuple(p.name for p in PRESETS.values() if p.group != "transfer" and not p.dataset)


def trained(store: Store, config: RunConfig) -> RunRecord:
    """Train in a process of its own, as the queue does."""
    run_id = store.create(config, owner="cli").id
    command = [sys.executable, "-m", "core.training", run_id]
    # Its standard input is its lifeline: open until it ends.
    with subprocess.Popen(
        [*command, "--artifacts", str(store.paths.root.absolute())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env=worker_environment("cpu"),
    ) as worker:
        worker.wait()
    return read_record(store.paths, run_id)


def seconds_per_epoch(store: Store, config: RunConfig) -> float:
    """By the second of two epochs on a tenth of the images: the first one compiles.

    Of validation a tenth has more than a tenth: what is not training grows with its images.
    """
    splits = open_dataset(store.paths, config.data.dataset).info.splits
    part = max(MIN_VALIDATION, splits["train"] // 10)
    record = trained(store, config.with_values({"data.limit": part, "train.epochs": 2}))
    epoch = read_history(store.paths.run(record.id))[1]
    training = part / epoch.images_per_second
    whole = splits["train"] / epoch.images_per_second
    return whole + (epoch.seconds - training) * splits["val"] / min(part, splits["val"])


def measure(store: Store, name: str, dataset: str, minutes: float) -> None:
    shape = open_dataset(store.paths, dataset).info.image_shape
    config = preset_config(name, dataset, shape).with_values({"train.early_stopping": False})
    epochs = max(1, int(60 * minutes / seconds_per_epoch(store, config)))
    # The limit ends what has become slower; it never ends a first epoch.
    limited: dict[str, object] = {"train.epochs": epochs, "train.time_limit": math.ceil(minutes)}
    record = trained(store, config.with_values(limited))
    if record.status is not RunStatus.FINISHED or record.summary is None:
        print(f"{name}, {minutes:g} min: {record.status.value} {record.failure}", flush=True)
        return
    found = record.summary
    assert found.test_accuracy is not None
    print(
        f"{name}, {minutes:g} min: test {found.test_accuracy:.1%}, best validation "
        f"{found.best_val_accuracy or 0:.1%}, {found.epochs} of {epochs} epochs in "
        f"{found.seconds:.0f} s, {found.images_per_second or 0:,.0f} images/s, "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[3.0, 10.0])
    parser.add_argument("--presets", nargs="+", choices=CANDIDATES, default=CANDIDATES)
    parser.add_argument("--dataset", default="cifar10")
    default = os.environ.get("LIENZO_ARTIFACTS", "artifacts")
    parser.add_argument("--artifacts", type=Path, default=Path(default))
    options = parser.parse_args()
    root = options.artifacts / "cache" / "benchmark"
    shutil.rmtree(root, ignore_errors=True)  # of a benchmark that was killed
    here = Paths(root).create()
    try:
        here.dataset(options.dataset).folder.symlink_to(
            Paths(options.artifacts).dataset(options.dataset).folder.absolute()
        )
        store = Store(here)
        for minutes in options.minutes:
            for name in options.presets:
                measure(store, name, options.dataset, minutes)
    finally:
        shutil.rmtree(here.root)


if __name__ == "__main__":
    main()
