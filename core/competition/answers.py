"""What a run answers about images without a label: computed once per dataset, kept beside the run.

This side starts and reads; :mod:`core.competition.job` works. The task is named by the dataset's
fingerprint.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from core import tasks
from core.competition.scoring import Answers
from core.datasets.dataset import UNLABELLED, DatasetInfo
from core.errors import N_, CompetitionError, StoreError, text
from core.evaluation.predictions import UNREADABLE, load_split
from core.jobs.workers import worker_environment
from core.paths import Paths, write_atomic
from core.records import RunRecord, read_record, run_paths
from core.task_paths import TaskPaths
from core.tasks import TaskState


def check_fit(record: RunRecord, info: DatasetInfo) -> None:
    """Raises CompetitionError if the run cannot answer about these images, saying why."""
    if not record.status.has_shown() or record.summary is None or record.image_shape is None:
        raise CompetitionError(
            N_("Run {run} has no network yet ({status}): let it finish first."),
            run=record.id,
            status=record.status.text,
        )
    if record.image_shape != info.image_shape:
        raise CompetitionError(
            N_("Run {run} knows images of {known} pixels and channels, those here have {here}."),
            run=record.id,
            known="×".join(map(str, record.image_shape)),
            here="×".join(map(str, info.image_shape)),
        )
    if set(record.class_names) != set(info.class_names):
        other = sorted(set(record.class_names) ^ set(info.class_names))
        raise CompetitionError(
            N_("Run {run} knows other classes than “{dataset}” has; they differ in {names}."),
            run=record.id,
            dataset=info.name,
            names=", ".join(other[:5]),
        )


def read_answering(paths: Paths, run_id: str, info: DatasetInfo) -> TaskState:
    """How far a run's answers about a dataset are."""
    return tasks.read_state(paths.run(run_id).unlabelled, _task(info))


def start_answering(paths: Paths, run_id: str, info: DatasetInfo, *, again: bool = False) -> None:
    """Begin unless it is under way or done; ``again`` drops what is there.

    Raises:
        NotFoundError: if there is no such run.
        CompetitionError: see :func:`check_fit`.
    """
    check_fit(read_record(paths, run_id), info)
    files = run_paths(paths, run_id).unlabelled

    def begin() -> None:
        arguments = ["core.competition.job", str(paths.root.resolve()), "answers", run_id]
        # The GPU belongs to the trainings.
        tasks.launch(files, _task(info), [*arguments, info.name], worker_environment("-1"))

    tasks.start(files, _task(info), begin, lock=paths.inspection_lock("start"), again=again)


def cancel_answering(paths: Paths, run_id: str, info: DatasetInfo) -> None:
    """Ask it to end; it does within some seconds."""
    tasks.cancel(paths.run(run_id).unlabelled, _task(info))


def _task(info: DatasetInfo) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in info.fingerprint)


def task_files(paths: Paths, run_id: str, info: DatasetInfo) -> tuple[TaskPaths, str]:
    """Where the task of a run about a dataset leaves its traces, and its name."""
    return run_paths(paths, run_id).unlabelled, _task(info)


def save_answers(paths: Paths, run_id: str, info: DatasetInfo, proba: NDArray[np.float32]) -> None:
    """``proba`` (n, classes): row by row of the unlabelled split, classes as the dataset's."""
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, proba=proba, rows=np.arange(len(proba)))
    write_atomic(paths.run(run_id).unlabelled.result(_task(info)), out.getvalue())


def load_answers(paths: Paths, run_id: str, info: DatasetInfo) -> NDArray[np.float32]:
    """Probabilities (n, classes) of all rows of the unlabelled split, in order.

    Raises:
        NotFoundError: if there is no such run.
        StoreError: if there are none, they are damaged, or not one for every row.
    """
    file = run_paths(paths, run_id).unlabelled.result(_task(info))
    try:
        with np.load(file, allow_pickle=False) as archive:
            proba, rows = archive["proba"], archive["rows"]
    except UNREADABLE as error:
        raise _damaged(run_id) from error
    shape = (info.splits[UNLABELLED], len(info.class_names))
    if proba.shape != shape or proba.dtype != np.float32 or rows.shape != shape[:1]:
        raise _damaged(run_id)
    return _ordered(proba, rows, run_id)


def load_test_answers(paths: Paths, record: RunRecord, info: DatasetInfo) -> NDArray[np.float32]:
    """The same about a labelled test split, which every run predicts when it ends.

    Raises:
        NotFoundError, StoreError: see :func:`core.evaluation.predictions.load_split`.
        CompetitionError: see :func:`check_fit`.
    """
    check_fit(record, info)
    saved = load_split(run_paths(paths, record.id).predictions, "test")
    order = [record.class_names.index(name) for name in info.class_names]
    if len(saved.rows) != info.splits["test"]:
        raise _damaged(record.id)
    return _ordered(saved.proba[:, order], saved.rows, record.id)


def _ordered(
    proba: NDArray[np.float32], rows: NDArray[np.integer], run_id: str
) -> NDArray[np.float32]:
    order = np.argsort(rows, kind="stable")
    if (rows[order] != np.arange(len(proba))).any():
        raise _damaged(run_id)
    return proba[order]


def _damaged(run_id: str) -> StoreError:
    return StoreError(
        N_("The predictions of run {run} are missing or damaged: not every image has one."),
        remedy=text(N_("Predict the images again.")),
        run=run_id,
    )


def answers_about(paths: Paths, run_id: str, info: DatasetInfo, rows: NDArray[np.int64]) -> Answers:
    """Those about the rows that a competition asks for. Raises as :func:`load_answers`."""
    return Answers(load_answers(paths, run_id, info)[rows])
