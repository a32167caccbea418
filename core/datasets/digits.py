"""The built-in dataset: scikit-learn's 1,797 handwritten digits, there without any download."""

from __future__ import annotations

from collections import Counter

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from core.datasets.catalog import scan
from core.datasets.dataset import DIGITS, SPLITS, DatasetInfo
from core.datasets.report import ImportReport, Sizes
from core.datasets.splitting import stratified
from core.datasets.writer import (
    Finished,
    RowFile,
    SplitRows,
    publish,
    remove,
    row_digest,
    staging_folder,
)
from core.paths import DatasetPaths, Paths

_FRACTIONS = (0.70, 0.15, 0.15)
_SEED = 0


def ensure_digits(paths: Paths) -> DatasetInfo:
    """Prepare ``digits`` unless it is there; safe to call from several processes at once."""
    ready = _ready(paths)
    if ready is not None:
        return ready
    paths.create()
    with FileLock(paths.imports / ".digits.lock"):
        return _ready(paths) or _prepare(paths)


def _ready(paths: Paths) -> DatasetInfo | None:
    found = dict(scan(paths, only=DIGITS)).get(DIGITS)
    return found if isinstance(found, DatasetInfo) else None


def _prepare(paths: Paths) -> DatasetInfo:
    images, labels = _load()
    parts = stratified(labels, _FRACTIONS, _SEED)
    with staging_folder(paths) as staging:
        splits = {
            split: _write(staging, split, images, labels, np.flatnonzero(parts == part))
            for part, split in enumerate(SPLITS)
        }
        if paths.dataset(DIGITS).folder.exists():
            # Not ready, so damaged.
            remove(paths, paths.dataset(DIGITS).folder)
        sizes = Sizes.of(Counter({images.shape[1:3]: len(images)}))
        finished = Finished(
            name=DIGITS,
            title="Handwritten digits",
            class_names=[str(digit) for digit in range(10)],
            image_shape=(8, 8, 1),
            resize="stretch",
            splits=splits,
            report=ImportReport(
                origin="sklearn.datasets.load_digits", imported=len(images), sizes=sizes
            ),
        )
        return publish(paths, staging, finished)


def _load() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Images uint8 (1797, 8, 8, 1), spread from 0…16 to 0…255, and labels int32 (1797,)."""
    # Here, because importing scikit-learn takes a second, and is needed once in a lifetime.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    return images, bunch.target.astype(np.int32)


def _write(
    staging: DatasetPaths,
    split: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.int32],
    rows: NDArray[np.int64],
) -> SplitRows:
    rows = np.random.default_rng(_SEED).permutation(rows)
    file = RowFile(staging.images(split), (8, 8, 1))
    try:
        file.resize(len(rows))
        for place, row in enumerate(rows):
            file.write(place, images[row].tobytes())
    finally:
        file.close()
    names = [f"{row:04d}" for row in rows]
    digests = b"".join(row_digest(images[row].tobytes()) for row in rows)
    return SplitRows(labels[rows], names, digests)
