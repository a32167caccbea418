"""``submission.csv`` of a run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.competition.answers import load_answers, load_test_answers
from core.competition.forms import Written, form_of, write_submission
from core.datasets.dataset import UNLABELLED, Dataset, DatasetInfo
from core.paths import Paths
from core.records import RunRecord

FILE = "submission.csv"
SPLITS = (UNLABELLED, "test")
"""What can be handed in elsewhere, the likelier first."""


def split_of(dataset: Dataset) -> str | None:
    """The images to be handed in: those without a label, else the test images, if any."""
    return next((split for split in SPLITS if dataset.info.splits.get(split)), None)


def submission_of(
    paths: Paths, record: RunRecord, dataset: Dataset, split: str = UNLABELLED
) -> Written:
    """The file as the dataset's ``sample_submission.csv`` asks for it, else file and class.

    Raises:
        StoreError: if the images have not been predicted by the run.
        CompetitionError: if run and dataset, or the sample and the classes, do not fit.
    """
    counts = dataset.info.class_counts["train"]
    commonest = counts.index(max(counts))
    proba = answers_of(paths, record, dataset.info, split)
    return write_submission(form_of(dataset, split), dataset.info.class_names, proba, commonest)


def answers_of(
    paths: Paths, record: RunRecord, info: DatasetInfo, split: str
) -> NDArray[np.float32]:
    """Probabilities (n, classes), row by row of the split. StoreError if there are none."""
    if split == UNLABELLED:
        return load_answers(paths, record.id, info)
    return load_test_answers(paths, record, info)
