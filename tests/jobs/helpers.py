"""Real processes to be started, watched and killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from core.config import RunConfig
from core.jobs.workers import ROOT
from core.paths import Paths
from core.records import RunRecord, RunStatus, read_history, read_record

EPOCHS = 12
LONG_ENOUGH = RunConfig.parse(
    {
        "data": {"dataset": "digits"},
        "model": {"architecture": "mlp", "layers": 1, "units": 32},
        "train": {"epochs": EPOCHS, "batch_size": 4, "early_stopping": False},
    }
)
"""Some 300 steps an epoch: time to be killed in."""


def lab_with_digits(root: Path, prepared: Path) -> Paths:
    shutil.copytree(prepared, root / "datasets")
    return Paths(root).create()


def until(condition: Callable[[], object], seconds: float = 240) -> None:
    """Wait for it; the limit is generous, because other tests use the same cores."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


class Run:
    """One run, seen from outside through its folder."""

    def __init__(self, paths: Paths, run_id: str) -> None:
        self.paths = paths
        self.run_id = run_id
        self.files = paths.run(run_id)

    def record(self) -> RunRecord:
        return read_record(self.paths, self.run_id)

    def status(self) -> RunStatus:
        return self.record().status

    def epochs(self) -> list[int]:
        return [epoch.epoch for epoch in read_history(self.files)]

    def wait_for_epoch(self, number: int) -> None:
        until(lambda: len(self.epochs()) >= number or self.status().is_over())
        assert self.status() is RunStatus.RUNNING, self.log()

    def wait_until_over(self) -> None:
        until(lambda: self.status().is_over())

    def worker(self) -> psutil.Process:
        pid = self.record().pid
        assert pid is not None
        return psutil.Process(pid)

    def log(self) -> str:
        return self.files.log.read_text() if self.files.log.exists() else "no log"

    def wait_for_resume(self, number: int) -> None:
        """Until its next life has added an epoch."""
        until(lambda: (self.record().resumes, self.status()) == (number, RunStatus.RUNNING))
        self.wait_for_epoch(len(self.epochs()) + 1)

    def assert_whole(self) -> None:
        """Finished, every epoch there once, and nothing of it lost, doubled or left over."""
        assert self.status() is RunStatus.FINISHED, self.log()
        assert self.epochs() == list(range(1, EPOCHS + 1))
        assert len(self.files.metrics.read_bytes().splitlines()) == EPOCHS
        summary = self.record().summary
        assert summary
        assert summary.epochs == EPOCHS
        assert not self.files.scratch.exists()
        assert not list(self.files.folder.glob(".*.tmp"))


SERVER = """
import sys, threading
from pathlib import Path
from core.config import RunConfig
from core.lab import Lab
lab = Lab(Path(sys.argv[1]))
lab.start() if sys.argv[3] == "all" else lab.runner.start()
new = sys.argv[2] and lab.runner.submit(RunConfig.model_validate_json(sys.argv[2]))
print(new, flush=True)
threading.Event().wait()
"""
"""All that a Streamlit server holds, without the pages."""


class Server:
    """A server process that has submitted a run, or goes on with what is there; ``compute``: with
    its other process."""

    def __init__(self, root: Path, config: RunConfig | None, *, compute: bool) -> None:
        new = config.model_dump_json() if config else ""
        arguments = [str(root), new, "all" if compute else "runner"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            # A group of its own, like a terminal's: what is killed is killed by name.
            start_new_session=True,
        )
        assert self.process.stdout
        self.run_id = self.process.stdout.readline().strip()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill(self) -> None:
        """As the system does it for lack of memory: no goodbye."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
