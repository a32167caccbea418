"""Answers and labels from CSV files, whoever wrote them: what is wrong is said with its line."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.competition.forms import Form, class_columns
from core.competition.scoring import Answers
from core.datasets.formats.tables import decoded
from core.datasets.report import shortened
from core.errors import N_, CompetitionError, Text, text

MAX_MEGABYTES = 50
SEPARATORS = ",;\t|"
MOST_PER_ROW, SPARE = 3, 100
"""So many lines a file may have for every row of the form, and so many more; and so many columns
more than classes. Enough to say what is wrong with one that goes too far."""
SHOWN = 5
"""Examples of what is missing or wrong."""
TOLERANCE = 0.02
"""By so much the probabilities of a row may miss a sum of 1: they were rounded."""


class Line(NamedTuple):
    """A row that is not empty, and where it begins in the file, from 1."""

    number: int
    cells: list[str]


class _Sheet(NamedTuple):
    """``titles`` is empty for a file that begins with its first row."""

    titles: list[str]
    lines: list[Line]
    separator: str


def read_labels(data: bytes, form: Form, class_names: Sequence[str]) -> NDArray[np.int32]:
    """The class of every image that the form asks for, int32 (n,), in the order of ``form.asked``.

    Raises:
        CompetitionError: naming the first line that cannot be followed, and what was expected.
    """
    sheet, known = _sheet(data, form, class_names), _known(form)
    at = _id_column(sheet, form, known)
    column = _label_column(sheet, at, form, class_names)
    lines = _lines_by_row(sheet, at, form, known)
    exact = {_nfc(name): i for i, name in enumerate(class_names)}
    return np.array([_label(line, column, exact) for line in lines], np.int32)


def read_answers(data: bytes, form: Form, class_names: Sequence[str]) -> Answers:
    """As :func:`read_labels`, or probabilities where every class has a column of its own."""
    sheet, known = _sheet(data, form, class_names), _known(form)
    columns = class_columns(sheet.titles, class_names)
    if columns is None:
        labels = read_labels(data, form, class_names)
        return Answers.of_classes(labels, len(class_names))
    lines = _lines_by_row(sheet, _id_column(sheet, form, known), form, known)
    rows = [_probabilities(line, columns, sheet.separator) for line in lines]
    proba = np.array(rows, np.float64)
    return Answers((proba / proba.sum(axis=1, keepdims=True)).astype(np.float32))


def _sheet(data: bytes, form: Form, class_names: Sequence[str]) -> _Sheet:
    written = decoded(data)
    if not written.strip() or "\0" in written:
        raise CompetitionError(
            N_("This is no table of text. Expected: a CSV file with a line for every image.")
        )
    first = written.lstrip().partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    narrow = _narrow(written, separator, len(class_names) + SPARE)
    lines = _lines(narrow, separator, MOST_PER_ROW * len(form.ids) + SPARE)
    if len(lines[0].cells) < 2:
        raise CompetitionError(
            N_(
                "The file has a single column. Expected: one with the image and one with its "
                "class, separated by commas or semicolons. Received: {received}"
            ),
            received=first.strip()[:80],
        )
    return _Sheet(lines[0].cells, lines, separator)


def _lines(written: Iterator[str], separator: str, most: int) -> list[Line]:
    """All that are not empty. A file of millions of tiny cells is refused before they are there:
    the server's memory is everybody's."""
    reader = csv.reader(written, delimiter=separator)
    lines, began = list[Line](), 1
    try:
        for cells in reader:
            tidy = [_nfc(cell) for cell in cells]
            if any(tidy):
                lines.append(Line(began, tidy))
            if len(lines) > most:
                raise CompetitionError(
                    N_("The file has more than {most} lines: is it about these images?"), most=most
                )
            began = reader.line_num + 1
    except csv.Error as error:
        raise CompetitionError(
            N_("Line {line} is no row of a CSV file: {error}."), line=began, error=str(error)
        ) from error
    return lines


def _narrow(written: str, separator: str, most: int) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(written, newline=""), 1):
        if line.count(separator) >= most:
            raise CompetitionError(
                N_("Line {line} has more than {most} columns."), line=number, most=most
            )
        yield line


def _known(form: Form) -> dict[str, int]:
    """The row (-1 for none) by everything that an image may be called; what means two is none."""
    exact = dict(zip(map(_nfc, form.ids), form.rows.tolist(), strict=True))
    found: dict[str, int] = {}
    twice: set[str] = set()
    for row, name in enumerate(map(_nfc, form.names)):
        path = PurePosixPath(name)
        for called in dict.fromkeys((name, path.name, path.stem)):
            if found.setdefault(called, row) != row:
                twice.add(called)
    asked = set(form.rows.tolist())
    return {n: r for n, r in found.items() if n not in twice and r in asked} | exact


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip())


def _column(line: Line, column: int) -> str:
    return line.cells[column] if column < len(line.cells) else ""


def _id_column(sheet: _Sheet, form: Form, known: Mapping[str, int]) -> int:
    """By the content, whatever it is called: the column with the most of the images in it."""
    width = len(sheet.titles)
    found = [len({_column(line, i) for line in sheet.lines} & known.keys()) for i in range(width)]
    best = max(range(width), key=lambda i: (found[i], sheet.titles[i] == form.columns[0], -i))
    if not found[best]:
        raise CompetitionError(
            N_(
                "No column of the file names an image of this dataset, as “{name}” does. The "
                "columns are: {received}."
            ),
            name=str(form.ids[0]),
            received=", ".join(sheet.titles)[:200],
        )
    return best


def _label_column(sheet: _Sheet, at: int, form: Form, class_names: Sequence[str]) -> int:
    known = {_nfc(name).casefold() for name in class_names}
    others = [i for i in range(len(sheet.titles)) if i != at]
    found = {i: sum(_column(line, i).casefold() in known for line in sheet.lines) for i in others}
    best = max(others, key=lambda i: (found[i], sheet.titles[i] in form.columns[1:], -i))
    if not found[best]:
        raise CompetitionError(
            N_(
                "No column of the file names a class. The columns are: {received}. "
                "Classes: {known}."
            ),
            received=", ".join(sheet.titles)[:200],
            known=shortened(class_names),
        )
    return best


def _lines_by_row(sheet: _Sheet, at: int, form: Form, known: Mapping[str, int]) -> list[Line]:
    """For every row that is asked for its line.

    The first line may be titles: it is no error if it names no image.
    """
    by_row: dict[int, Line] = {}
    unknown: list[tuple[Line, str]] = []
    for place, line in enumerate(sheet.lines):
        said = _column(line, at)
        row = known.get(said)
        if row is None:
            unknown += [(line, said)] if place else []
        elif row in by_row:
            raise _wrong(
                line,
                text(
                    N_("“{name}” was answered in line {other} already."),
                    name=said,
                    other=by_row[row].number,
                ),
            )
        elif row >= 0:
            by_row[row] = line
    if unknown:
        raise _unknown(unknown, form)
    missing = [row for row in form.asked.tolist() if row not in by_row]
    if missing:
        raise _missing(missing, form)
    return [by_row[row] for row in form.asked.tolist()]


def _unknown(unknown: Sequence[tuple[Line, str]], form: Form) -> CompetitionError:
    line, said = unknown[0]
    return _wrong(
        line,
        text(
            N_(
                "there is no image “{name}” to be answered (such lines: {n}). Expected: names as "
                "“{example}”."
            ),
            name=said[:80],
            n=len(unknown),
            example=str(form.ids[0]),
        ),
    )


def _missing(rows: Sequence[int], form: Form) -> CompetitionError:
    called = dict(zip(form.rows.tolist(), form.ids, strict=True))
    return CompetitionError(
        N_("{n} of {all} images have no line: {names}. Every image must be answered once."),
        n=len(rows),
        all=len(form.asked),
        names=shortened([called[row] for row in rows], SHOWN),
    )


def _label(line: Line, column: int, known: Mapping[str, int]) -> int:
    said = _column(line, column)
    if said in known:
        return known[said]
    alike = [i for name, i in known.items() if name.casefold() == said.casefold()]
    if len(alike) != 1:
        raise _wrong(
            line,
            text(
                N_("there is no class “{name}”. There are: {known}."),
                name=said[:80],
                known=shortened(list(known)),
            ),
        )
    return alike[0]


def _probabilities(line: Line, columns: Sequence[int], separator: str) -> list[float]:
    cells = [_column(line, column) for column in columns]
    try:
        # Where a semicolon divides the columns, a comma may divide the digits.
        read = [float(c.replace(",", ".") if separator != "," else c) for c in cells]
    except ValueError:
        read = []
    if not read or not all(0 <= p <= 1 for p in read):
        raise _wrong(
            line,
            text(
                N_("expected a probability from 0 to 1 for every class; received: {received}."),
                received=", ".join(cells)[:120],
            ),
        )
    if abs(sum(read) - 1) > TOLERANCE:
        raise _wrong(
            line,
            text(
                N_("the probabilities of all classes must sum to 1; received: {received}."),
                received=round(sum(read), 4),
            ),
        )
    return read


def _wrong(line: Line, why: Text) -> CompetitionError:
    return CompetitionError(N_("Line {line}: {why}"), line=line.number, why=why)
