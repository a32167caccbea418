"""Images dealt into folds: every class alike in all of them, and what belongs together in one.

Drawn here and not by scikit-learn: every worker process of a fold deals anew, and to import
``sklearn.model_selection`` costs it more processor time than many a lesson's training.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.config import DataConfig
from core.datasets.dataset import DatasetInfo, Split
from core.datasets.rows import digests
from core.errors import N_, DatasetError

Grouping = Literal["none", "copies", "prefix", "stem", "folder"]
Ints = NDArray[np.int64]
BLOCK = 1024
_DEALT = 0x4C69656E7A6F03
"""Sets the numbers that are drawn here apart from all others that are drawn from a seed."""
_PREFIX, _STEM = re.compile(r"(.+?)[_-]"), re.compile(r"(.+)[_-]")


class GroupCounts(NamedTuple):
    """What a rule makes of ``images``: so many ``groups``, the ``largest`` of so many images."""

    images: int
    groups: int
    largest: int


def deal(labels: NDArray[np.integer], folds: int, seed: Sequence[int]) -> Ints:
    """The fold (n,) of every row, in [0, folds): of every class, and in all, any two folds have
    the same number of images to one (Kohavi 1995: stratified)."""
    shuffled = np.random.default_rng((_DEALT, *seed)).permutation(len(labels))
    ordered = shuffled[np.argsort(labels[shuffled], kind="stable")]
    dealt = np.empty(len(labels), np.int64)
    dealt[ordered] = np.arange(len(labels)) % folds
    return dealt


def deal_groups(labels: NDArray[np.integer], groups: Ints, folds: int, seed: Sequence[int]) -> Ints:
    """As :func:`deal`, but the rows of a group (n,), numbered from 0 on, stay together: one after
    the other, the largest first, each goes where its classes are scarcest so far."""
    classes, number = int(labels.max()) + 1, int(groups.max()) + 1
    cells = np.bincount(groups * classes + labels, minlength=number * classes)
    counts = cells.reshape(number, classes)
    shares = counts / np.maximum(1, counts.sum(axis=0)) ** 2
    shuffled = np.random.default_rng((_DEALT, *seed)).permutation(number)
    order = shuffled[np.argsort(-counts.sum(axis=1)[shuffled], kind="stable")]
    held, sizes = np.zeros((folds, classes), np.int64), np.zeros(folds, np.int64)
    chosen = np.empty(number, np.int64)
    for group in order:
        # What would grow is the sum of the squared shares of every class in every fold.
        grown = held @ shares[group]
        fold = int(np.lexsort((sizes, grown))[0])
        chosen[group] = fold
        held[fold] += counts[group]
        sizes[fold] += counts[group].sum()
    return chosen[groups]


def group_rows(images: Split, grouping: Grouping) -> Ints | None:
    """The group (n,) of every row, numbered from 0 on; None if every image is by itself."""
    if grouping == "none":
        return None
    found = _pixels(images) if grouping == "copies" else _words(images.names[:], grouping)
    _, groups = np.unique(found, return_inverse=True)
    return groups.astype(np.int64)


def _pixels(images: Split) -> NDArray[np.uint64]:
    """A number (n,) for the pixels of every image."""
    starts = range(0, len(images), BLOCK)
    hashes = [digests(np.ascontiguousarray(images.images[s : s + BLOCK])) for s in starts]
    numbers: NDArray[np.uint64] = np.concatenate(hashes).view(np.uint64).reshape(-1, 2)[:, 0]
    return numbers


def _words(names: Sequence[str], grouping: Grouping) -> NDArray[np.str_]:
    return np.array([group_name(name, grouping) for name in names])


def group_name(name: str, grouping: Grouping) -> str:
    """What the original name of an image has in common with those of its group: the folder, or of
    the file what stands before the first (prefix) or last (stem) "_" or "-". Without one it is a
    group by itself."""
    folder, _, file = name.rpartition("/")
    if grouping == "folder":
        return folder or name
    found = (_PREFIX if grouping == "prefix" else _STEM).match(file.rpartition(".")[0] or file)
    return found[1] if found else name


def count_groups(images: int, groups: Ints | None) -> GroupCounts:
    """What there is to be dealt, ``groups`` being those of :func:`group_rows`."""
    if groups is None:
        return GroupCounts(images, images, 1)
    sizes = np.bincount(groups)
    return GroupCounts(images, len(sizes), int(sizes.max()))


def check_fold(name: str, data: DataConfig) -> None:
    """Raises DatasetError for what contradicts itself."""
    if data.with_validation:
        raise DatasetError(
            N_(
                "“{name}” cannot be cross-validated while the validation images are learned from: "
                "every fold is judged by images that it has not learned from."
            ),
            name=name,
        )
    if data.fold is not None and data.fold >= data.all_folds:
        raise DatasetError(
            N_("There is no fold {received} of “{name}”: expected 0 to {last}."),
            received=data.fold,
            name=name,
            last=data.all_folds - 1,
        )


def check_deal(info: DatasetInfo, images: Split, groups: Ints | None, folds: int) -> None:
    """Raises DatasetError if a class, or what stays together, is too little for so many folds."""
    classes = len(info.class_names)
    if groups is None:
        found = np.bincount(images.labels, minlength=classes)
        sentence = N_(
            "“{name}” cannot be dealt into {folds} folds: class “{label}” has {n} images only. "
            "Every fold needs one of every class: choose fewer folds."
        )
    else:
        pairs = np.unique(groups * classes + images.labels)
        found = np.bincount(pairs % classes, minlength=classes)
        sentence = N_(
            "“{name}” cannot be dealt into {folds} folds: class “{label}” has {n} groups of images "
            "that stay together. Every fold needs one of every class: choose fewer folds, or "
            "another rule for what stays together."
        )
    scarce = int(np.argmin(np.where(found > 0, found, np.iinfo(np.int64).max)))
    if found[scarce] < folds:
        raise DatasetError(
            sentence,
            name=info.name,
            folds=folds,
            label=info.class_names[scarce],
            n=int(found[scarce]),
        )


def fold_of_rows(info: DatasetInfo, images: Split, data: DataConfig) -> NDArray[np.bool_]:
    """Which of the images (n,) belong to the fold that ``data`` names: the same for every network
    and training seed.

    Raises:
        DatasetError: if they cannot be dealt like that.
    """
    assert data.fold is not None
    assert data.folds is not None
    groups = group_rows(images, data.grouping)
    check_deal(info, images, groups, data.folds)
    repeat, fold = divmod(data.fold, data.folds)
    seed = (data.fold_seed, repeat)
    if groups is None:
        dealt = deal(images.labels, data.folds, seed)
    else:
        dealt = deal_groups(images.labels, groups, data.folds, seed)
    return np.asarray(dealt == fold)
