"""One analysis in a process of its own: ``python -m core.analysis.job ARTIFACTS DATASET [--tsne]``.

Its result replaces nothing until it is whole: killed at any moment, it leaves none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core import tasks
from core.analysis.computing import analyse, arrange
from core.analysis.result import load_analysis, save_analysis, save_points
from core.analysis.service import Task, analysis_paths
from core.datasets.dataset import Dataset
from core.datasets.registry import open_dataset
from core.paths import Paths
from core.signals import give_way
from core.tasks import OnProgress, ShouldStop, TaskProgress, TaskState


def compute(
    paths: Paths,
    dataset: Dataset,
    task: Task,
    on_progress: OnProgress = tasks.unheard,
    should_stop: ShouldStop = tasks.never,
) -> None:
    """Do a task and keep its result. One at a time on a machine: the others wait for their turn.

    Raises:
        DatasetError: if the dataset is damaged, or the map is asked for before the analysis.
        TaskCancelledError: soon after ``should_stop`` says so.
    """
    files = analysis_paths(paths, dataset.info)
    files.folder.mkdir(parents=True, exist_ok=True)
    on_progress(TaskProgress())
    turn = tasks.take_turn(paths.analyses / ".turn.lock", on_progress, should_stop)
    try:
        if task == "tsne":
            points = arrange(load_analysis(files.result("basic")), on_progress, should_stop)
            save_points(files.result(task), points)
        else:
            save_analysis(files.result(task), analyse(dataset, on_progress, should_stop))
    finally:
        turn.release()


def run_job(paths: Paths, name: str, task: Task) -> TaskState:
    """Work on a task of the dataset ``name``, and return the last word about it.

    LabError if there is no such dataset: then nobody is waiting either.
    """
    dataset = open_dataset(paths, name)
    files = analysis_paths(paths, dataset.info)
    files.folder.mkdir(parents=True, exist_ok=True)

    def work(on_progress: OnProgress) -> None:
        compute(paths, dataset, task, on_progress, files.cancel(task).exists)

    return tasks.last_word_of(files, task, work)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("dataset")
    parser.add_argument("--tsne", action="store_true", help="the t-SNE map, of what is analysed")
    options = parser.parse_args()
    give_way()
    end = run_job(Paths(options.artifacts), options.dataset, "tsne" if options.tsne else "basic")
    print(end.status, end.message or "")
    return 0 if end.status == "finished" else 1


if __name__ == "__main__":
    raise SystemExit(main())
