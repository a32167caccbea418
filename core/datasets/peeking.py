"""What an archive or data file seems to hold, by its name and the first names inside.

Only names are looked at, and only a megabyte is read: this happens in the server, for a listing.
"""

from __future__ import annotations

import bz2
import functools
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal

from core.datasets.containers.directory import read_records
from core.datasets.containers.opening import OPENERS
from core.datasets.containers.tar import TarContainer
from core.datasets.containers.zip import ZipContainer
from core.datasets.decoding import EXTENSIONS
from core.datasets.formats.split_names import is_filler
from core.datasets.formats.tables import TABLE_EXTENSIONS
from core.datasets.names import is_system, safe_parts

Kind = Literal[
    "zip", "tar", "class_archive", "table_archive", "picture_archive", "array_archive", "cifar",
    "idx", "csv", "arrays", "parquet",
]  # fmt: skip
_NAMES = 300
_BYTES = 1 << 20
_CIFAR = re.compile(r"(cifar-10-batches-py|cifar-100-python)/.|data_batch_[1-5]$")
_ARRAYS = (".npz", ".npy", ".parquet")
# Whatever tarfile and the decompressors raise at hostile bytes, and where a megabyte ends.
_NO_NAMES = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, ArithmeticError, LookupError, RecursionError, NotImplementedError),
)
_BY_END: Mapping[str, Kind] = {
    ".csv": "csv",
    ".npz": "arrays",
    ".npy": "arrays",
    ".parquet": "parquet",
    "-ubyte": "idx",
    "-ubyte.gz": "idx",
}


@functools.lru_cache(2000)
def kind_of(path: Path, size: int, changed: float) -> Kind:
    """What the file seems to be; of a file with another ``size`` or time it is asked again."""
    name = path.name.casefold()
    if found := next((kind for end, kind in _BY_END.items() if name.endswith(end)), None):
        return found
    end = max((end for end in OPENERS if name.endswith(end)), key=len)
    inside = _INSIDE[OPENERS[end]]
    names: list[str] = []
    with suppress(*_NO_NAMES):  # a megabyte ends in the middle; the import says what is wrong
        for name in islice(inside(path), _NAMES):
            names.append(name)
    return _told(names) or ("zip" if inside is _in_zip else "tar")


def _told(names: Sequence[str]) -> Kind | None:
    """By the names inside; None if they do not tell."""
    if any(_CIFAR.search(name) for name in names):
        return "cifar"
    parts = [part for name in names if (part := safe_parts(name)) and not is_system(part)]
    pictures = [part for part in parts if part[-1].casefold().endswith(EXTENSIONS)]
    if pictures and any(_is_table(part[-1].casefold()) for part in parts):
        return "table_archive"
    if any(part[1:] and not is_filler(part[-2]) for part in pictures):
        return "class_archive"
    if pictures:
        return "picture_archive"
    data = (part[-1].casefold() for part in parts)
    return "array_archive" if any(_is_data(name) for name in data) else None


def _is_table(name: str) -> bool:
    return name.endswith(TABLE_EXTENSIONS) and "submission" not in name


def _is_data(name: str) -> bool:
    return "ubyte" in name or name.endswith((*_ARRAYS, *TABLE_EXTENSIONS))


def _in_zip(path: Path) -> Iterator[str]:
    for record in read_records(path):
        yield record.name.replace("\\", "/")


def _in_tar(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        start = file.read(_BYTES)
    unpack = next((u for magic, u in _UNPACK.items() if start.startswith(magic)), None)
    with tarfile.open(fileobj=io.BytesIO(unpack(start) if unpack else start)) as archive:
        for info in archive:
            yield str(PurePosixPath(info.name))


_UNPACK: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": lambda packed: zlib.decompressobj(31).decompress(packed, _BYTES),
    b"BZh": lambda packed: bz2.BZ2Decompressor().decompress(packed, _BYTES),
    b"\xfd7zXZ\0": lambda packed: lzma.LZMADecompressor().decompress(packed, _BYTES),
}
_INSIDE: Mapping[object, Callable[[Path], Iterator[str]]] = {
    ZipContainer: _in_zip,
    TarContainer: _in_tar,
}
