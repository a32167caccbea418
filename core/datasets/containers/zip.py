"""A zip archive, listed once. What a file needs in order to be read later, in any process, is in
its small ``where``: no worker has to parse the archive again."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import zipfile
import zlib
from array import array
from bz2 import BZ2Decompressor
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.datasets import limits
from core.datasets.containers.directory import Record, read_records
from core.datasets.containers.entries import Entry
from core.datasets.containers.listing import MAY_BE_DATA, Listing, Other, name_reason
from core.datasets.names import from_archive, is_system, safe_parts
from core.datasets.reading import BytesReader, Where
from core.datasets.report import Reason
from core.errors import N_, DatasetError, ImageError, text

_ENCRYPTED = 0x1
_ENTRY = struct.Struct("<qQQHI")
# What a damaged table of contents raises.
_NOT_A_ZIP = (zipfile.BadZipFile, struct.error, ValueError, EOFError, NotImplementedError)
_LOCAL_HEADER = struct.Struct("<4s22xHH")


class ZipEntry(NamedTuple):
    """Where an entry lies in the archive, and what it should unpack to."""

    offset: int
    packed: int
    unpacked: int
    method: int
    crc: int

    def dumped(self) -> bytes:
        """As bytes, a fourth of the memory: there may be a million of them."""
        return _ENTRY.pack(*self)

    @staticmethod
    def of(where: bytes) -> ZipEntry:
        return ZipEntry(*_ENTRY.unpack(where))


@dataclass(frozen=True)
class ZipContainer:
    """A zip archive."""

    path: Path
    origin: str
    in_order_only: bool = False

    def reader(self) -> ZipReader:
        return ZipReader(self.path)

    def stream(self, entries: Sequence[Entry]) -> Iterator[bytes]:
        reader = self.reader()
        try:
            for entry in entries:
                yield reader.read(entry.where)
        finally:
            reader.close()

    def copy(self, entries: Sequence[Entry], folder: Path) -> list[Path]:
        places = {info.header_offset: info for info in self._infos()}
        copies = []
        with zipfile.ZipFile(self.path) as archive:
            for number, entry in enumerate(entries):
                copies.append(folder / f"copy-{number}")
                where = ZipEntry.of(entry.where)
                limits.check_disk(folder, where.unpacked)
                try:
                    # Reads no more than the archive says there is, and compares the checksum.
                    place = places[where.offset]
                    check_offset(place)
                    with archive.open(place) as file, copies[-1].open("wb") as out:
                        shutil.copyfileobj(file, out, 1 << 20)
                except (
                    zipfile.BadZipFile,
                    zlib.error,
                    EOFError,
                    ValueError,
                    NotImplementedError,
                ) as error:
                    raise DatasetError(
                        N_("The file “{name}” in the archive is damaged ({error})."),
                        name=entry.name,
                        error=str(error),
                    ) from error
        return copies

    def listing(self) -> Listing:
        limits.check_size(self.path)
        last = self._last_of_each(self._doubled())
        listing = Listing()
        backslashes = 0
        for number, record in enumerate(self._records()):
            name = from_archive(record.raw_name, record.flags)
            backslashes += "\\" in name
            self._add(listing, record, name, replaced=last.get(record.name, number) != number)
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

    def _records(self) -> Iterator[Record]:
        try:
            yield from read_records(self.path)
        except _NOT_A_ZIP as bad:
            raise _not_a_zip(self.path, self.origin) from bad

    def _doubled(self) -> set[int]:
        """The hashes that names have in common; refuses an archive that is dangerous by what it
        says of itself."""
        packed = unpacked = 0
        hashes = array("q")
        for number, record in enumerate(self._records()):
            packed, unpacked = packed + record.packed, unpacked + record.unpacked
            hashes.append(hash(record.name))
            limits.check_archive(number + 1, 1, 1)
        limits.check_archive(len(hashes), min(packed, self.path.stat().st_size), unpacked)
        values, counts = np.unique(np.array(hashes), return_counts=True)
        return set(values[counts > 1].tolist())

    def _last_of_each(self, doubled: set[int]) -> dict[str, int]:
        """The number of the last record of every name that may be there several times."""
        records = enumerate(self._records()) if doubled else ()
        return {record.name: i for i, record in records if hash(record.name) in doubled}

    def _infos(self) -> list[zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.infolist()
        except _NOT_A_ZIP as bad:
            raise _not_a_zip(self.path, self.origin) from bad

    def _add(self, listing: Listing, record: Record, name: str, replaced: bool) -> None:
        parts = safe_parts(name.replace("\\", "/"))
        if name.endswith(("/", "\\")):
            if parts and not is_system(parts):
                listing.folders.add(parts)
            return
        reason = _zip_reason(record, parts, replaced)
        if parts is None or (reason and reason not in MAY_BE_DATA):
            listing.skip(name, reason or Reason.UNSAFE_PATH)
            return
        sizes = (record.packed, record.unpacked)
        where = ZipEntry(record.offset, *sizes, record.method, record.crc).dumped()
        entry = Entry(name, parts[:-1], where, record.offset)
        if reason:
            listing.others.append(Other(entry, record.unpacked, reason))
            return
        listing.folders.add(parts[:-1])
        listing.entries.append(entry)


def _zip_reason(record: Record, parts: tuple[str, ...] | None, replaced: bool) -> Reason | None:
    """Why an entry is not read, judged by its name and what the archive says of it."""
    if parts is None:
        return Reason.UNSAFE_PATH
    if stat.S_ISLNK(record.attributes >> 16):
        return Reason.SYMLINK
    checks = {
        Reason.REPLACED: replaced,
        Reason.ENCRYPTED: bool(record.flags & _ENCRYPTED),
        Reason.COMPRESSION: record.method not in _UNPACK,
    }
    by_name = name_reason(parts)
    if by_name is Reason.SYSTEM:
        return by_name
    if found := next((reason for reason, holds in checks.items() if holds), None):
        return found
    if by_name:
        return by_name
    if max(record.unpacked, record.packed) > limits.MAX_FILE_BYTES:
        return Reason.TOO_LARGE
    bomb = limits.too_compressed(record.packed, record.unpacked)
    return Reason.TOO_COMPRESSED if bomb else None


def check_offset(info: zipfile.ZipInfo) -> None:
    """BadZipFile for an entry that would lie before the beginning, which ``zipfile`` asks the
    system for: an archive whose beginning is lost has such."""
    if info.header_offset < 0:
        raise zipfile.BadZipFile("impossible offset")


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
        N_(
            "“{file}” is not a zip archive. Expected: a zip or tar archive, or a folder of class "
            "folders."
        ),
        file=origin,
    )


class ZipReader(BytesReader):
    """Reads entries straight from their place, with every read bounded.

    Not ``zipfile``: it would parse the whole table of contents again in every worker, and unpack
    whatever an entry holds, however large the entry says it is.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def close(self) -> None:
        self._file.close()

    def read(self, where: Where, most: int | None = None) -> bytes:
        entry = ZipEntry.of(where)
        packed = self._packed(entry, entry.packed if most is None else most)
        try:
            data = _UNPACK[entry.method](packed, entry.unpacked + 1 if most is None else most)
        except (zlib.error, OSError, EOFError) as error:
            raise ImageError(
                N_("The entry cannot be unpacked ({error})."), error=str(error)
            ) from error
        if most is None:
            _check(entry, data)
        return data

    def _packed(self, where: ZipEntry, most: int) -> bytes:
        # Before the beginning, if the archive has lost that.
        self._file.seek(max(0, where.offset))
        header = self._file.read(30)
        if where.offset < 0 or len(header) < 30 or header[:4] != b"PK\x03\x04":
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
