"""The teacher's folder on the server: ``LIENZO_DATA_DIR``, read where it is, never copied.

Files in it are named by their path below it; nothing outside of it can be named, also not by way
of a link.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePath
from typing import Literal, NamedTuple

from core.datasets.containers.listing import name_reason
from core.datasets.containers.opening import OPENERS
from core.datasets.decoding import EXTENSIONS
from core.datasets.formats.split_names import split_of
from core.datasets.names import from_folder, is_system, natural
from core.datasets.peeking import Kind, kind_of
from core.datasets.report import Reason
from core.errors import N_, DatasetError, NotFoundError, text

VARIABLE = "LIENZO_DATA_DIR"
DEPTH = 3
"""Levels that are listed: a file in a folder in a folder is the deepest."""
MAX_LISTED = 500
_PEEK = 50
"""Entries of a folder that are looked at to guess what it is."""

Guess = Kind | Literal["pictures", "classes", "mixed"]
GUESSES: dict[Guess, str] = {
    "zip": N_("zip archive"),
    "tar": N_("tar archive"),
    "class_archive": N_("archive of class folders"),
    "table_archive": N_("archive of pictures with a table"),
    "picture_archive": N_("archive of pictures"),
    "array_archive": N_("archive of data files"),
    "cifar": N_("CIFAR batches for Python"),
    "idx": N_("idx file, as of MNIST"),
    "csv": N_("CSV table"),
    "arrays": N_("NumPy arrays"),
    "parquet": N_("Parquet file"),
    "pictures": N_("folder of pictures"),
    "classes": N_("folder of class folders"),
    "mixed": N_("folder of data files"),
}
"""What something seems to be, judged by names only, of archives by the first names inside."""


class ServerFile(NamedTuple):
    """Something in the folder: its path below it with ``/``, bytes (of a file), what it seems."""

    path: str
    size: int | None
    guess: Guess


def data_dir() -> Path | None:
    """The teacher's folder, with all links in its own path resolved; None if there is none."""
    named = os.environ.get(VARIABLE)
    folder = Path(named).expanduser().resolve() if named else None
    return folder if folder and folder.is_dir() else None


class ServerListing(NamedTuple):
    """At most :data:`MAX_LISTED` files and folders by name, and whether they are all there are."""

    files: list[ServerFile]
    complete: bool


def list_server(folder: Path) -> ServerListing:
    """What can be imported from ``folder``."""
    found = list(islice(_below(folder, PurePath(), DEPTH), MAX_LISTED + 1))
    listed = sorted(found[:MAX_LISTED], key=lambda file: natural(file.path))
    return ServerListing(listed, len(found) <= MAX_LISTED)


def on_server(path: str) -> Path:
    """The file or folder called ``path``.

    Raises:
        DatasetError: if there is no teacher's folder, or the path leads out of it.
        NotFoundError: if there is nothing.
    """
    folder = data_dir()
    if folder is None:
        raise DatasetError(
            N_("This server has no folder of data."),
            remedy=text(
                N_("Start it with {variable} set to the folder."),
                variable=VARIABLE,
            ),
        )
    inside = _resolved(folder / path)
    if inside is None or not inside.is_relative_to(folder) or inside == folder:
        raise DatasetError(
            N_("“{path}” is not inside the server's folder of data, so it is not read."), path=path
        )
    if not inside.exists():
        raise NotFoundError(N_("There is no “{path}” in the server's folder of data."), path=path)
    return inside


def _resolved(path: Path) -> Path | None:
    """Without any links; None for what cannot be a name, such as one that is too long."""
    try:
        path.exists()
        return path.resolve()
    except (OSError, ValueError):
        return None


def _below(root: Path, at: PurePath, levels: int) -> Iterator[ServerFile]:
    for entry in _entries(root / at):
        path = at / entry.name
        if entry.is_dir(follow_symlinks=False):
            guess = _guess(Path(entry.path))
            if guess:
                yield ServerFile(path.as_posix(), None, guess)
            # What lies in a folder of classes is a part of it.
            if levels > 1 and guess in (None, "mixed"):
                yield from _below(root, path, levels - 1)
        elif entry.is_file(follow_symlinks=False) and is_openable(entry.name):
            about = entry.stat(follow_symlinks=False)
            kind = kind_of(Path(entry.path), about.st_size, about.st_mtime)
            yield ServerFile(path.as_posix(), about.st_size, kind)


def is_openable(name: str) -> bool:
    """Whether a file of this name may hold a dataset."""
    return name.casefold().endswith(tuple(OPENERS))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Links and what the system hides left out; nothing if the folder may not be read."""
    try:
        with os.scandir(folder) as found:
            entries = [e for e in found if not e.is_symlink() and _is_shown(e.name)]
    except OSError:
        return []
    return sorted(entries, key=lambda entry: natural(from_folder(entry.name)))


def _is_shown(name: str) -> bool:
    """Not what the system hides, nor a name that is no text."""
    return not is_system((name,)) and name.encode("utf-8", "ignore").decode() == name


def _guess(folder: Path) -> Guess | None:
    """By what is directly in it, and whether pictures are in the first folders below."""
    entries = _entries(folder)[:_PEEK]
    names = [entry.name.casefold() for entry in entries if not entry.is_dir()]
    folders = [Path(entry.path) for entry in entries if entry.is_dir()]
    if any(name.endswith(EXTENSIONS) for name in names):
        return "pictures"
    if any(_holds_pictures(below) for below in folders[:3]):
        return "classes"
    return "mixed" if any(_may_be_a_part(name) for name in names) else None


def _may_be_a_part(name: str) -> bool:
    """Of a dataset in several files; an archive is a whole one."""
    archive = name_reason((name,)) is Reason.NESTED_ARCHIVE
    return "ubyte" in name or (is_openable(name) and not archive)


def _holds_pictures(folder: Path, *, below_split: bool = False) -> bool:
    """Class folders may lie in train, val and test folders."""
    entries = _entries(folder)[:_PEEK]
    if any(e.is_file() and e.name.casefold().endswith(EXTENSIONS) for e in entries):
        return True
    if below_split or not split_of(folder.name):
        return False
    folders = [Path(e.path) for e in entries if e.is_dir()]
    return any(_holds_pictures(below, below_split=True) for below in folders[:3])
