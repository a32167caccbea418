"""Decisions about labels as a table: to look at in a spreadsheet, and to come back from there."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import zip_longest

from core.datasets.dataset import SPLITS, Dataset, Split
from core.datasets.decisions import Decided, Decisions, Verdict, relabel
from core.datasets.formats.tables import Table, read_table
from core.datasets.report import shortened, spreadsheet_cell
from core.errors import N_, DatasetError

COLUMNS = ("split", "row", "file", "given", "decision", "new", "by")
NEEDED = ("split", "row", "decision", "new")


def decisions_csv(dataset: Dataset, decided: Decisions) -> str:
    """A line for every image that was decided, safe to open in a spreadsheet.

    Raises:
        DatasetError: if the dataset is damaged.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    splits = _labelled(dataset)
    for (split, row), (verdict, label, by) in sorted(decided.items()):
        rows = splits[split]
        given = dataset.info.class_names[int(rows.labels[row])]
        cells = (split, str(row), rows.names[row], given, verdict.value, label, by)
        writer.writerow([spreadsheet_cell(cell) for cell in cells])
    return out.getvalue()


def parse_decisions(dataset: Dataset, data: bytes) -> list[Decided]:
    """The decisions of such a table; of :data:`COLUMNS` those of :data:`NEEDED` must be there.

    ``file`` and ``given``, where they are there, must be those of the dataset: otherwise the
    table is about another one.

    Raises:
        DatasetError: naming the first line that cannot be followed, and why. Nothing is taken then.
    """
    table = read_table(data)
    header = [title.casefold() for title in table.header] if table else []
    if table is None or not set(NEEDED) <= set(header):
        raise DatasetError(
            N_("A table of decisions has the columns {columns}; received: {received}."),
            columns=", ".join(COLUMNS),
            received=", ".join(header) or "–",
        )
    reader = _Reader(dataset, _labelled(dataset))
    return [reader.read(number, cells) for number, cells in _cells(table, header)]


def _labelled(dataset: Dataset) -> dict[str, Split]:
    return {split: dataset.split(split) for split in SPLITS if dataset.info.splits.get(split)}


def _cells(table: Table, header: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Of every line its number in the file, and its cells by the titles of their columns."""
    return [
        (number, dict(zip_longest(header, row[: len(header)], fillvalue="")))
        for number, row in enumerate(table.rows, 2)
    ]


class _Reader:
    """Lines of a table about one dataset."""

    def __init__(self, dataset: Dataset, splits: dict[str, Split]) -> None:
        self._name = dataset.info.name
        self._splits = splits
        self._names = dataset.info.class_names
        # As a spreadsheet has them, too: see spreadsheet_cell.
        self._classes = {spreadsheet_cell(n).strip(): n for n in self._names}
        self._classes |= {n.strip(): n for n in self._names}

    def read(self, number: int, cells: dict[str, str]) -> Decided:
        split, row = self._place(number, cells)
        rows = self._splits[split]
        given = self._names[int(rows.labels[row])]
        self._check(number, cells.get("file"), rows.names[row])
        self._check(number, cells.get("given"), given)
        verdict = self._verdict(number, cells["decision"])
        if verdict is not Verdict.RELABEL:
            return Decided(split=split, row=row, verdict=verdict)
        return relabel(split, row, given, self._label(number, cells["new"]))

    def _place(self, number: int, cells: dict[str, str]) -> tuple[str, int]:
        split, row = cells["split"], cells["row"]
        have = len(self._splits[split]) if split in self._splits else 0
        # Python refuses to read a number of thousands of digits.
        if row.isdecimal() and len(row) < 20 and int(row) < have:
            return split, int(row)
        raise DatasetError(
            N_(
                "Line {line}: “{name}” has no row {row} in the split “{split}”: it has {have} rows."
            ),
            line=number,
            name=self._name,
            row=row,
            split=split,
            have=have,
        )

    def _check(self, number: int, said: str | None, truly: str) -> None:
        if said in (None, "", truly.strip(), spreadsheet_cell(truly).strip()):
            return
        raise DatasetError(
            N_(
                "Line {line} is about another dataset than “{name}”: here stands “{truly}”, in "
                "the table “{said}”."
            ),
            line=number,
            name=self._name,
            truly=truly,
            said=str(said),
        )

    def _verdict(self, number: int, said: str) -> Verdict:
        try:
            return Verdict(said.casefold())
        except ValueError:
            raise DatasetError(
                N_("Line {line}: a decision is one of {known}; received: “{said}”."),
                line=number,
                known=", ".join(Verdict),
                said=said,
            ) from None

    def _label(self, number: int, said: str) -> str:
        if said in self._classes:
            return self._classes[said]
        raise DatasetError(
            N_("Line {line}: there is no class “{said}”. There are: {known}."),
            line=number,
            said=said,
            known=shortened(self._names),
        )
