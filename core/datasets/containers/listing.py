"""What a container holds: files that may be pictures, files that may be data, the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from core.datasets.containers.entries import Entries, Entry
from core.datasets.decoding import EXTENSIONS
from core.datasets.names import is_system
from core.datasets.reading import Reader
from core.datasets.report import Reason, Skipped
from core.errors import Text

_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")


class Other(NamedTuple):
    """A file that is no picture but may hold some, or their labels; ``reason`` if it does not."""

    entry: Entry
    size: int
    reason: Reason

    @property
    def basename(self) -> str:
        """Its own name, in small letters."""
        return self.entry.name.rpartition("/")[2].casefold()


@dataclass
class Listing:
    """Every file of a container, and all its folders."""

    entries: Entries = field(default_factory=Entries)
    """What may be a picture."""
    others: list[Other] = field(default_factory=list)
    """What may be data: whichever no format uses is skipped for its reason."""
    skipped: list[Skipped] = field(default_factory=list)
    folders: set[tuple[str, ...]] = field(default_factory=set)
    warnings: list[Text] = field(default_factory=list)

    def skip(self, name: str, reason: Reason, detail: Text | None = None) -> None:
        self.skipped.append(Skipped(name=name, reason=reason, detail=detail))

    def leave(self, used: Sequence[Other] = (), reason: Reason | None = None) -> None:
        """Skip all :attr:`others` but those ``used``, each for its own reason or for ``reason``."""
        names = {other.entry.name for other in used}
        for other in self.others:
            if other.entry.name not in names:
                self.skip(other.entry.name, reason or other.reason)

    def leave_pictures(self, reason: Reason) -> None:
        """Skip all pictures: the format found has no use for them."""
        for entry in self.entries:
            self.skip(entry.name, reason)


class Container(Protocol):
    """Something with files in it. Small and picklable."""

    @property
    def origin(self) -> str:
        """Its name, for people."""

    @property
    def in_order_only(self) -> bool:
        """Whether it must be read from the beginning to the end (see :meth:`stream`)."""

    def listing(self) -> Listing:
        """All its files; DatasetError if it cannot be read or is dangerous as a whole."""

    def reader(self) -> Reader:
        """Reads its pictures in any order."""

    def stream(self, entries: Sequence[Entry]) -> Iterator[bytes]:
        """The bytes of ``entries``, which stand in their ``order``."""

    def copy(self, entries: Sequence[Entry], folder: Path) -> list[Path]:
        """Files with the content of ``entries``: copies in ``folder``, or the files themselves.

        Raises:
            DatasetError: if one is damaged or larger than its listing says.
        """


def name_reason(parts: tuple[str, ...]) -> Reason | None:
    """Why a file cannot be a picture, judged by its name."""
    extension = os.path.splitext(parts[-1])[1].lower()  # noqa: PTH122 - a name, not a path
    if is_system(parts):
        return Reason.SYSTEM
    if extension in _ARCHIVES:
        return Reason.NESTED_ARCHIVE
    return None if extension in EXTENSIONS else Reason.NOT_IMAGE


MAY_BE_DATA = (Reason.NOT_IMAGE, Reason.NESTED_ARCHIVE)
"""Reasons for which a file is no picture, and may yet be of use (``*-ubyte.gz`` is both)."""
