"""Analyses in a process of their own: started once, killed, cancelled, kept, and thrown away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import psutil
import pytest

from core import tasks
from core.analysis import job, service
from core.analysis.computing import analyse
from core.analysis.job import compute, run_job
from core.analysis.result import load_analysis, load_points
from core.analysis.service import (
    Task,
    analysis_paths,
    cancel_task,
    read_task,
    start_task,
)
from core.datasets.dataset import DatasetInfo
from core.datasets.registry import delete_dataset, open_dataset
from core.datasets.writer import Owner
from core.errors import DatasetError
from core.paths import Paths, write_atomic
from core.task_paths import TaskPaths
from core.tasks import TaskCancelledError, TaskProgress, TaskState, take_turn
from tests.analysis.making import Part, photographs, write

PATIENCE = 180.0


def two_classes(each: int = 10) -> dict[str, Part]:
    labels = [0, 1] * each
    return {
        "train": Part(photographs(2 * each), labels),
        "test": Part(photographs(4, 1), [0, 1, 0, 1]),
        "unlabelled": Part(photographs(3, 2), [-1] * 3),
    }


@pytest.fixture
def info(paths: Paths) -> DatasetInfo:
    return write(paths, "pets", two_classes())


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Tasks that were begun, by this process as it seems; nothing is done about them."""
    begun: list[Task] = []

    def launch(paths: Paths, name: str, task: Task, files: TaskPaths) -> None:
        begun.append(task)
        write_atomic(files.process(task), Owner.me().model_dump_json())

    monkeypatch.setattr(service, "_launch", launch)
    return begun


def wait_until_over(paths: Paths, info: DatasetInfo, task: Task = "basic") -> TaskState:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = read_task(paths, info, task)
        if state.status != "running":
            return state
        time.sleep(0.05)
    pytest.fail(f"still running after {PATIENCE} s: {state}")


def died(files: TaskPaths, task: Task = "basic") -> None:
    """The process that works on a task is gone."""
    gone = Owner(pid=1, started=0.0, host=Owner.me().host)
    write_atomic(files.process(task), gone.model_dump_json())


@pytest.mark.slow
def test_both_tasks_from_beginning_to_end(paths: Paths, info: DatasetInfo) -> None:
    assert read_task(paths, info, "basic") == TaskState()
    start_task(paths, info, "basic")
    assert wait_until_over(paths, info).status == "finished"
    files = analysis_paths(paths, info)
    found = load_analysis(files.result("basic"))
    assert found.stats.mean.shape == (2, 32, 32, 3)
    assert found.sample.row.tolist() == list(range(27))
    assert found.sample.points.shape == (27, 2)
    assert found.duplicates.similar.number == 0
    start_task(paths, info, "tsne")
    assert wait_until_over(paths, info, "tsne").status == "finished"
    assert load_points(files.result("tsne")).shape == (27, 2)


@pytest.mark.slow
def test_a_killed_job_leaves_nothing_half(paths: Paths) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2_000, 16, 16, 3), np.uint8)
    info = write(paths, "many", {"train": Part(noise, [0, 1] * 1_000)})
    start_task(paths, info, "basic")
    files = analysis_paths(paths, info)
    deadline = time.monotonic() + PATIENCE
    while not read_task(paths, info, "basic").progress.share and time.monotonic() < deadline:
        time.sleep(0.01)
    owner = Owner.model_validate_json(files.process("basic").read_bytes())
    psutil.Process(owner.pid).kill()
    state = wait_until_over(paths, info)
    assert state.status == "failed"
    assert "ended unexpectedly" in str(state.message)
    assert not list(files.folder.glob("*.npz"))
    start_task(paths, info, "basic")
    assert wait_until_over(paths, info).status == "finished"
    assert not list(files.folder.glob("*.tmp"))


def test_a_task_is_begun_once(paths: Paths, info: DatasetInfo, launched: list[Task]) -> None:
    threads = [threading.Thread(target=start_task, args=(paths, info, "basic")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert launched == ["basic"]
    assert read_task(paths, info, "basic").status == "running"
    compute(paths, open_dataset(paths, "pets"), "basic")
    assert read_task(paths, info, "basic").status == "finished"
    start_task(paths, info, "basic")
    assert launched == ["basic"]
    died(analysis_paths(paths, info))
    start_task(paths, info, "basic", again=True)
    assert launched == ["basic", "basic"]


def test_progress_and_cancel(paths: Paths, info: DatasetInfo, launched: list[Task]) -> None:
    start_task(paths, info, "basic")
    cancel_task(paths, info, "basic")
    state = run_job(paths, "pets", "basic")
    assert state.status == "cancelled"
    died(analysis_paths(paths, info))
    assert read_task(paths, info, "basic").status == "cancelled"
    assert not analysis_paths(paths, info).result("basic").exists()
    start_task(paths, info, "basic")  # and again, without being cancelled at once
    assert read_task(paths, info, "basic").status == "running"
    assert run_job(paths, "pets", "basic").status == "finished"


def test_progress_only_grows(paths: Paths, info: DatasetInfo) -> None:
    seen: list[TaskProgress] = []
    analyse(open_dataset(paths, "pets"), seen.append)
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares)
    assert {progress.phase for progress in seen} == {"reading", "arranging", "comparing"}
    assert all(0 <= share <= 1 for share in shares)
    half = TaskProgress(phase="reading", share=0.5, started=100.0)
    assert half.seconds_left(110.0) == 10
    assert half.seconds_left(100.5) is None


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_analysis_can_be_ended_anywhere(paths: Paths, info: DatasetInfo, after: int) -> None:
    asked = iter([False] * after + [True] * 99)
    with pytest.raises(TaskCancelledError):
        analyse(open_dataset(paths, "pets"), should_stop=lambda: next(asked))


def test_failures_are_told(
    paths: Paths, info: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = analysis_paths(paths, info)
    assert run_job(paths, "pets", "tsne").status == "failed"  # before the analysis
    paths.dataset("pets").images("train").write_bytes(b"no array" * 10_000)
    state = run_job(paths, "pets", "basic")
    assert state.status == "failed"
    assert "is damaged" in str(state.message)
    died(files)
    assert read_task(paths, info, "basic") == state

    def broken(*_: object) -> None:
        raise MemoryError("too much")

    monkeypatch.setattr(job, "analyse", broken)
    state = run_job(paths, "pets", "basic")
    assert "MemoryError: too much" in str(state.message)
    assert str(files.log("basic")) in str(state.remedy)


def test_one_at_a_time(paths: Paths, info: DatasetInfo) -> None:
    """Another job waits for its turn, and can be cancelled meanwhile."""
    paths.analyses.mkdir(parents=True)
    stop: Callable[[], bool] = iter([False, False, True]).__next__
    turn = take_turn(paths.analyses / ".turn.lock", lambda progress: None, lambda: False)
    seen: list[TaskProgress] = []
    with pytest.raises(TaskCancelledError):
        compute(paths, open_dataset(paths, "pets"), "basic", seen.append, stop)
    turn.release()
    assert [progress.phase for progress in seen] == ["starting", "waiting", "waiting"]
    compute(paths, open_dataset(paths, "pets"), "basic")
    assert read_task(paths, info, "basic").status == "finished"


def test_results_belong_to_a_content(paths: Paths, info: DatasetInfo, launched: list[Task]) -> None:
    """Changed content has another place; results that nobody can see any more are dropped."""
    other = info.model_copy(update={"fingerprint": "../../other"})
    assert analysis_paths(paths, other).folder != analysis_paths(paths, info).folder
    assert analysis_paths(paths, other).folder.parent == paths.analyses
    compute(paths, open_dataset(paths, "pets"), "basic")
    files = analysis_paths(paths, info)
    cats = write(paths, "cats", {"train": Part(photographs(4), [0, 1, 0, 1])})
    start_task(paths, cats, "basic")
    assert files.result("basic").exists()
    delete_dataset(paths, "pets")
    died(analysis_paths(paths, cats))
    start_task(paths, cats, "basic")
    assert not files.folder.exists()
    assert analysis_paths(paths, cats).folder.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_damaged_results(paths: Paths, info: DatasetInfo, content: bytes) -> None:
    file = analysis_paths(paths, info).result("basic")
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(DatasetError, match="missing or damaged"):
        load_analysis(file)
    np.savez(file, other=np.zeros(3))
    for load in (load_analysis, load_points):
        with pytest.raises(DatasetError, match="Compute it again"):
            load(file)


def test_the_server_loads_no_scikit_learn() -> None:
    code = (
        "import sys, core.analysis.service, core.analysis.computing, core.analysis.result, "
        "ui.understand_view; print([m for m in ('sklearn', 'scipy') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tasks.ROOT,
        env=os.environ,
    )
    assert said.stdout.splitlines()[-1] == "[]"
