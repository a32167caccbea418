"""Where pictures come from: a zip archive or a folder, read in place and never unpacked.

Both list their files once. What a file needs in order to be read later, in any process, is in its
small ``where``: no worker has to parse the archive again.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from bz2 import BZ2Decompressor
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from core.datasets import limits
from core.datasets.decoding import EXTENSIONS
from core.datasets.names import from_archive, from_folder, is_system, safe_parts
from core.datasets.report import Reason, Skipped
from core.errors import N_, DatasetError, ImageError, NotFoundError, Text, text

_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")
_ENCRYPTED = 0x1
_LOCAL_HEADER = struct.Struct("<4s22xHH")


class ZipEntry(NamedTuple):
    """Where an entry lies in the archive, and what it should unpack to."""

    offset: int
    packed: int
    unpacked: int
    method: int
    crc: int


Where = ZipEntry | str
"""Of a zip the place in it, of a folder the path below it."""


class Entry(NamedTuple):
    """One file that may be a picture: its name for people, its folders, and where it is."""

    name: str
    folders: tuple[str, ...]
    where: Where
    order: int
    """Its place in the source: reading in this order is the quickest."""


@dataclass
class Listing:
    """Every file of a source: those that may be pictures, those that are not, and all folders."""

    entries: list[Entry] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    folders: set[tuple[str, ...]] = field(default_factory=set)
    warnings: list[Text] = field(default_factory=list)

    def skip(self, name: str, reason: Reason) -> None:
        self.skipped.append(Skipped(name=name, reason=reason))


class Reader(Protocol):
    """Reads files of a source by their ``where``; one for every process."""

    def read(self, where: Where, most: int | None = None) -> bytes:
        """The file, or its first ``most`` bytes; ImageError if it is not as its listing says."""

    def close(self) -> None: ...


class Source(Protocol):
    """Something to import from."""

    @property
    def origin(self) -> str:
        """Its name, for people."""

    def listing(self) -> Listing:
        """All its files; DatasetError if it cannot be read or is dangerous as a whole."""

    def reader(self) -> Reader: ...


def open_source(path: Path, origin: str | None = None) -> Source:
    """The source at ``path``, called ``origin`` for people; NotFoundError if there is nothing."""
    if path.is_dir():
        return FolderSource(path, origin or from_folder(path.resolve().name))
    if path.is_file():
        return ZipSource(path, origin or from_folder(path.name))
    raise NotFoundError(N_("There is no file or folder “{path}”."), path=str(path))


@dataclass(frozen=True)
class ZipSource:
    """A zip archive."""

    path: Path
    origin: str

    def reader(self) -> Reader:
        return ZipReader(self.path)

    def listing(self) -> Listing:
        infos = self._infos()
        packed, unpacked = sum(i.compress_size for i in infos), sum(i.file_size for i in infos)
        limits.check_archive(len(infos), min(packed, self.path.stat().st_size), unpacked)
        listing = Listing()
        last = {info.filename: info for info in infos}
        backslashes = 0
        for info in infos:
            name = from_archive(info)
            backslashes += "\\" in name
            self._add(listing, info, name, replaced=last[info.filename] is not info)
        if backslashes:
            listing.warnings.append(
                text(
                    N_(
                        "Names with backslashes, as some Windows programs write them, were read "
                        "as folders: {n}."
                    ),
                    n=backslashes,
                )
            )
        return listing

    def _infos(self) -> list[zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.infolist()
        except (zipfile.BadZipFile, struct.error, ValueError, EOFError, NotImplementedError) as bad:
            raise _not_a_zip(self.path, self.origin) from bad

    def _add(self, listing: Listing, info: zipfile.ZipInfo, name: str, replaced: bool) -> None:
        parts = safe_parts(name.replace("\\", "/"))
        if name.endswith(("/", "\\")):
            if parts and not is_system(parts):
                listing.folders.add(parts)
            return
        reason = _zip_reason(info, parts, replaced)
        if reason or parts is None:
            listing.skip(name, reason or Reason.UNSAFE_PATH)
            return
        offset, packed = info.header_offset, info.compress_size
        where = ZipEntry(offset, packed, info.file_size, info.compress_type, info.CRC)
        listing.folders.add(parts[:-1])
        listing.entries.append(Entry(name, parts[:-1], where, offset))


def name_reason(parts: tuple[str, ...]) -> Reason | None:
    """Why a file cannot be a picture, judged by its name."""
    extension = os.path.splitext(parts[-1])[1].lower()  # noqa: PTH122 - a name, not a path
    if is_system(parts):
        return Reason.SYSTEM
    if extension in _ARCHIVES:
        return Reason.NESTED_ARCHIVE
    return None if extension in EXTENSIONS else Reason.NOT_IMAGE


def _zip_reason(
    info: zipfile.ZipInfo, parts: tuple[str, ...] | None, replaced: bool
) -> Reason | None:
    """Why an entry is not read, judged by its name and what the archive says of it."""
    if parts is None:
        return Reason.UNSAFE_PATH
    if stat.S_ISLNK(info.external_attr >> 16):
        return Reason.SYMLINK
    checks = {
        Reason.REPLACED: replaced,
        Reason.ENCRYPTED: bool(info.flag_bits & _ENCRYPTED),
        Reason.COMPRESSION: info.compress_type not in _UNPACK,
        Reason.TOO_LARGE: max(info.file_size, info.compress_size) > limits.MAX_FILE_BYTES,
    }
    return name_reason(parts) or next((reason for reason, holds in checks.items() if holds), None)


def _not_a_zip(path: Path, origin: str) -> DatasetError:
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        return DatasetError(
            N_("“{file}” is empty (0 bytes). Expected: a zip archive."), file=origin
        )
    if start == b"PK\x03\x04":
        return DatasetError(
            N_(
                "“{file}” begins like a zip archive, but its table of contents is missing or "
                "damaged: the file is probably cut off. Copy or upload it again."
            ),
            file=origin,
        )
    return DatasetError(
        N_("“{file}” is not a zip archive. Expected: a zip archive or a folder of class folders."),
        file=origin,
    )


class ZipReader:
    """Reads entries straight from their place, with every read bounded.

    Not ``zipfile``: it would parse the whole table of contents again in every worker, and unpack
    whatever an entry holds, however large the entry says it is.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def close(self) -> None:
        self._file.close()

    def read(self, where: Where, most: int | None = None) -> bytes:
        assert isinstance(where, ZipEntry)
        packed = self._packed(where, where.packed if most is None else most)
        try:
            data = _UNPACK[where.method](packed, where.unpacked + 1 if most is None else most)
        except (zlib.error, OSError, EOFError) as error:
            raise ImageError(
                N_("The entry cannot be unpacked ({error})."), error=str(error)
            ) from error
        if most is None:
            _check(where, data)
        return data

    def _packed(self, where: ZipEntry, most: int) -> bytes:
        self._file.seek(where.offset)
        header = self._file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise ImageError(N_("The archive is damaged at this entry."))
        _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        self._file.seek(name_length + extra_length, io.SEEK_CUR)
        return self._file.read(min(where.packed, most))


def _check(where: ZipEntry, data: bytes) -> None:
    if len(data) > where.unpacked:
        raise ImageError(N_("The entry is larger than the archive says; it was not read."))
    if len(data) < where.unpacked or zlib.crc32(data) != where.crc:
        raise ImageError(N_("The archive is damaged at this entry (its checksum is wrong)."))


def _inflate(packed: bytes, most: int) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)


def _bunzip(packed: bytes, most: int) -> bytes:
    return BZ2Decompressor().decompress(packed, most)


_UNPACK: Mapping[int, Callable[[bytes, int], bytes]] = {
    zipfile.ZIP_STORED: lambda packed, most: packed[:most],
    zipfile.ZIP_DEFLATED: _inflate,
    zipfile.ZIP_BZIP2: _bunzip,
}


@dataclass(frozen=True)
class FolderSource:
    """A folder; links in it are reported and never followed."""

    path: Path
    origin: str

    def reader(self) -> Reader:
        return FolderReader(self.path)

    def listing(self) -> Listing:
        listing = Listing()
        for file, below in _walk(self.path):
            parts = (*below, from_folder(file.name))
            name = "/".join(parts)
            if file.is_symlink():
                listing.skip(name, Reason.SYMLINK)
            elif file.is_dir(follow_symlinks=False):
                if not is_system(parts):
                    listing.folders.add(parts)
            else:
                self._add(listing, file, parts)
        return listing

    def _add(self, listing: Listing, file: os.DirEntry[str], parts: tuple[str, ...]) -> None:
        name = "/".join(parts)
        regular = file.is_file(follow_symlinks=False)
        reason = name_reason(parts) if regular else Reason.NOT_IMAGE
        size = file.stat(follow_symlinks=False).st_size
        if reason is None and size > limits.MAX_FILE_BYTES:
            reason = Reason.TOO_LARGE
        if reason:
            listing.skip(name, reason)
            return
        order = len(listing.entries)
        if order >= limits.MAX_ENTRIES:
            limits.check_archive(order + 1, 1, 1)
        where = file.path[len(str(self.path)) :].lstrip(os.sep)
        listing.entries.append(Entry(name, parts[:-1], where, order))


def _walk(root: Path) -> Iterator[tuple[os.DirEntry[str], tuple[str, ...]]]:
    """Everything below ``root``, in a settled order, each with the names of the folders above."""
    waiting: list[tuple[str, tuple[str, ...]]] = [(str(root), ())]
    while waiting:
        folder, below = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                files = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise DatasetError(
                N_("The folder “{folder}” cannot be read ({error})."),
                folder=from_folder(folder),
                error=error.strerror or str(error),
            ) from error
        for file in files:
            yield file, below
            if file.is_dir(follow_symlinks=False):
                waiting.append((file.path, (*below, from_folder(file.name))))


class FolderReader:
    """Reads files below a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def close(self) -> None:
        """Nothing stays open."""

    def read(self, where: Where, most: int | None = None) -> bytes:
        assert isinstance(where, str)
        try:
            # No link that has taken the file's place since the listing is followed.
            descriptor = os.open(self._path / where, os.O_RDONLY | _NO_FOLLOW)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
                return file.read(limits.MAX_FILE_BYTES if most is None else most)
        except OSError as error:
            raise ImageError(
                N_("The file cannot be read ({error})."), error=error.strerror or str(error)
            ) from error


_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
