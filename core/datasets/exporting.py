"""A dataset as a zip of class folders, which any program reads and an import takes back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from PIL import Image

from core.datasets.dataset import STORED_SPLITS, UNLABELLED, Dataset
from core.datasets.options import OnProgress, ShouldStop
from core.datasets.reserving import full_disk_said
from core.datasets.rows import row_blocks
from core.datasets.ticking import Ticker

# PNG is compressed already; fast, because the last tenth of its size takes most of the time.
_PNG_LEVEL = 3
_LONGEST = 80
_FORBIDDEN = '<>:"/\\|?*'
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(10))}


def export_dataset(
    dataset: Dataset,
    file: Path,
    *,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> int:
    """Write ``split/class/name.png`` for every image to the zip ``file``; returns how many.

    Lossless: an import of it has the same pixels, classes and splits. In the end there is the
    whole file or none. Raises DatasetError if the dataset is damaged or the disk full,
    WorkCancelledError once ``should_stop`` says so.
    """
    partial = file.with_name(f".{file.name}.tmp")
    ticker = Ticker(on_progress, should_stop)
    total = sum(dataset.info.splits.values())
    ticker.begin("decoding", total)
    try:
        with full_disk_said(), zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for split in STORED_SPLITS:
                if dataset.info.splits.get(split):
                    _export_split(dataset, split, archive, ticker)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return total


def _export_split(dataset: Dataset, split: str, archive: zipfile.ZipFile, ticker: Ticker) -> None:
    rows = dataset.split(split)
    folders = _Names().each([safe_name(name) for name in dataset.info.class_names])
    names: dict[str, _Names] = {}
    above = _folder_of(split, dataset)
    for block in row_blocks(dataset, split):
        for row, image in enumerate(block.images, block.start):
            label = int(rows.labels[row])
            folder = f"{above}/{folders[label] + '/' if label >= 0 else ''}"
            stem = safe_name(PurePosixPath(rows.names[row]).stem)
            name = names.setdefault(folder, _Names()).free(stem)
            out = io.BytesIO()
            plain = image[..., 0] if image.shape[-1] == 1 else image
            Image.fromarray(plain).save(out, "PNG", compress_level=_PNG_LEVEL)
            archive.writestr(f"{folder}{name}.png", out.getvalue())
        ticker.advance(len(block.images))


def _folder_of(split: str, dataset: Dataset) -> str:
    """Images without a class lie directly in ``test/``, as competitions have it; beside a test
    with classes they would be strays there, and have a folder of their own."""
    return "test" if split == UNLABELLED and not dataset.info.splits.get("test") else split


def safe_name(name: str) -> str:
    """``name`` so that Windows, macOS and Linux can each make a file of it."""
    kept = "".join("_" if c in _FORBIDDEN or not c.isprintable() else c for c in name)
    kept = kept[:_LONGEST].strip(" .") or "_"
    return f"_{kept}" if kept.partition(".")[0].casefold() in _DEVICES else kept


class _Names:
    """Names in one folder, told apart without regard to case."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def free(self, name: str) -> str:
        """``name``, or with a number behind it if it is taken."""
        candidate = name
        while candidate.casefold() in self._taken:
            # Where the last search for a number ended, or a thousand equal names would take long.
            number = self._taken[name.casefold()] = self._taken[name.casefold()] + 1
            candidate = f"{name} ({number})"
        self._taken[candidate.casefold()] = 1
        return candidate

    def each(self, names: Sequence[str]) -> list[str]:
        return [self.free(name) for name in names]
