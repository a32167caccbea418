"""A dataset whose validation images are learned from, too: only the test images are held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from core.config import DataConfig
from core.datasets.dataset import Dataset, DatasetInfo, Split
from core.errors import N_, DatasetError


def learned_info(info: DatasetInfo, data: DataConfig) -> DatasetInfo:
    """The description of a dataset as a training sees it.

    Raises:
        DatasetError: if its validation images are to be learned from, and there are none, or no
            test images to measure the network with.
    """
    if not data.with_validation:
        return info
    rows = info.splits
    if not rows.get("val") or not rows.get("test"):
        raise DatasetError(
            N_(
                "“{name}” cannot be learned from with its validation images: that takes "
                "validation images ({val} here) and test images to measure with ({test} here)."
            ),
            name=info.name,
            val=rows.get("val", 0),
            test=rows.get("test", 0),
        )
    counts = info.class_counts
    both = [a + b for a, b in zip(counts["train"], counts["val"], strict=True)]
    none = [0] * len(both)
    return info.model_copy(
        update={
            "splits": {**rows, "train": rows["train"] + rows["val"], "val": 0},
            "class_counts": {**counts, "train": both, "val": none},
        }
    )


def learned_from(dataset: Dataset, data: DataConfig) -> Dataset:
    """The dataset as a training sees it; raises as :func:`learned_info`."""
    info = learned_info(dataset.info, data)
    return dataset if info is dataset.info else _Joined(info, dataset)


class _Joined(Dataset):
    """Training and validation images as one split, without copying any."""

    def __init__(self, info: DatasetInfo, apart: Dataset) -> None:
        super().__init__(info, apart.files)
        self._apart = apart

    def split(self, name: str) -> Split:
        if name != "train":
            return self._apart.split(name)
        train, val = self._apart.split("train"), self._apart.split("val")
        images = cast("NDArray[np.uint8]", _Rows(train.images, val.images))
        labels = np.concatenate([train.labels, val.labels])
        return Split(images, labels, _Names(train.names, val.names))


class _Names(Sequence[str]):
    """Two lists of names one after the other, read from the disk when first asked for."""

    def __init__(self, first: Sequence[str], second: Sequence[str]) -> None:
        self._first, self._second = first, second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return [*self._first, *self._second][index]


class _Rows:
    """Two mapped arrays one after the other, read by row numbers like one."""

    def __init__(self, first: NDArray[Any], second: NDArray[Any]) -> None:
        self._first, self._second = first, second
        self.shape: tuple[int, ...] = (len(first) + len(second), *first.shape[1:])
        self.dtype = first.dtype

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        early = rows < len(self._first)
        found[early] = self._first[rows[early]]
        found[~early] = self._second[rows[~early] - len(self._first)]
        return found
