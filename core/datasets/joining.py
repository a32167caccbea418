"""The images of a dataset as a run sees them: which it learns from, and which judge it.

A run may learn from the validation images, too, or be a fold of a cross-validation: then training
and validation images are one pool, under one numbering that all folds, the cross-validation as a
whole and every reader of their predictions share. The pool begins with the validation images:
row i of them is row i of an ordinary run's validation split, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

from core.config import DataConfig
from core.datasets.dataset import Dataset, DatasetInfo, Split
from core.datasets.folding import check_fold, fold_of_rows
from core.datasets.retiring import open_seen
from core.errors import N_, DatasetError
from core.paths import Paths

POOL = ("val", "train")
"""The splits of the pool that is dealt into folds, in the order of its rows."""


def learned_info(info: DatasetInfo, data: DataConfig) -> DatasetInfo:
    """The description of a dataset as a training sees it; how many images a fold has is right to
    a few: only the images themselves tell (:func:`learned_from`).

    Raises:
        DatasetError: if its validation images are to be learned from, and there are none, or no
            test images to measure the network with; or if it is no fold that can be dealt.
    """
    if data.folds:
        return _fold_info(info, data)
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
    both = pool_counts(info)
    none = [0] * len(both)
    return info.model_copy(
        update={
            "splits": {**rows, "train": rows["train"] + rows["val"], "val": 0},
            "class_counts": {**info.class_counts, "train": both, "val": none},
        }
    )


def pool_counts(info: DatasetInfo) -> list[int]:
    """Per class the images that are not held out for the test."""
    counts = [info.class_counts.get(split) for split in POOL]
    return [sum(each) for each in zip(*filter(None, counts), strict=True)]


def _fold_info(info: DatasetInfo, data: DataConfig) -> DatasetInfo:
    check_fold(info.name, data)
    if data.fold is None:
        raise DatasetError(
            N_(
                "“{name}” is to be dealt into {folds} folds, and no fold is named: cross-validate "
                "it instead of training once."
            ),
            name=info.name,
            folds=data.folds or 0,
        )
    counts, folds = pool_counts(info), data.folds or 1
    judged = [n // folds for n in counts]
    return _with_counts(info, [n - m for n, m in zip(counts, judged, strict=True)], judged)


def _with_counts(info: DatasetInfo, train: list[int], val: list[int]) -> DatasetInfo:
    """With other images in the training and the validation split."""
    return info.model_copy(
        update={
            "splits": {**info.splits, "train": sum(train), "val": sum(val)},
            "class_counts": {**info.class_counts, "train": train, "val": val},
        }
    )


def learned_from(dataset: Dataset, data: DataConfig) -> Dataset:
    """The dataset as a training sees it; raises as :func:`learned_info`, and for folds that
    cannot be dealt."""
    info = learned_info(dataset.info, data)
    if data.folds:
        return _Folded(pool_of(dataset), data)
    return dataset if info is dataset.info else _Joined(info, dataset)


def open_as_seen(paths: Paths, data: DataConfig, fingerprint: str | None) -> Dataset:
    """The images that a run with this data section has predicted, under the row numbers of its
    predictions: every reader of these asks here.

    Raises:
        DatasetError: fit for a page, if they are gone.
    """
    return as_seen(open_seen(paths, data.dataset, fingerprint), data)


def as_seen(dataset: Dataset, data: DataConfig) -> Dataset:
    """See :func:`open_as_seen`."""
    if data.folds:
        return pool_of(dataset) if dataset.info.splits.get("train") else _Poolless(dataset)
    # What is kept of a deleted dataset are the images that were judged: nothing to be joined.
    return learned_from(dataset, data) if dataset.info.splits.get("train") else dataset


def pool_of(dataset: Dataset) -> _Pooled:
    """Training and validation images as one; DatasetError if the former are gone."""
    if not dataset.info.splits.get("train"):
        raise _no_pool(dataset.info)
    both = pool_counts(dataset.info)
    return _Pooled(_with_counts(dataset.info, both, both), dataset, POOL, POOL)


def _no_pool(info: DatasetInfo) -> DatasetError:
    return DatasetError(
        N_(
            "The training images of “{name}” are no longer here, and a cross-validation judges "
            "these, too: the dataset was deleted."
        ),
        name=info.name,
    )


class _Poolless(Dataset):
    """What was kept of a deleted dataset, for who numbers its rows as folds do: the test."""

    def __init__(self, kept: Dataset) -> None:
        super().__init__(kept.info, kept.files)

    def split(self, name: str) -> Split:
        if name in POOL:
            raise _no_pool(self.info)
        return super().split(name)


class _Joined(Dataset):
    """Training and validation images as one split, without copying any."""

    def __init__(
        self,
        info: DatasetInfo,
        apart: Dataset,
        order: Sequence[str] = ("train", "val"),
        called: Sequence[str] = ("train",),
    ) -> None:
        """The splits of ``apart`` one after the other in this order, under each of these names."""
        super().__init__(info, apart.files)
        self.apart = apart
        self._order = [split for split in order if apart.info.splits.get(split)]
        self._called = called

    def split(self, name: str) -> Split:
        if name not in self._called or len(self._order) == 1:
            return self.apart.split(self._order[0] if name in self._called else name)
        first, second = (self.apart.split(split) for split in self._order)
        images = cast("NDArray[np.uint8]", _Rows(first.images, second.images))
        labels = np.concatenate([first.labels, second.labels])
        return Split(images, labels, _Names(first.names, second.names))

    def place(self, name: str, row: int) -> tuple[str, int]:
        before = self.apart.info.splits[self._order[0]]
        if name not in self._called or row < before:
            return (self._order[0] if name in self._called else name), row
        return self._order[1], row - before


class _Pooled(_Joined):
    """What all folds share: a pool that is learned from and judged."""


class _Folded(_Pooled):
    """One fold of the pool: its own rows are judged, all others are learned from."""

    def __init__(self, pool: _Pooled, data: DataConfig) -> None:
        everything = pool.split("train")
        mine = fold_of_rows(pool.info, everything, data)
        self._rows = {"val": np.flatnonzero(mine), "train": np.flatnonzero(~mine)}
        counts = {
            name: np.bincount(everything.labels[rows], minlength=len(pool.info.class_names))
            for name, rows in self._rows.items()
        }
        info = _with_counts(pool.info, counts["train"].tolist(), counts["val"].tolist())
        super().__init__(info, pool.apart, POOL, POOL)

    def rows(self, name: str) -> NDArray[np.int64]:
        return self._rows[name] if name in self._rows else super().rows(name)


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
        if isinstance(index, slice):
            return [*self._first, *self._second][index]
        # Galleries and files ask name by name: both lists are not put together for each.
        place = range(len(self))[index] - len(self._first)
        return self._first[place] if place < 0 else self._second[place]


class _Rows:
    """Two mapped arrays one after the other, read by row numbers, or one row, like one."""

    def __init__(self, first: NDArray[Any], second: NDArray[Any]) -> None:
        self._first, self._second = first, second
        self.shape: tuple[int, ...] = (len(first) + len(second), *first.shape[1:])
        self.dtype = first.dtype

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __getitem__(self, rows: NDArray[np.int64] | slice | int) -> NDArray[Any]:
        if isinstance(rows, slice):
            return self._many(np.arange(len(self))[rows])
        if np.ndim(rows) == 0:
            one: NDArray[Any] = self._many(np.array([rows]))[0]
            return one
        return self._many(np.asarray(rows))

    def _many(self, chosen: NDArray[np.int64]) -> NDArray[Any]:
        found = np.empty((len(chosen), *self.shape[1:]), self.dtype)
        early = chosen < len(self._first)
        found[early] = self._first[chosen[early]]
        found[~early] = self._second[chosen[~early] - len(self._first)]
        return found
