"""A competition's work in a process of its own: ``python -m core.competition.job ARTIFACTS …``.

``answers RUN DATASET`` predicts images; ``hide COMPETITION`` makes the copy that hides labels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core import tasks
from core.competition.answers import task_files
from core.competition.opening import prepare
from core.datasets.registry import open_dataset
from core.datasets.ticking import WorkCancelledError
from core.errors import N_, LabError, NotFoundError
from core.paths import Paths
from core.records import run_paths
from core.signals import give_way
from core.tasks import OnProgress, ShouldStop, TaskProgress, TaskState


def answer_in_turn(
    paths: Paths,
    run_id: str,
    dataset: str,
    on_progress: OnProgress = tasks.unheard,
    should_stop: ShouldStop = tasks.never,
) -> None:
    """See :func:`core.competition.answering.answer`. One at a time on a machine, with the
    inspections of runs: the others wait, and have not loaded Keras yet."""
    opened = open_dataset(paths, dataset)
    files, _task = task_files(paths, run_id, opened.info)
    files.folder.mkdir(exist_ok=True)
    on_progress(TaskProgress())
    turn = tasks.take_turn(paths.inspection_lock("turn"), on_progress, should_stop)
    try:
        from core.competition.answering import answer

        answer(paths, run_id, opened, on_progress, should_stop)
    finally:
        turn.release()


def answers_job(paths: Paths, run_id: str, dataset: str) -> TaskState:
    """Work on it, and leave the last word about it where the pages look.

    NotFoundError if there is no such run or dataset: then nobody is waiting either.
    """
    run = run_paths(paths, run_id)
    files, task = task_files(paths, run_id, open_dataset(paths, dataset).info)
    files.folder.mkdir(exist_ok=True)

    def should_stop() -> bool:
        # The run may be deleted meanwhile, and its folder must not come back.
        return files.cancel(task).exists() or not run.record.exists()

    def work(on_progress: OnProgress) -> None:
        answer_in_turn(paths, run_id, dataset, on_progress, should_stop)

    return tasks.last_word_of(files, task, work)


def hide_job(paths: Paths, competition_id: str) -> TaskState:
    """See :func:`core.competition.opening.prepare`."""
    files = paths.competition(competition_id)
    if not files.request.is_file():
        raise NotFoundError(N_("There is no competition {received}."), received=competition_id)

    def should_stop() -> bool:
        return files.cancel("solution").exists() or not files.request.exists()

    def work(on_progress: OnProgress) -> None:
        try:
            prepare(paths, competition_id, on_progress, should_stop)
        except WorkCancelledError as error:
            raise tasks.TaskCancelledError from error

    return tasks.last_word_of(files, "solution", work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("artifacts", type=Path)
    kinds = parser.add_subparsers(dest="kind", required=True)
    answers = kinds.add_parser("answers")
    answers.add_argument("run_id")
    answers.add_argument("dataset")
    kinds.add_parser("hide").add_argument("competition")
    options = parser.parse_args()
    give_way()
    paths = Paths(options.artifacts)
    try:
        if options.kind == "answers":
            end = answers_job(paths, options.run_id, options.dataset)
        else:
            end = hide_job(paths, options.competition)
    except LabError as error:
        end = TaskState(status="failed", message=error.text)
    tasks.leave(end)


if __name__ == "__main__":
    main()
