"""The table of contents of a zip archive, read record by record.

``zipfile`` makes an object of half a kilobyte and more of every record before it hands over the
first: the memory of an import would grow with its number of files. What is refused, and what is
read of each record, is as there.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_MAGIC = b"PK\x01\x02"
_RECORD = struct.Struct("<4s2xBxHH4xIIIHHH4xII")
_LENGTHS = struct.Struct("<28xHHH12x")
_EXTRA = struct.Struct("<HH")
_ZIP64_EXTRA = 1
_UTF8 = 0x800
_MAX_VERSION = 63
# Values that say "see the extra field of large archives".
_ELSEWHERE = 0xFFFF_FFFF
_ELSEWHERE_64 = 0xFFFF_FFFF_FFFF_FFFF
_FARTHEST = 0x7FFF_FFFF_FFFF_FFFF
"""No file system knows a place beyond it."""
# Places in what zipfile tells of the end of an archive; the records that large ones have there.
_SIGNATURE, _SIZE, _OFFSET, _LOCATION = 0, 5, 6, 9
_ZIP64_END = b"PK\x06\x06"
_ZIP64_RECORDS = 56 + 20
_BLOCK = 1 << 18


class Record(NamedTuple):
    """What the archive says of one entry."""

    raw_name: str
    """As it is decoded by the rules of zip: CP437 unless the archive says UTF-8."""
    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int
    attributes: int
    offset: int

    @property
    def name(self) -> str:
        """Up to the first zero byte, where any name ends."""
        return self.raw_name.split("\0", 1)[0]


class Place(NamedTuple):
    """Where the table of contents lies. ``shift`` is what stands before the archive itself."""

    start: int
    size: int
    shift: int


def find_directory(file: BinaryIO) -> Place:
    """Raises BadZipFile if there is no table of contents."""
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if not end:
        raise zipfile.BadZipFile("File is not a zip file")
    after = end[_LOCATION] - (_ZIP64_RECORDS if end[_SIGNATURE] == _ZIP64_END else 0)
    start = after - end[_SIZE]
    if start < 0:
        raise zipfile.BadZipFile("Bad offset for central directory")
    return Place(start, end[_SIZE], start - end[_OFFSET])


def read_records(path: Path) -> Iterator[Record]:
    """The entries of an archive in the order of its table of contents.

    Raises:
        BadZipFile, UnicodeDecodeError, NotImplementedError: if it is missing or damaged.
    """
    with path.open("rb", buffering=_BLOCK) as file:
        place = find_directory(file)
        file.seek(place.start)
        left = place.size
        while left > 0:
            head = file.read(min(_RECORD.size, left))
            if len(head) < _RECORD.size:
                raise zipfile.BadZipFile("Truncated central directory")
            lengths = _LENGTHS.unpack(head)
            left -= _RECORD.size
            rest = file.read(min(sum(lengths), left))
            left -= sum(lengths)
            yield _record(head, rest, lengths, place.shift)


def _record(head: bytes, rest: bytes, lengths: tuple[int, ...], shift: int) -> Record:
    magic, version, flags, method, crc, packed, unpacked, *_, attributes, offset = _RECORD.unpack(
        head
    )
    if magic != _MAGIC:
        raise zipfile.BadZipFile("Bad magic number for central directory")
    if version > _MAX_VERSION:
        raise NotImplementedError(f"zip file version {version / 10:.1f}")
    name = rest[: lengths[0]].decode("utf-8" if flags & _UTF8 else "cp437")
    extra = rest[lengths[0] : lengths[0] + lengths[1]]
    sizes = _large(extra, unpacked, packed, offset)
    unpacked, packed, offset = sizes
    if offset + shift > _FARTHEST:
        raise zipfile.BadZipFile("Impossible offset of an entry")
    return Record(name, flags, method, crc, packed, unpacked, attributes, offset + shift)


def _large(extra: bytes, unpacked: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The three numbers; those that need more than 32 bits stand in an extra field, in order."""
    while len(extra) >= _EXTRA.size:
        kind, length = _EXTRA.unpack_from(extra)
        field, extra_left = extra[_EXTRA.size : _EXTRA.size + length], extra[_EXTRA.size + length :]
        if len(field) < length:
            raise zipfile.BadZipFile(f"Corrupt extra field {kind:04x} (size={length})")
        if kind == _ZIP64_EXTRA:
            numbers = struct.iter_unpack("<Q", field[: len(field) // 8 * 8])
            try:
                if unpacked in (_ELSEWHERE, _ELSEWHERE_64):
                    (unpacked,) = next(numbers)
                if packed == _ELSEWHERE:
                    (packed,) = next(numbers)
                if offset == _ELSEWHERE:
                    (offset,) = next(numbers)
            except StopIteration:
                raise zipfile.BadZipFile("Corrupt zip64 extra field.") from None
        extra = extra_left
    return unpacked, packed, offset
