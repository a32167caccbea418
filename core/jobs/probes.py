"""Something tried out before a launch, each in a process of its own, found again by its folder.

``cache/probes/<id>/`` holds ``probe.json`` (what is asked), ``progress.json`` (how far, then the
result), ``log.txt`` and, while somebody wants it to end, ``stop``. This side starts and reads;
:mod:`core.probe_job` works. Probes take turns: thirty at a time would leave no memory to train in.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from core.config import RunConfig
from core.errors import N_, NotFoundError, RunError, Text, text
from core.jobs.workers import ROOT, worker_environment
from core.paths import Paths, write_atomic

Kind = Literal["rate", "speed"]
OLD_SECONDS = 3600.0
"""After so long nobody looks at a probe any more."""


class RateResult(BaseModel, frozen=True):
    """What the learning-rate finder saw: per step the rate, its loss, and the loss smoothed."""

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    valley: float | None
    """The suggestion; None if the loss never fell."""
    steepest: float | None
    seconds: float


class SpeedResult(BaseModel, frozen=True):
    """How long training takes here: steps of training, batches of validation, an epoch of both."""

    seconds_per_step: float
    seconds_per_validation_step: float
    seconds_per_epoch: float
    images_per_second: float


class ProbeRequest(BaseModel, frozen=True):
    """``probe.json``."""

    kind: Kind
    config: RunConfig


class ProbeState(BaseModel, frozen=True):
    """``progress.json``, written by the one process that works on the probe."""

    status: Literal["waiting", "running", "finished", "failed", "stopped"] = "waiting"
    done: float = 0.0
    """In [0, 1]."""
    eta_seconds: float | None = None
    megabytes: tuple[int, int] | None = None
    """(done, of some) of pretrained weights, while they are downloaded."""
    result: RateResult | SpeedResult | None = None
    message: Text | None = None

    def is_over(self) -> bool:
        return self.status in ("finished", "failed", "stopped")


@dataclass(frozen=True)
class ProbePaths:
    """The files of one probe."""

    folder: Path

    @property
    def request(self) -> Path:
        return self.folder / "probe.json"

    @property
    def progress(self) -> Path:
        return self.folder / "progress.json"

    @property
    def stop(self) -> Path:
        return self.folder / "stop"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def turn(self) -> Path:
        """Locked by the probe whose turn it is."""
        return self.folder.parent / ".turn.lock"


class Probes:
    """The probes of one server: its end is theirs, too."""

    def __init__(self, paths: Paths, device: str) -> None:
        """``device``: ``cpu``, or the number of a GPU."""
        self._folder = paths.root / "cache" / "probes"
        self._root = paths.root
        self._device = device
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, kind: Kind, config: RunConfig) -> str:
        """Begin a probe; returns its id at once."""
        self._forget_old()
        probe_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}"
        files = ProbePaths(self._folder / probe_id)
        files.folder.mkdir(parents=True)
        request = ProbeRequest(kind=kind, config=config)
        write_atomic(files.request, request.model_dump_json(), durable=False)
        with files.log.open("wb") as log:
            self._processes[probe_id] = subprocess.Popen(
                [
                    *(sys.executable, "-m", "core.probe_job", str(files.folder.absolute())),
                    *("--artifacts", str(self._root.absolute())),
                ],
                # Its lifeline: end of file means that the server is gone.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=worker_environment(self._device),
                start_new_session=True,
            )
        return probe_id

    def read(self, probe_id: str) -> ProbeState:
        """Where a probe is; one whose process has died without a word has failed.

        Raises:
            NotFoundError: if it was begun on another server, or too long ago.
        """
        process = self._processes.get(probe_id)
        if process is None:
            raise NotFoundError(N_("This measurement is no longer here; start it again."))
        ended = process.poll() is not None  # first: what ends in between has had its last word
        files = ProbePaths(self._folder / probe_id)
        state = read_state(files)
        if ended and not state.is_over():
            message = text(
                N_("It ended unexpectedly. What happened is in {log}."), log=str(files.log)
            )
            return ProbeState(status="failed", message=message)
        return state

    def result(self, probe_id: str) -> RateResult | SpeedResult:
        """Of a finished probe.

        Raises:
            RunError: if it is not finished.
        """
        state = self.read(probe_id)
        if state.result is None:
            raise RunError(N_("This measurement has no result."))
        return state.result

    def stop(self, probe_id: str) -> None:
        """Ask it to end; it does within a step."""
        if probe_id in self._processes:
            ProbePaths(self._folder / probe_id).stop.touch()

    def close(self) -> None:
        for process in self._processes.values():
            if process.stdin:
                process.stdin.close()

    def _forget_old(self) -> None:
        """Those that are over, and folders left by servers that were killed."""
        if not self._folder.is_dir():
            return
        for folder in self._folder.iterdir():
            process = self._processes.get(folder.name)
            working = process is not None and process.poll() is None
            if folder.is_dir() and not working and _age(folder) > OLD_SECONDS:
                self._processes.pop(folder.name, None)
                shutil.rmtree(folder, ignore_errors=True)


def read_state(files: ProbePaths) -> ProbeState:
    try:
        return ProbeState.model_validate_json(files.progress.read_bytes())
    except (OSError, ValueError):
        return ProbeState()


def _age(folder: Path) -> float:
    return time.time() - folder.stat().st_mtime
