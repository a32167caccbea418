"""Pictures anywhere, and tables that say of which class each is: ``labels.csv``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from core.datasets import limits
from core.datasets.containers.entries import Entry, taken
from core.datasets.containers.listing import Container, Listing, Other
from core.datasets.dataset import SPLITS, UNLABELLED
from core.datasets.formats.base import NOT_TOLD, Format, Found, Reading, found_in
from core.datasets.formats.folders import layout_of
from core.datasets.formats.picture_index import PictureIndex
from core.datasets.formats.split_names import split_of
from core.datasets.formats.tables import (
    TABLE_EXTENSIONS,
    Columns,
    Table,
    cell,
    columns_of,
    is_submission,
    label_in,
    note_submissions,
    read_table,
)
from core.datasets.names import natural
from core.datasets.reading import ReaderMaker
from core.datasets.report import Reason, Skipped, shortened
from core.errors import N_, DatasetError, ImageError, Text, text

# A column of so many values, and more than half as many as pictures, is no class.
_MANY_CLASSES = 100
_TEST = "test"

csv.field_size_limit(1 << 20)


class _Sheet(NamedTuple):
    """A table that names pictures, and the split that its own name says."""

    other: Other
    table: Table
    columns: Columns
    split: str | None


def claims(container: Container, listing: Listing) -> bool:
    """Whether a table gives most of its pictures a class, or the folders give none and there is a
    table that was probably meant to."""
    tables = _tables(listing)
    if not tables or not listing.entries:
        return False
    index = PictureIndex(listing.entries)
    if any(_is_plausible(*table, index) for table in _contents(container, tables)):
        return True
    return len(layout_of(listing).class_names) < 2


def _is_plausible(other: Other, data: bytes, index: PictureIndex) -> bool:
    sheet = _sheet(other, data)
    if sheet is None:
        return False
    rows = sheet.table.rows
    if not sheet.columns.labelled or _known(sheet, index) * 2 <= len(rows):
        return False
    classes = len({label_in(sheet.table, sheet.columns, row) for row in rows} - {""})
    return 2 <= classes <= max(_MANY_CLASSES, len(rows) // 2)


def find(container: Container, listing: Listing, reading: Reading) -> Found:
    """The pictures that the tables name.

    Raises:
        DatasetError: if no table tells the classes, or there are fewer than two.
    """
    index = PictureIndex(listing.entries)
    tables = _tables(listing)
    told = _Told(listing.entries)
    used, labelled = [], False
    for other, data in _contents(container, tables):
        if columns := _heard(told, other, data, index):
            used.append(other)
            labelled |= columns.labelled
    if not labelled:
        raise _no_columns(tables)
    _leave(listing, used)
    found = told.found(listing, container.reader)
    _check(found, used)
    return found_in(container, listing, found)


def _heard(told: _Told, other: Other, data: bytes, index: PictureIndex) -> Columns | None:
    """Hear what a table says; its columns if it names any picture. Nothing of the table itself is
    kept: each may take hundreds of megabytes."""
    sheet = _sheet(other, data)
    if sheet is None or not _known(sheet, index):
        return None
    told.read(sheet, index)
    return sheet.columns


def _tables(listing: Listing) -> list[Other]:
    return [
        other
        for other in sorted(listing.others, key=lambda o: natural(o.entry.name))
        if other.basename.endswith(TABLE_EXTENSIONS)
        and other.size <= limits.MAX_FILE_BYTES
        and not is_submission(other)
    ]


def _contents(container: Container, tables: Sequence[Other]) -> Iterator[tuple[Other, bytes]]:
    """The bytes of each table, in one pass over the archive."""
    in_order = sorted(tables, key=lambda other: other.entry.order)
    contents = container.stream([other.entry for other in in_order])
    for other in in_order:
        try:
            yield other, next(contents)
        except ImageError as error:
            raise DatasetError(
                N_("The table “{name}” cannot be read."), name=other.entry.name, remedy=error.text
            ) from error


def _sheet(other: Other, data: bytes) -> _Sheet | None:
    table = read_table(data)
    if table is None or not table.rows:
        return None
    columns = columns_of(table)
    stem = other.basename.rpartition(".")[0]
    return _Sheet(other, table, columns, split_of(stem)) if columns.file is not None else None


def _known(sheet: _Sheet, index: PictureIndex) -> int:
    """How many rows name a picture."""
    return sum(bool(_meant(sheet, row, index)) for row in sheet.table.rows)


def _meant(sheet: _Sheet, row: Sequence[str], index: PictureIndex) -> list[int]:
    return index.find(cell(row, sheet.columns.file), sheet.other.entry.folders)


@dataclass
class _Told:
    """What the tables say, picture by picture; arrays have a place for each of ``entries``."""

    entries: Sequence[Entry]
    labels: dict[int, str] = field(default_factory=dict)
    splits: dict[int, str] = field(default_factory=dict)
    listed: set[int] = field(default_factory=set)
    conflicts: set[int] = field(default_factory=set)
    unclear: dict[int, str] = field(default_factory=dict)
    missing: list[Skipped] = field(default_factory=list)
    strange: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.folder_splits = [_folder_split(entry) for entry in self.entries]

    def read(self, sheet: _Sheet, index: PictureIndex) -> None:
        file, split = sheet.columns.file, sheet.columns.split
        for row in sheet.table.rows:
            name, said = cell(row, file), cell(row, split)
            # Before the splits, which have the word for folders: there it means a test.
            own = UNLABELLED if "unlabel" in said.casefold() else split_of(said)
            if said and own is None and not _is_number(said):
                self.strange.add(said)
            found = self._of_split(_meant(sheet, row, index), own or sheet.split)
            label = label_in(sheet.table, sheet.columns, row)
            if len(found) > 1:
                self.unclear |= dict.fromkeys(found, name)
            elif found:
                self._add(found[0], label, own or sheet.split)
            elif name:
                detail = text(
                    N_("“{table}” lists it, but there is no such picture."),
                    table=sheet.other.entry.name,
                )
                self.missing.append(Skipped(name=name, reason=Reason.NO_FILE, detail=detail))

    def _of_split(self, found: list[int], split: str | None) -> list[int]:
        """Of pictures of the same name in several splits: those that the table is about."""
        if len(found) < 2:
            return found
        same = [i for i in found if self.folder_splits[i] == split]
        return same or [i for i in found if self.folder_splits[i] != _TEST] or found

    def _add(self, number: int, label: str, split: str | None) -> None:
        self.listed.add(number)
        if split:
            self.splits[number] = split
        if label and self.labels.setdefault(number, label) != label:
            self.conflicts.add(number)

    def _split(self, number: int) -> str | None:
        return self.splits.get(number) or self.folder_splits[number]

    def found(self, listing: Listing, reader: ReaderMaker) -> Found:
        """The labelled pictures and those to be predicted; the others are skipped."""
        names = sorted(
            {label for i, label in self.labels.items() if i not in self.conflicts}, key=natural
        )
        index = {name: i for i, name in enumerate(names)}
        kept = sorted(
            (i for i in range(len(self.entries)) if not self._skip(i, listing)),
            key=lambda i: self.entries[i].name,
        )
        parts = [self._split(i) for i in kept]
        given = [SPLITS.index(p) if p in SPLITS else NOT_TOLD for p in parts]
        return Found(
            entries=taken(self.entries, np.array(kept, np.int64)),
            class_names=names,
            labels=np.array(
                [index[self.labels[i]] if self._labelled(i) else -1 for i in kept], "i4"
            ),
            given=np.array(given, np.int8),
            reader=reader,
            skipped=self.missing,
            warnings=list(self._warnings(kept)),
        )

    def _labelled(self, number: int) -> bool:
        return number in self.labels and self._split(number) != UNLABELLED

    def _skip(self, number: int, listing: Listing) -> bool:
        """Whether a picture is of no use; said in the report then."""
        name = self.entries[number].name
        if number in self.conflicts:
            listing.skip(name, Reason.CONFLICT)
        elif number in self.labels:
            return False
        elif number in self.unclear:
            detail = text(
                N_("The table says “{row}”, which several pictures are called."),
                row=self.unclear[number],
            )
            listing.skip(name, Reason.NOT_LISTED, detail)
        elif self._split(number) in (_TEST, UNLABELLED):
            return False
        else:
            listing.skip(name, Reason.NOT_LISTED)
        return True

    def _warnings(self, kept: Sequence[int]) -> Iterator[Text]:
        if unlabelled := sum(not self._labelled(i) for i in kept):
            yield text(
                N_("Test pictures without a label, kept as the split “unlabelled”: {n}."),
                n=unlabelled,
            )
        if self.missing:
            yield text(
                N_("Rows of the tables whose picture is missing, such as “{first}”: {n}."),
                n=len(self.missing),
                first=self.missing[0].name,
            )
        if self.conflicts:
            yield text(
                N_("Pictures listed with different labels, which were left out: {n}."),
                n=len(self.conflicts),
            )
        if self.strange:
            yield text(
                N_("Not understood as train, val or test in the tables: {names} ({n})."),
                names=shortened(self.strange),
                n=len(self.strange),
            )


def _is_number(said: str) -> bool:
    """Numbered parts (folds) are no splits: the pictures are divided as if nothing was said."""
    return said.replace(".", "", 1).isdecimal()


def _folder_split(entry: Entry) -> str | None:
    """The split that a folder above a picture is called by."""
    return next((split for name in entry.folders if (split := split_of(name))), None)


def _leave(listing: Listing, tables: Sequence[Other]) -> None:
    """Say of every other file what it was."""
    note_submissions(listing)
    for table in tables:
        listing.skip(table.entry.name, Reason.TABLE)
    listing.leave(used=tables)


def _check(found: Found, used: Sequence[Other]) -> None:
    tables = ", ".join(other.entry.name for other in used)
    labelled = int((found.labels >= 0).sum())
    if len(found.class_names) < 2:
        raise DatasetError(
            N_(
                "The table “{table}” gives {n} pictures of this archive a label, and these "
                "classes: {names}. At least two classes are needed."
            ),
            table=tables,
            n=labelled,
            names=shortened(found.class_names) or "–",
        )
    if len(found.class_names) > max(_MANY_CLASSES, labelled // 2):
        raise DatasetError(
            N_(
                "The labels of the table “{table}” have {classes} different values for {n} "
                "pictures: this column cannot be the class."
            ),
            table=tables,
            classes=len(found.class_names),
            n=labelled,
        )


def _no_columns(tables: Sequence[Other]) -> DatasetError:
    """There are tables, but none says what is needed."""
    return DatasetError(
        N_(
            "The pictures are in no class folders, and the table “{table}” does not tell their "
            "classes."
        ),
        table=", ".join(other.entry.name for other in tables),
        remedy=text(
            N_(
                "Expected: a column with the names of the pictures (called filename, image, id, "
                "archivo …) and one with their classes (called label, class, clase, etiqueta …), "
                "separated by commas, semicolons or tabs."
            )
        ),
    )


MANIFEST = Format(
    name="manifest",
    title=N_("Pictures and a table of labels"),
    explanation=N_("Any folders of pictures, and a CSV file that gives each its class."),
    claims=claims,
    find=find,
)
