"""Asking a run about images without a label, with Keras: only in jobs and commands."""

from __future__ import annotations

import time

import numpy as np

from core import tasks
from core.competition.answers import check_fit, save_answers
from core.datasets.dataset import UNLABELLED, Dataset
from core.evaluating import EVAL_BATCH
from core.paths import Paths
from core.prediction import predict
from core.records import read_record
from core.tasks import OnProgress, ShouldStop, TaskCancelledError, TaskProgress

PORTION_BYTES = 32 << 20


def answer(
    paths: Paths,
    run_id: str,
    dataset: Dataset,
    on_progress: OnProgress = tasks.unheard,
    should_stop: ShouldStop = tasks.never,
) -> None:
    """Predict every image of the unlabelled split, in portions, and keep the answers.

    Raises:
        NotFoundError, RunError: if there is no such run, or it has no network.
        CompetitionError: if the run does not fit the dataset.
        TaskCancelledError: soon after ``should_stop`` says so.
    """
    record, split = read_record(paths, run_id), dataset.split(UNLABELLED)
    check_fit(record, dataset.info)
    order = [record.class_names.index(name) for name in dataset.info.class_names]
    found, portion, started = [], portion_rows(dataset.info.image_shape), time.time()
    for start in range(0, len(split), portion):
        if should_stop():
            raise TaskCancelledError
        share = start / len(split)
        on_progress(TaskProgress(phase="predicting", share=share, started=started))
        images = np.asarray(split.images[start : start + portion])
        found.append(predict(paths, run_id, images)[:, order])
    save_answers(paths, run_id, dataset.info, np.concatenate(found).astype(np.float32))


def portion_rows(shape: tuple[int, int, int]) -> int:
    """So many whole batches at once that progress moves, and memory stays bounded."""
    fit = PORTION_BYTES // (int(np.prod(shape)) * EVAL_BATCH)
    return EVAL_BATCH * max(1, min(4, fit))
