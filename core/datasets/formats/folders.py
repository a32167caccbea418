"""Class folders, flat or below train/val/test, under any number of wrapping folders."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.datasets.containers.entries import taken
from core.datasets.containers.listing import Container, Listing
from core.datasets.dataset import SPLITS
from core.datasets.decoding import EXTENSIONS
from core.datasets.formats.base import NOT_TOLD, Format, Found, Reading, found_in
from core.datasets.formats.split_names import is_filler, split_of, splits_among
from core.datasets.formats.tables import note_submissions
from core.datasets.names import natural
from core.datasets.report import Reason, shortened
from core.errors import N_, DatasetError, Text, text

Folders = tuple[str, ...]
_TEST = SPLITS.index("test")


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


@dataclass
class Layout:
    """How the folders are to be understood; nothing of the listing is changed by finding out.

    Pictures are told by their number in the listing. Three columns of the same length say of each
    that has a place its split (an index into SPLITS, or NOT_TOLD) and class; "" if it has none.
    """

    numbers: array[int] = field(default_factory=lambda: array("q"))
    parts: array[int] = field(default_factory=lambda: array("b"))
    labels: list[str] = field(default_factory=list)
    strays: array[int] = field(default_factory=lambda: array("q"))
    """Pictures in no class folder."""
    warnings: list[Text] = field(default_factory=list)

    def place(self, number: int, part: int, label: str) -> None:
        self.numbers.append(number)
        self.parts.append(part)
        self.labels.append(label)

    @property
    def class_names(self) -> list[str]:
        return sorted(set(self.labels) - {""}, key=natural)


def find(container: Container, listing: Listing, reading: Reading) -> Found:
    """Classes and splits among the folders; pictures in neither are skipped.

    Raises:
        DatasetError: if there are fewer than two classes.
    """
    note_submissions(listing)
    listing.leave()
    layout = layout_of(listing)
    for number in layout.strays:
        listing.skip(listing.entries[number].name, Reason.NO_CLASS)
    class_names = layout.class_names
    if len(class_names) < 2:
        raise _too_few(listing, class_names)
    # By name, so that the order in which an archive was packed changes nothing.
    names = [listing.entries[number].name for number in layout.numbers]
    order = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
    index = {"": -1, **{name: i for i, name in enumerate(class_names)}}
    labels = np.fromiter((index[label] for label in layout.labels), np.int32, len(names))
    return found_in(
        container,
        listing,
        Found(
            entries=taken(listing.entries, np.array(layout.numbers)[order]),
            class_names=class_names,
            labels=labels[order],
            given=np.array(layout.parts)[order],
            reader=container.reader,
            warnings=layout.warnings,
        ),
    )


def layout_of(listing: Listing) -> Layout:
    """The first of: splits with classes in them, classes with splits in them, classes."""
    top, node = _unwrap(_tree(listing))
    given = _splits_of(node)
    if given:
        roots = [_root(node, (*top, name), split) for name, split in given.items()]
        return _below_splits(listing, node, _stepped_in(roots))
    inner = {name: splits_among(child.full) for name, child in node.full.items()}
    if inner and all(inner[n] and len(inner[n]) == len(c.full) for n, c in node.full.items()):
        return _below_classes(listing, top, inner)
    return _classes(listing, top, node)


@dataclass(frozen=True)
class _Root:
    """A folder whose folders are classes, and the split that it is."""

    folders: Folders
    node: _Node
    split: str


def _root(node: _Node, folders: Folders, split: str) -> _Root:
    """The folder of a split, or one inside it that only wraps: ``seg_train/seg_train``."""
    node = node.folders[folders[-1]]
    while not node.own and len(node.full) == 1:
        name, child = next(iter(node.full.items()))
        if not is_filler(name) or not child.full:
            break
        folders, node = (*folders, name), child
    return _Root(folders, node, split)


def _stepped_in(roots: Sequence[_Root]) -> list[_Root]:
    """One step further where all splits have the same single folder, full of folders."""
    singles = [next(iter(root.node.full.items())) for root in roots if len(root.node.full) == 1]
    names = {name for name, _ in singles}
    if len(singles) < len(roots) or len(names) > 1 or not all(c.full for _, c in singles):
        return list(roots)
    name = names.pop()
    return [_Root((*r.folders, name), r.node.folders[name], r.split) for r in roots]


def _below_splits(listing: Listing, node: _Node, roots: Sequence[_Root]) -> Layout:
    """``train/cat/1.jpg``; a test folder without classes holds pictures without labels."""
    known = {name.casefold() for root in roots if root.split != "test" for name in root.node.full}
    blind = {root.folders: 0 for root in roots if _is_blind(root, known)}
    layout = Layout()
    for number, entry in enumerate(listing.entries):
        root = next((r for r in roots if entry.folders[: len(r.folders)] == r.folders), None)
        inside = entry.folders[len(root.folders) :] if root else ()
        if root and root.folders in blind:
            blind[root.folders] += 1
            layout.place(number, _TEST, "")
        elif root and inside:
            layout.place(number, SPLITS.index(root.split), inside[0])
        else:
            layout.strays.append(number)
    empty = [name for name in node.empty if split_of(name)]
    layout.warnings += _empty_folders([root.node for root in roots], empty)
    layout.warnings += [_kept(folders, n) for folders, n in blind.items() if n]
    return layout


def _is_blind(root: _Root, known: set[str]) -> bool:
    """Whether nothing in a test folder names a class that could be learned."""
    folders = root.node.full
    if root.split != "test" or not known or known & {name.casefold() for name in folders}:
        return False
    return bool(root.node.own) or len(folders) == 1


def _kept(folders: Folders, count: int) -> Text:
    return text(
        N_("Pictures in “{folder}” without a class, kept as the split “unlabelled”: {n}."),
        folder="/".join(folders),
        n=count,
    )


def _below_classes(
    listing: Listing, top: Folders, inner: Mapping[str, Mapping[str, str]]
) -> Layout:
    """``cat/train/1.jpg``."""
    layout = Layout()
    for number, entry in enumerate(listing.entries):
        inside = entry.folders[len(top) :] if entry.folders[: len(top)] == top else ()
        if not inside:
            layout.strays.append(number)
            continue
        split = inner[inside[0]].get(inside[1]) if inside[1:] else None
        layout.place(number, SPLITS.index(split) if split else NOT_TOLD, inside[0])
    return layout


def _classes(listing: Listing, top: Folders, node: _Node) -> Layout:
    """``cat/1.jpg``."""
    layout, blind = Layout(), _blind_beside(node)
    for number, entry in enumerate(listing.entries):
        inside = entry.folders[len(top) :] if entry.folders[: len(top)] == top else ()
        if inside and inside[0] in blind:
            layout.place(number, _TEST, "")
        elif inside:
            layout.place(number, NOT_TOLD, inside[0])
        else:
            layout.strays.append(number)
    layout.warnings += _empty_folders([node], [])
    layout.warnings += [_kept((*top, name), node.full[name].own) for name in blind]
    if likely := sorted(name for name in node.full if split_of(name) and name not in blind):
        layout.warnings.append(
            text(
                N_(
                    "Folders taken for classes, though they are called like a split: {names} ({n})."
                ),
                n=len(likely),
                names=shortened(likely),
            )
        )
    return layout


def _blind_beside(node: _Node) -> list[str]:
    """Test folders beside class folders: with pictures right in them, these have no class. At
    least two classes must be left, or "tests" is one of two things to be told apart."""
    blind = [n for n, child in node.full.items() if split_of(n) == "test" and not child.full]
    return sorted(blind) if len(node.full) - len(blind) >= 2 else []


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
        if split_of(name) or not child.full:
            break
        top, node = (*top, name), child
    return top, node


def _splits_of(node: _Node) -> dict[str, str]:
    """Folder → split, if this folder is divided into splits.

    A single folder called so among class folders, with pictures right in it, does not divide them.
    """
    named = splits_among(node.full)
    if any(node.full[name].full for name in named) or len(named) == len(node.full):
        return named
    return {}


def _empty_folders(levels: Sequence[_Node], splits: Sequence[str]) -> list[Text]:
    """Class folders without a single picture; the others say enough in the class counts."""
    names = {name for level in levels for name in level.empty}
    names -= {name for level in levels for name in level.full}
    names |= set(splits)
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
