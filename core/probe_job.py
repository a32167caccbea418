"""The process of one probe: ``python -m core.probe_job FOLDER --artifacts DIR``.

Keras is loaded only when it is this probe's turn: those that wait cost next to nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from core.datasets.joining import learned_from
from core.datasets.registry import open_dataset
from core.errors import N_, LabError, text
from core.jobs.probes import ProbePaths, ProbeRequest, ProbeState, RateResult, SpeedResult
from core.paths import Paths, write_atomic
from core.signals import StopSignal, give_way

PROGRESS_SECONDS = 0.25
TURN_SECONDS = 0.5


class StoppedError(Exception):
    """Somebody no longer wants it."""


def run(files: ProbePaths, paths: Paths, signal: StopSignal) -> ProbeState:
    """Do what is asked as soon as it is this probe's turn, and write down what came out."""
    state = _state(files, paths, signal)
    write_atomic(files.progress, state.model_dump_json(), durable=False)
    return state


def _state(files: ProbePaths, paths: Paths, signal: StopSignal) -> ProbeState:
    try:
        with signal.watching(files.stop), _turn(files, signal):
            return ProbeState(status="finished", done=1, result=_result(files, paths, signal))
    except StoppedError:
        return ProbeState(status="stopped")
    except LabError as error:
        return ProbeState(status="failed", message=error.text)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is written down
        traceback.print_exc()
        what = f"{type(error).__name__}: {error}"[:400]
        return ProbeState(
            status="failed", message=text(N_("Unexpected error: {error}."), error=what)
        )


@contextmanager
def _turn(files: ProbePaths, signal: StopSignal) -> Iterator[None]:
    """Inside, no other probe is at work."""
    lock = FileLock(files.turn)
    while not lock.is_locked:
        _check(signal)
        with suppress(Timeout):
            lock.acquire(timeout=TURN_SECONDS)
    with lock:
        yield


def _result(files: ProbePaths, paths: Paths, signal: StopSignal) -> RateResult | SpeedResult:
    request = ProbeRequest.model_validate_json(files.request.read_bytes())
    from core.lr_finder import find_rate
    from core.probing import measure_speed

    opened = open_dataset(paths, request.config.data.dataset)
    dataset = learned_from(opened, request.config.data)
    watch, tell = _watch(files, signal), _tell(files)
    if request.kind == "rate":
        return find_rate(request.config, dataset, watch, tell)
    return measure_speed(request.config, dataset, watch, tell)


def _tell(files: ProbePaths) -> Callable[[int, int], None]:
    """Writes how much of the pretrained weights has come; a download cannot be left half-way."""

    def tell(done: int, whole: int) -> None:
        state = ProbeState(status="running", done=done / whole, megabytes=(done, whole))
        write_atomic(files.progress, state.model_dump_json(), durable=False)

    return tell


def _watch(files: ProbePaths, signal: StopSignal) -> Callable[[float], None]:
    """Writes how far it is a few times a second, with the time left by the pace so far."""
    begun: list[tuple[float, float]] = []
    written = [0.0]

    def watch(done: float) -> None:
        _check(signal)
        now = time.monotonic()
        if now - written[0] < PROGRESS_SECONDS:
            return
        written[0] = now
        if not begun:
            begun.append((now, done))
        since, first = begun[0]
        eta = (now - since) / (done - first) * (1 - done) if done > first else None
        state = ProbeState(status="running", done=done, eta_seconds=eta)
        write_atomic(files.progress, state.model_dump_json(), durable=False)

    return watch


def _check(signal: StopSignal) -> None:
    if signal.reason:
        raise StoppedError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.probe_job")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--artifacts", type=Path, required=True)
    options = parser.parse_args()
    give_way()
    signal = StopSignal()
    signal.watch_lifeline()
    run(ProbePaths(options.folder), Paths(options.artifacts), signal)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the interpreter's own tidying of a backend takes up to a second
