"""Small datasets whose analysis can be told by looking at them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.analysis.rows import Rows
from core.datasets.dataset import DatasetInfo, Split
from core.datasets.report import ImportReport, Sizes
from core.paths import Paths


class Part(NamedTuple):
    """The images (n, h, w, c) and labels of a split; below 0 is no label."""

    images: NDArray[np.uint8]
    labels: Sequence[int]


def rows_of(**parts: Part) -> Rows:
    return Rows(
        [
            (
                split,
                Split(
                    part.images,
                    np.array(part.labels, np.int32),
                    [f"{split}-{i}.png" for i in range(len(part.labels))],
                ),
            )
            for split, part in parts.items()
        ]
    )


def photographs(n: int, seed: int = 0, side: int = 32, channels: int = 3) -> NDArray[np.uint8]:
    """Pictures (n, side, side, channels) that have nothing in common: hills with a tint."""
    rng = np.random.default_rng(seed)
    pictures = np.empty((n, side, side, channels), np.uint8)
    for picture in pictures:
        hills = Image.fromarray(rng.integers(0, 256, (8, 8), np.uint8))
        grey = np.asarray(hills.resize((side, side), Image.Resampling.BICUBIC)).astype(float)
        tint = rng.uniform(0.7, 1, channels)
        picture[:] = grey[..., None] * tint
    return pictures


def write(paths: Paths, name: str, parts: Mapping[str, Part], classes: int = 2) -> DatasetInfo:
    """A dataset on the disk, as an import leaves it."""
    paths.create()
    files = paths.dataset(name)
    files.folder.mkdir(parents=True)
    counts = {}
    for split, part in parts.items():
        labels = np.array(part.labels, np.int32)
        np.save(files.images(split), part.images)
        np.save(files.labels(split), labels)
        files.names(split).write_text(json.dumps([f"{split}-{i}.png" for i in range(len(labels))]))
        counts[split] = np.bincount(labels[labels >= 0], minlength=classes).tolist()
    splits = {split: len(part.labels) for split, part in parts.items()}
    none = dict.fromkeys(("train", "val", "test"), 0)
    height, width, channels = next(iter(parts.values())).images.shape[1:]
    n = sum(splits.values())
    info = DatasetInfo(
        name=name,
        class_names=tuple(f"class {i}" for i in range(classes)),
        image_shape=(height, width, channels),
        splits=none | splits,
        class_counts={split: [0] * classes for split in none} | counts,
        resize="stretch",
        origin="tests",
        created="2026-01-01",
        fingerprint=f"{name}-{n}",
        imported=n,
        skipped=0,
    )
    sizes = Sizes(common=[(30, 40, n)], height=(30, 30, 30), width=(40, 40, 40))
    report = ImportReport(origin="tests", imported=n, sizes=sizes)
    files.report.write_text(report.model_dump_json())
    files.info.write_text(info.model_dump_json())
    return info
