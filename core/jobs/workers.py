"""Worker processes: two ways to start one, the same to its owner.

``multiprocessing`` is of no use here: in a Streamlit server it runs the page again in every child
(docs/decisions.md). A worker's standard input is its lifeline: the starter holds the other end and
never writes, so that end of file means that the server is gone, even by ``kill -9``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Protocol

import psutil

from core.paths import Paths

ROOT = Path(__file__).parents[2]
"""Where ``python -m core…`` finds itself."""


class Worker(Protocol):
    """A process that trains one run."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code (negative: the signal that ended it), None while it lives."""

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


class Launcher(Protocol):
    """A way to start workers."""

    def start(self, run_id: str, device: str) -> Worker:
        """Start the training of a run on a device (``cpu``, or the number of a GPU)."""

    def close(self) -> None:
        """Let go of every worker: each saves and ends by itself."""


MEMORY_GROWTH = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""So that a process takes of a GPU's memory what it needs, not all: a probe, a prediction or a
training of the command line may need the rest. PyTorch does so by itself."""


def worker_environment(device: str) -> dict[str, str]:
    """What every Keras process gets: one device, no more memory than it needs, and no chatter."""
    visible = {} if device == "cpu" else {"CUDA_VISIBLE_DEVICES": device}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
    return {**MEMORY_GROWTH, **os.environ, **quiet, **visible}


class PopenLauncher:
    """A fresh interpreter per run: everywhere, and always with a GPU; some 3 s to start."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, run_id: str, device: str) -> Worker:
        command = [sys.executable, "-m", "core.training", run_id]
        with self._paths.run(run_id).log.open("ab") as log:
            worker = subprocess.Popen(
                [*command, "--artifacts", str(self._paths.root.absolute())],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=worker_environment(device),
                start_new_session=True,
            )
        # Forgetting those that have ended closes our end of their lifelines.
        self._workers = [w for w in self._workers if w.poll() is None] + [worker]
        return worker

    def close(self) -> None:
        for worker in self._workers:
            if worker.stdin:
                worker.stdin.close()


class HostedWorker:
    """A process forked by the host; the host tells how it ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.exit_code: int | None = None
        self.orphaned = False
        """Nobody will tell any more: whether it lives must be seen."""
        self._process = _find(pid)

    def poll(self) -> int | None:
        if self.exit_code is None and self.orphaned and not _lives(self._process):
            self.exit_code = 1
        return self.exit_code

    def terminate(self) -> None:
        self._send(15)

    def kill(self) -> None:
        self._send(9)

    def _send(self, signal: int) -> None:
        if self.exit_code is None:
            try:
                os.kill(self.pid, signal)
            except ProcessLookupError:
                self.exit_code = -signal


def _find(pid: int) -> psutil.Process | None:
    """The process as it is now, told from a later one of the same number."""
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _lives(process: psutil.Process | None) -> bool:
    try:
        return (
            process is not None
            and process.is_running()
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


class HostLauncher:
    """Workers forked from a host that has Keras loaded already: some 0.01 s to start.

    Only where no GPU is in play: a process that forks must never have touched a device.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._lock = threading.Lock()
        self._started = threading.Condition()
        self._workers: dict[int, HostedWorker] = {}
        self._fresh: dict[str, HostedWorker] = {}
        """run id → its worker, until whoever asked for it has seen it."""
        self._host: subprocess.Popen[str] | None = None
        self._warm = False
        self._reader = threading.Thread()

    def warm_up(self) -> None:
        """Start the host now, so that the first training finds Keras loaded; returns when it is."""
        with self._lock:
            self._ready_host()
        with self._started:
            while not self._warm and self._reader.is_alive():
                self._started.wait(0.2)

    def start(self, run_id: str, device: str) -> Worker:
        """See :class:`Launcher`. Waits for the host, at the first start some seconds."""
        worker = self._ask(run_id) or self._ask(run_id)  # a host may die; two do not by chance
        if worker is None:
            raise OSError("the worker host ended before it could start the training")
        return worker

    def _ask(self, run_id: str) -> HostedWorker | None:
        """None if the host died over it."""
        with self._lock:
            host = self._ready_host()
            assert host.stdin is not None
            try:
                host.stdin.write(json.dumps({"run": run_id}) + "\n")
                host.stdin.flush()
            except BrokenPipeError:
                host.wait()
                return None
        with self._started:
            while run_id not in self._fresh and self._reader.is_alive():
                self._started.wait(0.2)
            return self._fresh.pop(run_id, None)

    def close(self) -> None:
        if self._host and self._host.stdin:
            self._host.stdin.close()

    def _ready_host(self) -> subprocess.Popen[str]:
        if self._host is None or self._host.poll() is not None:
            self._host = self._spawn()
            self._warm = False
            self._reader = threading.Thread(target=self._read, args=(self._host,), daemon=True)
            self._reader.start()
        return self._host

    def _spawn(self) -> subprocess.Popen[str]:
        log = (self._paths.root / "cache" / "host.log").open("ab")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "core.jobs.host", str(self._paths.root.absolute())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=worker_environment("cpu"),
                start_new_session=True,
            )

    def _read(self, host: subprocess.Popen[str]) -> None:
        """What the host says: a worker has started, a worker has ended."""
        assert host.stdout is not None
        mine: list[HostedWorker] = []
        self._listen(host.stdout, mine)
        host.wait()
        # Their lifeline has ended with the host: they save what they have, and end.
        for worker in mine:
            worker.orphaned = True

    def _listen(self, stream: IO[str], mine: list[HostedWorker]) -> None:
        for line in stream:
            said = json.loads(line)
            with self._started:
                if "ready" in said:
                    self._warm = True
                    self._started.notify_all()
                elif "run" in said:
                    worker = self._workers[said["pid"]] = HostedWorker(said["pid"])
                    mine.append(worker)
                    self._fresh[said["run"]] = worker
                    self._started.notify_all()
                else:
                    self._workers.pop(said["pid"]).exit_code = said["code"]
