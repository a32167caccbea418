"""Inspections of runs for the app, as tasks (:mod:`core.tasks`) of the folder ``inspection/`` in
the run's own: they go when it goes. This side starts and reads; :mod:`core.inspection.job` works.
"""

from __future__ import annotations

from typing import Literal

from core import tasks
from core.jobs.workers import worker_environment
from core.paths import Paths
from core.records import run_paths
from core.task_paths import InspectionPaths
from core.tasks import TaskState

Task = Literal["features", "robustness", "varied"]
TRAIN_ROWS = 20_000
"""Training pictures that are looked at, at most, in (nearly) equal shares of the classes: a
neighbour query takes some 10 ms then, and the job hardly longer than an evaluation."""
MAP_ROWS = 2_000
"""Points on the map per split, at most."""
SECONDS_PER_POINT = 6e-3
"""Of the t-SNE map, on a slow machine."""
_ROBUST_ROWS = 1_000
_LARGE_SIDE, _LARGE_ROWS = 128, 300


def robust_rows(shape: tuple[int, ...]) -> int:
    """How many pictures (h, w, c) are made worse, at most: they tell an accuracy to ±3 points.

    Of larger ones fewer are taken (±6 points): every one is judged 61 times.
    """
    return _LARGE_ROWS if max(shape[:2]) > _LARGE_SIDE else _ROBUST_ROWS


def read_inspection(paths: Paths, run_id: str, task: Task) -> TaskState:
    """How a task stands; one whose process has died without a word has failed."""
    return tasks.read_state(paths.run(run_id).inspection, task)


def start_inspection(paths: Paths, run_id: str, task: Task, *, again: bool = False) -> None:
    """Begin a task unless it is under way or done; ``again`` drops what is there.

    Any number of sessions may ask at the same time. NotFoundError if there is no such run.
    """
    files = run_paths(paths, run_id).inspection

    def begin() -> None:
        _launch(paths, run_id, task, files)

    tasks.start(files, task, begin, lock=paths.inspection_lock("start"), again=again)


def cancel_inspection(paths: Paths, run_id: str, task: Task) -> None:
    """Ask a task to end; it does within some seconds."""
    tasks.cancel(paths.run(run_id).inspection, task)


def _launch(paths: Paths, run_id: str, task: Task, files: InspectionPaths) -> None:
    arguments = ["core.inspection.job", str(paths.root.resolve()), run_id, task]
    # The GPU belongs to the trainings.
    tasks.launch(files, task, arguments, worker_environment("-1"))
