"""How quick the Train page stays: idle, while a CNN trains, and with thirty viewers polling.

    python -m benchmarks.pages [--viewers 30] [--reruns 60]

Targets: median while training at most twice the idle one; p95 with viewers under 150 ms.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.browserless import Viewer, let_keras_load, server
from core.lab import Lab
from core.paths import Paths
from core.presets import preset_config
from core.records import RunStatus, read_record
from core.store import Store


def measure(viewer: Viewer, reruns: int) -> tuple[float, float]:
    """Median and 95th percentile of a whole run of the page, in ms."""
    times = []
    for _ in range(reruns):
        times.append(1000 * viewer.rerun().seconds)
        time.sleep(0.1)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def poll(port: int, query: str, end: threading.Event) -> None:
    """One more browser on the same run, whose timers tick as a browser's would."""
    with Viewer(port, "train", query) as viewer:
        # Real browsers do not start in the same instant.
        due = dict.fromkeys(viewer.fragments, time.monotonic() + random.random())
        while not end.wait(0.05):
            for fragment, at in due.items():
                if at <= time.monotonic():
                    due[fragment] = at + viewer.fragments.get(fragment, 1.0)
                    viewer.rerun(fragment)


def submit(paths: Paths) -> str:
    """Queue a training for the server to find, long enough for the measurement."""
    config = preset_config("digits-quick", None, (8, 8, 1)).with_values(
        {"train.epochs": 10_000, "train.early_stopping": False}
    )
    return Store(paths).create(config, owner="server").id


def wait_for_training(paths: Paths, run_id: str) -> None:
    while not (
        read_record(paths, run_id).status is RunStatus.RUNNING and paths.run(run_id).steps.exists()
    ):
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=30)
    parser.add_argument("--reruns", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        paths = Paths(Path(folder)).create()
        Lab(paths.root)  # the digits, so that no figure contains their preparation
        start = time.perf_counter()
        with server(paths.root) as port:
            with Viewer(port):
                seconds = time.perf_counter() - start
            print(f"start of the process to its first page: {seconds:.2f} s")
            report(port, paths, options.viewers, options.reruns)


def report(port: int, paths: Paths, viewers: int, reruns: int) -> None:
    with Viewer(port, "train") as viewer:
        let_keras_load()
        idle, idle_95 = measure(viewer, reruns)
    print(f"idle: median {idle:.0f} ms, p95 {idle_95:.0f} ms")
    run_id = submit(paths)
    query = f"run={run_id}"
    wait_for_training(paths, run_id)
    with Viewer(port, "train") as viewer:
        busy, busy_95 = measure(viewer, reruns)
        print(
            f"while training: median {busy:.0f} ms, p95 {busy_95:.0f} ms, ratio {busy / idle:.2f}"
        )
    with Viewer(port, "train", query) as viewer:
        watching, watching_95 = measure(viewer, reruns)
        print(f"the live panel: median {watching:.0f} ms, p95 {watching_95:.0f} ms")
        end = threading.Event()
        crowd = [threading.Thread(target=poll, args=(port, query, end)) for _ in range(viewers)]
        for thread in crowd:
            thread.start()
        time.sleep(3)
        full, full_95 = measure(viewer, reruns)
        end.set()
        for thread in crowd:
            thread.join()
    print(f"the live panel, {viewers} viewers: median {full:.0f} ms, p95 {full_95:.0f} ms")
    paths.run(run_id).stop.touch()


if __name__ == "__main__":
    main()
