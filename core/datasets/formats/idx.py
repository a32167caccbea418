"""The files of MNIST, Fashion-MNIST, KMNIST and EMNIST: ``train-images-idx3-ubyte(.gz)`` …

An idx file is two zero bytes, the kind of its numbers (8: bytes), how many dimensions, the length
of each as a big-endian uint32, and the numbers.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from core.datasets.containers.listing import Container, Listing, Other
from core.datasets.formats.base import NOT_TOLD, Format, Found, Reading
from core.datasets.formats.emnist import is_turned, mapping_for, name_letters
from core.datasets.formats.parts import (
    TEST,
    TRAIN,
    VAL,
    Gathering,
    Part,
    Pictures,
    Progress,
    check_count,
    check_size,
    leave,
    rows_per_block,
    several,
)
from core.datasets.report import Reason
from core.errors import N_, DatasetError, text

_NAME = re.compile(r"(?P<stem>.*?)(?P<kind>images|labels)[-.]idx(?P<sides>[13])[-.]ubyte(\.gz)?")
_SIDES = (("train", TRAIN), ("t10k", TEST), ("test", TEST), ("val", VAL))
_GZIP = b"\x1f\x8b"


class _File(NamedTuple):
    """What the name of a file says: its set, its split and whether it holds the labels."""

    other: Other
    dataset: str
    side: int
    labels: bool


class _Pair(NamedTuple):
    """The files of one split; either may be missing."""

    side: int
    images: Other | None
    labels: Other | None


def claims(container: Container, listing: Listing) -> bool:
    """Whole pairs are unmistakable, single files only where there are no pictures."""
    files = _files(listing)
    pairs = {(f.dataset, f.side) for f in files if f.labels} & {
        (f.dataset, f.side) for f in files if not f.labels
    }
    return bool(pairs) or bool(files and not listing.entries)


def find(container: Container, listing: Listing, reading: Reading) -> Found:
    """The pictures of all pairs of files.

    Raises:
        DatasetError: if a file is missing, damaged or not what its name says, or if there are
            several datasets.
    """
    files = _files(listing)
    datasets = sorted({file.dataset for file in files})
    if len(datasets) > 1:
        raise several([name or container.origin for name in datasets])
    gathering = Gathering()
    pairs = _pairs(files, gathering)
    used = [other for pair in pairs for other in (pair.images, pair.labels) if other]
    mapping = mapping_for(listing, used[0].basename) if used else None
    leave(listing, [*used, *([mapping] if mapping else [])])
    listing.leave_pictures(Reason.NOT_USED)
    copies = dict(
        zip(
            (other.entry.name for other in used),
            container.copy([other.entry for other in used], reading.scratch),
            strict=True,
        )
    )
    shape = _read(pairs, copies, reading, gathering)
    names = [container.origin, *(other.entry.name for other in used)]
    gathering.speaks_as_called(shape, names)
    if mapping:
        name_letters(gathering, mapping, container, reading.scratch)
    return gathering.found(listing)


def _files(listing: Listing) -> list[_File]:
    found = []
    for other in listing.others:
        match = _NAME.fullmatch(other.basename)
        if match is None or (match["kind"] == "images") != (match["sides"] == "3"):
            continue
        folders = [folder.casefold() for folder in other.entry.folders]
        # Kaggle puts each file into a folder of its own name.
        if folders and folders[-1].removesuffix(".gz") == other.basename.removesuffix(".gz"):
            folders.pop()
        word, side = next(((w, s) for w, s in _SIDES if w in match["stem"]), ("", NOT_TOLD))
        stem = match["stem"].replace(word, "", 1).strip("-_.")
        dataset = "/".join([*folders, stem] if stem else folders)
        found.append(_File(other, dataset, side, match["kind"] == "labels"))
    return found


def _pairs(files: list[_File], gathering: Gathering) -> list[_Pair]:
    """One pair for each split; of files that are there twice the one highest up."""
    best: defaultdict[int, dict[bool, Other]] = defaultdict(dict)
    for file in sorted(files, key=lambda f: (len(f.other.entry.folders), f.other.entry.name)):
        best[file.side].setdefault(file.labels, file.other)
    pairs = [_Pair(side, best[side].get(False), best[side].get(True)) for side in sorted(best)]
    for pair in pairs:
        if pair.labels and not pair.images:
            _images_missing(pair, pairs, gathering)
    return [pair for pair in pairs if pair.images]


def _images_missing(pair: _Pair, pairs: list[_Pair], gathering: Gathering) -> None:
    assert pair.labels is not None
    name = pair.labels.entry.name
    expected = pair.labels.basename.replace("labels", "images").replace("idx1", "idx3")
    if pair.side != TEST or not any(other.images for other in pairs):
        raise DatasetError(
            N_("The pictures of “{file}” are missing. Expected beside it: “{expected}”."),
            file=name,
            expected=expected,
        )
    gathering.warnings.append(
        text(
            N_("“{file}” was not used: its pictures, “{expected}”, are missing."),
            file=name,
            expected=expected,
        )
    )


def _read(
    pairs: list[_Pair], copies: dict[str, Path], reading: Reading, gathering: Gathering
) -> tuple[int, int, int]:
    """Read all pairs; returns the shape of the pictures of the first."""
    total = 0
    for pair in pairs:
        assert pair.images is not None
        with _opened(copies[pair.images.entry.name], pair.images) as (_file, header):
            total += header[0]
    progress = Progress(reading, total)
    shape = (0, 0, 0)
    for pair in reversed(pairs):
        assert pair.images is not None
        name = pair.images.entry.name
        labels = pair.labels and _labels(copies[pair.labels.entry.name], pair.labels)
        if labels is None and pair.side != TEST:
            raise DatasetError(
                N_("The labels of “{file}” are missing. Expected beside it: “{expected}”."),
                file=name,
                expected=pair.images.basename.replace("images", "labels").replace("idx3", "idx1"),
            )
        with _opened(copies[name], pair.images) as (file, header):
            shape = (header[1], header[2], 1)
            if labels is not None and pair.labels:
                check_count(name, pair.labels.entry.name, header[0], len(labels))
            pictures = Pictures(reading, name, shape, header[0])
            _copy(file, header, pair.images, pictures, progress)
            if file.read(1):
                gathering.warnings.append(
                    text(
                        N_("“{file}” goes on after the {n} pictures that its header promises."),
                        file=name,
                        n=header[0],
                    )
                )
        gathering.parts.insert(0, Part(name, pair.side, gathering.rows(pictures), labels))
    return shape


def _labels(path: Path, other: Other) -> NDArray[np.uint8]:
    with _opened(path, other) as (file, header):
        data = _exactly(file, header[0], other, header)
    return np.frombuffer(data, np.uint8)


def _copy(
    file: BinaryIO, header: tuple[int, ...], other: Other, pictures: Pictures, progress: Progress
) -> None:
    rows, height, width = header
    step = rows_per_block(height * width)
    turned = is_turned(other.basename)
    for start in range(0, rows, step):
        count = min(step, rows - start)
        data = _exactly(file, count * height * width, other, header, start * height * width)
        block = np.frombuffer(data, np.uint8).reshape(count, height, width, 1)
        pictures.add(block.transpose(0, 2, 1, 3) if turned and height == width else block)
        progress.add(count)


@contextmanager
def _opened(path: Path, other: Other) -> Iterator[tuple[BinaryIO, tuple[int, ...]]]:
    """The file behind its header, and the lengths that the header gives."""
    with path.open("rb") as plain:
        packed = plain.read(2) == _GZIP
        plain.seek(0)
        # By what is in it: unpacked files often keep their “.gz”.
        file = cast(BinaryIO, gzip.GzipFile(fileobj=plain)) if packed else plain
        try:
            yield file, _header(file, other)
        except (zlib.error, gzip.BadGzipFile) as error:
            raise DatasetError(
                N_("“{file}” is damaged: it cannot be unpacked ({error})."),
                file=other.entry.name,
                error=str(error),
            ) from error


def _header(file: BinaryIO, other: Other) -> tuple[int, ...]:
    sides = 1 if "idx1" in other.basename else 3
    magic = _read_up_to(file, 4)
    expected = bytes([0, 0, 8, sides])
    if magic != expected:
        raise DatasetError(
            N_(
                "“{file}” is no idx file of {sides} dimensions: expected were the first bytes "
                "{expected}; received: {received}."
            ),
            file=other.entry.name,
            sides=sides,
            expected=expected.hex(" "),
            received=magic.hex(" ") or "–",
        )
    lengths = _read_up_to(file, 4 * sides)
    if len(lengths) < 4 * sides:
        raise _cut_off(other, 4 + 4 * sides, 4 + len(lengths))
    header: tuple[int, ...] = struct.unpack(f">{sides}I", lengths)
    check_size(other.entry.name, header[0], (*header[1:], 1) if sides == 3 else (1, 1))
    if not all(header):
        raise DatasetError(
            N_("“{file}” is empty: its header promises {shape}."),
            file=other.entry.name,
            shape=" × ".join(map(str, header)),
        )
    return header


def _exactly(
    file: BinaryIO, count: int, other: Other, header: tuple[int, ...], before: int = 0
) -> bytes:
    data = _read_up_to(file, count)
    if len(data) < count:
        start = 4 + 4 * len(header)
        raise _cut_off(other, start + math.prod(header), start + before + len(data))
    return data


def _read_up_to(file: BinaryIO, count: int) -> bytes:
    """As much as there is of ``count`` bytes; a gz file may be cut off in the middle."""
    data = bytearray()
    try:
        while len(data) < count and (more := file.read(min(count - len(data), 1 << 20))):
            data += more
    except EOFError:
        pass  # the caller compares the lengths
    return bytes(data)


def _cut_off(other: Other, expected: int, received: int) -> DatasetError:
    return DatasetError(
        N_(
            "“{file}” is cut off: its header promises {expected} bytes, but only {received} can "
            "be read. Copy or download it again."
        ),
        file=other.entry.name,
        expected=expected,
        received=received,
    )


IDX = Format(
    name="idx",
    title=N_("MNIST files"),
    explanation=N_(
        "The genuine files of MNIST, Fashion-MNIST, KMNIST or EMNIST: train-images-idx3-ubyte "
        "with train-labels-idx1-ubyte, and t10k in the same way, packed (.gz) or not."
    ),
    claims=claims,
    find=find,
)
