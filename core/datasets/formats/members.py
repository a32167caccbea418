"""Arrays inside .npz and .npy files, read block by block: never a whole array in memory.

``np.load`` would inflate a member of an .npz at once, however large its header says it is.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from core.datasets import limits
from core.datasets.containers.zip import check_offset
from core.datasets.formats.parts import BLOCK_BYTES, rows_per_block
from core.errors import N_, DatasetError

MAX_WHOLE_BYTES = 200_000_000
_BAD = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Member:
    """An array in a file: ``key`` is its name in an .npz, "" in an .npy."""

    file: str
    path: Path
    key: str
    size: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    @property
    def name(self) -> str:
        return f"{self.file}: {self.key.removesuffix('.npy')}" if self.key else self.file

    @property
    def kind(self) -> str:
        """b, i, u, f numbers; U, S texts; O anything."""
        return self.dtype.kind

    def blocks(self, scratch: Path) -> Iterator[NDArray[Any]]:
        """Some rows at a time."""
        self.check()
        if self.fortran and len(self.shape) > 1:
            yield from self._columns(scratch)
            return
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        step = rows_per_block(row)
        with self._opened() as file:
            _read_header(file)
            for start in range(0, self.shape[0], step):
                count = min(step, self.shape[0] - start)
                data = self._exactly(file, count * row)
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])

    def whole(self) -> NDArray[Any]:
        """The array; for labels, which are small."""
        self.check()
        size = math.prod(self.shape) * self.dtype.itemsize
        if size > MAX_WHOLE_BYTES:
            raise DatasetError(
                N_("“{file}” holds {megabytes} MB of labels; at most {most} MB are read."),
                file=self.name,
                megabytes=size // 1_000_000,
                most=MAX_WHOLE_BYTES // 1_000_000,
            )
        with self._opened() as file:
            _read_header(file)
            flat = np.frombuffer(self._exactly(file, size), self.dtype)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")

    def check(self) -> None:
        """DatasetError if it holds objects, or not as many bytes as its header says."""
        if self.dtype.hasobject:
            raise DatasetError(
                N_(
                    "“{file}” holds Python objects (a pickle), which could execute anything and "
                    "are never read. Save the array with a plain type, such as uint8."
                ),
                file=self.name,
            )
        expected = math.prod(self.shape) * self.dtype.itemsize
        if expected != self.size:
            raise DatasetError(
                N_(
                    "“{file}” is damaged: its header promises {expected} bytes of pixels or "
                    "labels, but it holds {received}."
                ),
                file=self.name,
                expected=expected,
                received=self.size,
            )

    def _exactly(self, file: IO[bytes], count: int) -> bytes:
        data = file.read(count)
        if len(data) < count:
            raise _damaged(self.name, "EOF")
        return data

    def _columns(self, scratch: Path) -> Iterator[NDArray[Any]]:
        """Of an array that lies column by column: unpacked, and then picked from the disk."""
        limits.check_disk(scratch, self.size)
        plain = scratch / "columns.tmp"
        with self._opened() as file, plain.open("wb") as out:
            _read_header(file)
            left = self.size
            while left:
                data = self._exactly(file, min(left, BLOCK_BYTES))
                out.write(data)
                left -= len(data)
        array = np.memmap(plain, self.dtype, "r", shape=self.shape, order="F")
        step = rows_per_block(array[:1].nbytes)
        for start in range(0, len(array), step):
            yield np.ascontiguousarray(array[start : start + step])
        del array
        plain.unlink()

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            if not self.key:
                with self.path.open("rb") as file:
                    yield file
                return
            with zipfile.ZipFile(self.path) as archive, archive.open(self.key) as member:
                yield member
        except _BAD as error:
            raise _damaged(self.name, str(error)) from error


def members_of(path: Path, name: str) -> list[Member]:
    """The arrays of a file called ``name`` for people.

    Raises:
        DatasetError: if it is none of NumPy's files, or a bomb.
    """
    if name.casefold().endswith(".npy"):
        with path.open("rb") as file:
            return [_member(file, name, path, "", path.stat().st_size)]
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            limits.check_archive(
                len(infos), path.stat().st_size, sum(info.file_size for info in infos)
            )
            found = []
            for info in infos:
                if info.filename.endswith(".npy"):
                    check_offset(info)
                    with archive.open(info) as file:
                        found.append(_member(file, name, path, info.filename, info.file_size))
            return found
    except _BAD as error:
        raise _damaged(name, str(error)) from error


def _member(file: IO[bytes], name: str, path: Path, key: str, size: int) -> Member:
    try:
        shape, fortran, dtype = _read_header(file)
        start = file.tell()
    except (ValueError, SyntaxError, TypeError, OverflowError) as error:
        raise DatasetError(
            N_("“{file}” is not a NumPy array: its header cannot be read ({error})."),
            file=f"{name}: {key}" if key else name,
            error=str(error).splitlines()[0][:200],
        ) from error
    return Member(name, path, key, size - start, shape, dtype, fortran)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"version {version}")
    shape, fortran, dtype = _HEADERS[version](file)
    if any(length < 0 for length in shape):
        raise ValueError(f"shape {shape}")
    return shape, fortran, dtype


_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _damaged(name: str, error: str) -> DatasetError:
    return DatasetError(
        N_("“{file}” is damaged or cut off: it cannot be read ({error})."), file=name, error=error
    )
