"""From the click on "Launch" to the first point of the curve, on the digits.

    python -m benchmarks.launch [--servers N] [--runs N]

Cold: a server that has only just been started, so that its worker host still loads Keras. Next:
every further run of that server. The click is ``runner.submit``; the curve begins with the first
recorded step, and, by epochs, with the first line of metrics. Targets: 8 s cold, 3 s next.
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

from core.datasets.digits import ensure_digits
from core.jobs.workers import ROOT
from core.lab import Lab
from core.paths import Paths
from core.presets import preset_config
from core.records import read_history, read_record, read_steps


class Wait(NamedTuple):
    """Seconds from the click."""

    step: float
    epoch: float


def launch(lab: Lab) -> Wait:
    """Submit the quick start, and look as often as no browser would."""
    config = preset_config("digits-quick", None, (8, 8, 1)).with_values({"train.epochs": 3})
    begin = time.perf_counter()
    run_id = lab.runner.submit(config)
    files = lab.paths.run(run_id)
    step = epoch = 0.0
    while not epoch:
        now = time.perf_counter() - begin
        if not step and read_steps(files):
            step = now
        if read_history(files):
            epoch = now
        time.sleep(0.005)
    while not read_record(lab.paths, run_id).status.is_over():
        time.sleep(0.05)
    return Wait(step, epoch)


def serve(root: Path, runs: int) -> None:
    """The server process: one cold launch, then the others."""
    lab = Lab(root)
    lab.start()
    print(json.dumps([launch(lab) for _ in range(runs)]))


def measure(root: Path, runs: int) -> list[Wait]:
    command = [sys.executable, "-m", "benchmarks.launch", "--serve", str(root)]
    done = subprocess.run(
        [*command, "--runs", str(runs)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return [Wait(*pair) for pair in json.loads(done.stdout)]


def report(name: str, waits: list[Wait], target: float) -> None:
    step, epoch = (statistics.median(each) for each in zip(*waits, strict=True))
    worst = max(wait.step for wait in waits)
    print(
        f"{name}: first step {step:.2f} s (worst {worst:.2f}), first epoch {epoch:.2f} s; "
        f"median of {len(waits)}, target {target:.0f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3, help="launches per server")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.runs)
        return
    cold: list[Wait] = []
    later: list[Wait] = []
    for _ in range(options.servers):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            ensure_digits(Paths(Path(folder)).create())
            first, *others = measure(Path(folder), options.runs)
            cold.append(first)
            later += others
    report("cold", cold, 8)
    report("next", later, 3)


if __name__ == "__main__":
    main()
