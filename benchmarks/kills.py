"""Kills workers and servers at random moments, and checks that no run comes to harm.

    python -m benchmarks.kills [--n 20] [--seed 0]

Every round is one training of the digits. At a moment drawn at random over its life its worker
gets SIGKILL (and the run is resumed, as by the button), or its server does (and another server is
started on the same folder, which must go on by itself). A round is survived if the run ends as
finished with every epoch exactly once, with the very figures of the undisturbed run, and if there
are as many folders as submits.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from core.config import RunConfig
from core.jobs.workers import ROOT
from core.lab import Lab
from core.paths import Paths
from core.records import RunStatus, process_alive, read_history, read_record

EPOCHS = 12
CONFIG = RunConfig.parse(
    {
        "data": {"dataset": "digits"},
        "augment": {"rotation": 10},
        "model": {"architecture": "mlp", "layers": 1, "units": 32},
        "train": {"epochs": EPOCHS, "batch_size": 16, "early_stopping": False},
    }
)
PATIENCE_SECONDS = 180.0


def serve(root: Path) -> None:
    """The server process: submits what it reads, resumes what it is told to."""
    lab = Lab(root)
    lab.runner.start()
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "submit":
            name, _, config = rest.partition(" ")
            print(lab.runner.submit(RunConfig.model_validate_json(config), by=name), flush=True)
        elif word == "resume":
            lab.runner.resume(rest)
    lab.close()


class Server:
    """Our end of :func:`serve`."""

    def __init__(self, root: Path, slots: int = 1) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kills", "--serve", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, "LIENZO_SLOTS": str(slots)},
            start_new_session=True,
        )
        self.answer()

    def submit(self, config: RunConfig, name: str = "") -> str:
        """Queue a training for a name without spaces; returns its run id."""
        self.say(f"submit {name} {config.model_dump_json()}")
        return self.answer()

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)


class Round(NamedTuple):
    """What was done to a run, and what became of it."""

    number: int
    victim: str
    after: float
    epochs_then: int
    seconds: float
    problem: str


def wait_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Ordeal:
    """One lab, killed again and again."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.paths = Paths(root)
        self.chance = chance
        self.server = Server(root)
        self.submitted: list[str] = []
        self.life = 0.0
        """Seconds from submit to the end of an undisturbed run."""
        self.curve: list[tuple[float, ...]] = []
        """And its figures, of every epoch."""

    def submit(self) -> str:
        self.submitted.append(self.server.submit(CONFIG))
        return self.submitted[-1]

    def status(self, run_id: str) -> RunStatus:
        return read_record(self.paths, run_id).status

    def rehearse(self) -> str:
        """Let a first run in peace, to know how long a life is (the second finds Keras loaded)."""
        problem = ""
        for _ in range(2):
            begin = time.monotonic()
            run_id = self.submit()
            wait_for(lambda run_id=run_id: self.status(run_id).is_over())  # type: ignore[misc]
            self.life = time.monotonic() - begin
            self.curve = self.curve or self.curve_of(run_id)
            problem = problem or self.harm(run_id)
        return problem

    def round(self, number: int) -> Round:
        victim = self.chance.choice(["worker", "server"])
        after = self.chance.uniform(0, self.life)
        begin = time.monotonic()
        run_id = self.submit()
        time.sleep(after)
        then = len(read_history(self.paths.run(run_id)))
        {"worker": self.kill_worker, "server": self.kill_server}[victim](run_id)
        wait_for(lambda: self.settled(run_id))
        return Round(number, victim, after, then, time.monotonic() - begin, self.harm(run_id))

    def kill_worker(self, run_id: str) -> None:
        """It may not have begun yet, or be gone already."""
        record = read_record(self.paths, run_id)
        if record.pid is not None and process_alive(record):  # not another process by now
            os.kill(record.pid, signal.SIGKILL)

    def kill_server(self, _run_id: str) -> None:
        self.server.kill()
        self.server = Server(self.paths.root)

    def settled(self, run_id: str) -> bool:
        """Over for good; presses the button where there is one to press."""
        record = read_record(self.paths, run_id)
        if record.status is RunStatus.INTERRUPTED and record.interrupted_by == "worker":
            self.server.say(f"resume {run_id}")
            wait_for(lambda: self.status(run_id) is not RunStatus.INTERRUPTED)
            return False
        return record.status.is_over() and record.status is not RunStatus.INTERRUPTED

    def curve_of(self, run_id: str) -> list[tuple[float, ...]]:
        history = read_history(self.paths.run(run_id))
        return [(e.loss, e.accuracy, e.val_loss or 0, e.val_accuracy or 0) for e in history]

    def harm(self, run_id: str) -> str:
        """What is wrong with the run, or nothing."""
        files, record = self.paths.run(run_id), read_record(self.paths, run_id)
        epochs = [epoch.epoch for epoch in read_history(files)]
        if record.status is not RunStatus.FINISHED:
            return f"{record.status.value}: {record.failure and record.failure.what}"
        if epochs != list(range(1, EPOCHS + 1)) or record.summary is None:
            return f"epochs {epochs}"
        if len(files.metrics.read_bytes().splitlines()) != EPOCHS or not files.model.exists():
            return "a line or the model is missing"
        if self.curve_of(run_id) != self.curve:
            return "other figures than the undisturbed run"
        folders = sorted(p.name for p in self.paths.runs.iterdir())
        return "" if folders == sorted(self.submitted) else f"folders {folders}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ordeal = Ordeal(Path(folder), random.Random(options.seed))
        try:
            problem = ordeal.rehearse()
            print(f"undisturbed: {ordeal.life:.1f} s {problem}\n")
            print("round  victim   killed after  epochs then   finished after")
            rounds = []
            for number in range(1, options.n + 1):
                rounds.append(ordeal.round(number))
                print("{:5}  {:7} {:11.2f} s {:12} {:14.1f} s  {}".format(*rounds[-1]), flush=True)
        finally:
            ordeal.server.close()
    survived = sum(not each.problem for each in rounds)
    print(f"\nkills survived: {survived}/{options.n}")
    return 0 if survived == options.n and not problem else 1


if __name__ == "__main__":
    sys.exit(main())
