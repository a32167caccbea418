"""One file that is no archive: arrays, a table, parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.datasets import limits
from core.datasets.containers.entries import Entry
from core.datasets.containers.folder import FolderReader
from core.datasets.containers.listing import Listing, Other
from core.datasets.report import Reason


@dataclass(frozen=True)
class SingleFile:
    """A container of one data file, called ``origin`` for people."""

    path: Path
    origin: str
    in_order_only: bool = False

    def listing(self) -> Listing:
        limits.check_size(self.path)
        entry = Entry(self.origin, (), self.path.name, 0)
        return Listing(others=[Other(entry, self.path.stat().st_size, Reason.NOT_IMAGE)])

    def reader(self) -> FolderReader:
        return FolderReader(self.path.parent)

    def stream(self, entries: Sequence[Entry]) -> Iterator[bytes]:
        return iter(())

    def copy(self, entries: Sequence[Entry], folder: Path) -> list[Path]:
        return [self.path for _ in entries]
