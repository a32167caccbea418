"""What formats that hold arrays have in common: parts of rows, written as uint8 to the scratch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.datasets import limits
from core.datasets.containers.entries import Entry
from core.datasets.containers.listing import Listing, Other
from core.datasets.dataset import STORED_SPLITS
from core.datasets.formats.base import NOT_TOLD, Found, Reading
from core.datasets.names import natural
from core.datasets.reading import ArrayFiles, ReaderMaker, Row, Where
from core.datasets.report import Reason, Skipped, shortened
from core.datasets.vocabularies import VOCABULARIES
from core.datasets.writer import RowFile
from core.errors import N_, DatasetError, Text, text

BLOCK_BYTES = 4_000_000
"""So much of a file is in memory at a time."""
_DATA = (".csv", ".npz", ".npy", ".parquet", "-ubyte", "-ubyte.gz", "-python.tar.gz")
TRAIN, VAL, TEST = (STORED_SPLITS.index(name) for name in ("train", "val", "test"))

Labels = NDArray[Any]
"""Integers or strings (n,), as a file holds them."""


@dataclass
class Part:
    """The pictures of one file: which split they are given to, where each is, their labels.

    ``labels`` None: the file has none. ``known`` bool (n,): which rows have one, None for all.
    """

    name: str
    given: int
    where: Sequence[Where]
    labels: Labels | None
    names: Sequence[str] = ()
    known: NDArray[np.bool_] | None = None

    def row_name(self, row: int) -> str:
        return self.names[row] if self.names else row_name(self.name, row, len(self.where))


def row_name(file: str, row: int, rows: int) -> str:
    """A row of a file, called so that names sort as rows do."""
    return f"{file}#{row:0{len(str(max(rows - 1, 0)))}d}"


class Pictures:
    """Uint8 (n, h, w, 1 or 3) in a file of the scratch folder, appended block after block."""

    def __init__(self, reading: Reading, name: str, shape: tuple[int, int, int], rows: int) -> None:
        check_size(name, rows, shape)
        limits.check_disk(reading.scratch, rows * math.prod(shape))
        self.path = reading.scratch / f"pictures-{len(list(reading.scratch.iterdir()))}.npy"
        self._file = RowFile(self.path, shape)
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, block: NDArray[np.uint8]) -> None:
        self._file.write(self._rows, block.tobytes())
        self._rows += len(block)

    def close(self) -> Path:
        self._file.resize(self._rows)
        self._file.close()
        return self.path


class Progress:
    """Counts the rows of all files of a format together."""

    def __init__(self, reading: Reading, total: int) -> None:
        self._tell = reading.tell
        self._total = total
        self._done = 0
        self.add(0)

    def add(self, rows: int) -> None:
        self._done = min(self._total, self._done + rows)
        self._tell("unpacking", self._done, self._total)


def rows_per_block(row_bytes: int) -> int:
    return max(1, BLOCK_BYTES // max(1, row_bytes))


def check_size(name: str, rows: int, shape: Sequence[int]) -> None:
    """DatasetError if a header promises more than is ever read."""
    if math.prod(shape[:2]) > limits.MAX_PIXELS:
        raise DatasetError(
            N_("“{file}”: one picture would have {pixels} pixels; at most {most} are read."),
            file=name,
            pixels=math.prod(shape[:2]),
            most=limits.MAX_PIXELS,
        )
    size = rows * math.prod(shape)
    if rows > limits.MAX_ENTRIES or size > limits.MAX_TOTAL_BYTES:
        raise DatasetError(
            N_(
                "“{file}” promises {rows} pictures of {gigabytes} GB together; at most {most} "
                "pictures and {limit} GB are read."
            ),
            file=name,
            rows=rows,
            gigabytes=limits.gigabytes(size),
            most=limits.MAX_ENTRIES,
            limit=limits.gigabytes(limits.MAX_TOTAL_BYTES),
        )


def check_count(file: str, labels_file: str, pictures: int, labels: int) -> None:
    """DatasetError unless there is a label for every picture."""
    if pictures != labels:
        raise DatasetError(
            N_(
                "“{file}” holds {pictures} pictures, but “{labels_file}” {labels} labels. "
                "Expected: one label for each picture."
            ),
            file=file,
            pictures=pictures,
            labels_file=labels_file,
            labels=labels,
        )


@dataclass
class Gathering:
    """The parts that a format has read, and what it has to say about them."""

    parts: list[Part] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    class_names: Sequence[str] = ()
    """Of the labels 0, 1, 2…; without them the labels themselves are the names."""
    vocabulary: str = ""
    groups: Sequence[str] = ()
    coarse: bool = False

    def rows(self, pictures: Pictures) -> list[Row]:
        """Where the rows of a finished file are."""
        self.files.append(pictures.close())
        return [Row(len(self.files) - 1, row) for row in range(len(pictures))]

    def speaks(self, vocabulary: str) -> None:
        self.vocabulary, self.class_names = vocabulary, VOCABULARIES[vocabulary]

    def speaks_as_called(self, shape: Sequence[int], names: Sequence[str]) -> None:
        """Take the class names of MNIST or one of its likes, if it is one: see
        :func:`mnist_like`. The report says so if nothing but a name tells."""
        vocabulary, by_name = mnist_like(shape, self.parts, names)
        if not vocabulary:
            return
        self.speaks(vocabulary)
        if by_name and any(not name.isdecimal() for name in self.class_names):
            self.warnings.append(
                text(
                    N_(
                        "The class names are those of {benchmark}, because the files are called "
                        "like it; their labels do not begin like the genuine ones. If they show "
                        "something else, rename the classes."
                    ),
                    benchmark=_TITLES[vocabulary],
                )
            )

    def found(self, listing: Listing, reader: ReaderMaker | None = None) -> Found:
        """All parts as one.

        Raises:
            DatasetError: if there are no labels, impossible ones, or fewer than two classes.
        """
        self._check_labelled()
        names, labels = self._classes()
        if len(set(labels[labels >= 0].tolist())) < 2:
            raise _too_few([names[i] for i in set(labels[labels >= 0].tolist())])
        return Found(
            entries=self._entries(),
            class_names=names,
            labels=labels,
            given=self._given(),
            reader=reader or ArrayFiles(self.files),
            skipped=[*listing.skipped, *self.skipped],
            warnings=[*listing.warnings, *self.warnings],
            vocabulary=self.vocabulary,
            groups=self.groups,
            coarse=self.coarse,
        )

    def _check_labelled(self) -> None:
        if all(part.labels is None for part in self.parts):
            raise DatasetError(
                N_("“{file}” has pictures but no labels. Expected: a label for each picture."),
                file=self.parts[0].name,
            )
        for part in self.parts:
            if part.labels is None and part.given != TEST:
                raise DatasetError(
                    N_("The labels of the pictures in “{file}” are missing."), file=part.name
                )
            if part.labels is None:
                self.warnings.append(
                    text(
                        N_("“{file}” has no labels: its {n} pictures are kept as unlabelled."),
                        file=part.name,
                        n=len(part.where),
                    )
                )

    def _classes(self) -> tuple[list[str], NDArray[np.int32]]:
        """The class names, and the class of every row, -1 where there is none."""
        labels: list[NDArray[np.int32]] = []
        self._make_comparable()
        present = [_present(part) for part in self.parts if part.labels is not None]
        values = np.unique(np.concatenate(present)) if len(present) > 1 else np.unique(present[0])
        names, index = self._named(values)
        for part in self.parts:
            row = np.full(len(part.where), -1, np.int32)
            if part.labels is not None:
                known = slice(None) if part.known is None else part.known
                row[known] = index[np.searchsorted(values, part.labels[known])]
            labels.append(row)
        return names, np.concatenate(labels)

    def _make_comparable(self) -> None:
        """All labels as int64, or all as texts if some are."""
        labels = [part.labels for part in self.parts if part.labels is not None]
        kind = np.int64 if all(each.dtype.kind in "iu" for each in labels) else np.str_
        for part in self.parts:
            part.labels = None if part.labels is None else part.labels.astype(kind)

    def _named(self, values: Labels) -> tuple[list[str], NDArray[np.int32]]:
        """The names of all classes, and the class of each of the sorted ``values``."""
        if values.dtype.kind in "iu" and len(self.class_names):
            if int(values[0]) < 0 or int(values[-1]) >= len(self.class_names):
                raise DatasetError(
                    N_(
                        "The labels go from {low} to {high}, but there are {n} class names: "
                        "expected were labels from 0 to {last}."
                    ),
                    low=int(values[0]),
                    high=int(values[-1]),
                    n=len(self.class_names),
                    last=len(self.class_names) - 1,
                )
            return list(self.class_names), values.astype(np.int32)
        written = [str(value) for value in values.tolist()]
        names = sorted(written, key=natural)
        place = {name: i for i, name in enumerate(names)}
        return names, np.array([place[name] for name in written], np.int32)

    def _entries(self) -> list[Entry]:
        """No two of the same name: files that give their rows names may give one twice."""
        entries: list[Entry] = []
        taken: set[str] = set()
        for part in self.parts:
            for row, where in enumerate(part.where):
                name = part.row_name(row)
                if name in taken:
                    name = row_name(part.name, row, len(part.where))
                taken.add(name)
                entries.append(Entry(name, (), where, len(entries)))
        return entries

    def _given(self) -> NDArray[np.int8]:
        """As the files are called; without a part for training everything is divided anew."""
        told = {part.given for part in self.parts if part.labels is not None}
        if TRAIN not in told and len(told) > 1:
            # x, y, x_test, y_test: what is not called anything is for training.
            for part in self.parts:
                part.given = TRAIN if part.given == NOT_TOLD else part.given
            told = (told - {NOT_TOLD}) | ({TRAIN} if NOT_TOLD in told else set())
        if told - {NOT_TOLD} and TRAIN not in told:
            self.warnings.append(
                text(N_("There is no part for training: all pictures were divided anew."))
            )
            told = set()
        given = [np.full(len(p.where), p.given if told else NOT_TOLD, np.int8) for p in self.parts]
        return np.concatenate(given)


def _present(part: Part) -> Labels:
    assert part.labels is not None
    return np.unique(part.labels if part.known is None else part.labels[part.known])


def _too_few(names: Sequence[str]) -> DatasetError:
    if names:
        return DatasetError(
            N_("There is only one class, “{name}”; at least two are needed."), name=names[0]
        )
    return DatasetError(N_("None of the pictures has a label; at least two classes are needed."))


def groups_of(
    fine: NDArray[np.integer], coarse: NDArray[np.integer], names: Sequence[str], classes: int
) -> list[str]:
    """The superclass of each of ``classes`` fine classes: the one its pictures have most often."""
    pairs = Counter(zip(fine.tolist(), coarse.tolist(), strict=True))
    best: dict[int, int] = {}
    for (label, group), _n in reversed(pairs.most_common()):
        best[label] = group
    return [names[best[i]] if i in best else "" for i in range(classes)]


# The first labels of the genuine files: their names are the same for all three sets.
_BEGINNINGS: Mapping[tuple[int, ...], str] = {
    (5, 0, 4, 1, 9, 2, 1, 3, 1, 4): "mnist",
    (7, 2, 1, 0, 4, 1, 4, 9, 5, 9): "mnist",
    (9, 0, 0, 3, 0, 2, 7, 2, 5, 5): "fashion_mnist",
    (9, 2, 1, 1, 6, 1, 4, 6, 5, 7): "fashion_mnist",
}
_TITLES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "kmnist": "Kuzushiji-MNIST"}
_CALLED = (
    ("fashion", "fashion_mnist"),
    ("kuzushiji", "kmnist"),
    ("kmnist", "kmnist"),
    ("emnist", ""),
    ("medmnist", ""),
    ("mnist", "mnist"),
    ("digit-recognizer", "mnist"),
)
# Other sets that are called after MNIST: what stands before or behind it says so.
_OTHERS = (
    *("sign", "pneumonia", "breast", "blood", "derma", "organ", "path", "oct", "tissue", "retina"),
    *("chest", "audio", "kannada", "not", "3d", "moving", "hmnist", "k49", "qmnist"),
)


class Likeness(NamedTuple):
    """A vocabulary, "" if none, and whether only the names of files speak for it."""

    vocabulary: str = ""
    by_name: bool = False


def mnist_like(shape: Sequence[int], parts: Iterable[Part], names: Iterable[str]) -> Likeness:
    """The vocabulary of 28×28 grey pictures of ten classes.

    ``names`` are those of the files and of what they lie in.
    """
    labels = [part.labels for part in parts if part.labels is not None and len(part.labels)]
    if tuple(shape) != (28, 28, 1) or not labels or any(x.dtype.kind not in "iu" for x in labels):
        return Likeness()
    if min(int(x.min()) for x in labels) != 0 or max(int(x.max()) for x in labels) != 9:
        return Likeness()
    begins = {_BEGINNINGS.get(tuple(x[:10].tolist()), "") for x in labels} - {""}
    if len(begins) == 1:
        return Likeness(begins.pop())
    called = " ".join(names).casefold()
    if any(other in called for other in _OTHERS):
        return Likeness()
    vocabulary = next((vocabulary for word, vocabulary in _CALLED if word in called), "")
    return Likeness(vocabulary, by_name=True)


def leave(listing: Listing, used: Sequence[Other]) -> None:
    """Skip all other files: data of other formats as not needed, the rest for its own reason."""
    names = {other.entry.name for other in used}
    data = [other for other in listing.others if other.basename.endswith(_DATA)]
    for other in data:
        if other.entry.name not in names:
            listing.skip(other.entry.name, Reason.NOT_USED)
    listing.leave(used=[*used, *data])


def several(names: Sequence[str]) -> DatasetError:
    """Of a container that holds more than one dataset."""
    return DatasetError(
        N_("There are several datasets in it: {names}. Expected: one. Import them one by one."),
        names=shortened(names),
    )
