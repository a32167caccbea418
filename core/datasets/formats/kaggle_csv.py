"""Tables with a picture in every row: a label and a column for each pixel, as Kaggle shares MNIST,
Fashion-MNIST, sign language, skin cancer and many others."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.containers.listing import Container, Listing, Other
from core.datasets.formats.base import NOT_TOLD, Format, Found, Reading
from core.datasets.formats.emnist import is_turned, mapping_for, name_letters
from core.datasets.formats.parts import (
    TEST,
    TRAIN,
    VAL,
    Gathering,
    Part,
    Pictures,
    Progress,
    check_size,
    row_name,
    rows_per_block,
    several,
)
from core.datasets.formats.pixels import Layout, Scale, flat_layout, scale_of, to_pictures
from core.datasets.names import natural
from core.datasets.report import Reason, Skipped
from core.errors import N_, DatasetError, text

if TYPE_CHECKING:
    import pandas as pd

_LABELS = ("label", "labels", "class", "target", "y", "digit", "category", "character")
_IDS = ("id", "imageid", "image_id", "index", "unnamed: 0", "")
_SIDES = (("train", TRAIN), ("val", VAL), ("test", TEST))
_SPLIT = re.compile(r"train(ing)?|val(id(ation)?)?|test(ing)?")
_JOINTS = "-_. 0123456789"
_LONGEST_LINE = 20_000_000
# Fewer columns than this are no picture but a table about something.
_FEWEST = 16
_HUGE = 2**62


@dataclass(frozen=True)
class _Table:
    """One file: what its first line says."""

    name: str
    path: Path
    separator: str
    columns: int
    header: bool
    label: int | None
    pixels: tuple[int, ...]
    layout: Layout
    rows: int = 0

    @property
    def side(self) -> int:
        basename = self.name.rpartition("/")[2].casefold()
        return next((side for word, side in _SIDES if word in basename), NOT_TOLD)


def claims(container: Container, listing: Listing) -> bool:
    return not listing.entries and any(o.basename.endswith(".csv") for o in listing.others)


def find(container: Container, listing: Listing, reading: Reading) -> Found:
    """The pictures of all tables that have some.

    Raises:
        DatasetError: if there is no such table, or one cannot be read.
    """
    files = [other for other in listing.others if other.basename.endswith(".csv")]
    files.sort(key=lambda other: natural(other.entry.name))
    copies = container.copy([other.entry for other in files], reading.scratch)
    tables, used = _tables(files, copies)
    _check_one_dataset(tables)
    mapping = mapping_for(listing, used[0].basename)
    listing.leave(used=[*used, *([mapping] if mapping else [])])
    tables.sort(key=lambda table: table.side if table.side >= 0 else -1)
    gathering = Gathering()
    progress = Progress(reading, sum(table.rows for table in tables))
    for table in tables:
        _read(table, reading, gathering, progress)
    _warn_of_colour(tables, gathering)
    names = [container.origin, *(table.name for table in tables)]
    gathering.speaks_as_called(tables[0].layout.stored, names)
    if mapping:
        name_letters(gathering, mapping, container, reading.scratch)
    return gathering.found(listing)


def _check_one_dataset(tables: Sequence[_Table]) -> None:
    """``train.csv`` and ``test.csv`` belong together; 28×28 and 8×8, or letters and digits, not."""
    named: dict[tuple[str, tuple[int, int, int]], str] = {}
    for table in tables:
        basename = table.name.rpartition("/")[2].casefold().removesuffix(".csv")
        key = (_SPLIT.sub("", basename).strip(_JOINTS), table.layout.shape)
        named.setdefault(key, table.name)
    if len(named) > 1:
        raise several(list(named.values()))


def _tables(files: Sequence[Other], copies: Sequence[Path]) -> tuple[list[_Table], list[Other]]:
    """The tables of pictures; if there are none, the error about the largest of the files."""
    tables, used = [], []
    errors = []
    for other, path in zip(files, copies, strict=True):
        try:
            tables.append(_table(path, other.entry.name))
            used.append(other)
        except DatasetError as error:
            errors.append((other.size, error))
    if not tables:
        raise max(errors, key=lambda pair: pair[0])[1]
    return tables, used


def _table(path: Path, name: str) -> _Table:
    with path.open("rb") as file:
        line = file.readline(_LONGEST_LINE).decode("utf-8-sig", "replace").strip("\r\n")
    if not line:
        raise DatasetError(
            N_("“{file}” is empty. Expected: a label and a column for each pixel."), file=name
        )
    separator = max(",;\t", key=line.count)
    cells = next(csv.reader([line], delimiter=separator))
    header = _is_header(cells)
    label, pixels = _columns(cells, header)
    layout = flat_layout(len(pixels)) if len(pixels) >= _FEWEST else None
    if layout is None:
        raise DatasetError(
            N_(
                "“{file}” has {columns} columns, of which {pixels} could be pixels. Expected: a "
                "label and a square number of pixels (such as 784 for 28×28), or three times a "
                "square number for colour."
            ),
            file=name,
            columns=len(cells),
            pixels=len(pixels),
        )
    rows = _count_lines(path) - header
    check_size(name, rows, layout.stored)
    return _Table(name, path, separator, len(cells), header, label, pixels, layout, rows)


def _columns(cells: Sequence[str], header: bool) -> tuple[int | None, tuple[int, ...]]:
    """The column of the labels, if there is one, and those of the pixels."""
    columns = range(len(cells))
    if header:
        names = [cell.strip().casefold() for cell in cells]
        label = next((i for i in columns if names[i] in _LABELS), None)
        pixels = tuple(i for i in columns if i != label and names[i] not in _IDS)
        if label is not None or flat_layout(len(pixels)):
            return label, pixels
    words = [i for i in columns if not header and not _is_number(cells[i])]
    # Without names: a word is the label, else whatever leaves a square number of pixels.
    if not words and flat_layout(len(cells)) and math.isqrt(len(cells) - 1) ** 2 != len(cells) - 1:
        return None, tuple(columns)
    label = words[0] if words else 0
    return label, tuple(i for i in columns if i != label)


def _is_header(cells: Sequence[str]) -> bool:
    """Names of columns, or their numbers; one single word is the label of a first row."""
    words = [cell.strip().casefold() for cell in cells if not _is_number(cell)]
    if len(words) == 1:
        return words[0] in (*_LABELS, *_IDS)
    return bool(words) or list(cells) == [str(i) for i in range(len(cells))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _count_lines(path: Path) -> int:
    lines, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            lines += block.count(b"\n")
            last = block[-1:]
    return lines + (last != b"\n")


def _read(table: _Table, reading: Reading, gathering: Gathering, progress: Progress) -> None:
    pictures = Pictures(reading, table.name, table.layout.stored, table.rows)
    labels: list[Any] = []
    names: list[str] = []
    scale = None
    start = 0
    for chunk in _chunks(table):
        values = _numbers(chunk[list(table.pixels)])
        if scale is None:
            scale = _scale(values, gathering)
        low, high = scale.low, scale.high
        long = chunk[table.columns].notna().to_numpy()
        good = np.asarray(((values >= low) & (values <= high)).all(axis=1)) & ~long
        block = to_pictures(values[good], table.layout, scale, reading.options.background)
        pictures.add(block.transpose(0, 2, 1, 3) if is_turned(table.name.casefold()) else block)
        for row in np.flatnonzero(~good).tolist():
            bad = _too_long if long[row] else _bad
            gathering.skipped.append(bad(table, start + row, values[row], scale))
        names += [
            row_name(table.name, start + i, table.rows) for i in np.flatnonzero(good).tolist()
        ]
        if table.label is not None:
            labels += chunk[table.label].to_numpy()[good].tolist()
        start += len(chunk)
        progress.add(len(chunk))
    rows = gathering.rows(pictures)
    if not rows:
        raise DatasetError(
            N_("“{file}” has no row with a picture ({n} rows were read)."), file=table.name, n=start
        )
    found, known = _labels(labels) if table.label is not None else (None, None)
    if known is not None and not known.any():
        found, known = None, None
    gathering.parts.append(Part(table.name, table.side, rows, found, names, known))
    if known is not None and not known.all():
        gathering.warnings.append(
            text(
                N_("“{file}”: rows without a label are kept as unlabelled: {n}."),
                file=table.name,
                n=int((~known).sum()),
            )
        )


def _chunks(table: _Table) -> Iterator[pd.DataFrame]:
    """The rows, some at a time, with columns called by their numbers."""
    # Here, because pandas takes half a second and most imports do without it.
    import pandas as pd

    try:
        with pd.read_csv(
            table.path,
            sep=table.separator,
            header=None,
            # One more, where a row that is too long shows; it would be cut off without a word.
            names=list(range(table.columns + 1)),
            index_col=False,
            # A class may be called “None” or “NA”.
            keep_default_na=False,
            na_values=[""],
            skiprows=int(table.header),
            chunksize=rows_per_block(8 * table.columns),
            encoding="utf-8-sig",
            encoding_errors="replace",
            low_memory=False,
        ) as chunks:
            yield from chunks
    except pd.errors.ParserError as error:
        raise DatasetError(
            N_("“{file}” is no regular table ({error}). Expected: {columns} columns in every row."),
            file=table.name,
            error=str(error).strip().splitlines()[0][:200],
            columns=table.columns,
        ) from error
    except pd.errors.EmptyDataError:
        return


def _numbers(pixels: pd.DataFrame) -> NDArray[Any]:
    """The pixels as numbers; what is none becomes NaN."""
    import pandas as pd

    if not all(kind.kind in "iuf" for kind in map(np.dtype, set(_kinds(pixels)))):
        pixels = pixels.apply(pd.to_numeric, errors="coerce")
    return pixels.to_numpy(dtype=np.float32, na_value=np.nan)


def _kinds(pixels: pd.DataFrame) -> Iterator[Any]:
    for kind in pixels.dtypes:
        yield kind if isinstance(kind, np.dtype) else np.dtype(object)


def _scale(values: NDArray[Any], gathering: Gathering) -> Scale:
    """By the first rows: 0 to 255, or 0 to 1 if they hold fractions."""
    finite = values[np.isfinite(values)]
    fractions = finite.size and finite.max() <= 1 and (finite != np.rint(finite)).any()
    if not fractions:
        return Scale(0, 255)
    scale, said = scale_of(float(finite.min()), float(finite.max()))
    gathering.warnings += [said] if said else []
    return scale


def _bad(table: _Table, row: int, values: NDArray[Any], scale: Scale) -> Skipped:
    wrong = np.flatnonzero(~((values >= scale.low) & (values <= scale.high)))
    why = text(
        N_("Pixel {pixel} of the row is no number from {low} to {high}, or is missing."),
        pixel=int(wrong[0]),
        low=int(scale.low),
        high=int(scale.high),
    )
    name = row_name(table.name, row, table.rows)
    return Skipped(name=name, reason=Reason.DAMAGED, detail=why)


def _too_long(table: _Table, row: int, values: NDArray[Any], scale: Scale) -> Skipped:
    why = text(N_("The row has more than the {columns} columns expected."), columns=table.columns)
    name = row_name(table.name, row, table.rows)
    return Skipped(name=name, reason=Reason.DAMAGED, detail=why)


def _labels(values: Sequence[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Integers if all are, else texts; and which rows have one."""
    known = np.array([value == value and value is not None for value in values])
    there = [value for value, has in zip(values, known, strict=True) if has]
    whole = all(_is_whole(value) for value in there)
    if whole:
        return np.array([int(v) if k else -1 for v, k in zip(values, known, strict=True)]), known
    return np.array(
        [str(v).strip() if k else "" for v, k in zip(values, known, strict=True)]
    ), known


def _is_whole(value: Any) -> bool:
    """Whether a value is a number that int64 holds exactly; infinite ones are not."""
    return isinstance(value, int | float) and abs(value) < _HUGE and value == int(value)


def _warn_of_colour(tables: Sequence[_Table], gathering: Gathering) -> None:
    if tables[0].layout.shape[2] == 3:
        height, width, _channels = tables[0].layout.shape
        gathering.warnings.append(
            text(
                N_(
                    "“{file}”: {n} columns were taken as a colour picture of {height}×{width} "
                    "pixels, red, green and blue of each pixel side by side."
                ),
                file=tables[0].name,
                n=len(tables[0].pixels),
                height=height,
                width=width,
            )
        )


KAGGLE_CSV = Format(
    name="csv",
    title=N_("Tables of pixels"),
    explanation=N_(
        "CSV files with a label and a column for each pixel, as Kaggle's fashion-mnist_train.csv "
        "and fashion-mnist_test.csv; a test.csv without labels is kept as unlabelled."
    ),
    claims=claims,
    find=find,
)
