"""One analysis in a process of its own: ``python -m core.analysis.job ARTIFACTS DATASET [--tsne]``.

Its result replaces nothing until it is whole: killed at any moment, it leaves none.
"""

from __future__ import annotations

import argparse
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from core.analysis.computing import (
    AnalysisCancelledError,
    AnalysisProgress,
    OnProgress,
    analyse,
    arrange,
)
from core.analysis.result import load_analysis, save_analysis, save_points
from core.analysis.service import Task, TaskState, analysis_paths
from core.datasets.dataset import Dataset
from core.datasets.registry import open_dataset
from core.errors import N_, LabError, text
from core.paths import AnalysisPaths, Paths, write_atomic
from core.signals import give_way

REPORT_SECONDS = 0.25
_WAIT_SECONDS = 0.2


def compute(
    paths: Paths,
    dataset: Dataset,
    task: Task,
    on_progress: OnProgress = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Do a task and keep its result. One at a time on a machine: the others wait for their turn.

    Raises:
        DatasetError: if the dataset is damaged, or the map is asked for before the analysis.
        AnalysisCancelledError: soon after ``should_stop`` says so.
    """
    files = analysis_paths(paths, dataset.info)
    files.folder.mkdir(parents=True, exist_ok=True)
    on_progress(AnalysisProgress())
    turn = _take_turn(paths, on_progress, should_stop)
    try:
        if task == "tsne":
            points = arrange(load_analysis(files.result("basic")), on_progress, should_stop)
            save_points(files.result(task), points)
        else:
            save_analysis(files.result(task), analyse(dataset, on_progress, should_stop))
    finally:
        turn.release()


def _take_turn(paths: Paths, on_progress: OnProgress, should_stop: Callable[[], bool]) -> FileLock:
    lock = FileLock(paths.analyses / ".turn.lock")
    while True:
        if should_stop():
            raise AnalysisCancelledError
        try:
            lock.acquire(timeout=_WAIT_SECONDS)
        except Timeout:
            on_progress(AnalysisProgress(phase="waiting"))
            continue
        return lock


class _Reporter:
    """Leaves the progress where the pages look for it: every phase, and a few times a second."""

    def __init__(self, files: AnalysisPaths, task: Task) -> None:
        self._file = files.progress(task)
        self._due = 0.0
        self.last = AnalysisProgress()

    def __call__(self, progress: AnalysisProgress) -> None:
        new, self.last = progress.phase != self.last.phase, progress
        if new or time.monotonic() >= self._due:
            self._due = time.monotonic() + REPORT_SECONDS
            self.write(TaskState(status="running", progress=progress))

    def write(self, state: TaskState) -> None:
        write_atomic(self._file, state.model_dump_json(), durable=False)


def run_job(paths: Paths, name: str, task: Task) -> TaskState:
    """Work on a task of the dataset ``name``, and return the last word about it.

    LabError if there is no such dataset: then nobody is waiting either.
    """
    dataset = open_dataset(paths, name)
    files = analysis_paths(paths, dataset.info)
    files.folder.mkdir(parents=True, exist_ok=True)
    reporter = _Reporter(files, task)
    try:
        compute(paths, dataset, task, reporter, files.cancel(task).exists)
        end = TaskState(status="finished")
    except AnalysisCancelledError as error:
        end = TaskState(status="cancelled", message=error.text)
    except LabError as error:
        end = TaskState(status="failed", message=error.text, remedy=error.remedy)
    except Exception as error:  # noqa: BLE001 - whatever it is, the page must get to know
        traceback.print_exc()
        end = TaskState(
            status="failed",
            message=text(
                N_("The analysis failed unexpectedly ({error})."),
                error=f"{type(error).__name__}: {error}",
            ),
            remedy=text(N_("What happened is in {log}."), log=str(files.log(task))),
        )
    reporter.write(end.model_copy(update={"progress": reporter.last}))
    return end


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
