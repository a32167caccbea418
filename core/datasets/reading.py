"""One picture at a time out of a source, in any process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from PIL import Image

from core.datasets.decoding import Decoding, Header, Picture, decode_image, read_header

# Enough for the size of nearly any picture, however much EXIF stands before it.
HEADER_BYTES = 256_000


class Row(NamedTuple):
    """A picture that is a row of an array: which of the files, and which row of it."""

    file: int
    row: int


Where = Any
"""Where a picture is: whatever its reader understands. Small, because it crosses processes."""


class Reader(Protocol):
    """Reads pictures by their ``where``; one for every process."""

    def picture(self, where: Where, decoding: Decoding, at_least: int | None = None) -> Picture:
        """The picture, upright and opaque (see :func:`core.datasets.decoding.decode_image`).

        Raises:
            ImageError: if it cannot be read.
        """

    def header(self, where: Where) -> Header:
        """Its size and kind. Raises ImageError if it does not tell."""

    def close(self) -> None: ...


class ReaderMaker(Protocol):
    """Makes a reader; small and picklable, because every process makes its own."""

    def __call__(self) -> Reader: ...


class BytesReader:
    """A reader of encoded pictures: whoever inherits says how to get at their bytes."""

    def read(self, where: Where, most: int | None = None) -> bytes:
        """The file, or its first ``most`` bytes; ImageError if it is not as its listing says."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing stays open, unless whoever inherits says otherwise."""

    def picture(self, where: Where, decoding: Decoding, at_least: int | None = None) -> Picture:
        return decode_image(self.read(where), decoding, at_least=at_least)

    def header(self, where: Where) -> Header:
        return read_header(self.read(where, most=HEADER_BYTES))


class InlineReader(BytesReader):
    """For sources that can only be read from the beginning to the end: whoever reads them sends
    the bytes themselves as the ``where`` of each picture."""

    def read(self, where: Where, most: int | None = None) -> bytes:
        assert isinstance(where, bytes)
        return where if most is None else where[:most]


@dataclass(frozen=True)
class ArrayFiles:
    """Makes readers of arrays: .npy files of uint8 (n, h, w, 1 or 3), read row by row.

    Not mapped: the pages of a map count as memory of every process that has touched them.
    """

    files: Sequence[Path]

    def __call__(self) -> Reader:
        return _ArrayReader(self.files)


class _Opened(NamedTuple):
    """An array on the disk: its pixels begin at ``start``, each row has this shape."""

    file: BinaryIO
    start: int
    shape: tuple[int, ...]


class _ArrayReader:
    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    @cached_property
    def _arrays(self) -> list[_Opened]:
        return [_open_array(file) for file in self._files]

    def picture(self, where: Where, decoding: Decoding, at_least: int | None = None) -> Picture:
        file, start, shape = self._arrays[where.file]
        size = math.prod(shape)
        file.seek(start + where.row * size)
        pixels = np.frombuffer(file.read(size), np.uint8).reshape(shape)
        return Picture(
            Image.fromarray(pixels[:, :, 0] if shape[2] == 1 else pixels), (shape[0], shape[1])
        )

    def header(self, where: Where) -> Header:
        height, width, channels = self._arrays[where.file].shape
        return Header((height, width), grey=channels == 1)

    def close(self) -> None:
        if "_arrays" in vars(self):
            for array in self._arrays:
                array.file.close()


def _open_array(path: Path) -> _Opened:
    file = path.open("rb", buffering=0)
    version = np.lib.format.read_magic(file)
    assert version == (1, 0), "as the writer of the datasets writes it"
    shape, _fortran, _dtype = np.lib.format.read_array_header_1_0(file)
    return _Opened(file, file.tell(), shape[1:])
