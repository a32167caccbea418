"""Class folders, flat or below train/val/test, under any number of wrapping folders."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.datasets.containers.listing import Container, Entry, Listing
from core.datasets.dataset import SPLITS
from core.datasets.decoding import EXTENSIONS
from core.datasets.formats.base import NOT_TOLD, Format, Found, Reading, found_in
from core.datasets.names import natural
from core.datasets.report import Reason, shortened
from core.errors import N_, DatasetError, Text, text

SPLIT_FOLDERS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training", "entrenamiento"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validacion", "validación"), "val"),
    **dict.fromkeys(("test", "testing", "prueba", "pruebas"), "test"),
}

Folders = tuple[str, ...]


@dataclass
class _Node:
    """A folder with pictures somewhere below it (``full``) or without."""

    folders: dict[str, _Node] = field(default_factory=dict)
    own: int = 0
    below: int = 0

    @property
    def full(self) -> dict[str, _Node]:
        return {name: node for name, node in self.folders.items() if node.below}

    @property
    def empty(self) -> list[str]:
        return sorted(name for name, node in self.folders.items() if not node.below)


def find(container: Container, listing: Listing, reading: Reading) -> Found:
    """Classes and splits among the folders; pictures in neither are skipped.

    Raises:
        DatasetError: if there are fewer than two classes.
    """
    listing.leave()
    root = _tree(listing)
    top, node = _unwrap(root)
    given = _splits_of(node)
    placed = _place(listing, top, given)
    class_names = sorted({name for _, _, name in placed}, key=natural)
    if len(class_names) < 2:
        raise _too_few(listing, class_names)
    # By name, so that the order in which an archive was packed changes nothing.
    placed.sort(key=lambda p: p[0].name)
    index = {name: i for i, name in enumerate(class_names)}
    return found_in(
        container,
        listing,
        Found(
            entries=[entry for entry, _, _ in placed],
            class_names=class_names,
            labels=np.array([index[name] for _, _, name in placed], np.int32),
            given=np.array([part for _, part, _ in placed], np.int8),
            reader=container.reader,
            warnings=_empty_folders(node, given),
        ),
    )


def _tree(listing: Listing) -> _Node:
    root = _Node()
    for folders in listing.folders:
        node = root
        for name in folders:
            node = node.folders.setdefault(name, _Node())
    for entry in listing.entries:
        node = root
        node.below += 1
        for name in entry.folders:
            node = node.folders[name]
            node.below += 1
        node.own += 1
    return root


def _unwrap(node: _Node) -> tuple[Folders, _Node]:
    """Step into folders that only wrap others: a single one, with folders of pictures in it."""
    top: Folders = ()
    while len(node.full) == 1:
        name, child = next(iter(node.full.items()))
        if _split_of(name) or not child.full:
            break
        top, node = (*top, name), child
    return top, node


def _split_of(folder: str) -> str | None:
    return SPLIT_FOLDERS.get(unicodedata.normalize("NFC", folder).casefold())


def _splits_of(node: _Node) -> dict[str, str]:
    """Folder → split, if this folder is divided into splits.

    A folder called "test" among class folders, with pictures right in it, is a class.
    """
    named = {name: split for name in node.full if (split := _split_of(name))}
    if any(node.full[name].full for name in named) or len(named) == len(node.full):
        return named
    return {}


def _place(
    listing: Listing, top: Folders, given: Mapping[str, str]
) -> list[tuple[Entry, int, str]]:
    """(entry, split or -1, class) of every picture in a class folder; the others are skipped."""
    placed = []
    for entry in listing.entries:
        inside = entry.folders[len(top) :] if entry.folders[: len(top)] == top else ()
        part = NOT_TOLD
        if given:
            split = given.get(inside[0]) if inside else None
            part = SPLITS.index(split) if split else NOT_TOLD
            inside = inside[1:] if split else ()
        if inside:
            placed.append((entry, part, inside[0]))
        else:
            listing.skip(entry.name, Reason.NO_CLASS)
    return placed


def _empty_folders(node: _Node, given: Mapping[str, str]) -> list[Text]:
    """Class folders without a single picture; the others say enough in the class counts."""
    levels = [node.folders[name] for name in given] or [node]
    names = {name for level in levels for name in level.empty}
    names -= {name for level in levels for name in level.full}
    if given:
        names |= {name for name in node.empty if _split_of(name)}
    if not names:
        return []
    return [
        text(
            N_("Folders without pictures, which are not classes of the dataset: {names} ({n})."),
            n=len(names),
            names=shortened(names),
        )
    ]


def _too_few(listing: Listing, class_names: Sequence[str]) -> DatasetError:
    expected = text(
        N_(
            "Expected: one folder of pictures for each class, such as cats/1.jpg and dogs/1.jpg, "
            "alone or inside train, val and test folders."
        )
    )
    if class_names:
        return DatasetError(
            N_("There is only one class, “{name}”; at least two are needed."),
            name=class_names[0],
            remedy=expected,
        )
    if listing.entries:
        return DatasetError(
            N_("No picture is in a class folder ({n} found, the first is “{name}”)."),
            n=len(listing.entries),
            name=listing.entries[0].name,
            remedy=expected,
        )
    if any(s.reason == Reason.ENCRYPTED for s in listing.skipped):
        return DatasetError(
            N_("The archive is encrypted. Pack the pictures again without a password."),
            remedy=expected,
        )
    return DatasetError(
        N_("There are no pictures among the {n} files. Pictures end in {extensions}."),
        n=len(listing.skipped),
        extensions=", ".join(EXTENSIONS),
        remedy=expected,
    )


FOLDERS = Format(
    name="folders",
    title=N_("Class folders"),
    explanation=N_("One folder of pictures per class, alone or below train, val and test."),
    claims=lambda container, listing: True,
    find=find,
)
