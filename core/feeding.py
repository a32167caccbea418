"""Images on their way from the prepared arrays into a network."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from core.config import RunConfig
from core.datasets.dataset import Dataset, Split

Rows = npt.NDArray[np.int64]
_ORDER, _CHOICE = 0x4C69656E7A6F01, 0x4C69656E7A6F02
"""Larger than any seed, they set these numbers apart from all others that are drawn from one. An
import lays the rows of a split by (seed, number of the split): with (0, 0) for both, the first
epoch once came class by class, and a limit took the first files of each class."""

LARGE_BYTES = 1_000_000_000
"""What is larger may not stay in the memory of a course's laptop."""
STRETCH_BYTES = 2_000_000
WINDOW_BYTES = 64_000_000


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of ``(images (b, h, w, c) uint8, labels (b,) int32)`` read from a mapped split.

    With a ``seed`` every epoch has an order of its own, derived from ``(seed, epoch)`` alone, so
    that a resumed training sees what the uninterrupted one would have seen. (``fit`` on NumPy
    arrays with a seed repeats one order in every epoch on the TensorFlow backend.)

    ``labels_too`` is for a network that mixes images and labels: its input is a dictionary of
    ``raw_pixels`` and ``labels``.
    """

    def __init__(
        self,
        split: Split,
        rows: Rows,
        batch_size: int,
        seed: int | None = None,
        *,
        labels_too: bool = False,
    ) -> None:
        super().__init__()
        self._labels_too = labels_too
        self.rows = rows
        self.epoch = 0
        self._split = split
        self.batch_size = batch_size
        self._seed = seed
        self._order: tuple[int, Rows] = (-1, rows)

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = self._epoch_rows()[index * self.batch_size : (index + 1) * self.batch_size]
        images, labels = self._split.images[rows], self._split.labels[rows]
        return ({"raw_pixels": images, "labels": labels} if self._labels_too else images), labels

    def in_order(self, batch_size: int) -> Batches:
        """The same rows, in their own order in every epoch."""
        return Batches(self._split, self.rows, batch_size)

    def over(self, arrays: npt.NDArray[Any]) -> Batches:
        """The same batches of other arrays, which hold one entry for each of these rows."""
        split = Split(arrays, self._split.labels[self.rows], ())
        return Batches(split, np.arange(len(self.rows)), self.batch_size, self._seed)

    def _epoch_rows(self) -> Rows:
        if self._seed is None:
            return self.rows
        if self._order[0] != self.epoch:
            numbers = np.random.default_rng((_ORDER, self._seed, self.epoch))
            self._order = (self.epoch, shuffled(self.rows, _row_bytes(self._split), numbers))
        return self._order[1]


def shuffled(rows: Rows, row_bytes: int, rng: np.random.Generator) -> Rows:
    """The rows of an epoch in an order of its own.

    Of a set that may be larger than the memory, stretches of neighbours are drawn from all over
    it, :data:`WINDOW_BYTES` of them at a time, and their rows mixed: the disk is read in pieces
    instead of row by row. Neighbours have nothing in common, as an import has mixed all rows. Which
    of the two is the set's own matter, not the machine's: a training goes on elsewhere as it began.
    """
    if len(rows) * row_bytes <= LARGE_BYTES:
        return rng.permutation(rows)
    length = max(1, STRETCH_BYTES // row_bytes)
    starts = rng.permutation(np.arange(0, len(rows), length))
    together = max(1, WINDOW_BYTES // (length * row_bytes))
    windows = (starts[i : i + together] for i in range(0, len(starts), together))
    return np.concatenate([rng.permutation(_stretches(rows, w, length)) for w in windows])


def _stretches(rows: Rows, starts: Rows, length: int) -> Rows:
    return np.concatenate([rows[start : start + length] for start in starts])


def _row_bytes(split: Split) -> int:
    images = split.images  # perhaps of two splits, joined: no array, but with a shape and a dtype
    return max(1, math.prod(images.shape[1:]) * images.dtype.itemsize)


def training_batches(config: RunConfig, dataset: Dataset) -> Batches:
    """What a training of this config is fed with."""
    split, train = dataset.split("train"), config.train
    rows = chosen_rows(dataset, "train", config.data.limit, train.seed)
    mixes = config.augment.mixes
    return Batches(split, rows, train.batch_size, train.seed, labels_too=mixes)


def chosen_rows(dataset: Dataset, name: str, limit: int | None, seed: int) -> Rows:
    """Of the rows that belong to a split, those that :func:`balanced_rows` chooses."""
    rows = dataset.rows(name)
    chosen: Rows = rows[balanced_rows(dataset.split(name).labels[rows], limit, seed)]
    return chosen


def balanced_rows(labels: npt.NDArray[np.int32], limit: int | None, seed: int) -> Rows:
    """At most ``limit`` row numbers, sorted, with the classes in (nearly) equal shares.

    Round-robin over the shuffled classes: a class that runs out leaves its places to the others.
    """
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    shuffled = np.random.default_rng((_CHOICE, seed)).permutation(len(labels))
    ordered = shuffled[np.argsort(labels[shuffled], kind="stable")]
    turn = np.concatenate([np.arange(n) for n in np.unique(labels, return_counts=True)[1]])
    return np.sort(ordered[np.argsort(turn, kind="stable")[:limit]])
