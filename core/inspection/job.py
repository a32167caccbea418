"""One inspection in a process of its own: ``python -m core.inspection.job ARTIFACTS RUN TASK``.

Keras is loaded only when it is this inspection's turn: those that wait cost next to nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from core import tasks
from core.errors import N_, RunError
from core.inspection.service import Task
from core.paths import Paths
from core.records import run_paths
from core.signals import give_way
from core.tasks import OnProgress, ShouldStop, TaskProgress, TaskState


def inspect(
    paths: Paths,
    run_id: str,
    task: Task,
    on_progress: OnProgress = tasks.unheard,
    should_stop: ShouldStop = tasks.never,
) -> None:
    """Do a task and keep its result. One at a time on a machine: the others wait for their turn.

    Raises:
        NotFoundError: if there is no such run.
        RunError: if it has no network, or no predictions.
        DatasetError: if its images are gone.
        TaskCancelledError: soon after ``should_stop`` says so.
    """
    files = run_paths(paths, run_id)
    if not files.model.is_file() or not files.predictions.is_file():
        raise RunError(N_("Run {run} has no network to look into: train it first."), run=run_id)
    files.inspection.folder.mkdir(exist_ok=True)
    on_progress(TaskProgress())
    turn = tasks.take_turn(paths.inspection_lock("turn"), on_progress, should_stop)
    try:
        from core.inspection.computing import WORK

        WORK[task](paths, run_id, on_progress, should_stop)
    finally:
        turn.release()


def run_job(paths: Paths, run_id: str, task: Task) -> TaskState:
    """Work on a task of a run, and return the last word about it.

    NotFoundError if there is no such run: then nobody is waiting either.
    """
    run = run_paths(paths, run_id)
    files = run.inspection
    files.folder.mkdir(exist_ok=True)

    def should_stop() -> bool:
        # The run may be deleted meanwhile, and its folder must not come back.
        return files.cancel(task).exists() or not run.record.exists()

    def work(on_progress: OnProgress) -> None:
        inspect(paths, run_id, task, on_progress, should_stop)

    return tasks.last_word_of(files, task, work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("run_id")
    parser.add_argument("task", choices=get_args(Task))
    options = parser.parse_args()
    give_way()
    tasks.leave(run_job(Paths(options.artifacts), options.run_id, options.task))


if __name__ == "__main__":
    main()
