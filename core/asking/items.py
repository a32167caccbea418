"""Pictures that somebody wants judged: loose files, and zips of any size, listed but not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, overload

from core.datasets import limits
from core.datasets.containers.entries import Entry
from core.datasets.containers.listing import Listing
from core.datasets.containers.zip import ZipContainer, ZipReader
from core.datasets.report import REASONS, Reason, Skipped
from core.errors import N_, ImageError


class Item(NamedTuple):
    """One picture. ``where`` is the encoded picture itself or, in an ``archive``, its place; it is
    empty where the picture is a ``file``."""

    key: str
    """Tells it apart from all others, for caches."""
    name: str
    where: bytes
    archive: str = ""
    folders: tuple[str, ...] = ()
    """Those in which it lies: one of them may be its class."""
    file: str = ""


_NO_PICTURES = (Reason.SYSTEM, Reason.NOT_IMAGE, Reason.NESTED_ARCHIVE)


class LeftOut(NamedTuple):
    """Files of an archive that are not judged: some are no pictures; others are, perhaps, but are
    not read, because their path is unsafe, they are encrypted, too large, doubled …"""

    no_pictures: int
    unread: int


@dataclass(frozen=True)
class Archive:
    """A zip whose table of contents has been read; ``name`` is for people."""

    path: Path
    name: str
    listing: Listing

    @property
    def left_out(self) -> list[Skipped]:
        """Every file in it that is no picture or may not be read, with the reason."""
        others = [
            Skipped(name=other.entry.name, reason=other.reason) for other in self.listing.others
        ]
        return [*self.listing.skipped, *others]

    @cached_property
    def left_out_count(self) -> LeftOut:
        """How many :attr:`left_out` has, without making any of them."""
        unread = sum(file.reason not in _NO_PICTURES for file in self.listing.skipped)
        others = len(self.listing.skipped) + len(self.listing.others) - unread
        return LeftOut(others, unread)

    def item(self, entry: Entry) -> Item:
        return Item(
            f"{self.path}:{entry.order}",
            f"{self.name}/{entry.name}",
            entry.where,
            str(self.path),
            entry.folders,
        )


def open_archive(path: Path, name: str) -> Archive:
    """List a zip.

    Raises:
        DatasetError: if it is none, is damaged, or is dangerous by what it says of itself.
    """
    return Archive(path, name, ZipContainer(path, name).listing())


@dataclass(frozen=True)
class Items(Sequence[Item]):
    """All pictures in the order in which they were given, each made when it is asked for."""

    loose: Sequence[Item] = ()
    archives: Sequence[Archive] = field(default=())

    def __len__(self) -> int:
        return len(self.loose) + sum(len(archive.listing.entries) for archive in self.archives)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        places = range(len(self))[index]
        return self._at(places) if isinstance(places, int) else [self._at(i) for i in places]

    def _at(self, place: int) -> Item:
        if place < len(self.loose):
            return self.loose[place]
        place -= len(self.loose)
        for archive in self.archives:
            entries = archive.listing.entries
            if place < len(entries):
                return archive.item(entries[place])
            place -= len(entries)
        raise IndexError(place)

    @property
    def identity(self) -> tuple[str, ...]:
        """The same for the same pictures."""
        return (*(item.key for item in self.loose), *(str(a.path) for a in self.archives))


def read_item(item: Item) -> bytes:
    """The encoded picture.

    Raises:
        ImageError: if it is too large, or its archive is damaged at this place or gone.
    """
    try:
        if item.archive:
            return _read_in_place(item)
        data = Path(item.file).read_bytes() if item.file else item.where
    except OSError as error:
        raise ImageError(_GONE, error=error.strerror or str(error)) from error
    if len(data) > limits.MAX_FILE_BYTES:
        raise ImageError(REASONS[Reason.TOO_LARGE])
    return data


def _read_in_place(item: Item) -> bytes:
    reader = ZipReader(Path(item.archive))
    try:
        return reader.read(item.where)
    finally:
        reader.close()


_GONE = N_("The file cannot be read ({error}).")
