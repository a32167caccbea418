"""What trainings at the same time would gain by an equal share of the cores for each.

    python -m benchmarks.threads [--rounds 3] [--together 2] [--epochs 4]

Alternates between trainings that compute with as many threads as there are cores, as TensorFlow
does by itself and the app leaves it, and trainings with an equal share each. Prints images per
second of all together, their ratio, and that of the processor time.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.throughput import CASES, config_of, random_images
from core.config import RunConfig
from core.jobs.workers import ROOT, worker_environment
from core.paths import Paths
from core.records import read_history
from core.store import Store

THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
"""How many threads TensorFlow, and PyTorch, compute one operation with."""


class Round(NamedTuple):
    images_per_second: float
    """Of all trainings together, without their first epochs, which compile."""
    processor_seconds: float


def train_together(store: Store, config: RunConfig, together: int, threads: int) -> Round:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**worker_environment("cpu"), **dict.fromkeys(THREADS, str(threads))}
    ids = [store.create(config, owner="cli").id for _ in range(together)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "core.training", run_id, "--artifacts", str(store.paths.root)],
            stdin=subprocess.PIPE,  # its lifeline
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
        )
        for run_id in ids
    ]
    assert [worker.wait() for worker in workers] == [0] * together
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    epochs = [read_history(store.paths.run(run_id))[1:] for run_id in ids]
    return Round(
        sum(statistics.median(e.images_per_second for e in lines) for lines in epochs),
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--together", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args()
    cores = psutil.cpu_count() or 1
    share = max(1, cores // options.together)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Paths(Path(folder)))
        random_images(store.paths, CASES["augmented"])
        config = config_of(CASES["augmented"], options.epochs)
        ratios = []
        for number in range(options.rounds):
            every = train_together(store, config, options.together, cores)
            shared = train_together(store, config, options.together, share)
            ratios.append(
                (
                    shared.images_per_second / every.images_per_second,
                    shared.processor_seconds / every.processor_seconds,
                )
            )
            print(
                f"round {number + 1}: {cores} threads each {every.images_per_second:,.0f} "
                f"images/s, {share} each {shared.images_per_second:,.0f}; speed "
                f"{ratios[-1][0]:.2f}, processor time {ratios[-1][1]:.2f}; "
                f"load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    speeds, costs = zip(*ratios, strict=True)
    print(f"median: speed {statistics.median(speeds):.2f}, cost {statistics.median(costs):.2f}")


if __name__ == "__main__":
    main()
