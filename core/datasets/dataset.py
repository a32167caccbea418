"""What a prepared dataset is: its description, its splits, and how to open them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from core.datasets.lineage import Lineage
from core.datasets.report import ImportReport
from core.datasets.submission import Submission
from core.errors import N_, DatasetError, Text
from core.paths import DatasetPaths

SPLITS = ("train", "val", "test")
UNLABELLED = "unlabelled"
"""The split of pictures without a label (every label of it is -1), to be predicted only."""
STORED_SPLITS = (*SPLITS, UNLABELLED)
SPLIT_NAMES = {
    "train": N_("training"),
    "val": N_("validation"),
    "test": N_("test"),
    UNLABELLED: N_("without label"),
}
"""What people call the splits."""
DIGITS = "digits"
"""The name of the built-in dataset."""

ResizeMode = Literal["stretch", "pad", "crop"]


def split_name(split: str) -> Text:
    """What people call a split, for the gap of a sentence."""
    return Text(msgid=SPLIT_NAMES[split])


class DatasetInfo(BaseModel, frozen=True):
    """The description of a prepared dataset, as ``dataset.json`` holds it.

    ``image_shape`` is (height, width, channels), channels 1 or 3. ``splits`` gives the rows of
    each of :data:`SPLITS` (0 where there are none) and of :data:`UNLABELLED` if there are any,
    ``class_counts`` the rows per class in the
    order of ``class_names``. ``fingerprint`` changes with any pixel, label, class name or row
    order, and with nothing else.
    """

    name: str
    title: str = ""
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: dict[str, int]
    class_counts: dict[str, list[int]]
    resize: ResizeMode
    background: str = ""
    """The colour behind transparent and around padded pictures; "" if none was chosen."""
    submission: tuple[str, ...] = ()
    """The columns of the file that a competition expects for the unlabelled pictures, if any."""
    origin: str
    created: str
    fingerprint: str
    imported: int
    skipped: int
    repaired: int = 0
    warnings: list[Text] = []
    vocabulary: str = ""
    """Whose class names these are, if the catalogues translate them (``cifar10``)."""
    groups: tuple[str, ...] = ()
    """The superclass of every class, where there are any."""
    derived: Lineage | None = None
    """What it was made of, unless it was imported."""


class Names(Sequence[str]):
    """The original file names of a split, read from the disk when first asked for."""

    def __init__(self, file: Path, count: int) -> None:
        self._file = file
        self._count = count

    @cached_property
    def _names(self) -> list[str]:
        names: list[str] = json.loads(self._file.read_text(encoding="utf-8"))
        return names

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return self._names[index]


@dataclass(frozen=True)
class Split:
    """``images`` uint8 (n, h, w, c) mapped read-only, ``labels`` int32 (n,), ``names`` (n).

    Rows stand in an order shuffled once at import, so that any stretch of them is a fair sample.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)


class Dataset:
    """A prepared dataset on disk; nothing is read before it is asked for."""

    def __init__(self, info: DatasetInfo, files: DatasetPaths) -> None:
        self.info = info
        self.files = files

    def split(self, name: str) -> Split:
        """The rows of one of :data:`STORED_SPLITS`; DatasetError if it has none or is damaged."""
        rows = self.info.splits.get(name, 0)
        if not rows:
            raise DatasetError(
                N_("The dataset “{name}” has no pictures in the split “{split}”. It has: {have}."),
                name=self.info.name,
                split=name,
                have=", ".join(f"{s} ({n})" for s, n in self.info.splits.items() if n),
            )
        images = self._load(self.files.images(name), "r")
        labels = self._load(self.files.labels(name), None)
        if images.shape != (rows, *self.info.image_shape) or labels.shape != (rows,):
            raise damaged(self.info.name, self.files.images(name).name)
        return Split(images, labels, Names(self.files.names(name), rows))

    def rows(self, name: str) -> NDArray[np.int64]:
        """The rows (m,) of :meth:`split` that belong to it, ascending: all, unless a training sees
        two splits through the numbers of both together."""
        return np.arange(self.info.splits.get(name, 0))

    def place(self, name: str, row: int) -> tuple[str, int]:
        """In which stored split a row of :meth:`split` lies, and which row of it that is."""
        return name, row

    def report(self) -> ImportReport:
        """How the import went; DatasetError if the file is damaged."""
        try:
            return ImportReport.model_validate_json(self.files.report.read_bytes())
        except (OSError, ValueError) as error:
            raise damaged(self.info.name, self.files.report.name) from error

    def submission(self) -> Submission | None:
        """The file that a competition expects; None if the source had no sample of it.

        Raises:
            DatasetError: if it is damaged.
        """
        if not self.info.submission:
            return None
        try:
            return Submission.model_validate_json(self.files.submission.read_bytes())
        except (OSError, ValueError) as error:
            raise damaged(self.info.name, self.files.submission.name) from error

    def _load(self, file: Path, mmap_mode: Literal["r"] | None) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.load(file, mmap_mode=mmap_mode)
        except (OSError, ValueError, EOFError) as error:
            raise damaged(self.info.name, file.name) from error
        return array


def damaged(name: str, file: str) -> DatasetError:
    """The error for a dataset of which a file is missing, cut off or unreadable."""
    return DatasetError(
        N_(
            "The dataset “{name}” is damaged: its file {file} is missing or incomplete. "
            "Delete the dataset and import it again."
        ),
        name=name,
        file=file,
    )
