"""An analysis from beginning to end, with progress. scikit-learn: only in jobs and commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from core.analysis.duplicates import digest_rows, find_duplicates
from core.analysis.outliers import find_outliers
from core.analysis.projection import (
    MAP_POINTS,
    TSNE_STEPS,
    neighbour_map,
    pixels,
    reduce,
    sample_rows,
)
from core.analysis.result import Analysis, MapSample
from core.analysis.rows import Rows
from core.analysis.shrinking import shrink
from core.analysis.stats import ClassSums
from core.datasets.dataset import Dataset, DatasetInfo
from core.tasks import (
    OnProgress,
    ShouldStop,
    TaskCancelledError,
    TaskProgress,
    never,
    unheard,
)

Phase = Literal["starting", "waiting", "reading", "comparing", "arranging"]

THUMB_SIDE = 16
SMALLEST_THUMB = 8
THUMB_BYTES = 128 << 20
"""All thumbnails together take no more: from 170,000 colour pictures on they are smaller."""

# Seconds on one slow core, by benchmarks/data_page.py: only to tell how long it will take.
_START_SECONDS = 3.0
_SECONDS_PER_BYTE = 7e-9
_SECONDS_PER_PICTURE = 3e-5
_SECONDS_PER_PAIR = 1.2e-9
_SECONDS_PER_POINT = 6e-3


class Cost(BaseModel, frozen=True):
    """Seconds that the parts of an analysis take on a slow machine, roughly."""

    reading: float
    comparing: float

    @staticmethod
    def of(info: DatasetInfo) -> Cost:
        rows = sum(info.splits.values())
        return Cost(
            reading=rows * (_SECONDS_PER_PICTURE + _SECONDS_PER_BYTE * np.prod(info.image_shape)),
            comparing=rows * _SECONDS_PER_PICTURE + rows**2 * _SECONDS_PER_PAIR / 2,
        )

    @property
    def seconds(self) -> float:
        return _START_SECONDS + self.reading + self.comparing


def map_seconds(info: DatasetInfo) -> float:
    """How long the t-SNE map takes on a slow machine, roughly."""
    return _START_SECONDS + _SECONDS_PER_POINT * min(MAP_POINTS, sum(info.splits.values()))


class _Meter:
    """Turns what is done of a part into the share of the whole; ends what is to stop."""

    def __init__(self, cost: Cost, on_progress: OnProgress, should_stop: ShouldStop):
        self._total = max(1e-9, cost.reading + cost.comparing)
        self._on_progress, self._should_stop = on_progress, should_stop
        self._started = time.time()

    def __call__(self, phase: Phase, seconds: float) -> None:
        """``seconds`` of the cost are behind."""
        if self._should_stop():
            raise TaskCancelledError
        share = min(1.0, seconds / self._total)
        self._on_progress(TaskProgress(phase=phase, share=share, started=self._started))


def analyse(
    dataset: Dataset,
    on_progress: OnProgress = unheard,
    should_stop: ShouldStop = never,
) -> Analysis:
    """Everything but the t-SNE map, in memory that hardly depends on the size of the pictures.

    Raises:
        DatasetError: if a file of the dataset is damaged.
        TaskCancelledError: soon after ``should_stop`` says so.
    """
    rows, cost = Rows.of(dataset), Cost.of(dataset.info)
    meter = _Meter(cost, on_progress, should_stop)
    classes = len(dataset.info.class_names)
    sums = ClassSums(classes, len(rows.splits), rows.image_shape)
    thumbs, digests = _read_all(rows, sums, lambda share: meter("reading", share * cost.reading))
    meter("arranging", cost.reading)
    features = reduce(thumbs, pixels)
    outliers = find_outliers(features, rows.labels, classes)
    chosen = sample_rows(rows.labels, rows.split_of)
    sample = MapSample(chosen, _plane(features[chosen]), features[chosen])
    del features

    def compared(done: int) -> None:
        meter("comparing", cost.reading + cost.comparing * done / len(rows))

    duplicates = find_duplicates(rows, digests, thumbs, compared)
    return Analysis(sums.result(), outliers, duplicates, sample)


def arrange(
    found: Analysis,
    on_progress: OnProgress = unheard,
    should_stop: ShouldStop = never,
) -> NDArray[np.float32]:
    """The t-SNE map (m, 2) of the sample of an analysis.

    Raises:
        TaskCancelledError: soon after ``should_stop`` says so.
    """
    meter = _Meter(Cost(reading=0, comparing=TSNE_STEPS), on_progress, should_stop)
    meter("arranging", 0)
    return neighbour_map(found.sample.features, lambda step: meter("arranging", step))


def thumb_side(rows: int, channels: int) -> int:
    """The side of the thumbnails that ``rows`` pictures are compared by."""
    for side in range(THUMB_SIDE, SMALLEST_THUMB, -1):
        if rows * channels * side * side <= THUMB_BYTES:
            return side
    return SMALLEST_THUMB


def _read_all(
    rows: Rows, sums: ClassSums, on_share: Callable[[float], None]
) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """The one pass over all pictures: thumbnails (n, h, w, c) and hashes (n, 2)."""
    height, width, channels = rows.image_shape
    side = thumb_side(len(rows), channels)
    thumbs = np.empty((len(rows), min(height, side), min(width, side), channels), np.uint8)
    digests = np.empty((len(rows), 2), np.uint64)
    for first, images, labels in rows.blocks():
        here = slice(first, first + len(images))
        sums.add(images, labels, int(rows.split_of[first]))
        thumbs[here] = np.rint(shrink(images, side))
        digests[here] = digest_rows(images)
        on_share(here.stop / len(rows))
    return thumbs, digests


def _plane(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first two components; where there is only one, the second is zero."""
    points = np.zeros((len(features), 2), np.float32)
    points[:, : features.shape[1]] = features[:, :2]
    return points
