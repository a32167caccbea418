"""Which container a path is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.datasets.containers.folder import FolderContainer
from core.datasets.containers.listing import Container
from core.datasets.containers.single import SingleFile
from core.datasets.containers.tar import TarContainer
from core.datasets.containers.zip import ZipContainer
from core.datasets.names import from_folder
from core.errors import N_, NotFoundError

OPENERS: dict[str, Callable[[Path, str], Container]] = {
    **dict.fromkeys((".csv", ".npz", ".npy", ".parquet", "-ubyte", "-ubyte.gz"), SingleFile),
    ".zip": ZipContainer,
    ".tar": TarContainer,
    ".tar.gz": TarContainer,
    ".tgz": TarContainer,
    ".tar.bz2": TarContainer,
    ".tbz2": TarContainer,
    ".tar.xz": TarContainer,
    ".txz": TarContainer,
}
"""By the end of the name; whatever is not here is opened as a zip, which says what is wrong."""


def open_container(path: Path, origin: str | None = None) -> Container:
    """The container at ``path``, called ``origin`` for people.

    Raises:
        NotFoundError: if there is nothing.
    """
    if path.is_dir():
        return FolderContainer(path, origin or from_folder(path.resolve().name))
    if not path.is_file():
        raise NotFoundError(N_("There is no file or folder “{path}”."), path=str(path))
    name = origin or from_folder(path.name)
    ends = (end for end in OPENERS if name.casefold().endswith(end))
    return OPENERS[max(ends, key=len, default=".zip")](path, name)
