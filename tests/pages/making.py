"""Datasets and runs as a training leaves them, made without one and in no time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import RunConfig
from core.datasets.dataset import SPLITS, DatasetInfo
from core.errors import text
from core.evaluation.metrics import summary
from core.evaluation.predictions import Predictions, save_predictions
from core.paths import Paths
from core.records import Epoch, Failure, RunRecord, RunStatus, RunSummary, append_epoch, now
from core.store import Store

WORDS = ("cat", "dog", "bird", "car", "frog", "horse", "ship", "truck", "deer", "plane")
HOSTILE = ("<script>alert(1)</script>", 'a "quoted" `name`', "🦊 $x$ [é](u)")


def many_classes(n: int) -> tuple[str, ...]:
    """Names as data sets have them: short words, told apart by a number."""
    return tuple(f"{WORDS[i % 10]}{i // 10 or ''}" for i in range(n))


def make_dataset(
    paths: Paths,
    name: str = "pets",
    classes: Sequence[str] = WORDS[:3],
    *,
    rows: Mapping[str, int] | None = None,
    side: int = 8,
) -> DatasetInfo:
    """Colour pictures; row ``i`` is of class ``i % classes`` and called ``<split>-<i>.png``."""
    files = paths.dataset(name)
    files.folder.mkdir(parents=True)
    rows = {"train": 6, "val": 30, "test": 60, **(rows or {})}
    counts = {}
    for split in SPLITS:
        labels = (np.arange(rows[split]) % len(classes)).astype(np.int32)
        counts[split] = np.bincount(labels, minlength=len(classes)).tolist()
        if rows[split]:
            np.save(files.images(split), _pictures(labels, side))
            np.save(files.labels(split), labels)
            names = [f"{split}-{i}.png" for i in range(rows[split])]
            files.names(split).write_text(json.dumps(names))
    info = DatasetInfo(
        name=name,
        class_names=tuple(classes),
        image_shape=(side, side, 3),
        splits=dict(rows),
        class_counts=counts,
        resize="stretch",
        origin="tests",
        created="2026-01-01",
        fingerprint=f"{name}-{len(classes)}-{rows['test']}",
        imported=sum(rows.values()),
        skipped=0,
    )
    files.info.write_text(info.model_dump_json())
    return info


def _pictures(labels: NDArray[np.int32], side: int) -> NDArray[np.uint8]:
    """A tint and a shape per class under noise, so that no two pictures are alike."""
    rng = np.random.default_rng(0)
    tint = rng.integers(0, 256, (labels.max() + 1, 1, 1, 3))
    shape = (
        rng.integers(0, 2, (labels.max() + 1, 4, 4, 1)).repeat(side // 4, 1).repeat(side // 4, 2)
    )
    noise = rng.integers(0, 70, (len(labels), side, side, 3))
    mixed = 0.5 * tint[labels] + 60 * shape[labels] + noise
    pixels: NDArray[np.uint8] = np.clip(mixed, 0, 255).astype(np.uint8)
    return pixels


def make_predictions(y_true: NDArray[np.int32], classes: int, accuracy: float = 0.8) -> Predictions:
    """The first images of every class are right, the others are taken for the next two classes."""
    n = len(y_true)
    rng = np.random.default_rng(1)
    wrong = rng.random(n) >= accuracy
    pred = np.where(wrong, (y_true + 1 + (rng.random(n) < 0.3)) % classes, y_true)
    proba = rng.dirichlet(np.full(classes, 0.3), n)
    sure = rng.uniform(0.55, 0.99, n)
    proba *= (1 - sure)[:, None]
    proba[np.arange(n), pred] += sure
    return Predictions(y_true.astype(np.int32), proba.astype(np.float32), np.arange(n))


def make_run(
    store: Store,
    status: RunStatus = RunStatus.FINISHED,
    dataset: DatasetInfo | None = None,
    *,
    epochs: int = 5,
    accuracy: float = 0.8,
    **settings: Any,
) -> RunRecord:
    """A run on ``dataset`` (made if none) in this status; ``settings`` as ``train__epochs=3``."""
    if dataset is None:
        there = store.paths.dataset("pets").info
        read = DatasetInfo.model_validate_json
        dataset = read(there.read_bytes()) if there.is_file() else make_dataset(store.paths)
    dotted = {name.replace("__", "."): value for name, value in settings.items()}
    config = RunConfig().with_values({"data.dataset": dataset.name, **dotted})
    record = store.create(config, owner="server")
    if status is not RunStatus.QUEUED:
        record = _begun(store, record, dataset, status, epochs)
    if status in (RunStatus.FINISHED, RunStatus.STOPPED):
        record = _predicted(store, record, dataset, epochs, accuracy)
    if status is RunStatus.FAILED:
        what = text("The loss became NaN in epoch {epoch}.", epoch=2)
        failure = Failure(what=what, remedy=text("Lower the learning rate."))
        record = record.changed(failure=failure)
    store.save(record)
    return record


def _begun(
    store: Store, record: RunRecord, dataset: DatasetInfo, status: RunStatus, epochs: int
) -> RunRecord:
    for epoch in range(1, epochs + 1):
        rise = 1 - 0.7**epoch
        falling = 0.7**epoch
        values: dict[str, Any] = {"loss": 2 * falling, "val_loss": 2.1 * falling}
        values |= {"accuracy": rise, "val_accuracy": 0.95 * rise}
        line = Epoch(
            epoch=epoch,
            **values,
            learning_rate=0.001,
            seconds=1.5,
            images_per_second=900,
        )
        append_epoch(store.paths.run(record.id), line)
    return record.taken_by_this_process().changed(
        status=status,
        ended=now() if status.is_over() else None,
        dataset_fingerprint=dataset.fingerprint,
        class_names=dataset.class_names,
        image_shape=dataset.image_shape,
    )


def _predicted(
    store: Store, record: RunRecord, dataset: DatasetInfo, epochs: int, accuracy: float
) -> RunRecord:
    classes = len(dataset.class_names)
    files = store.paths.dataset(dataset.name)
    splits = {
        split: make_predictions(np.load(files.labels(split)), classes, accuracy)
        for split in ("val", "test")
        if dataset.splits[split]
    }
    save_predictions(store.paths.run(record.id).predictions, splits)
    figures = {split: summary(p) for split, p in splits.items()}
    return record.changed(
        summary=RunSummary(
            epochs=epochs,
            best_epoch=epochs,
            best_val_accuracy=0.95 * (1 - 0.7**epochs),
            parameters=1_234_567,
            seconds=83.0,
            images_per_second=900,
            val_accuracy=figures["val"].accuracy if "val" in figures else None,
            val_loss=figures["val"].loss if "val" in figures else None,
            test_accuracy=figures["test"].accuracy if "test" in figures else None,
            test_loss=figures["test"].loss if "test" in figures else None,
        )
    )
