"""Images that a dataset holds twice, pixel for pixel: found, judged, and remembered."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import SPLITS, Dataset
from core.datasets.dropped import DropReason
from core.datasets.rows import digests, row_blocks
from core.datasets.ticking import Ticker
from core.paths import Paths

KEEP_FIRST = ("test", "val", "train")
"""Of copies in several splits that of the test is kept: what is measured then stays comparable
with runs before, and training loses an image of which it has many."""


class Trouble(StrEnum):
    """What is wrong with a group of equal images, the worst first."""

    CONTRADICTION = "contradiction"
    LEAK = "leak"
    REPEAT = "repeat"


class Duplicates(NamedTuple):
    """The rows that share their pixels with another, all (m,) and sorted by group.

    ``group`` int64 counts from 0, ``split`` int8 points into SPLITS, ``label`` is int32.
    """

    group: NDArray[np.int64]
    split: NDArray[np.int8]
    row: NDArray[np.int64]
    label: NDArray[np.int32]

    @property
    def groups(self) -> int:
        return int(self.group[-1]) + 1 if len(self.group) else 0

    def members(self, group: int) -> slice:
        """Where the rows of a group stand."""
        first, last = np.searchsorted(self.group, [group, group + 1])
        return slice(int(first), int(last))

    def troubles(self) -> list[Trouble]:
        """What is wrong with every group."""
        if not self.groups:
            return []
        starts = np.searchsorted(self.group, np.arange(self.groups))
        mixed = _varies(self.label, starts)
        leaking = _varies(self.split, starts)
        names = (Trouble.REPEAT, Trouble.LEAK, Trouble.CONTRADICTION)
        return [names[2 if m else 1 if s else 0] for m, s in zip(mixed, leaking, strict=True)]


def _varies(values: NDArray[np.signedinteger], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each stretch of ``values`` beginning at ``starts`` holds different ones."""
    differs: NDArray[np.bool_] = np.maximum.reduceat(values, starts) != np.minimum.reduceat(
        values, starts
    )
    return differs


def find_duplicates(dataset: Dataset, ticker: Ticker | None = None) -> Duplicates:
    """Compare all labelled rows; DatasetError if the dataset is damaged.

    Unlabelled images are not looked at: they are neither learned nor measured.
    """
    ticker = ticker or Ticker()
    present = [split for split in SPLITS if dataset.info.splits.get(split)]
    ticker.begin("probing", sum(dataset.info.splits[split] for split in present))
    hashes, splits, rows, labels = [], [], [], []
    for split in present:
        for block in row_blocks(dataset, split):
            hashes.append(digests(block.images))
            ticker.advance(len(block.images))
        count = dataset.info.splits[split]
        splits.append(np.full(count, SPLITS.index(split), np.int8))
        rows.append(np.arange(count))
        labels.append(dataset.split(split).labels)
    group, repeated = _grouped(np.concatenate(hashes))
    order = np.flatnonzero(repeated)
    order = order[np.argsort(group[order], kind="stable")]
    _, dense = np.unique(group[order], return_inverse=True)
    return Duplicates(
        dense,
        np.concatenate(splits)[order],
        np.concatenate(rows)[order],
        np.concatenate(labels)[order],
    )


def _grouped(hashes: NDArray[np.void]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A number for every distinct hash, and whether it occurs more than once; both (n,)."""
    pairs = hashes.view(np.uint64).reshape(-1, 2)
    # Sorting structs is ten times slower than sorting two columns of numbers.
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    new = np.any(pairs[order][1:] != pairs[order][:-1], axis=1)
    group = np.empty(len(hashes), np.int64)
    group[order] = np.concatenate(([0], np.cumsum(new)))
    return group, np.bincount(group)[group] > 1


def judge(
    hashes: NDArray[np.void],
    split: NDArray[np.int8],
    label: NDArray[np.int32],
    *,
    keep_one: bool = False,
) -> dict[DropReason, NDArray[np.int64]]:
    """The rows to leave out of n, by reason; ``split`` int8 (n,) points into SPLITS.

    Of equal rows the first of the first split of :data:`KEEP_FIRST` is kept; of equal rows with
    different labels none, as nobody knows which is right, unless ``keep_one``.
    """
    if not len(hashes):
        return {}
    group, repeated = _grouped(hashes)
    rank = np.array([KEEP_FIRST.index(name) for name in SPLITS])[split]
    order = np.lexsort((np.arange(len(group)), rank, group))
    order = order[repeated[order]]
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    if not len(order):
        return {}
    lengths = np.diff(starts, append=len(order))
    mixed = np.repeat(_varies(label[order], starts), lengths)
    kept = np.zeros(len(order), np.bool_)
    kept[starts] = True
    leaking = split[order] != np.repeat(split[order[starts]], lengths)
    wrong = mixed & (not keep_one)
    return {
        DropReason.CONTRADICTION: order[wrong],
        DropReason.LEAK: order[~wrong & ~kept & leaking],
        DropReason.DUPLICATE: order[~wrong & ~kept & ~leaking],
    }


def save_duplicates(paths: Paths, fingerprint: str, found: Duplicates) -> None:
    file = paths.duplicates(fingerprint)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.tmp")
    with partial.open("wb") as out:
        np.savez(out, **found._asdict())
    partial.replace(file)


def read_duplicates(paths: Paths, fingerprint: str) -> Duplicates | None:
    """What was found before; None if nobody has looked yet."""
    file = paths.duplicates(fingerprint)
    try:
        with np.load(file) as saved:
            return Duplicates(*(saved[name] for name in Duplicates._fields))
    except FileNotFoundError:
        return None
    except (
        OSError,
        ValueError,
        KeyError,
        BadZipFile,
    ):  # half of a file, by a power cut: looked for again
        file.unlink(missing_ok=True)
        return None


def worst_first(troubles: Sequence[Trouble]) -> list[int]:
    """The groups in the order in which they should be looked at."""
    order = list(Trouble)
    return sorted(range(len(troubles)), key=lambda group: order.index(troubles[group]))
