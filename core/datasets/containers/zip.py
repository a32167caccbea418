"""A zip archive, listed once. What a file needs in order to be read later, in any process, is in
its small ``where``: no worker has to parse the archive again."""

from __future__ import annotations

import io
import shutil
import stat
import struct
import zipfile
import zlib
from bz2 import BZ2Decompressor
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from core.datasets import limits
from core.datasets.containers.listing import MAY_BE_DATA, Entry, Listing, Other, name_reason
from core.datasets.names import from_archive, is_system, safe_parts
from core.datasets.reading import BytesReader, Where
from core.datasets.report import Reason
from core.errors import N_, DatasetError, ImageError, text

_ENCRYPTED = 0x1
_ENTRY = struct.Struct("<qQQHI")
# A record of the table of contents: the lengths of a name, of extras and of a comment.
_RECORD = struct.Struct("<28xHHH12x")
# Places in what zipfile tells of the end of an archive; the records that large ones have there.
_SIZE, _LOCATION, _ZIP64 = 5, 9, 56 + 20
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
            _check_count(self.path)
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
        if parts is None or (reason and reason not in MAY_BE_DATA):
            listing.skip(name, reason or Reason.UNSAFE_PATH)
            return
        sizes = (info.compress_size, info.file_size)
        where = ZipEntry(info.header_offset, *sizes, info.compress_type, info.CRC).dumped()
        # Copies: one string or number of zipfile's own kept alive, and the memory of all that it
        # has made for an entry is never given back (measured: 1 kB a file instead of 0.3).
        name, order = _copied(name), ZipEntry.of(where).offset
        entry = Entry(name, listing.shared(parts[:-1]), where, order)
        if reason:
            listing.others.append(Other(entry, info.file_size, reason))
            return
        listing.folders.add(parts[:-1])
        listing.entries.append(entry)


def _copied(name: str) -> str:
    return name.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")


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
    }
    by_name = name_reason(parts)
    if by_name is Reason.SYSTEM:
        return by_name
    if found := next((reason for reason, holds in checks.items() if holds), None):
        return found
    if by_name:
        return by_name
    if max(info.file_size, info.compress_size) > limits.MAX_FILE_BYTES:
        return Reason.TOO_LARGE
    bomb = limits.too_compressed(info.compress_size, info.file_size)
    return Reason.TOO_COMPRESSED if bomb else None


def _check_count(path: Path) -> None:
    """Refuse a table of contents that is too long, before ``zipfile`` makes half a kilobyte of
    each of its 47 bytes."""
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
        if end is None or end[_SIZE] < limits.MAX_ENTRIES * _RECORD.size:
            return
        # Counted, as the number that the archive gives may be anything.
        file.seek(end[_LOCATION] - end[_SIZE] - (_ZIP64 if end[0] == b"PK\x06\x06" else 0))
        count, left = 0, int(end[_SIZE])
        while left > 0 and len(record := file.read(_RECORD.size)) == _RECORD.size:
            count, more = count + 1, sum(_RECORD.unpack(record))
            limits.check_archive(count, 1, 1)
            file.seek(more, io.SEEK_CUR)
            left -= _RECORD.size + more


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
