"""What is shown of the last validation while a run trains: one small file, replaced every epoch."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from core.evaluation.predictions import UNREADABLE
from core.paths import write_atomic

Ints = npt.NDArray[np.int32]
NEVER = -1
"""The class predicted before, where there was no epoch before."""
MOST_CLASSES = 1_000
"""Of more there is no matrix while training: of 10,000 it would hold 400 MB of counts."""
_SAMPLES = ("rows", "y_true", "y_pred", "before", "since")


class Watched(NamedTuple):
    """The confusion matrix of an epoch's validation, and what it says about some of the images.

    ``cells`` (m, 3) int32: true class, predicted class, images, of every cell that is not empty;
    none with more than :data:`MOST_CLASSES`.
    The samples, each (s,): ``rows`` int64 in the validation split, ``y_true``, ``y_pred`` int32,
    ``proba`` float32 of the predicted class in [0, 1], ``before`` int32 the class predicted an
    epoch before (:data:`NEVER` if that is not known) and ``since`` int32 the epoch from which on
    it has been predicted without a break.
    """

    epoch: int
    classes: int
    cells: Ints
    rows: npt.NDArray[np.int64]
    y_true: Ints
    y_pred: Ints
    proba: npt.NDArray[np.float32]
    before: Ints
    since: Ints

    @property
    def images(self) -> int:
        """How many were validated."""
        return int(self.cells[:, 2].sum())

    @property
    def right(self) -> int:
        """How many of them were judged right."""
        return int(self.cells[self.cells[:, 0] == self.cells[:, 1], 2].sum())

    @property
    def changed(self) -> npt.NDArray[np.bool_]:
        """(s,): of which samples another class was predicted an epoch before."""
        told: npt.NDArray[np.bool_] = (self.before != NEVER) & (self.before != self.y_pred)
        return told

    def matrix(self) -> npt.NDArray[np.int64]:
        """(classes, classes): row = true class, column = predicted class."""
        made = np.zeros((self.classes, self.classes), np.int64)
        made[self.cells[:, 0], self.cells[:, 1]] = self.cells[:, 2]
        return made

    def after(self, earlier: Self | None) -> Self:
        """The same, knowing what was said an epoch before."""
        if earlier is None or not np.array_equal(earlier.rows, self.rows):
            return self
        if earlier.epoch == self.epoch and np.array_equal(earlier.y_pred, self.y_pred):
            return self._replace(before=earlier.before, since=earlier.since)  # killed in between
        if earlier.epoch != self.epoch - 1:
            return self
        same = earlier.y_pred == self.y_pred
        since = np.where(same, earlier.since, self.epoch).astype(np.int32)
        return self._replace(before=earlier.y_pred, since=since)


def watched(
    epoch: int, matrix: npt.NDArray[np.integer], samples: Mapping[str, npt.NDArray[np.generic]]
) -> Watched:
    """From counts (classes, classes), or (0, 0) if there are too many classes; ``samples``:
    ``rows``, ``y_true`` and ``proba`` (s, classes).

    Nothing is known yet of the epoch before: see :meth:`Watched.after`.
    """
    true, pred = np.nonzero(matrix)
    proba = np.asarray(samples["proba"], np.float32)
    y_pred = proba.argmax(axis=1).astype(np.int32)
    return Watched(
        epoch=epoch,
        classes=proba.shape[1],
        cells=np.stack([true, pred, matrix[true, pred]], axis=1).astype(np.int32),
        rows=np.asarray(samples["rows"], np.int64),
        y_true=np.asarray(samples["y_true"], np.int32),
        y_pred=y_pred,
        proba=proba.max(axis=1),
        before=np.full_like(y_pred, NEVER),
        since=np.full_like(y_pred, epoch),
    )


def save_watched(path: Path, found: Watched) -> None:
    """Replace the file; without waiting for the disk, since the next epoch writes it anew."""
    buffer = io.BytesIO()
    arrays = {name: np.asarray(value) for name, value in found._asdict().items()}
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomic(path, buffer.getvalue(), durable=False)


def read_watched(path: Path) -> Watched | None:
    """None before the first validation, and for a file that is damaged or not ours: nothing is
    lost with it but a picture of the training."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            values = {name: saved[name] for name in Watched._fields}
    except UNREADABLE:
        return None
    found = Watched(**{**values, "epoch": int(values["epoch"]), "classes": int(values["classes"])})
    return found if _fits(found) else None


def _fits(found: Watched) -> bool:
    lengths = {getattr(found, name).shape for name in (*_SAMPLES, "proba")}
    if found.cells.ndim != 2 or found.cells.shape[1] != 3 or len(lengths) != 1:
        return False
    classes = (found.cells[:, :2], found.y_true, found.y_pred, found.before + 1)
    return (
        all(not part.size or (part.min() >= 0 and part.max() <= found.classes) for part in classes)
        and not (found.cells[:, :2] >= found.classes).any()
    )
