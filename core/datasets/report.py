"""What became of every file of an import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np
from pydantic import BaseModel

from core.datasets.dropped import Dropped
from core.datasets.names import natural
from core.errors import N_, Text, text


class Reason(StrEnum):
    """Why a file was not imported."""

    SYSTEM = "system"
    NOT_IMAGE = "not_image"
    NESTED_ARCHIVE = "nested_archive"
    UNSAFE_PATH = "unsafe_path"
    SYMLINK = "symlink"
    ENCRYPTED = "encrypted"
    COMPRESSION = "compression"
    REPLACED = "replaced"
    NO_CLASS = "no_class"
    TOO_LARGE = "too_large"
    EMPTY_FILE = "empty_file"
    DAMAGED = "damaged"
    NOT_USED = "not_used"
    NOT_LISTED = "not_listed"
    CAPPED = "capped"
    HARD_LINK = "hard_link"
    SPECIAL = "special"
    SPARSE = "sparse"
    TOO_COMPRESSED = "too_compressed"
    TABLE = "table"
    SUBMISSION = "submission"
    CONFLICT = "conflict"
    NO_FILE = "no_file"


REASONS: Mapping[Reason, str] = {
    Reason.SYSTEM: N_("system file"),
    Reason.NOT_IMAGE: N_("not a picture"),
    Reason.NESTED_ARCHIVE: N_("an archive inside the archive: unpack it first"),
    Reason.UNSAFE_PATH: N_("unsafe path"),
    Reason.SYMLINK: N_("symbolic link"),
    Reason.ENCRYPTED: N_("encrypted"),
    Reason.COMPRESSION: N_("unknown compression method"),
    Reason.REPLACED: N_("replaced by a later entry of the same name"),
    Reason.NO_CLASS: N_("not in a class folder"),
    Reason.TOO_LARGE: N_("too large"),
    Reason.EMPTY_FILE: N_("empty file"),
    Reason.DAMAGED: N_("damaged picture"),
    Reason.NOT_USED: N_("not needed: the data were read from other files"),
    Reason.NOT_LISTED: N_("not in the table of labels"),
    Reason.CAPPED: N_("above the number of pictures per class that was asked for"),
    Reason.HARD_LINK: N_("link to another file of the archive"),
    Reason.SPECIAL: N_("device, pipe or other special file"),
    Reason.SPARSE: N_("sparse file"),
    Reason.TOO_COMPRESSED: N_("compressed as no picture is: it looks like a zip bomb"),
    Reason.TABLE: N_("the table of labels, read as such"),
    Reason.SUBMISSION: N_("an example of what is to be handed in: not taken for labels"),
    Reason.CONFLICT: N_("listed more than once, with different labels"),
    Reason.NO_FILE: N_("listed in the table, but there is no such picture"),
}


class Repair(StrEnum):
    """What was done to a picture, beyond resizing it."""

    ROTATED = "rotated"
    OPAQUE = "opaque"
    DEPTH = "depth"
    COLORS = "colors"
    FIRST_FRAME = "first_frame"
    TRUNCATED = "truncated"


REPAIRS: Mapping[Repair, str] = {
    Repair.ROTATED: N_("turned upright as its EXIF orientation says"),
    Repair.OPAQUE: N_("transparency laid on the background"),
    Repair.DEPTH: N_("brightness scaled to 8 bits"),
    Repair.COLORS: N_("colours converted to RGB"),
    Repair.FIRST_FRAME: N_("first of several frames taken"),
    Repair.TRUNCATED: N_("cut off: taken as far as it goes"),
}

# Examples of each repair in the report itself, which is read for every look at a dataset.
REPAIR_EXAMPLES = 100
# Rows of the table of sizes.
SIZE_ROWS = 20


class Skipped(BaseModel, frozen=True):
    """One file left out; ``detail`` says more than the reason where there is more to say."""

    name: str
    reason: Reason
    detail: Text | None = None

    @property
    def text(self) -> Text:
        return self.detail or text(REASONS[self.reason])


class Repaired(BaseModel, frozen=True):
    """One kind of repair: on how many pictures, and the names of the first of them."""

    repair: Repair
    count: int
    examples: list[str]

    @property
    def text(self) -> Text:
        return text(REPAIRS[self.repair])


class Sizes(BaseModel, frozen=True):
    """The original sizes in pixels, upright: ``common`` holds (height, width, pictures)."""

    common: list[tuple[int, int, int]] = []
    others: int = 0
    height: tuple[int, int, int] = (0, 0, 0)
    """Smallest, median, largest."""
    width: tuple[int, int, int] = (0, 0, 0)

    @staticmethod
    def of(counts: Counter[tuple[int, int]]) -> Sizes:
        """Summary of {(height, width): pictures}."""
        if not counts:
            return Sizes()
        common = counts.most_common(SIZE_ROWS)
        return Sizes(
            common=[(h, w, n) for (h, w), n in common],
            others=counts.total() - sum(n for _, n in common),
            height=_spread(counts, 0),
            width=_spread(counts, 1),
        )


def _spread(counts: Mapping[tuple[int, int], int], axis: int) -> tuple[int, int, int]:
    """Smallest, median and largest of one side, each size weighing its count."""
    sides = np.array([size[axis] for size in counts])
    order = np.argsort(sides, kind="stable")
    below = np.cumsum(np.array(list(counts.values()))[order])
    median = sides[order][np.searchsorted(below, (below[-1] + 1) // 2)]
    return int(sides.min()), int(median), int(sides.max())


class ImportReport(BaseModel, frozen=True):
    """Every file of the source is either counted in ``imported`` or listed in ``skipped`` or
    ``capped``. A derived dataset counts what it left out in ``dropped``: see ``dropped.csv``."""

    origin: str
    imported: int
    skipped: list[Skipped] = []
    capped: list[str] = []
    """Pictures above the number per class that was asked for: perhaps nearly all, so names only."""
    repaired: list[Repaired] = []
    dropped: list[Dropped] = []
    warnings: list[Text] = []
    sizes: Sizes = Sizes()

    @property
    def files(self) -> int:
        """All files found, folders not counted."""
        return self.imported + self.left_out

    @property
    def left_out(self) -> int:
        """Files that were not imported: rows of a table without a picture are no files."""
        rows = sum(skipped.reason is Reason.NO_FILE for skipped in self.skipped)
        dropped = sum(d.count for d in self.dropped)
        return len(self.skipped) - rows + len(self.capped) + dropped

    @property
    def skipped_by_reason(self) -> dict[str, int]:
        """Files per reason, the commonest first; the keys are translatable."""
        counts = Counter(REASONS[s.reason] for s in self.skipped)
        if self.capped:
            counts[REASONS[Reason.CAPPED]] += len(self.capped)
        return dict(counts.most_common())


def shortened(names: Iterable[str], most: int = 10) -> str:
    ordered = sorted(names, key=natural)
    return ", ".join(f"“{name}”" for name in ordered[:most]) + ("…" if ordered[most:] else "")


def spreadsheet_cell(value: str) -> str:
    """A file may be called ``=HYPERLINK(…)``; the apostrophe keeps spreadsheets from running it."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value
