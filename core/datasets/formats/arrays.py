"""NumPy's own files: .npz (Keras' ``mnist.npz``, MedMNIST, whatever a notebook has saved), .npy."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.datasets.containers.listing import Container, Listing
from core.datasets.dataset import STORED_SPLITS
from core.datasets.formats.base import NOT_TOLD, Format, Found, Reading
from core.datasets.formats.members import Member, members_of
from core.datasets.formats.parts import (
    TEST,
    TRAIN,
    VAL,
    Gathering,
    Part,
    Pictures,
    Progress,
    check_count,
    check_size,
    leave,
    row_name,
)
from core.datasets.formats.pixels import (
    Layout,
    Scale,
    flat_warning,
    layout_of,
    scale_of,
    to_pictures,
)
from core.datasets.report import Reason, Skipped, shortened
from core.errors import N_, DatasetError, text

_ENDS = (".npz", ".npy")
_SPLIT = re.compile(r"train(?:ing)?|valid(?:ation)?|val(?=$|\d|[^a-z])|test(?:ing)?")
_SIDES = {"tr": TRAIN, "va": VAL, "te": TEST}
_WORDS: Mapping[str, Sequence[str]] = {
    "images": (
        *("x", "image", "images", "img", "imgs", "picture", "pictures", "data", "pixels"),
        *("input", "inputs", "feature", "features", "samples"),
    ),
    "labels": ("y", "label", "labels", "target", "targets", "class", "output", "outputs", "lab"),
    "names": ("classes", "classnames", "labelnames", "names", "targetnames", "categories"),
}
_ROLES = {word: role for role, words in _WORDS.items() for word in words}


@dataclass
class _Side:
    """What was found for one split."""

    images: list[Member] = field(default_factory=list)
    labels: list[Member] = field(default_factory=list)


class _Source(NamedTuple):
    """The pictures of one split and how they are read; the labels, if there are any."""

    side: int
    images: Member
    layout: Layout
    labels: Member | None


def claims(container: Container, listing: Listing) -> bool:
    return not listing.entries and any(o.basename.endswith(_ENDS) for o in listing.others)


def find(container: Container, listing: Listing, reading: Reading) -> Found:
    """The pictures of all arrays, each with its label.

    Raises:
        DatasetError: if arrays are missing, damaged, do not belong together, or hold objects.
    """
    files = [other for other in listing.others if other.basename.endswith(_ENDS)]
    leave(listing, files)
    copies = container.copy([other.entry for other in files], reading.scratch)
    members = [
        member
        for other, path in zip(files, copies, strict=True)
        for member in members_of(path, other.entry.name)
    ]
    sides, names, unused = _roles(members)
    for member in unused:
        listing.skip(member.name, Reason.NOT_USED)
    sources = _sources(sides, members)
    gathering = Gathering(class_names=_class_names(names))
    _read(sources, reading, gathering)
    called = [container.origin, *(other.entry.name for other in files)]
    if not gathering.class_names:
        gathering.speaks_as_called(sources[0].layout.stored, called)
    return gathering.found(listing)


def _roles(members: Sequence[Member]) -> tuple[dict[int, _Side], list[Member], list[Member]]:
    """Split → its arrays; the arrays of class names; those of no use."""
    sides: defaultdict[int, _Side] = defaultdict(_Side)
    names: list[Member] = []
    unused: list[Member] = []
    for member in members:
        role, side = _role(member)
        if role == "images":
            sides[side].images.append(member)
        elif role == "labels":
            sides[side].labels.append(member)
        else:
            (names if role == "names" else unused).append(member)
    return dict(sorted(sides.items())), names, unused


def _role(member: Member) -> tuple[str, int]:
    """What an array is for, by its name, else by that of its file, else by its shape."""
    stem = member.file.rpartition("/")[2].casefold().removesuffix(".npy").removesuffix(".npz")
    key = member.key.rpartition("/")[2].casefold().removesuffix(".npy")
    role, side = "", NOT_TOLD
    for name in (key, stem):
        rest, told = _without_split(name)
        side = told if side == NOT_TOLD else side
        words = [rest.replace("_", ""), *reversed(re.split(r"[^a-z]+", rest))]
        role = role or next((_ROLES[word] for word in words if word in _ROLES), "")
    if role == "names" and member.kind not in "US":
        role = "labels"
    return role or _role_by_shape(member), side


def _without_split(name: str) -> tuple[str, int]:
    """The name without the word for a split in it, and which split that is."""
    match = _SPLIT.search(name)
    if match is None:
        return name, NOT_TOLD
    rest = name[: match.start()] + "_" + name[match.end() :]
    return rest.strip("_-. "), _SIDES[match[0][:2]]


def _role_by_shape(member: Member) -> str:
    sides = len(member.shape)
    if sides >= 3:
        return "images"
    plain = member.kind in "biuUS"
    return "labels" if plain and (sides == 1 or (sides == 2 and member.shape[1] == 1)) else ""


def _sources(sides: Mapping[int, _Side], members: Sequence[Member]) -> list[_Source]:
    sources = []
    for side, arrays in sides.items():
        for found in (arrays.images, arrays.labels):
            if len(found) > 1:
                raise _unclear(side, found)
        if arrays.images:
            images = arrays.images[0]
            labels = arrays.labels[0] if arrays.labels else None
            _check_objects(images, labels)
            layout = layout_of(images.name, images.shape)
            if images.kind not in "biuf":
                raise DatasetError(
                    N_("“{file}” holds {kind}. Expected: whole numbers or floats as pixels."),
                    file=images.name,
                    kind=str(images.dtype),
                )
            check_size(images.name, images.shape[0], layout.stored)
            if labels is not None:
                labels_count = labels.shape[0] if labels.shape else 0
                check_count(images.name, labels.name, images.shape[0], labels_count)
            sources.append(_Source(side, images, layout, labels))
        elif arrays.labels and side != NOT_TOLD:
            raise _no_pictures(members, arrays.labels[0].name)
    if not sources:
        raise _no_pictures(members, "")
    return sources


def _check_objects(*members: Member | None) -> None:
    for member in members:
        if member is not None:
            member.check()


def _unclear(side: int, found: Sequence[Member]) -> DatasetError:
    return DatasetError(
        N_(
            "Several arrays could be the same part of the dataset ({part}): {names}. Expected: one "
            "array of pictures and one of labels for each of train, val and test."
        ),
        part=STORED_SPLITS[side] if side >= 0 else "–",
        names=shortened(member.name for member in found),
    )


def _no_pictures(members: Sequence[Member], labels: str) -> DatasetError:
    expected = text(
        N_(
            "Expected: arrays called x_train, y_train, x_test and y_test, or images and labels, "
            "or X and y."
        )
    )
    if labels:
        return DatasetError(
            N_("“{file}” are labels whose pictures are missing."), file=labels, remedy=expected
        )
    received = ", ".join(f"{m.name} {m.dtype} {m.shape}" for m in members[:10]) or "–"
    return DatasetError(
        N_("None of the arrays holds pictures; received: {received}."),
        received=received,
        remedy=expected,
    )


def _class_names(members: Sequence[Member]) -> list[str]:
    if not members:
        return []
    return [_decoded(value) for value in members[0].whole().ravel().tolist()]


def _decoded(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _read(sources: Sequence[_Source], reading: Reading, gathering: Gathering) -> None:
    plain = all(source.images.dtype == np.uint8 for source in sources)
    passes = 1 if plain else 2
    progress = Progress(reading, passes * sum(source.images.shape[0] for source in sources))
    scale = Scale(0, 255) if plain else _scale(sources, reading, gathering, progress)
    for source in sources:
        if source.layout.flat:
            gathering.warnings.append(flat_warning(source.images.name, source.layout))
        labels = None if source.labels is None else _labels(source.labels)
        good = _copy(source, scale, reading, gathering, progress)
        images = source.images
        rows = np.flatnonzero(good)
        names = [row_name(images.name, row, len(good)) for row in rows.tolist()]
        part = gathering.parts[-1]
        gathering.parts[-1] = Part(
            images.name, source.side, part.where, None if labels is None else labels[rows], names
        )


def _scale(
    sources: Sequence[_Source], reading: Reading, gathering: Gathering, progress: Progress
) -> Scale:
    """One for all parts: their ranges are found by reading everything once."""
    ranges = [_range(source, reading, progress) for source in sources]
    low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    for source, (_low, brightest) in zip(sources, ranges, strict=True):
        if source.images.kind == "f" and 0 < brightest <= 1 < high:
            raise DatasetError(
                N_(
                    "The pixels of “{file}” go up to {own}, those of another part to {high}: with "
                    "one scale for both, the former would be black. Expected: the same range."
                ),
                file=source.images.name,
                own=round(brightest, 4),
                high=round(high, 4),
            )
    if low > high:
        raise DatasetError(
            N_("“{file}” holds no number that is a brightness (all are NaN or infinite)."),
            file=sources[0].images.name,
        )
    scale, said = scale_of(low, high)
    gathering.warnings += [said] if said else []
    return scale


def _range(source: _Source, reading: Reading, progress: Progress) -> tuple[float, float]:
    """The smallest and the largest number of a part, infinite ones left out."""
    low, high = np.inf, -np.inf
    for block in source.images.blocks(reading.scratch):
        finite = block[np.isfinite(block)] if block.dtype.kind == "f" else block
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        progress.add(len(block))
    return low, high


def _copy(
    source: _Source, scale: Scale, reading: Reading, gathering: Gathering, progress: Progress
) -> NDArray[np.bool_]:
    """Write the pictures; returns which rows are some. Rows with NaN are reported as damaged."""
    member, layout = source.images, source.layout
    pictures = Pictures(reading, member.name, layout.stored, member.shape[0])
    good = []
    for block in member.blocks(reading.scratch):
        fine = np.ones(len(block), np.bool_)
        if block.dtype.kind == "f":
            fine = np.isfinite(block.reshape(len(block), -1)).all(axis=1)
        pictures.add(to_pictures(block[fine], layout, scale, reading.options.background))
        good.append(fine)
        progress.add(len(block))
    gathering.parts.append(Part(member.name, source.side, gathering.rows(pictures), None))
    kept = np.concatenate(good)
    why = text(N_("Pixels of it are no numbers (NaN or infinite)."))
    gathering.skipped += [
        Skipped(name=row_name(member.name, row, len(kept)), reason=Reason.DAMAGED, detail=why)
        for row in np.flatnonzero(~kept).tolist()
    ]
    return kept


def _labels(member: Member) -> NDArray[Any]:
    """Integers or texts (n,), also from a column, from one-hot rows and from whole floats."""
    values = member.whole()
    if values.ndim == 2 and values.shape[1] > 1:
        values = _from_one_hot(values, member)
    values = values.reshape(len(values), -1)
    if values.shape[1] != 1:
        raise _bad_labels(member, str(member.shape))
    column = values[:, 0]
    if column.dtype.kind == "f" and np.isfinite(column).all() and (column == np.rint(column)).all():
        column = column.astype(np.int64)
    if column.dtype.kind == "b":
        column = column.astype(np.int64)
    if column.dtype.kind == "S":
        column = np.array([_decoded(value) for value in column.tolist()])
    if column.dtype.kind not in "iuU":
        raise _bad_labels(member, str(member.dtype))
    return column


def _from_one_hot(values: NDArray[Any], member: Member) -> NDArray[Any]:
    ones = values == 1
    if values.dtype.kind not in "biuf" or not ((values == 0) | ones).all():
        raise _bad_labels(member, f"{member.dtype} {member.shape}")
    several = np.flatnonzero(ones.sum(axis=1) != 1)
    if len(several):
        raise DatasetError(
            N_(
                "“{file}”: row {row} has {n} labels. Expected: exactly one class for each "
                "picture; pictures of several classes at once cannot be learned here."
            ),
            file=member.name,
            row=int(several[0]),
            n=int(ones[several[0]].sum()),
        )
    classes: NDArray[Any] = ones.argmax(axis=1)
    return classes


def _bad_labels(member: Member, received: str) -> DatasetError:
    return DatasetError(
        N_(
            "“{file}” cannot be labels; received: {received}. Expected: (n,) or (n, 1) whole "
            "numbers or texts, or (n, classes) one-hot."
        ),
        file=member.name,
        received=received,
    )


ARRAYS = Format(
    name="arrays",
    title=N_("NumPy arrays"),
    explanation=N_(
        "An .npz with x_train, y_train, x_test and y_test (or images and labels, or X and y), or "
        ".npy files of these names. Pictures (n, h, w), (n, h, w, c) or (n, c, h, w), grey or "
        "colour; labels as numbers, texts or one-hot."
    ),
    claims=claims,
    find=find,
)
