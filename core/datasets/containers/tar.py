"""A tar archive: a plain one is read in place like a zip; a compressed one (gzip, bzip2, xz) can
only be read from its beginning, so it is decompressed in passing and never onto the disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from core.datasets import limits
from core.datasets.containers.entries import Entry
from core.datasets.containers.listing import MAY_BE_DATA, Listing, Other, name_reason
from core.datasets.names import from_folder, is_system, safe_parts
from core.datasets.reading import BytesReader, InlineReader, Where
from core.datasets.report import Reason
from core.errors import N_, DatasetError, ImageError

_BLOCK = 1 << 20
_ENTRY = struct.Struct("<qq")
# Headers that stand for a long name or hold attributes; tarfile reads them whole.
_EXTENSIONS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
_MAX_EXTENSION = 1_000_000
# Whatever tarfile and the decompressors raise at hostile bytes.
_DAMAGE = (
    *(tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(ValueError, ArithmeticError, LookupError, RecursionError),
)


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> object: ...


_UNPACKERS: Mapping[bytes, Callable[[Path], _Bytes]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
"""By how the file begins: a name may say anything."""


class TarEntry(NamedTuple):
    """Where a file lies in a plain archive."""

    offset: int
    size: int

    def dumped(self) -> bytes:
        """As bytes: what a listing can keep."""
        return _ENTRY.pack(*self)

    @staticmethod
    def of(where: bytes) -> TarEntry:
        return TarEntry(*_ENTRY.unpack(where))


@dataclass(frozen=True)
class TarContainer:
    """A tar archive, compressed or not. In a compressed one ``where`` is the number of the file."""

    path: Path
    origin: str

    @cached_property
    def _unpacker(self) -> Callable[[Path], _Bytes] | None:
        with self.path.open("rb") as file:
            start = file.read(6)
        if not start:
            raise DatasetError(
                N_("“{file}” is empty (0 bytes). Expected: a tar archive."), file=self.origin
            )
        return next((u for magic, u in _UNPACKERS.items() if start.startswith(magic)), None)

    @property
    def in_order_only(self) -> bool:
        return self._unpacker is not None

    def reader(self) -> BytesReader:
        return InlineReader() if self.in_order_only else TarReader(self.path)

    def listing(self) -> Listing:
        limits.check_size(self.path)
        with self._understood():
            members = list(self._described())
        last = {member.name: number for number, member in enumerate(members)}
        listing = Listing()
        for number, member in enumerate(members):
            _add(listing, member, replaced=last[member.name] != number)
        return listing

    def _described(self) -> Iterator[_Member]:
        """What is kept of every file and folder; refuses as soon as the sum is too much."""
        size, unpacked = self.path.stat().st_size, 0
        for number, (_, info) in enumerate(self._walk()):
            unpacked += info.size
            limits.check_archive(number + 1, size, unpacked)
            where = number if self.in_order_only else TarEntry(info.offset_data, info.size).dumped()
            name = from_folder(info.name)
            yield _Member(name, where, number, info.size, info.isdir(), _kind(info))

    def stream(self, entries: Sequence[Entry]) -> Iterator[bytes]:
        if not self.in_order_only:
            with closing(self.reader()) as reader:
                yield from (reader.read(entry.where) for entry in entries)
            return
        with self._understood():
            for _, file, size in self._files(entries):
                data = file.read(size)
                if len(data) < size:
                    raise EOFError
                yield data

    def copy(self, entries: Sequence[Entry], folder: Path) -> list[Path]:
        copies: dict[str, Path] = {}
        in_order = sorted(entries, key=lambda entry: entry.order)
        with self._understood():
            for entry, file, size in self._files(in_order):
                limits.check_disk(folder, size)
                copies[entry.name] = folder / f"copy-{len(copies)}"
                _copy(file, copies[entry.name], size)
        return [copies[entry.name] for entry in entries]

    def _files(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, IO[bytes], int]]:
        """The files of ``entries``, which stand in their order, each to be read at once."""
        wanted = iter(entries)
        entry = next(wanted, None)
        for number, (archive, info) in enumerate(self._walk() if entry else ()):
            if entry is None:
                return
            if number == entry.order:
                file = archive.extractfile(info)
                if file is None:  # only another archive in the place of the one that was listed
                    raise EOFError
                yield entry, file, info.size
                entry = next(wanted, None)
        if entry is not None:
            raise EOFError

    def _walk(self) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
        """Every member once, in order, and at the end everything that follows it."""
        unpacker = self._unpacker
        stream: _Bytes = self.path.open("rb")
        if unpacker:
            stream.close()
            stream = _Counted(unpacker(self.path), self.path.stat().st_size)
        with closing(stream), self._opened(stream) as archive:
            before = -1
            while (info := archive.next()) is not None:
                # Sizes that lead backwards would go round for ever.
                if info.size < 0 or archive.offset <= before:
                    raise tarfile.ReadError("impossible size")
                before = archive.offset
                yield archive, info
                archive.members.clear()
            # To the end, so that the checksum of the compressed file is compared.
            while unpacker and stream.read(_BLOCK):
                pass

    def _opened(self, stream: _Bytes) -> _Archive:
        mode = "r|" if self._unpacker else "r:"
        opened = _Archive.open(fileobj=stream, mode=mode, tarinfo=_Header)  # type: ignore[call-overload]
        assert isinstance(opened, _Archive)
        return opened

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Turns whatever a damaged archive raises into a DatasetError."""
        try:
            yield
        except _DAMAGE as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk, not the archive
            raise DatasetError(
                N_(
                    "“{file}” is not a whole tar archive ({error}): it is damaged or was cut off. "
                    "Copy or upload it again."
                ),
                file=self.origin,
                error=str(error) or type(error).__name__,
            ) from error


class _Member(NamedTuple):
    name: str
    where: Where
    number: int
    size: int
    folder: bool
    kind: Reason | None
    """Why it is no ordinary file, if it is not."""


def _kind(info: tarfile.TarInfo) -> Reason | None:
    kinds = {
        Reason.SPARSE: info.issparse(),
        Reason.SYMLINK: info.issym(),
        Reason.HARD_LINK: info.islnk(),
        Reason.SPECIAL: not (info.isreg() or info.isdir()),
    }
    return next((reason for reason, holds in kinds.items() if holds), None)


def _add(listing: Listing, member: _Member, replaced: bool) -> None:
    name = member.name
    parts = safe_parts(name.replace("\\", "/"))
    if member.folder:
        if parts and not is_system(parts):
            listing.folders.add(parts)
        return
    reason = _reason(member, parts, replaced)
    if parts is None or (reason and reason not in MAY_BE_DATA):
        listing.skip(name, reason or Reason.UNSAFE_PATH)
        return
    entry = Entry(name, parts[:-1], member.where, member.number)
    if reason:
        listing.others.append(Other(entry, member.size, reason))
        return
    listing.folders.add(parts[:-1])
    listing.entries.append(entry)


def _reason(member: _Member, parts: tuple[str, ...] | None, replaced: bool) -> Reason | None:
    """Why a file is not read, judged by what the archive says of it."""
    if parts is None:
        return Reason.UNSAFE_PATH
    by_name = name_reason(parts)
    if member.kind or replaced or by_name:
        system = by_name if by_name is Reason.SYSTEM else None
        return system or member.kind or (Reason.REPLACED if replaced else by_name)
    return Reason.TOO_LARGE if member.size > limits.MAX_FILE_BYTES else None


class _Header(tarfile.TarInfo):
    """A header that does not let a damaged archive pass for one that has ended."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0 or (header.type in _EXTENSIONS and header.size > _MAX_EXTENSION):
            raise tarfile.ReadError("impossible size")
        return header

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(tarfile)
        except _HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # the empty block that ends an archive
                raise
            raise _ReadError(str(error)) from error


# The parameter of TarInfo.fromtarfile is called like the module.
_HeaderError, _ReadError = tarfile.HeaderError, tarfile.ReadError


class _Archive(tarfile.TarFile):
    members: list[tarfile.TarInfo]
    """All that were read so far: emptied in passing, a million of them take gigabytes."""


class _Counted:
    """A decompressed stream, measured as it comes: what an archive says of itself is no limit."""

    def __init__(self, stream: _Bytes, packed: int) -> None:
        self._stream = stream
        self._packed = packed
        self._unpacked = 0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._unpacked += len(data)
        limits.check_archive(1, self._packed, self._unpacked)
        return data

    def close(self) -> None:
        self._stream.close()


class TarReader(BytesReader):
    """Reads files of a plain archive straight from their place."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def close(self) -> None:
        self._file.close()

    def read(self, where: Where, most: int | None = None) -> bytes:
        entry = TarEntry.of(where)
        wanted = entry.size if most is None else min(entry.size, most)
        self._file.seek(entry.offset)
        data = self._file.read(wanted)
        if len(data) < wanted:
            raise ImageError(N_("The archive is cut off at this entry."))
        return data


def _copy(file: IO[bytes], copy: Path, size: int) -> None:
    left = size
    with copy.open("wb") as out:
        while left and (block := file.read(min(left, _BLOCK))):
            out.write(block)
            left -= len(block)
    if left:
        raise EOFError
