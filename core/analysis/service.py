"""Analyses of datasets for the app, as tasks (:mod:`core.tasks`) of ``cache/analysis/<key>/``.

The key changes with the dataset's content and with :data:`VERSION`, so that a result always belongs
to what is on the screen. This side starts and reads; :mod:`core.analysis.job` works.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from typing import Literal

from core import tasks
from core.datasets.dataset import DatasetInfo
from core.datasets.registry import list_datasets
from core.paths import Paths
from core.task_paths import TaskPaths
from core.tasks import TaskState

VERSION = 1
"""To be raised when the same dataset would be analysed otherwise: old results are dropped then."""

Task = Literal["basic", "tsne"]


def analysis_paths(paths: Paths, info: DatasetInfo) -> TaskPaths:
    """Where the analysis of this very content is."""
    # Hashed: a dataset copied from elsewhere may have anything for a fingerprint.
    what = json.dumps([VERSION, info.fingerprint, sorted(info.splits.items())])
    return paths.analysis(hashlib.blake2b(what.encode(), digest_size=12).hexdigest())


def read_task(paths: Paths, info: DatasetInfo, task: Task) -> TaskState:
    """How a task stands; one whose process has died without a word has failed."""
    return tasks.read_state(analysis_paths(paths, info), task)


def start_task(paths: Paths, info: DatasetInfo, task: Task, *, again: bool = False) -> None:
    """Begin a task unless it is under way or done; ``again`` drops what is there.

    Any number of sessions may ask at the same time.
    """
    paths.analyses.mkdir(parents=True, exist_ok=True)
    files = analysis_paths(paths, info)

    def begin() -> None:
        _drop_outdated(paths)
        _launch(paths, info.name, task, files)

    tasks.start(files, task, begin, lock=paths.analyses / ".start.lock", again=again)


def cancel_task(paths: Paths, info: DatasetInfo, task: Task) -> None:
    """Ask a task to end; it does within a second or so."""
    tasks.cancel(analysis_paths(paths, info), task)


def _launch(paths: Paths, name: str, task: Task, files: TaskPaths) -> None:
    arguments = ["core.analysis.job", str(paths.root.resolve()), name]
    tasks.launch(files, task, [*arguments, *(["--tsne"] if task == "tsne" else [])])


def _drop_outdated(paths: Paths) -> None:
    """Results of datasets that are gone or have changed."""
    needed = {analysis_paths(paths, info).folder.name for info in list_datasets(paths)}
    for folder in paths.analyses.iterdir():
        in_use = any(tasks.is_alive(file) for file in folder.glob("*.process.json"))
        if folder.is_dir() and folder.name not in needed and not in_use:
            with suppress(OSError):
                shutil.rmtree(folder)
