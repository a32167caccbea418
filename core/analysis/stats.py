"""What the pictures of every class have in common: mean, spread, brightness. One pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.analysis.shrinking import shrink

BINS = 64
"""Of the brightness from 0 to 255: each four grey levels wide."""
LARGEST_SIDE = 64
MEMORY_BYTES = 64 << 20


class ClassStats(NamedTuple):
    """``mean`` and ``variance`` float32 (classes, h, w, c) of grey levels in [0, 255], of all
    labelled pictures (0 for a class without any); ``brightness`` int64 (splits, classes + 1,
    :data:`BINS`) counts pictures by their mean grey level, unlabelled ones in the last row.
    """

    mean: NDArray[np.float32]
    variance: NDArray[np.float32]
    brightness: NDArray[np.int64]


def mean_side(classes: int, channels: int) -> int:
    """Sides of the mean images: large enough to see, and 1,000 classes still fit into memory."""
    per_pixel = 16 * classes * channels  # two sums of eight bytes
    return max(8, min(LARGEST_SIDE, int((MEMORY_BYTES / per_pixel) ** 0.5)))


class ClassSums:
    """Sums over the pictures seen so far, in whole numbers: a class of equal pictures has
    variance zero, exactly."""

    def __init__(self, classes: int, splits: int, image_shape: tuple[int, int, int]) -> None:
        height, width, channels = image_shape
        self._side = mean_side(classes, channels)
        shape = (classes, min(height, self._side), min(width, self._side), channels)
        self._sum = np.zeros(shape, np.int64)
        self._squares = np.zeros(shape, np.int64)
        self._count = np.zeros(classes, np.int64)
        self._brightness = np.zeros((splits, classes + 1, BINS), np.int64)

    def add(self, images: NDArray[np.uint8], labels: NDArray[np.int32], split: int) -> None:
        """``images`` (n, h, w, c) of one split; a label below 0 means none."""
        self._add_brightness(images, labels, split)
        small = images
        if max(images.shape[1:3]) > self._side:
            small = np.rint(shrink(images, self._side)).astype(np.uint8)
        for label in np.unique(labels[labels >= 0]):
            mine = small[labels == label].astype(np.uint32)
            self._sum[label] += mine.sum(0, dtype=np.int64)
            self._squares[label] += (mine * mine).sum(0, dtype=np.int64)
            self._count[label] += len(mine)

    def _add_brightness(
        self, images: NDArray[np.uint8], labels: NDArray[np.int32], split: int
    ) -> None:
        rows = self._brightness.shape[1]
        which = np.where(labels < 0, rows - 1, labels)
        bins = (brightness(images) * (BINS / 256)).astype(np.int64)
        counted = np.bincount(which * BINS + bins, minlength=rows * BINS)
        self._brightness[split] += counted.reshape(rows, BINS)

    def result(self) -> ClassStats:
        count = np.maximum(self._count, 1)[:, None, None, None]
        mean = self._sum / count
        variance = np.maximum(self._squares / count - mean**2, 0)
        return ClassStats(mean.astype(np.float32), variance.astype(np.float32), self._brightness)


def brightness(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The mean grey level (n,) of every picture over all pixels and channels, in [0, 255]."""
    n = len(images)
    return images.reshape(n, -1).sum(1, dtype=np.int64) / images[0].size if n else np.zeros(0)


def class_brightness(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean grey level (classes,) from counts (splits, classes + 1, bins); NaN if none."""
    mine = counts.sum(0)[:-1]
    levels = (np.arange(BINS) + 0.5) * (256 / BINS)
    total = mine.sum(1)
    return np.where(total > 0, mine @ levels / np.maximum(total, 1), np.nan)
