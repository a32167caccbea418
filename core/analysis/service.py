"""Analyses for the app: each task in a process of its own, its result kept on the disk.

``cache/analysis/<key>/`` holds for every task its result (``<task>.npz``, written as a whole) and,
about the process that works on it, ``<task>.process.json``, ``.progress.json``, ``.log`` and, while
somebody wants it to end, ``.cancel``. The key changes with the dataset's content and with
:data:`VERSION`, so that a result always belongs to what is on the screen. This side starts and
reads; :mod:`core.analysis.job` works.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import BaseModel

from core.analysis.computing import AnalysisProgress
from core.datasets.dataset import DatasetInfo
from core.datasets.registry import list_datasets
from core.datasets.writer import Owner
from core.errors import N_, Text, text
from core.paths import AnalysisPaths, Paths, write_atomic

VERSION = 1
"""To be raised when the same dataset would be analysed otherwise: old results are dropped then."""

Task = Literal["basic", "tsne"]
Status = Literal["none", "running", "finished", "failed", "cancelled"]
OVER: tuple[Status, ...] = ("finished", "failed", "cancelled")

_ROOT = Path(__file__).resolve().parents[2]
# Kept until they end, or the system would keep them as zombies for as long as the app runs.
_children: list[subprocess.Popen[bytes]] = []


class TaskState(BaseModel, frozen=True):
    """A task as a page shows it, and its last word on the disk."""

    status: Status = "none"
    progress: AnalysisProgress = AnalysisProgress()
    message: Text | None = None
    remedy: Text | None = None


def analysis_paths(paths: Paths, info: DatasetInfo) -> AnalysisPaths:
    """Where the analysis of this very content is."""
    # Hashed: a dataset copied from elsewhere may have anything for a fingerprint.
    what = json.dumps([VERSION, info.fingerprint, sorted(info.splits.items())])
    return paths.analysis(hashlib.blake2b(what.encode(), digest_size=12).hexdigest())


def read_task(paths: Paths, info: DatasetInfo, task: Task) -> TaskState:
    """How a task stands; one whose process has died without a word has failed."""
    _children[:] = [child for child in _children if child.poll() is None]
    files = analysis_paths(paths, info)
    # The process before its result: one that ends in between has written it.
    alive = _alive(files.process(task))
    if files.result(task).is_file():
        return TaskState(status="finished")
    state = _last_word(files, task)
    if alive or state.status in OVER:
        return state
    if not files.process(task).exists():
        return TaskState()
    return TaskState(
        status="failed",
        message=text(N_("The analysis ended unexpectedly; perhaps there was too little memory.")),
        remedy=text(N_("Start it again. What happened is in {log}."), log=str(files.log(task))),
    )


def start_task(paths: Paths, info: DatasetInfo, task: Task, *, again: bool = False) -> None:
    """Begin a task unless it is under way or done; ``again`` drops what is there.

    Any number of sessions may ask at the same time.
    """
    paths.analyses.mkdir(parents=True, exist_ok=True)
    files = analysis_paths(paths, info)
    with FileLock(paths.analyses / ".start.lock"):
        if again:
            files.result(task).unlink(missing_ok=True)
        if read_task(paths, info, task).status in ("running", "finished"):
            return
        _drop_outdated(paths)
        files.folder.mkdir(exist_ok=True)
        for file in (files.cancel(task), files.progress(task)):
            file.unlink(missing_ok=True)
        _launch(paths, info.name, task, files)


def cancel_task(paths: Paths, info: DatasetInfo, task: Task) -> None:
    """Ask a task to end; it does within a second or so."""
    if read_task(paths, info, task).status == "running":
        analysis_paths(paths, info).cancel(task).touch()


def _launch(paths: Paths, name: str, task: Task, files: AnalysisPaths) -> None:
    command = [sys.executable, "-m", "core.analysis.job", str(paths.root.resolve()), name]
    with files.log(task).open("wb") as log:
        child = subprocess.Popen(
            [*command, *(["--tsne"] if task == "tsne" else [])],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # It outlives the app: it needs nobody, and is found again.
            start_new_session=True,
        )
    _children.append(child)
    write_atomic(files.process(task), Owner.of(child.pid).model_dump_json())


def _last_word(files: AnalysisPaths, task: Task) -> TaskState:
    try:
        return TaskState.model_validate_json(files.progress(task).read_bytes())
    except (OSError, ValueError):
        return TaskState(status="running")


def _alive(process: Path) -> bool:
    try:
        return Owner.model_validate_json(process.read_bytes()).alive()
    except (OSError, ValueError):
        return False


def _drop_outdated(paths: Paths) -> None:
    """Results of datasets that are gone or have changed."""
    needed = {analysis_paths(paths, info).folder.name for info in list_datasets(paths)}
    for folder in paths.analyses.iterdir():
        in_use = any(_alive(file) for file in folder.glob("*.process.json"))
        if folder.is_dir() and folder.name not in needed and not in_use:
            with suppress(OSError):
                shutil.rmtree(folder)
