"""A folder on this machine; links in it are reported and never followed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.datasets import limits
from core.datasets.containers.entries import Entry
from core.datasets.containers.listing import MAY_BE_DATA, Listing, Other, name_reason
from core.datasets.names import from_folder, is_system
from core.datasets.reading import BytesReader, Where
from core.datasets.report import Reason
from core.errors import N_, DatasetError, ImageError


@dataclass(frozen=True)
class FolderContainer:
    """A folder."""

    path: Path
    origin: str
    in_order_only: bool = False

    def reader(self) -> FolderReader:
        return FolderReader(self.path)

    def stream(self, entries: Sequence[Entry]) -> Iterator[bytes]:
        reader = self.reader()
        return (reader.read(entry.where) for entry in entries)

    def copy(self, entries: Sequence[Entry], folder: Path) -> list[Path]:
        """The files themselves: what is on the disk already needs no copy."""
        return [self.path / entry.where for entry in entries]

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
        order = len(listing.entries)
        if order >= limits.MAX_ENTRIES:
            limits.check_archive(order + 1, 1, 1)
        where = file.path[len(str(self.path)) :].lstrip(os.sep)
        entry = Entry(name, parts[:-1], where, order)
        if reason in MAY_BE_DATA and regular:
            listing.others.append(Other(entry, size, reason))
        elif reason:
            listing.skip(name, reason)
        else:
            listing.entries.append(entry)


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


class FolderReader(BytesReader):
    """Reads files below a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

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
