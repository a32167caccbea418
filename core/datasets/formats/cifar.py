"""CIFAR-10 and CIFAR-100 as their makers publish them for Python: pickled batches of rows.

A batch is a dictionary: ``data`` uint8 (n, 3072), each row the red, green and blue plane of a
32×32 picture; ``labels``, or ``fine_labels`` and ``coarse_labels``; ``filenames``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.datasets.containers.listing import Container, Listing, Other
from core.datasets.formats.base import Format, Found, Reading
from core.datasets.formats.parts import (
    TEST,
    TRAIN,
    Gathering,
    Part,
    Pictures,
    Progress,
    check_count,
    groups_of,
    leave,
    rows_per_block,
    several,
)
from core.datasets.formats.pickles import Call, Name, Stretch, read_pickle
from core.datasets.report import Reason
from core.datasets.vocabularies import VOCABULARIES, recognised
from core.errors import N_, DatasetError, Text, text

SIDE = 32
_ROW = 3 * SIDE * SIDE
_BATCH10 = re.compile(r"data_batch_\d+|test_batch")
_GENUINE10 = frozenset(f"data_batch_{i}" for i in range(1, 6)) | {"test_batch", "batches.meta"}
_GENUINE100 = frozenset({"train", "test", "meta"})
_Files = dict[str, Other]


class _Batch(NamedTuple):
    """One file: where its pixels lie in it, labels by their kind, names."""

    pixels: Stretch
    rows: int
    labels: dict[str, NDArray[np.int64]]
    names: list[str]


def claims(container: Container, listing: Listing) -> bool:
    return bool(_sets(listing))


def find(container: Container, listing: Listing, reading: Reading) -> Found:
    """The pictures of all batches, with fine or coarse labels, as the options say.

    Raises:
        DatasetError: if a batch is damaged or holds anything but pictures and labels.
    """
    sets = _sets(listing)
    if len(sets) > 1:
        raise several(["/".join(folders) or container.origin for folders in sets])
    files = next(iter(sets.values()))
    leave(listing, list(files.values()))
    listing.leave_pictures(Reason.NOT_USED)
    copies = container.copy([other.entry for other in files.values()], reading.scratch)
    paths = dict(zip(files, copies, strict=True))
    genuine = _GENUINE100 if "train" in files else _GENUINE10
    gathering = Gathering(warnings=_missing(genuine - files.keys()))
    batches = {
        name: _batch(path, files[name].entry.name)
        for name, path in paths.items()
        if _is_batch(name)
    }
    progress = Progress(reading, sum(batch.rows for batch in batches.values()))
    for name, batch in batches.items():
        pictures = Pictures(reading, files[name].entry.name, (SIDE, SIDE, 3), batch.rows)
        _copy(paths[name], batch, pictures, progress)
        labels = _labels(batch, reading.options.labels, files[name].entry.name)
        side = TEST if name.startswith("test") else TRAIN
        rows = gathering.rows(pictures)
        gathering.parts.append(Part(files[name].entry.name, side, rows, labels, batch.names))
    meta = next((name for name in ("batches.meta", "meta") if name in files), None)
    _name_classes(
        gathering,
        list(batches.values()),
        _names(paths[meta], files[meta].entry.name) if meta else {},
        reading.options.labels,
    )
    return gathering.found(listing)


def _sets(listing: Listing) -> dict[tuple[str, ...], _Files]:
    """Folder → its files, for every folder that holds a set."""
    folders: defaultdict[tuple[str, ...], _Files] = defaultdict(dict)
    for other in listing.others:
        if other.basename in _GENUINE10 | _GENUINE100 or _BATCH10.fullmatch(other.basename):
            folders[other.entry.folders][other.basename] = other
    return {
        folder: dict(sorted(files.items()))
        for folder, files in folders.items()
        if any(name.startswith("data_batch_") for name in files) or files.keys() >= _GENUINE100
    }


def _is_batch(name: str) -> bool:
    return name in ("train", "test") or _BATCH10.fullmatch(name) is not None


def _missing(names: set[str] | frozenset[str]) -> list[Text]:
    if not names:
        return []
    missing = ", ".join(sorted(names))
    return [text(N_("Files of the genuine dataset that are missing: {names}."), names=missing)]


def _batch(path: Path, name: str) -> _Batch:
    values = _dictionary(path, name)
    pixels, rows = _pixels(values.get("data"), name)
    labels: dict[str, NDArray[np.int64]] = {
        key: _numbers(values[key], key, name)
        for key in ("labels", "fine_labels", "coarse_labels")
        if key in values
    }
    for key, numbers in labels.items():
        check_count(name, f"{name} ({key})", rows, len(numbers))
    names = values.get("filenames")
    if not isinstance(names, list) or len(names) != rows:
        names = []
    return _Batch(pixels, rows, labels, [_text(each) for each in names])


def _dictionary(path: Path, name: str) -> dict[str, Any]:
    values = read_pickle(path, name)
    if not isinstance(values, dict):
        raise DatasetError(
            N_("“{file}” holds {received}. Expected: a dictionary with data and labels."),
            file=name,
            received=type(values).__name__,
        )
    return {_text(key): value for key, value in values.items()}


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    # Anything else is told by its kind: written out, nested tuples could fill the memory.
    return str(value) if isinstance(value, str | int) else type(value).__name__


def _pixels(data: Any, name: str) -> tuple[Stretch, int]:
    """Where the pixels of a pickled uint8 (n, 3072) lie, and n."""
    shape, kind, raw = _array(data)
    good = (
        isinstance(raw, Stretch)
        and kind in ("u1", "|u1", "uint8")
        and len(shape) == 2
        and all(isinstance(n, int) for n in shape)
        and shape[1] == _ROW
        and shape[0] * _ROW == raw.length
    )
    if not good:
        length = raw.length if isinstance(raw, Stretch) else 0
        raise DatasetError(
            N_(
                "“{file}”: its “data” are not the pixels of CIFAR. Expected: an array of uint8 "
                "(n, {row}); received: {kind} {shape} in {bytes} bytes."
            ),
            file=name,
            row=_ROW,
            kind=kind,
            shape="(" + ", ".join(_text(n)[:20] for n in shape[:5]) + ")",
            bytes=length,
        )
    return raw, shape[0]


def _array(data: Any) -> tuple[tuple[Any, ...], str, Any]:
    """Shape, kind and bytes of a pickled NumPy array, () and "" if it is none."""
    match data:
        case Call(
            Name(_, "_reconstruct"), _, (_, tuple(shape), Call(_, (kind, *_)), False, raw)
        ) | Call(Name(_, "_frombuffer"), (raw, Call(_, (kind, *_)), tuple(shape), "C"), _):
            return shape, _text(kind), raw
    return (), type(data).__name__, None


def _numbers(values: Any, key: str, name: str) -> NDArray[np.int64]:
    if not isinstance(values, list) or not all(type(v) is int and 0 <= v < 1000 for v in values):
        raise DatasetError(
            N_("“{file}”: “{key}” is not a list of class numbers."), file=name, key=key
        )
    return np.array(values, np.int64)


def _labels(batch: _Batch, level: str, name: str) -> NDArray[np.int64]:
    wanted = f"{level}_labels"
    found = batch.labels.get(wanted, batch.labels.get("labels"))
    if found is None:
        raise DatasetError(
            N_("“{file}” has no labels. Expected: {expected}; it has: {received}."),
            file=name,
            expected=f"labels, {wanted}",
            received=", ".join(batch.labels) or "–",
        )
    return found


def _copy(path: Path, batch: _Batch, pictures: Pictures, progress: Progress) -> None:
    with path.open("rb") as file:
        file.seek(batch.pixels.start)
        step = rows_per_block(_ROW)
        for start in range(0, batch.rows, step):
            count = min(step, batch.rows - start)
            planes = np.frombuffer(file.read(count * _ROW), np.uint8)
            pictures.add(planes.reshape(count, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
            progress.add(count)


def _names(path: Path, name: str) -> dict[str, list[str]]:
    """What the file of class names says, by its own keys."""
    values = _dictionary(path, name)
    return {
        key: [_text(each) for each in names]
        for key, names in values.items()
        if key.endswith("label_names") and isinstance(names, list)
    }


def _name_classes(
    gathering: Gathering, batches: list[_Batch], names: dict[str, list[str]], level: str
) -> None:
    """The class names that come with the batches; those we know are the known ones."""
    has_levels = all(set(b.labels) >= {"fine_labels", "coarse_labels"} for b in batches)
    if not has_levels:
        _name(gathering, "cifar10", names.get("label_names"))
        return
    if level == "coarse":
        gathering.coarse = True
        _name(gathering, "cifar100-coarse", names.get("coarse_label_names"))
        return
    _name(gathering, "cifar100", names.get("fine_label_names"))
    coarse = names.get("coarse_label_names") or list(VOCABULARIES["cifar100-coarse"])
    if recognised("cifar100-coarse", coarse):
        coarse = list(VOCABULARIES["cifar100-coarse"])
    both = [
        np.concatenate([batch.labels[key] for batch in batches])
        for key in ("fine_labels", "coarse_labels")
    ]
    if both[1].max(initial=0) < len(coarse):
        gathering.groups = groups_of(both[0], both[1], coarse, len(gathering.class_names))


def _name(gathering: Gathering, vocabulary: str, names: list[str] | None) -> None:
    if names is None or recognised(vocabulary, names):
        gathering.speaks(vocabulary)
    else:
        gathering.class_names = names


CIFAR = Format(
    name="cifar",
    title=N_("CIFAR batches"),
    explanation=N_(
        "CIFAR-10 or CIFAR-100 in the version for Python: data_batch_1 to 5, test_batch and "
        "batches.meta, or train, test and meta. Nothing in them is executed."
    ),
    claims=claims,
    find=find,
)
