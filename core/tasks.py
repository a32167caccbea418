"""Long tasks for the app: each in a process of its own, its result kept on the disk.

A folder holds for every task its result (``<task>.npz``, written as a whole) and, about the
process that works on it, ``<task>.process.json``, ``.progress.json``, ``.log`` and, while somebody
wants it to end, ``.cancel``. The server starts and reads; the other process works in
:func:`last_word_of`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NoReturn

from filelock import FileLock, Timeout
from pydantic import BaseModel

from core.datasets.writer import Owner
from core.errors import N_, LabError, Text, text
from core.paths import write_atomic
from core.task_paths import TaskPaths

Status = Literal["none", "running", "finished", "failed", "cancelled"]
OVER: tuple[Status, ...] = ("finished", "failed", "cancelled")
REPORT_SECONDS = 0.25
ROOT = Path(__file__).resolve().parents[1]

_WAIT_SECONDS = 0.2
# Kept until they end, or the system would keep them as zombies for as long as the app runs.
_children: list[subprocess.Popen[bytes]] = []


class TaskCancelledError(LabError):
    """The user has cancelled a task."""

    def __init__(self) -> None:
        super().__init__(N_("The computation was cancelled."))


class TaskProgress(BaseModel, frozen=True):
    """How far a task is: its phase, the ``share`` done, in [0, 1], and when its work began."""

    phase: str = "starting"
    share: float = 0.0
    started: float = 0.0

    def seconds_left(self, now: float | None = None) -> float | None:
        """By the pace so far; None before there is one."""
        passed = (time.time() if now is None else now) - self.started
        if self.share < 0.02 or passed < 1:
            return None
        return max(0.0, passed * (1 - self.share) / self.share)


OnProgress = Callable[[TaskProgress], None]
ShouldStop = Callable[[], bool]


def unheard(_progress: TaskProgress) -> None:
    """For work that nobody watches."""


def never() -> bool:
    """For work that nobody ends."""
    return False


class TaskState(BaseModel, frozen=True):
    """A task as a page shows it, and its last word on the disk."""

    status: Status = "none"
    progress: TaskProgress = TaskProgress()
    message: Text | None = None
    remedy: Text | None = None


def read_state(files: TaskPaths, task: str) -> TaskState:
    """How a task stands; one whose process has died without a word has failed."""
    _children[:] = [child for child in _children if child.poll() is None]
    # The process before its result: one that ends in between has written it.
    alive = is_alive(files.process(task))
    if files.result(task).is_file():
        return TaskState(status="finished")
    state = _last_word(files, task)
    if state.status == "finished" and not alive:
        return TaskState()  # and what came of it was thrown away
    if alive or state.status in OVER:
        return state
    if not files.process(task).exists():
        return TaskState()
    return TaskState(
        status="failed",
        message=text(N_("The analysis ended unexpectedly; perhaps there was too little memory.")),
        remedy=text(N_("Start it again. What happened is in {log}."), log=str(files.log(task))),
    )


def start(
    files: TaskPaths, task: str, begin: Callable[[], None], *, lock: Path, again: bool = False
) -> None:
    """Have ``begin`` launch a task unless it is under way or done; ``again`` drops what is there.

    Any number of sessions may ask at the same time: the file ``lock`` decides.
    """
    with FileLock(lock):
        if again:
            files.result(task).unlink(missing_ok=True)
        if read_state(files, task).status in ("running", "finished"):
            return
        files.folder.mkdir(exist_ok=True)
        # The last process first: without its last word it would seem to have failed.
        for file in (files.process(task), files.cancel(task), files.progress(task)):
            file.unlink(missing_ok=True)
        begin()


def launch(
    files: TaskPaths,
    task: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start ``python -m <arguments>`` as the process of a task."""
    with files.log(task).open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # It outlives the app: it needs nobody, and is found again.
            start_new_session=True,
        )
    _children.append(child)
    write_atomic(files.process(task), Owner.of(child.pid).model_dump_json())


def cancel(files: TaskPaths, task: str) -> None:
    """Ask a task to end; it does within a second or so."""
    if read_state(files, task).status == "running":
        files.cancel(task).touch()


def is_alive(process: Path) -> bool:
    """Whether the process that a file names still exists."""
    try:
        return Owner.model_validate_json(process.read_bytes()).alive()
    except (OSError, ValueError):
        return False


def take_turn(lock: Path, on_progress: OnProgress, should_stop: ShouldStop) -> FileLock:
    """Wait until no other task holds the file ``lock``; to be released.

    Raises:
        TaskCancelledError: soon after ``should_stop`` says so.
    """
    turn = FileLock(lock)
    while True:
        if should_stop():
            raise TaskCancelledError
        try:
            turn.acquire(timeout=_WAIT_SECONDS)
        except Timeout:
            on_progress(TaskProgress(phase="waiting"))
            continue
        return turn


class Reporter:
    """Leaves the progress where the pages look for it: every phase, and a few times a second."""

    def __init__(self, files: TaskPaths, task: str) -> None:
        self._file = files.progress(task)
        self._due = 0.0
        self.last = TaskProgress()

    def __call__(self, progress: TaskProgress) -> None:
        new, self.last = progress.phase != self.last.phase, progress
        if new or time.monotonic() >= self._due:
            self._due = time.monotonic() + REPORT_SECONDS
            self.write(TaskState(status="running", progress=progress))

    def write(self, state: TaskState) -> None:
        write_atomic(self._file, state.model_dump_json(), durable=False)


def leave(end: TaskState) -> NoReturn:
    """The end of a task's process: its last word in the log, and out, since the interpreter's own
    tidying of a backend takes up to a second."""
    print(end.status, end.message or "")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if end.status == "finished" else 1)


def last_word_of(files: TaskPaths, task: str, work: Callable[[OnProgress], None]) -> TaskState:
    """Do ``work``, which is told where to report; the last word about it, which is written down.

    What the work is about may be deleted meanwhile: then nobody waits for a word.
    """
    reporter = Reporter(files, task)
    try:
        work(reporter)
        end = TaskState(status="finished")
    except TaskCancelledError as error:
        end = TaskState(status="cancelled", message=error.text)
    except LabError as error:
        end = TaskState(status="failed", message=error.text, remedy=error.remedy)
    except Exception as error:  # noqa: BLE001 - whatever it is, the page must get to know
        traceback.print_exc()
        end = _crashed(error, files.log(task))
    end = end.model_copy(update={"progress": reporter.last})
    with suppress(FileNotFoundError):
        reporter.write(end)
    return end


def _crashed(error: Exception, log: Path) -> TaskState:
    what = f"{type(error).__name__}: {error}"
    return TaskState(
        status="failed",
        message=text(N_("The analysis failed unexpectedly ({error})."), error=what),
        remedy=text(N_("What happened is in {log}."), log=str(log)),
    )


def _last_word(files: TaskPaths, task: str) -> TaskState:
    try:
        return TaskState.model_validate_json(files.progress(task).read_bytes())
    except (OSError, ValueError):
        return TaskState(status="running")
