"""Thirty queued runs, three killed, one out of memory, one NaN, the server killed in between.

    python -m benchmarks.queue [--seed 0] [--server-after 12]

All with real processes, on two slots: three names submit ten trainings of the digits each, one name
after the other. Three workers get SIGKILL, one gets a memory limit just above what it holds
(RLIMIT_DATA), one has a learning rate that must end in NaN. After so many ends the server gets
SIGKILL, and another one is started on the same folder. At the end every run must be in the state
that was written for it, with every epoch once, started in the order of its name, the names in turn.
Linux only: nobody else can limit another process.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

from benchmarks.kills import Server
from core.config import RunConfig
from core.paths import Paths
from core.records import RunRecord, RunStatus, process_alive, read_history, read_record

NAMES = ("Ana", "Luis", "Mar")
EACH, SLOTS = 10, 2
SHORT = RunConfig.parse(
    {
        "data": {"dataset": "digits"},
        "model": {"architecture": "mlp", "layers": 1, "units": 32},
        "train": {"epochs": 4, "batch_size": 16, "early_stopping": False},
    }
)
NAN = SHORT.with_values(
    {"optimizer.name": "sgd", "optimizer.learning_rate": 10, "model.layers": 4, "model.units": 512}
)
LARGE = SHORT.with_values(
    {"model.architecture": "cnn", "model.filters": 256, "train.batch_size": 1024}
)
ROOM_BYTES = 20_000_000
"""What the limited worker may still take: its first batch needs several times as much."""
PATIENCE_SECONDS = 600.0


class Ordeal:
    """One lab, its thirty runs, and what is done to them."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.paths = Paths(root)
        self.server = Server(root, SLOTS)
        numbers = chance.sample(range(len(NAMES) * EACH), 5)
        self.nan, self.limited, *self.killed = numbers
        self.done_to: set[str] = set()
        self.runs = [self.submit(number) for number in range(len(NAMES) * EACH)]
        self.cut: list[str] = []
        """At work when the server was killed."""

    def submit(self, number: int) -> str:
        config = {self.nan: NAN, self.limited: LARGE}.get(number, SHORT)
        return self.server.submit(config, NAMES[number // EACH])

    def records(self) -> list[RunRecord]:
        return [read_record(self.paths, run_id) for run_id in self.runs]

    def step(self) -> int:
        """Do what is to be done by now; the number of runs that are over for good."""
        records = self.records()
        for number, record in enumerate(records):
            if record.status is RunStatus.RUNNING and record.id not in self.done_to:
                self.harm(number, record)
        return sum(r.status.is_over() and r.interrupted_by != "server" for r in records)

    def harm(self, number: int, record: RunRecord) -> None:
        if number not in (self.limited, *self.killed) or not process_alive(record):
            return
        assert record.pid
        self.done_to.add(record.id)
        if number == self.limited:
            process = psutil.Process(record.pid)
            most = process.memory_info().data + ROOM_BYTES
            process.rlimit(resource.RLIMIT_DATA, (most, most))
        else:
            os.kill(record.pid, signal.SIGKILL)

    def restart(self) -> None:
        self.server.kill()
        self.cut = [r.id for r in self.records() if r.status is RunStatus.RUNNING]
        self.server = Server(self.paths.root, SLOTS)

    def close(self) -> None:
        self.server.close()

    def problems(self) -> list[str]:
        records = self.records()
        found = [p for number, record in enumerate(records) if (p := self.wrong(number, record))]
        folders = {path.name for path in self.paths.runs.iterdir()}
        return [*found, *self.disorder(records), *sorted(folders ^ set(self.runs))]

    def wrong(self, number: int, record: RunRecord) -> str:
        """What is wrong with a run, or nothing."""
        failed = number in (self.nan, self.limited)
        killed = RunStatus.INTERRUPTED if number in self.killed else RunStatus.FINISHED
        wanted = RunStatus.FAILED if failed else killed
        said = str(record.failure.what) if record.failure else ""
        where = f"run {number} ({record.by}) is {record.status.value}: {said}"
        if number == self.limited and record.status is RunStatus.INTERRUPTED:
            wanted = record.status  # its process was ended by a library below Python
        if record.status is not wanted:
            return where
        if number == self.limited and not (record.failure and record.failure.smaller_batch):
            return f"{where}: no smaller batch is proposed"
        if number == self.nan and "finite" not in said:
            return where
        epochs = [epoch.epoch for epoch in read_history(self.paths.run(record.id))]
        if wanted is RunStatus.FINISHED and epochs != [1, 2, 3, 4]:
            return f"{where}: epochs {epochs}"
        # A worker that was nearly done may have ended its run before it saw its server gone.
        allowed = (0, 1) if record.id in self.cut else (0,)
        return "" if record.resumes in allowed else f"{where}: {record.resumes} resumes"

    def disorder(self, records: list[RunRecord]) -> list[str]:
        """Names must be in their own order, and none more than two starts ahead of another that
        still has some to make."""
        started = sorted(records, key=lambda r: r.started or r.created)
        found = []
        for name in NAMES:
            own = [r.id for r in started if r.by == name]
            if own != sorted(own):
                found.append(f"{name}'s runs were started in another order")
        counts: Counter[str] = Counter()
        for record in started:
            counts[record.by] += 1
            behind = [counts[name] for name in NAMES if counts[name] < EACH]
            if behind and counts[record.by] - min(behind) > 2:
                found.append(f"{record.by} was {counts[record.by]} starts ahead at {record.id}")
        return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server-after", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), options)


def run(root: Path, options: argparse.Namespace) -> int:
    begin = time.monotonic()
    ordeal = Ordeal(root, random.Random(options.seed))
    killed = sorted(ordeal.killed)
    print(f"killed {killed}, out of memory {ordeal.limited}, NaN {ordeal.nan}", flush=True)
    restarted = False
    while (over := ordeal.step()) < len(ordeal.runs):
        if time.monotonic() - begin > PATIENCE_SECONDS:
            print("out of patience")
            break
        if over >= options.server_after and not restarted:
            restarted = True
            ordeal.restart()
            print(f"server killed after {over} ends, with {len(ordeal.cut)} at work", flush=True)
        time.sleep(0.05)
    problems = ordeal.problems()
    states = Counter(record.status.value for record in ordeal.records())
    limited = ordeal.records()[ordeal.limited]
    ordeal.close()
    print(f"{dict(states)} in {time.monotonic() - begin:.0f} s")
    print(f"out of memory: {limited.status.value}, {limited.failure and limited.failure.what}")
    print("\n".join(problems) or "all in the right state, in order, none twice")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
