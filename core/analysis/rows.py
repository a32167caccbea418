"""All pictures of a dataset under one numbering, read in blocks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import SPLITS, Dataset, DatasetInfo, Split

BLOCK_BYTES = 4 << 20
"""Read at once: small enough for any machine, large enough that the disk is what takes time."""


class Block(NamedTuple):
    """Consecutive rows: the number of the first, ``images`` uint8 (b, h, w, c), labels (b,)."""

    first: int
    images: NDArray[np.uint8]
    labels: NDArray[np.int32]


class Place(NamedTuple):
    """Where a row is: a split and the row's number in it."""

    split: str
    row: int


def split_order(info: DatasetInfo) -> tuple[str, ...]:
    """The splits that hold pictures: the usual ones first, then whatever else there is."""
    others = sorted(set(info.splits) - set(SPLITS))
    return tuple(split for split in (*SPLITS, *others) if info.splits.get(split))


class Rows:
    """Rows numbered through all splits in :func:`split_order`; labels below 0 mean none."""

    def __init__(self, splits: Sequence[tuple[str, Split]]) -> None:
        self.splits = tuple(name for name, _ in splits)
        self._parts = [part for _, part in splits]
        sizes = [len(part) for part in self._parts]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        """The number of the first row of every split, and the number of all rows."""

    @staticmethod
    def of(dataset: Dataset) -> Rows:
        """DatasetError if a file of the dataset is damaged."""
        return Rows([(name, dataset.split(name)) for name in split_order(dataset.info)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        return np.concatenate([part.labels for part in self._parts]).astype(np.int32)

    @cached_property
    def split_of(self) -> NDArray[np.int16]:
        """For every row the index of its split in :attr:`splits`."""
        return np.repeat(np.arange(len(self.splits)), np.diff(self.starts)).astype(np.int16)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        height, width, channels = self._parts[0].images.shape[1:]
        return height, width, channels

    @property
    def row_bytes(self) -> int:
        return int(np.prod(self.image_shape))

    def place(self, row: int) -> Place:
        split = int(np.searchsorted(self.starts, row, side="right")) - 1
        return Place(self.splits[split], row - int(self.starts[split]))

    def name(self, row: int) -> str:
        """The original file name of a row."""
        split, within = self._locate(row)
        return self._parts[split].names[within]

    def image(self, row: int) -> NDArray[np.uint8]:
        split, within = self._locate(row)
        return np.array(self._parts[split].images[within])

    def images(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """These rows as one array (n, h, w, c): the caller sees to it that they are few."""
        return np.stack([self.image(int(row)) for row in rows])

    def blocks(self) -> Iterator[Block]:
        """All rows in order, some :data:`BLOCK_BYTES` at a time."""
        step = max(1, BLOCK_BYTES // self.row_bytes)
        for start, part in zip(self.starts[:-1].tolist(), self._parts, strict=True):
            for first in range(0, len(part), step):
                yield Block(
                    start + first,
                    _read(part.images, first, min(step, len(part) - first)),
                    part.labels[first : first + step],
                )

    def _locate(self, row: int) -> tuple[int, int]:
        split = int(np.searchsorted(self.starts, row, side="right")) - 1
        return split, row - int(self.starts[split])


def _read(images: NDArray[np.uint8], first: int, count: int) -> NDArray[np.uint8]:
    """A copy of some rows. A mapped array is read as a file: every mapped page that has been
    touched would count as this process's memory until the end."""
    if not isinstance(images, np.memmap) or images.filename is None:
        return np.array(images[first : first + count])
    row = int(np.prod(images.shape[1:]))
    pixels = np.fromfile(images.filename, np.uint8, count * row, offset=images.offset + first * row)
    return pixels.reshape(count, *images.shape[1:])
