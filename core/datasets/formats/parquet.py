"""Parquet files as Hugging Face shares datasets: encoded pictures and labels in columns."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.datasets import limits
from core.datasets.containers.listing import Container, Listing, Other
from core.datasets.formats.base import NOT_TOLD, Format, Found, Reading
from core.datasets.formats.parts import (
    TEST,
    TRAIN,
    VAL,
    Gathering,
    Part,
    Progress,
    groups_of,
    leave,
    row_name,
)
from core.datasets.names import natural
from core.datasets.reading import BytesReader, Reader, Where
from core.datasets.report import Reason, Skipped
from core.datasets.vocabularies import VOCABULARIES, recognised
from core.errors import N_, DatasetError, Text, text

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_IMAGES = ("image", "img", "picture", "images", "pixel_values", "jpg", "png")
_LABELS = ("label", "labels", "class", "target", "y", "digit", "character", "category")
_SIDES = (("train", TRAIN), ("valid", VAL), ("val", VAL), ("dev", VAL), ("test", TEST))
_SIDE = re.compile(r"(?:^|[^a-z])(train|validation|valid|val|dev|test)(?:$|[^a-z])")
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})(.*)\.parquet")
# Rows read at a time: pictures of 1 MB would be 64 MB.
_ROWS = 64
_HUGE = 2**63


class Bytes(NamedTuple):
    """Where the bytes of a picture lie in the file of all pictures."""

    start: int
    length: int


@dataclass(frozen=True)
class BlobFile:
    """Makes readers of one file in which encoded pictures lie one after the other."""

    path: Path

    def __call__(self) -> Reader:
        return _BlobReader(self.path)


class _BlobReader(BytesReader):
    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def read(self, where: Where, most: int | None = None) -> bytes:
        self._file.seek(where.start)
        return self._file.read(where.length if most is None else min(most, where.length))

    def close(self) -> None:
        self._file.close()


class _Columns(NamedTuple):
    """Which columns matter, and the class names that the file gives them."""

    image: str
    label: str | None
    coarse: str | None
    names: dict[str, list[str]]


@dataclass
class _Rows:
    """What was read of one file."""

    where: list[Bytes] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    coarse: list[Any] = field(default_factory=list)


def claims(container: Container, listing: Listing) -> bool:
    names = [o.basename for o in listing.others if o.basename.endswith(".parquet")]
    return bool(names) and (not listing.entries or any(map(_SHARD.fullmatch, names)))


def find(container: Container, listing: Listing, reading: Reading) -> Found:
    """The pictures of all files.

    The pictures are copied, still encoded, into one file: a row group may be as large as the
    whole dataset, and every process that decodes would have to hold one.

    Raises:
        DatasetError: if a file is damaged or has no column of pictures.
    """
    files = [other for other in listing.others if other.basename.endswith(".parquet")]
    files.sort(key=lambda other: natural(other.entry.name))
    leave(listing, files)
    listing.leave_pictures(Reason.NOT_USED)
    copies = container.copy([other.entry for other in files], reading.scratch)
    opened = [_open(path, o.entry.name) for path, o in zip(copies, files, strict=True)]
    gathering = Gathering(warnings=_missing_shards(files))
    progress = Progress(reading, sum(file.metadata.num_rows for file in opened))
    blob = reading.scratch / "pictures.bin"
    read = []
    columns: list[_Columns] = []
    with blob.open("wb") as out:
        for file, other in zip(opened, files, strict=True):
            columns.append(_columns(file, other.entry.name))
            read.append(_copy(file, other.entry.name, columns[-1], out, (gathering, progress)))
            file.close()
    coarse = reading.options.labels == "coarse" and columns[0].coarse is not None
    gathering.coarse = coarse
    _name_classes(columns[0], read, coarse, gathering)
    for rows, other, own in zip(read, files, columns, strict=True):
        name = own.coarse if coarse else own.label
        labels, known = _labels(rows.coarse if coarse else rows.labels, other.entry.name, gathering)
        gathering.parts.append(
            Part(
                other.entry.name,
                _side(other.entry.name),
                rows.where,
                labels if name and known.any() else None,
                rows.names,
                known,
            )
        )
    return gathering.found(listing, BlobFile(blob))


def _open(path: Path, name: str) -> pq.ParquetFile:
    # Here, because pyarrow takes a while to load and few imports need it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Read through a small buffer: a column of a row group is not loaded as a whole.
        file = pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(name, error) from error
    if file.metadata.num_rows > limits.MAX_ENTRIES:
        raise DatasetError(
            N_("“{file}” has {rows} rows; at most {most} are read."),
            file=name,
            rows=file.metadata.num_rows,
            most=limits.MAX_ENTRIES,
        )
    return file


def _damaged(name: str, error: Exception) -> DatasetError:
    return DatasetError(
        N_("“{file}” is damaged, cut off or no parquet file ({error})."),
        file=name,
        error=str(error).strip().splitlines()[0][:200] if str(error).strip() else "–",
    )


def _columns(file: pq.ParquetFile, name: str) -> _Columns:
    schema = file.schema_arrow
    images = [column.name for column in schema if _is_image(column.type)]
    image = next((wanted for wanted in _IMAGES if wanted in images), images[0] if images else None)
    if image is None:
        raise DatasetError(
            N_(
                "“{file}” has no column of pictures. Expected: a column “image” with encoded "
                "bytes (PNG, JPEG…); its columns are: {received}."
            ),
            file=name,
            received=", ".join(f"{column.name} ({column.type})" for column in schema)[:500],
        )
    others = [column.name for column in schema if column.name != image]
    fine = next((n for n in others if n in ("fine_label", "fine_labels")), None)
    coarse = next((n for n in others if n in ("coarse_label", "coarse_labels")), None)
    lower = {n.casefold(): n for n in reversed(others)}
    label = fine or next((lower[n] for n in _LABELS if n in lower), None)
    if label is not None and _is_list(schema.field(label).type):
        raise DatasetError(
            N_(
                "“{file}”: the column “{column}” has several labels for each picture. "
                "Expected: one class for each picture."
            ),
            file=name,
            column=label,
        )
    return _Columns(image, label, coarse, _class_names(schema))


def _is_image(kind: pa.DataType) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        fields = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
        return "bytes" in fields and _is_binary(fields["bytes"])
    return _is_binary(kind)


def _is_binary(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _is_list(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Column → class names, as Hugging Face notes them in the schema."""
    try:
        noted = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = noted["info"]["features"]
        return {
            column: [str(name) for name in kind["names"]]
            for column, kind in features.items()
            if isinstance(kind, dict) and isinstance(kind.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # written by others than Hugging Face: the labels are their own names


def _copy(
    file: pq.ParquetFile,
    name: str,
    columns: _Columns,
    out: BinaryIO,
    told: tuple[Gathering, Progress],
) -> _Rows:
    """Append the pictures of one file to ``out``."""
    gathering, progress = told
    rows = _Rows()
    number = 0
    for size, batch in _batches(file, name, columns):
        limits.check_disk(Path(out.name).parent, size)
        limits.check_archive(1, out.tell(), out.tell())
        for value in batch:
            called = row_name(name, number, file.metadata.num_rows)
            number += 1
            data, path = _picture(value[columns.image])
            if data is None:
                why = text(N_("The row holds no picture, or only the name of its file."))
                gathering.skipped.append(Skipped(name=called, reason=Reason.EMPTY_FILE, detail=why))
                continue
            if len(data) > limits.MAX_FILE_BYTES:
                gathering.skipped.append(Skipped(name=called, reason=Reason.TOO_LARGE))
                continue
            rows.where.append(Bytes(out.tell(), len(data)))
            out.write(data)
            rows.names.append(path or called)
            rows.labels.append(value.get(columns.label) if columns.label else None)
            rows.coarse.append(value.get(columns.coarse) if columns.coarse else None)
        progress.add(len(batch))
    return rows


def _batches(
    file: pq.ParquetFile, name: str, columns: _Columns
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Some rows at a time, and their bytes."""
    import pyarrow as pa

    wanted = [c for c in (columns.image, columns.label, columns.coarse) if c]
    try:
        for batch in file.iter_batches(batch_size=_ROWS, columns=wanted, use_threads=False):
            yield batch.nbytes, batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise _damaged(name, error) from error


def _picture(value: Any) -> tuple[bytes | None, str | None]:
    """The bytes of a picture and the name of its file, as far as they are there."""
    if isinstance(value, dict):
        path = value.get("path")
        return value["bytes"], path if isinstance(path, str) else None
    return value, None


def _labels(
    values: Sequence[Any], name: str, gathering: Gathering
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Integers or texts; -1 stands for no label where the numbers are those of named classes."""
    values = [_label(value) for value in values]
    numbers = all(value is None or isinstance(value, int) for value in values)
    hidden = -1 if gathering.class_names and numbers else None
    known = np.array([value is not None and value != hidden for value in values], np.bool_)
    if numbers:
        array = np.array([-1 if value is None else int(value) for value in values], np.int64)
    else:
        array = np.array(["" if value is None else str(value) for value in values])
    missing = int((~known).sum())
    if missing and known.any():
        gathering.warnings.append(
            text(
                N_("“{file}”: rows without a label are kept as unlabelled: {n}."),
                file=name,
                n=missing,
            )
        )
    return array, known


def _label(value: Any) -> Any:
    """As it is meant: a column with gaps holds its whole numbers as floats, and NaN in the gaps."""
    if isinstance(value, float):
        value = None if math.isnan(value) else int(value) if value.is_integer() else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value) if isinstance(value, int) and abs(value) >= _HUGE else value


def _name_classes(
    columns: _Columns, read: Sequence[_Rows], coarse: bool, gathering: Gathering
) -> None:
    column = columns.coarse if coarse else columns.label
    gathering.class_names = columns.names.get(column or "", [])
    known = ("cifar100-coarse",) if coarse else ("cifar10", "cifar100", "fashion_mnist", "mnist")
    for vocabulary in known:
        if recognised(vocabulary, gathering.class_names):
            gathering.speaks(vocabulary)
    if coarse or columns.coarse is None or not gathering.class_names:
        return
    groups = columns.names.get(columns.coarse, [])
    if recognised("cifar100-coarse", groups):
        groups = list(VOCABULARIES["cifar100-coarse"])
    pairs = [
        (fine, group)
        for rows in read
        for fine, group in zip(rows.labels, rows.coarse, strict=True)
        if isinstance(fine, int) and isinstance(group, int) and 0 <= group < len(groups)
    ]
    if pairs:
        fine, group = np.array(pairs).T
        gathering.groups = groups_of(fine, group, groups, len(gathering.class_names))


def _side(name: str) -> int:
    """By the file's own name, else by the folders it lies in."""
    for part in reversed(name.casefold().split("/")):
        if match := _SIDE.search(part):
            return next(side for word, side in _SIDES if match[1].startswith(word))
    return NOT_TOLD


def _missing_shards(files: Sequence[Other]) -> list[Text]:
    shards: dict[tuple[str, ...], set[int]] = {}
    for other in files:
        if match := _SHARD.fullmatch(other.entry.name):
            shards.setdefault((match[1], match[3], match[4]), set()).add(int(match[2]))
    missing = [
        f"{before}-{number:05d}-of-{count}{after}.parquet"
        for (before, count, after), there in sorted(shards.items())
        for number in range(min(int(count), 10_000))
        if number not in there
    ]
    if not missing:
        return []
    return [
        text(
            N_("Files of the dataset that are missing: {names} ({n})."),
            n=len(missing),
            names=", ".join(missing[:5]) + ("…" if missing[5:] else ""),
        )
    ]


PARQUET = Format(
    name="parquet",
    title=N_("Parquet files"),
    explanation=N_(
        "Parquet files with a column of encoded pictures and one of labels, as Hugging Face "
        "shares datasets: train-00000-of-00001.parquet, test-…, validation-…"
    ),
    claims=claims,
    find=find,
)
