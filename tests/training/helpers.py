"""Small datasets whose answer is visible, and configs that train on them in no time."""

from __future__ import annotations

import json

import numpy as np

from core.config import RunConfig
from core.datasets.dataset import DatasetInfo
from core.paths import Paths

CLASSES = 3
QUICK = RunConfig.parse(
    {
        "data": {"dataset": "stripes"},
        "model": {"architecture": "mlp", "layers": 1, "units": 16},
        "optimizer": {"learning_rate": 0.01},
        "train": {"epochs": 3, "batch_size": 16},
    }
)
"""Three epochs of six steps."""


def make_stripes(
    paths: Paths, name: str = "stripes", *, train: int = 90, val: int = 30, test: int = 30
) -> DatasetInfo:
    """Noisy 8×8 pictures with a bright stripe whose place is their class: learnt at once."""
    files = paths.dataset(name)
    files.folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    counts: dict[str, list[int]] = {}
    for split, rows in {"train": train, "val": val, "test": test}.items():
        labels = rng.integers(0, CLASSES, rows).astype(np.int32)
        images = rng.integers(0, 100, (rows, 8, 8, 1)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 2] = 250
        counts[split] = np.bincount(labels, minlength=CLASSES).tolist()
        if rows:
            np.save(files.images(split), images)
            np.save(files.labels(split), labels)
            files.names(split).write_text(json.dumps([f"{split}{i}.png" for i in range(rows)]))
    info = DatasetInfo(
        name=name,
        class_names=("top", "middle", "bottom"),
        image_shape=(8, 8, 1),
        splits={"train": train, "val": val, "test": test},
        class_counts=counts,
        resize="stretch",
        origin="tests",
        created="2026-01-01",
        fingerprint=f"{name}-{train}-{val}-{test}",
        imported=train + val + test,
        skipped=0,
    )
    files.info.write_text(info.model_dump_json())
    return info
