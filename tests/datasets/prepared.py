"""Prepared datasets of a few known pixels, made without an import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.datasets.dataset import Dataset, DatasetInfo
from core.datasets.registry import open_dataset
from core.datasets.report import ImportReport
from core.datasets.rows import digests
from core.datasets.writer import Finished, SplitRows, publish, staging_folder
from core.paths import Paths

Rows = Mapping[str, Sequence[tuple[str, int]]]
"""Of every split the rows: (class or "" for none, the value of all pixels)."""


def prepared(
    paths: Paths, name: str, rows: Rows, *, shape: tuple[int, int, int] = (4, 4, 3)
) -> DatasetInfo:
    """A dataset whose row ``i`` of a split is called ``<split>/<i>.png``; classes in the order
    of their first row."""
    classes = list(dict.fromkeys(c for part in rows.values() for c, _ in part if c))
    splits = {}
    with staging_folder(paths) as staging:
        for split, part in rows.items():
            values = np.array([value for _, value in part], np.uint8)
            images = np.broadcast_to(values[:, None, None, None], (len(part), *shape)).copy()
            labels = np.array([classes.index(c) if c else -1 for c, _ in part], np.int32)
            names = [f"{split}/{i}.png" for i in range(len(part))]
            np.save(staging.images(split), images)
            splits[split] = SplitRows(labels, names, digests(images).tobytes())
        count = sum(map(len, rows.values()))
        report = ImportReport(origin=name, imported=count)
        return publish(
            paths, staging, Finished(name, "", classes, shape, "stretch", splits, report)
        )


def contents(dataset: Dataset) -> dict[str, list[tuple[str, int]]]:
    """What :func:`prepared` was given; only the first pixel is looked at."""
    names = [*dataset.info.class_names, ""]
    found = {}
    for split, count in dataset.info.splits.items():
        if count:
            rows = dataset.split(split)
            values = rows.images[:, 0, 0, 0].tolist()
            found[split] = [
                (names[i], v) for i, v in zip(rows.labels.tolist(), values, strict=True)
            ]
    return found


def opened(paths: Paths, name: str) -> dict[str, list[tuple[str, int]]]:
    return contents(open_dataset(paths, name))
