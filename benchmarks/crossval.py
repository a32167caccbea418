"""A cross-validation of five folds on the digits, against five single runs.

    python -m benchmarks.crossval [--rounds 3] [--slots 1]

Both through the same server and its worker processes, one after the other in every round, and the
order turned round in every second one: from the launch until the last of them is over, for the
cross-validation until its result is written. Every training has a fixed number of epochs. What a
fold learns from is nearly as much as a single run does (the digits have as many validation images
as a fold); beyond that the ratio shows what the folds' dealing, one record more and the assembling
of the predictions cost. What was needed beside the trainings is told, too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from core.config import RunConfig
from core.crossval.parent import FIXED_EPOCHS, Folding, launch, whole
from core.lab import Lab
from core.records import RunStatus

FOLDS = 5
CONFIG = RunConfig.parse(
    {
        "data": {"dataset": "digits"},
        "model": {"architecture": "cnn"},
        "train": {"epochs": 5},
    }
).with_values(FIXED_EPOCHS)


def wait(lab: Lab, run_ids: list[str]) -> float:
    """Until all are over; the seconds that their trainings took by their own clocks."""
    while True:
        records = [lab.store.read(run_id) for run_id in run_ids]
        if all(record.status.is_over() for record in records):
            break
        time.sleep(0.05)
    if any(record.status is not RunStatus.FINISHED for record in records):
        raise SystemExit(f"not all have finished: {[r.status.value for r in records]}")
    return sum(record.summary.seconds for record in records if record.summary)


def crossval(lab: Lab) -> tuple[float, float]:
    """Wall seconds and training seconds."""
    start = time.perf_counter()
    parent = launch(lab.store, whole(CONFIG, Folding(FOLDS)))
    trained = wait(lab, [parent.id])
    return time.perf_counter() - start, trained


def singles(lab: Lab) -> tuple[float, float]:
    start = time.perf_counter()
    configs = [CONFIG.with_values({"train.seed": seed}) for seed in range(FOLDS)]
    trained = wait(lab, [lab.runner.submit(config) for config in configs])
    return time.perf_counter() - start, trained


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=1)
    options = parser.parse_args()
    os.environ["LIENZO_SLOTS"] = str(options.slots)
    ratios = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        lab = Lab(Path(folder))
        lab.runner.start()
        wait(lab, [lab.runner.submit(CONFIG)])  # the first one waits for Keras
        for number in range(options.rounds):
            order = (crossval, singles) if number % 2 else (singles, crossval)
            found = {work.__name__: work(lab) for work in order}
            (one, trained), (five, alone) = found["crossval"], found["singles"]
            ratios.append(one / five)
            print(
                f"cross-validation {one:.1f} s (trainings {trained:.1f} s), "
                f"five single runs {five:.1f} s (trainings {alone:.1f} s), ratio {one / five:.2f}"
            )
        lab.close()
    print(f"ratio, median of {options.rounds}: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
