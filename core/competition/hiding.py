"""A copy of a dataset whose test images have lost their labels, their names and their order."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.datasets import limits
from core.datasets.dataset import UNLABELLED, Dataset, DatasetInfo
from core.datasets.lineage import Ancestor, Lineage
from core.datasets.options import OnProgress, ShouldStop
from core.datasets.registry import validate_name
from core.datasets.report import ImportReport, Sizes
from core.datasets.reserving import full_disk_said, reserved
from core.datasets.rows import digests, row_blocks
from core.datasets.ticking import Ticker
from core.datasets.writer import (
    DIGEST_BYTES,
    Finished,
    RowFile,
    SplitRows,
    publish,
    staging_folder,
)
from core.errors import N_, CompetitionError, text
from core.paths import DatasetPaths, Paths

KEPT = ("train", "val")
"""The splits that stay as they are."""


class Hidden(NamedTuple):
    """The copy, and the labels that it does not have: int32 (n,), row by row of its unlabelled
    split."""

    info: DatasetInfo
    y_true: NDArray[np.int32]


def hide_test(
    paths: Paths,
    dataset: Dataset,
    name: str,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Hidden:
    """Make ``name``: training and validation of ``dataset``, and its test images shuffled, called
    by numbers and without labels. Images that had none before are left out.

    The order is drawn anew every time and kept nowhere; whatever happens, there is in the end
    either the whole copy or nothing.

    Raises:
        CompetitionError: if the dataset has no labelled test images.
        DatasetError: if the name is taken or impossible, or the dataset damaged.
        WorkCancelledError: soon after ``should_stop`` says so.
    """
    check_hideable(dataset.info)
    name = validate_name(paths, name)
    ticker = Ticker(on_progress, should_stop)
    with full_disk_said(), reserved(paths, name), staging_folder(paths) as staging:
        test = dataset.split("test")
        order = np.random.default_rng(secrets.randbits(128)).permutation(len(test))
        finished = _prepare(dataset, staging, name, order, ticker)
        return Hidden(publish(paths, staging, finished), test.labels[order].astype(np.int32))


def check_hideable(info: DatasetInfo) -> None:
    """Raises CompetitionError if there are no labelled test images."""
    if not info.splits.get("test"):
        raise CompetitionError(
            N_("“{name}” has no test images whose labels could be hidden."), name=info.name
        )


def _prepare(
    dataset: Dataset, staging: DatasetPaths, name: str, order: NDArray[np.int64], ticker: Ticker
) -> Finished:
    info = dataset.info
    kept = [split for split in KEPT if info.splits.get(split)]
    rows = sum(info.splits[split] for split in (*kept, "test"))
    limits.check_disk(staging.folder, rows * int(np.prod(info.image_shape)))
    ticker.begin("decoding", rows)
    splits = {split: _same(dataset, staging, split, ticker) for split in kept}
    splits[UNLABELLED] = _shuffled(dataset, staging, order, ticker)
    height, width, _channels = info.image_shape
    return Finished(
        name=name,
        title="",
        class_names=info.class_names,
        image_shape=info.image_shape,
        resize=info.resize,
        background=info.background,
        splits=splits,
        report=ImportReport(
            origin=info.name, imported=rows, sizes=Sizes.of(Counter({(height, width): rows}))
        ),
        vocabulary=info.vocabulary,
        groups=info.groups,
        derived=Lineage(
            ancestors=(Ancestor(name=info.name, fingerprint=info.fingerprint),),
            steps=(text(N_("Test images shuffled and renamed, their labels hidden.")),),
        ),
    )


def _same(dataset: Dataset, staging: DatasetPaths, split: str, ticker: Ticker) -> SplitRows:
    _link(dataset.files.images(split), staging.images(split))
    rows, found = dataset.split(split), []
    for block in row_blocks(dataset, split):
        found.append(digests(block.images).tobytes())
        ticker.advance(len(block.images))
    return SplitRows(rows.labels, rows.names[:], b"".join(found))


def _shuffled(
    dataset: Dataset, staging: DatasetPaths, order: NDArray[np.int64], ticker: Ticker
) -> SplitRows:
    count = len(order)
    place = np.argsort(order)
    found = np.zeros(count, f"V{DIGEST_BYTES}")
    file = RowFile(staging.images(UNLABELLED), dataset.info.image_shape)
    with contextlib.closing(file):
        file.resize(count)
        for block in row_blocks(dataset, "test"):
            places = place[block.start : block.start + len(block.images)]
            found[places] = digests(block.images)
            for at, image in zip(places.tolist(), block.images, strict=True):
                file.write(at, image.tobytes())
            ticker.advance(len(block.images))
    digits = len(str(count))
    names = [f"{number:0{digits}d}.png" for number in range(1, count + 1)]
    return SplitRows(np.full(count, -1, np.int32), names, found.tobytes())


def _link(source: Path, target: Path) -> None:
    """A second name for the same bytes, which never change; a copy where the disk cannot."""
    with contextlib.suppress(OSError):
        os.link(source, target)
    if not target.exists():
        shutil.copyfile(source, target)
