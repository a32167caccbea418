"""The Runs page with 100 and with 10,000 runs in the store: server time of every view.

    python -m benchmarks.runs_table [--runs 10000] [--reruns 30]

Target: the table at 10,000 runs, median under 300 ms.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import psutil

from benchmarks.browserless import Answer, Viewer, let_keras_load, server
from core.config import RunConfig
from core.lab import Lab
from core.paths import Paths
from core.records import Epoch, RunRecord, RunStatus, RunSummary, append_epoch, now
from core.store import Store

OPTIMIZERS = ("adam", "sgd", "adamw", "lion", "muon")
ARCHITECTURES = ("mlp", "cnn", "resnet", "convnext")
RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01)
VIEWS = ("Curves", "Settings and results", "Two runs", "Seeds")


def make_runs(paths: Paths, runs: int) -> None:
    """Finished runs with settings as a course leaves them; every one with three epochs."""
    draw = random.Random(0)
    begin = now() - timedelta(seconds=60 * runs)
    for number in range(runs):
        moment = begin + timedelta(seconds=60 * number)
        run_id = f"{moment:%Y%m%d-%H%M%S}-{number % 1000:03d}-{draw.randrange(16**4):04x}"
        config = RunConfig().with_values(
            {
                "model.architecture": draw.choice(ARCHITECTURES),
                "optimizer.name": draw.choice(OPTIMIZERS),
                "optimizer.learning_rate": draw.choice(RATES),
                "train.seed": draw.randrange(5),
                "data.dataset": draw.choice(("digits", "cifar10", "pets")),
            }
        )
        accuracy = draw.uniform(0.3, 0.99)
        record = RunRecord(
            id=run_id,
            config=config,
            status=RunStatus.FINISHED,
            created=moment,
            started=moment,
            ended=moment + timedelta(seconds=50),
            owner="server",
            lab_id="benchmark",
            by=f"PC-{draw.randrange(30):02d}",
            dataset_fingerprint=config.data.dataset,
            class_names=tuple("0123456789"),
            image_shape=(8, 8, 1),
            summary=RunSummary(
                epochs=3,
                best_epoch=3,
                best_val_accuracy=accuracy,
                val_accuracy=accuracy,
                val_loss=1 - accuracy,
                parameters=draw.randrange(10_000, 5_000_000),
                seconds=draw.uniform(5, 500),
            ),
        )
        files = paths.run(run_id)
        files.folder.mkdir()
        files.record.write_text(record.model_dump_json())
        for epoch in range(1, 4):
            append_epoch(files, _epoch(epoch, accuracy))


def _epoch(number: int, accuracy: float) -> Epoch:
    share = accuracy * number / 3
    return Epoch(
        epoch=number,
        loss=1 - share,
        accuracy=share,
        val_loss=1.1 - share,
        val_accuracy=share,
        learning_rate=0.001,
        seconds=2.0,
        images_per_second=900,
    )


class Served:
    """The process of the server: what it has cost, and what it holds."""

    def __init__(self, port: int) -> None:
        word = f"--server.port={port}"
        self._process = next(
            p for p in psutil.process_iter(["cmdline"]) if word in (p.info["cmdline"] or [])
        )

    @property
    def cpu(self) -> float:
        """Seconds of processor time so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    @property
    def megabytes(self) -> float:
        return float(self._process.memory_info().rss) / 1e6


def measure(rerun: Callable[[], Answer], reruns: int, served: Served) -> str:
    before, times, sizes = served.cpu, [], []
    for _ in range(reruns):
        answer = rerun()
        times.append(1000 * answer.seconds)
        sizes.append(answer.size)
    cpu = 1000 * (served.cpu - before) / reruns
    median, worst = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    size = statistics.median(sizes) / 1000
    return f"median {median:.0f} ms, p95 {worst:.0f} ms, processor {cpu:.0f} ms, {size:.0f} kB"


def report(runs: int, reruns: int) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        paths = Paths(Path(folder)).create()
        lab = Lab(paths.root)
        make_runs(paths, runs)
        start = time.perf_counter()
        lab.store.reindex()
        lab.store.close()
        print(f"\n{runs} runs: reindex {time.perf_counter() - start:.1f} s")
        views(paths, reruns)


def views(paths: Paths, reruns: int) -> None:
    with server(paths.root) as port:
        with Viewer(port):
            let_keras_load()
        served = Served(port)
        held, cpu = served.megabytes, served.cpu
        with Viewer(port, "runs") as viewer:
            spent = 1000 * (served.cpu - cpu)
            print(f"first look: {1000 * viewer.first.seconds:.0f} ms, processor {spent:.0f} ms")
            print(f"table: {measure(viewer.rerun, reruns, served)}")
            print(f"after a change: {measure(after_a_change(paths, viewer), reruns, served)}")
            for view in VIEWS:
                viewer.choose("runs.set.view", view)
                print(f"{view}: {measure(viewer.rerun, reruns, served)}")
            print(f"memory of the server: {held:.0f} MB → {served.megabytes:.0f} MB")


def after_a_change(paths: Paths, viewer: Viewer) -> Callable[[], Answer]:
    """A look at the page when somebody else's run has changed."""
    store = Store(paths)
    record = store.runs(limit=1)[0]
    names = count()

    def look() -> Answer:
        store.save(record.changed(by=f"name {next(names)}"))
        return viewer.rerun()

    return look


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--reruns", type=int, default=30)
    options = parser.parse_args()
    for runs in (100, options.runs):
        report(runs, options.reruns)


if __name__ == "__main__":
    main()
