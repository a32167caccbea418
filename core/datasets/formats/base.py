"""What every format hands over, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from core.datasets.containers.entries import Entry
from core.datasets.containers.listing import Container, Listing
from core.datasets.options import ImportOptions, Phase
from core.datasets.reading import InlineReader, ReaderMaker
from core.datasets.report import Skipped
from core.datasets.submission import NamedSubmission
from core.errors import Text

NOT_TOLD = -1
"""In ``given``: the source does not say which split a picture belongs to."""


@dataclass
class Found:
    """The pictures of a source, and what the source says of each.

    ``labels`` int32 (n,) are indices of ``class_names``, -1 where there is no label; ``given``
    int8 (n,) are indices of :data:`core.datasets.dataset.STORED_SPLITS`, or :data:`NOT_TOLD`.
    """

    entries: Sequence[Entry]
    class_names: list[str]
    labels: NDArray[np.int32]
    given: NDArray[np.int8]
    reader: ReaderMaker
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)
    stream: Callable[[Sequence[Entry]], Iterator[bytes]] | None = None
    """Of a source that must be read in order: then ``reader`` makes an InlineReader."""
    vocabulary: str = ""
    """Whose class names these are, if the catalogues translate them (``cifar10``)."""
    groups: Sequence[str] = ()
    """The superclass of every class, where there are any."""
    coarse: bool = False
    """Whether the classes are superclasses, as was asked for."""
    submission: NamedSubmission | None = None
    """The file that a competition expects for the pictures without a label."""


class Tell(Protocol):
    """Told how far a long step is, in steps of its own; may raise to cancel."""

    def __call__(self, phase: Phase, done: int, total: int) -> None: ...


class Reading(NamedTuple):
    """What a format may use: a folder for what it must write (gone at the end of the import), the
    user's choices, and whom to tell how far it is."""

    scratch: Path
    options: ImportOptions
    tell: Tell


class Source(Protocol):
    """Something to import from. Picklable."""

    @property
    def origin(self) -> str:
        """Its name, for people."""

    def find(self, reading: Reading) -> Found:
        """Its pictures.

        Raises:
            DatasetError: if there is nothing to be learned from.
        """


def found_in(container: Container, listing: Listing, found: Found) -> Found:
    """Completed by what the container's listing has to say, and how its pictures are read."""
    in_order = container.in_order_only
    return replace(
        found,
        skipped=[*listing.skipped, *found.skipped],
        warnings=[*listing.warnings, *found.warnings],
        reader=InlineReader if in_order else found.reader,
        stream=container.stream if in_order else None,
    )


@dataclass(frozen=True)
class Format:
    """A way in which files make a dataset."""

    name: str
    title: str
    """Translatable, as is the explanation."""
    explanation: str
    claims: Callable[[Container, Listing], bool]
    """Whether a container is of this format."""
    find: Callable[[Container, Listing, Reading], Found]
