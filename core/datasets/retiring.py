"""The images that runs show: found after a dataset was renamed, kept after it was deleted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from core.datasets.catalog import scan
from core.datasets.dataset import Dataset, DatasetInfo
from core.datasets.registry import delete_dataset as remove_dataset
from core.datasets.registry import list_datasets, open_dataset
from core.datasets.writer import remove, staging_folder
from core.errors import N_, DatasetError, NotFoundError
from core.paths import DatasetPaths, Paths, write_atomic

EVALUATED = ("val", "test")
"""The splits that runs predict, and show the images of."""


def open_for_run(paths: Paths, name: str, fingerprint: str | None) -> Dataset:
    """The dataset that a run began with, whatever it is called by now.

    ``name`` and ``fingerprint`` are those of the run; without a fingerprint the name decides.
    Raises as :func:`open_dataset` if there is none. The one of that name is returned even if it is
    another one, where no dataset has the fingerprint.
    """
    try:
        named = open_dataset(paths, name)
        if fingerprint in (None, named.info.fingerprint):
            return named
    except NotFoundError:
        named = None
    # Two copies of one dataset are the same to a run.
    same = (i.name for i in list_datasets(paths) if i.fingerprint == fingerprint)
    if other := next(same, None):
        return open_dataset(paths, other)
    return named or open_dataset(paths, name)


def open_seen(paths: Paths, name: str, fingerprint: str | None) -> Dataset:
    """The images that a run has predicted: of its dataset or of what was kept of it.

    DatasetError, fit for a page, if both are gone.
    """
    try:
        found = open_for_run(paths, name, fingerprint)
        if found.info.fingerprint == fingerprint:
            return found
        gone = DatasetError(
            N_("The dataset “{name}” is not the one that this run has seen: it was replaced."),
            name=name,
        )
    except NotFoundError:
        gone = DatasetError(N_("The dataset “{name}” is no longer here."), name=name)
    if fingerprint is None or not is_retired(paths, fingerprint):
        raise gone
    return _open_retired(paths, fingerprint)


def is_retired(paths: Paths, fingerprint: str) -> bool:
    return paths.retired(fingerprint).info.is_file()


def _open_retired(paths: Paths, fingerprint: str) -> Dataset:
    files = paths.retired(fingerprint)
    try:
        return Dataset(DatasetInfo.model_validate_json(files.info.read_bytes()), files)
    except (OSError, ValueError) as error:
        raise DatasetError(
            N_("What was kept of a deleted dataset cannot be read: {file}."), file=str(files.info)
        ) from error


def kept_bytes(info: DatasetInfo) -> int:
    """The room that the images which runs show would keep."""
    height, width, channels = info.image_shape
    return sum(info.splits.get(split, 0) for split in EVALUATED) * height * width * channels


def delete_dataset(paths: Paths, name: str, shown: Collection[str | None]) -> None:
    """Remove a dataset or a damaged folder; what runs have predicted is kept if its fingerprint is
    among ``shown``. NotFoundError if there is none of that name."""
    for _, found in scan(paths, only=name):
        if isinstance(found, DatasetInfo) and found.fingerprint in shown:
            _retire(paths, found)
    remove_dataset(paths, name)


def _retire(paths: Paths, info: DatasetInfo) -> None:
    """At every moment there is the dataset or what is kept of it, or both."""
    retired = paths.retired(info.fingerprint)
    kept = {split: n for split, n in info.splits.items() if split in EVALUATED and n}
    if is_retired(paths, info.fingerprint) or not kept:
        return
    dataset = paths.dataset(info.name)
    with staging_folder(paths) as staging:
        for split in kept:
            for file in (DatasetPaths.images, DatasetPaths.labels, DatasetPaths.names):
                _link(file(dataset, split), file(staging, split))
        write_atomic(staging.info, info.model_copy(update={"splits": kept}).model_dump_json())
        (staging.folder / "owner.json").unlink()
        retired.folder.parent.mkdir(parents=True, exist_ok=True)
        if retired.folder.exists():  # without its description, so of no use
            remove(paths, retired.folder)
        staging.folder.replace(retired.folder)


def _link(source: Path, target: Path) -> None:
    """A second name for the same bytes, or a copy where the disk has no such thing."""
    with suppress(OSError):
        os.link(source, target)
    if not target.exists():
        shutil.copyfile(source, target)


def forget(paths: Paths, fingerprint: str) -> None:
    """Remove what was kept of a dataset; nobody shows it any more."""
    remove(paths, paths.retired(fingerprint).folder)
