"""Tables that say which picture is of which class: read from the bytes of a CSV file."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from core.datasets.containers.listing import Listing, Other
from core.datasets.decoding import EXTENSIONS
from core.datasets.report import Reason

TABLE_EXTENSIONS = (".csv", ".tsv")
_MAX_CELLS = 10_000_000
_SEPARATORS = (",", ";", "\t", "|")
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

# What the columns are called: without accents, signs and spaces. Where several are there, the
# first of the list counts: a class is better known by its name than by its number.
_FILE = (
    *("filename", "filenames", "file", "files", "filepath", "imagefilename", "imagefile"),
    *("imagepath", "imagename", "image", "images", "imageid", "imgpath", "imgname", "imgid", "img"),
    *("path", "archivo", "archivos", "nombrearchivo", "nombredearchivo", "nombredelarchivo"),
    *("fichero", "rutaarchivo", "ruta", "imagen", "imagenes", "idimagen", "foto", "fotos"),
    *("arquivo", "imagem", "photo", "photoid", "picture", "fname", "nombre", "name"),
    *("id", "uuid", "key"),
)
_LABEL = (
    *("label", "labels", "classname", "labelname", "class", "classes", "categoryname", "category"),
    *("clase", "clases", "nombreclase", "etiqueta", "etiquetas", "categoria", "classe", "rotulo"),
    *("target", "breed", "raza", "species", "especie", "tag", "diagnosis", "diagnostico"),
    *("emotion", "type", "tipo", "y", "classid", "labelid", "categoryid", "idclase"),
)
_SPLIT = (
    *("split", "set", "subset", "dataset", "datasplit", "partition", "particion", "conjunto"),
    *("subconjunto", "usage", "phase", "fase"),
)


class Table(NamedTuple):
    """A table as it stands in its file: titles ("" of columns without) and rows of text."""

    header: tuple[str, ...]
    rows: list[list[str]]


class Columns(NamedTuple):
    """Which column says what; None if none does. ``one_hot`` are columns of 0 and 1."""

    file: int | None
    label: int | None
    split: int | None
    one_hot: tuple[int, ...] = ()

    @property
    def labelled(self) -> bool:
        return self.label is not None or bool(self.one_hot)


def decoded(data: bytes) -> str:
    """The text, whichever program wrote it: UTF-8 or UTF-16 with their marks, UTF-8, Latin-1."""
    encoding = next((name for bom, name in _BOMS.items() if data.startswith(bom)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        # What Windows calls Latin-1; a few of its bytes mean nothing.
        return data.decode("cp1252", "replace")


def read_table(data: bytes) -> Table | None:
    """The table in a file; None if it is no table of text.

    The separator is the one that gives the first line the most columns.
    """
    written = decoded(data)
    if "\0" in written:
        return None
    try:
        firsts = {s: next(_rows(written, s), []) for s in _SEPARATORS}
        separator = max(_SEPARATORS, key=lambda s: len(firsts[s]))
        rows = _most(_rows(written, separator))
    except csv.Error:
        return None
    if not rows or len(rows[0]) < 2:
        return None
    if any(is_picture_name(cell) for cell in rows[0]):
        return Table(("",) * len(rows[0]), rows)
    return Table(tuple(rows[0]), rows[1:])


def _most(lines: Iterator[list[str]]) -> list[list[str]]:
    """All of them; none if there are more than any table of labels has: read at once, a hundred
    megabytes of short lines would take gigabytes."""
    rows, cells = [], 0
    for row in lines:
        rows.append(row)
        cells += len(row)
        if cells > _MAX_CELLS:
            return []
    return rows


def _rows(written: str, separator: str) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield cells


def note_submissions(listing: Listing) -> None:
    """``sample_submission.csv`` has the columns of a table of labels, and holds none."""
    listing.others = [
        other._replace(reason=Reason.SUBMISSION) if is_submission(other) else other
        for other in listing.others
    ]


def is_submission(other: Other) -> bool:
    return "submission" in other.basename and other.basename.endswith(TABLE_EXTENSIONS)


def is_picture_name(cell: str) -> bool:
    return cell.casefold().endswith(EXTENSIONS)


def columns_of(table: Table) -> Columns:
    """By their titles; a table without any is told by its content."""
    if not any(table.header):
        return _untitled(table)
    titles = [_plain(title) for title in table.header]
    split = _first(titles, _SPLIT)
    file = _first(titles, _FILE)
    label = _first(titles, _LABEL)
    if label is None and file is not None:
        return Columns(file, None, split, _one_hot(table, {file, split}))
    return Columns(file, label, split)


def _untitled(table: Table) -> Columns:
    first = table.rows[0]
    file = next(i for i, cell in enumerate(first) if is_picture_name(cell))
    others = [i for i in range(len(first)) if i != file]
    return Columns(file, others[0] if len(others) == 1 else None, None)


def _first(titles: Sequence[str], known: Sequence[str]) -> int | None:
    return next((titles.index(name) for name in known if name in titles), None)


def _one_hot(table: Table, others: set[int | None]) -> tuple[int, ...]:
    """All remaining columns, if each row has a single 1 among 0 in them; else none."""
    columns = [i for i in range(len(table.header)) if i not in others]
    if len(columns) < 2 or not table.rows:
        return ()
    for row in table.rows:
        cells = [_ZERO_ONE.get(cell(row, i)) for i in columns]
        if None in cells or sum(c for c in cells if c) != 1:
            return ()
    return tuple(columns)


_ZERO_ONE = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "0.": 0, "1.": 1, "False": 0, "True": 1}


def cell(row: Sequence[str], column: int | None) -> str:
    """The text in a column; "" if the row is too short, or there is no such column."""
    return row[column] if column is not None and column < len(row) else ""


def label_in(table: Table, columns: Columns, row: Sequence[str]) -> str:
    """The class that a row names; "" if none."""
    if columns.one_hot:
        return next(table.header[i] for i in columns.one_hot if _ZERO_ONE[cell(row, i)])
    return unicodedata.normalize("NFC", cell(row, columns.label))


def _plain(title: str) -> str:
    letters = unicodedata.normalize("NFKD", title.casefold())
    return re.sub(r"[^a-z]", "", letters)
