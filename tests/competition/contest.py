"""Datasets with images to be predicted, whose labels are visible, and runs that have answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.competition.answers import save_answers
from core.competition.opening import open_with_labels
from core.competition.settings import Competition, Settings
from core.datasets.dataset import UNLABELLED, Dataset, DatasetInfo
from core.datasets.registry import open_dataset
from core.paths import Paths
from core.records import RunRecord, RunStatus
from core.store import Store
from tests.pages.making import make_dataset, make_run

N = 60
CLASSES = ("cat", "dog", "bird")
TRUTH = (np.arange(N) * 7 % 3).astype(np.int32)
"""Of row i of the unlabelled split: 0, 1, 2, 0, 1, 2, …"""


def make_unlabelled(paths: Paths, name: str = "secret", names: Sequence[str] = ()) -> Dataset:
    """Three classes; :data:`N` images without a label, called ``u0.png`` and so on."""
    info = make_dataset(paths, name, CLASSES, rows={"test": 0})
    files = paths.dataset(name)
    images = np.random.default_rng(1).integers(0, 256, (N, 8, 8, 3)).astype(np.uint8)
    np.save(files.images(UNLABELLED), images)
    np.save(files.labels(UNLABELLED), np.full(N, -1, np.int32))
    called = list(names) or [f"u{i}.png" for i in range(N)]
    files.names(UNLABELLED).write_text(json.dumps(called))
    info = info.model_copy(update={"splits": {**info.splits, UNLABELLED: N}})
    files.info.write_text(info.model_dump_json())
    return open_dataset(paths, name)


def labels_csv(labels: NDArray[np.integer] = TRUTH, header: str = "file,class") -> bytes:
    lines = [f"u{i}.png,{CLASSES[label]}" for i, label in enumerate(labels.tolist())]
    return "\n".join([header, *lines, ""]).encode()


def with_right(n: int) -> NDArray[np.int32]:
    """Answers of which the first ``n`` are right and all others wrong."""
    return np.where(np.arange(N) < n, TRUTH, (TRUTH + 1) % 3).astype(np.int32)


def make_competition(paths: Paths, **settings: object) -> Competition:
    """Open, about the dataset ``secret``, which is made unless it is there."""
    there = paths.dataset("secret").info.is_file()
    dataset = open_dataset(paths, "secret") if there else make_unlabelled(paths)
    chosen = Settings.model_validate({"title": "Pets", **settings})
    return open_with_labels(paths, dataset, labels_csv(), chosen)


def answered(
    store: Store, info: DatasetInfo, labels: NDArray[np.integer], **settings: Any
) -> RunRecord:
    """A finished run that has answered so about the images without a label."""
    record = make_run(store, RunStatus.FINISHED, info, **settings)
    proba = np.full((N, 3), 0.1, np.float32)
    proba[np.arange(N), labels] = 0.8
    store.paths.run(record.id).unlabelled.folder.mkdir()
    save_answers(store.paths, record.id, info, proba)
    return record


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """In December 2026, by the clock on the server's wall."""
    return datetime(2026, 12, day, hour, minute).astimezone()
