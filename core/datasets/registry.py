"""The datasets under ``artifacts/datasets/``: list, open, name, delete."""

from __future__ import annotations

import unicodedata

from core.datasets.catalog import folder_names, scan
from core.datasets.dataset import DIGITS, Dataset, DatasetInfo, damaged
from core.datasets.digits import ensure_digits
from core.datasets.writer import remove
from core.errors import N_, DatasetError, NotFoundError, Text
from core.paths import Paths

__all__ = [
    "check_not_built_in",
    "damaged_datasets",
    "delete_dataset",
    "ensure_digits",
    "list_datasets",
    "open_dataset",
    "rename_dataset",
    "validate_name",
]

MAX_NAME = 64
# Windows cannot have a folder of these names.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(10))}


def list_datasets(paths: Paths) -> list[DatasetInfo]:
    """All usable datasets, the built-in one first, then by name."""
    usable = (found for _, found in scan(paths) if isinstance(found, DatasetInfo))
    return sorted(usable, key=lambda info: (info.name != DIGITS, info.name.casefold()))


def damaged_datasets(paths: Paths) -> list[tuple[str, Text]]:
    """Folders among the datasets that cannot be used, each with the reason."""
    return [(name, found) for name, found in scan(paths) if isinstance(found, Text)]


def open_dataset(paths: Paths, name: str) -> Dataset:
    """NotFoundError, naming what exists, if there is no such dataset; DatasetError if damaged."""
    name = unicodedata.normalize("NFC", name)
    for folder, found in scan(paths, only=name):
        if isinstance(found, Text):
            raise damaged(folder, str(found.params["file"]))
        return Dataset(found, paths.dataset(folder))
    raise _not_found(paths, name)


def delete_dataset(paths: Paths, name: str) -> None:
    """Remove a dataset or a damaged folder; NotFoundError if there is none of that name."""
    if name not in folder_names(paths):
        raise _not_found(paths, name)
    remove(paths, paths.dataset(name).folder)


def rename_dataset(paths: Paths, name: str, new: str) -> str:
    """Call a dataset ``new``; returns that name in normal form.

    NotFoundError if there is no dataset ``name``; DatasetError if the new name is taken or
    impossible, or the dataset is the built-in one.
    """
    check_not_built_in(name)
    if name not in folder_names(paths):
        raise _not_found(paths, name)
    # Another case of the same letters is the same folder on Windows and macOS: free all the same.
    if new.casefold() != name.casefold() or new == name:
        new = validate_name(paths, new)
    paths.dataset(name).folder.rename(paths.dataset(new).folder)
    return new


def check_not_built_in(name: str) -> None:
    """DatasetError if it is the dataset that every lab has."""
    if name == DIGITS:
        raise DatasetError(
            N_("“{name}” is built in: it can be neither renamed nor deleted."), name=name
        )


def validate_name(paths: Paths, name: str) -> str:
    """The name in normal form (NFC), free to be used; DatasetError saying what is wrong with it."""
    name = unicodedata.normalize("NFC", name)
    allowed = name and all(_allowed(c) for c in name)
    if (
        not allowed
        or len(name) > MAX_NAME
        or name[0] in ". "
        or name[-1] in ". "
        or name.partition(".")[0].casefold() in _DEVICES
    ):
        raise DatasetError(
            N_(
                "“{name}” cannot be the name of a dataset. A name has 1 to {most} letters, digits, "
                "spaces, dots, hyphens or underscores, does not begin with a dot or space and does "
                "not end with one."
            ),
            name=name,
            most=MAX_NAME,
        )
    # Without regard to case, because Windows and macOS would take the two for one folder.
    taken = {DIGITS, *folder_names(paths)}
    if name.casefold() in {other.casefold() for other in taken}:
        raise DatasetError(
            N_("A dataset called “{name}” exists already. Choose another name or delete it first."),
            name=name,
        )
    return name


def _allowed(char: str) -> bool:
    """Letters and digits of any script, with the marks some scripts write them with."""
    return char in " ._-" or unicodedata.category(char)[0] in "LM" or char.isdigit()


def _not_found(paths: Paths, name: str) -> NotFoundError:
    return NotFoundError(
        N_("There is no dataset called “{name}”. There are: {names}."),
        name=name,
        names=", ".join(info.name for info in list_datasets(paths)) or "–",
    )
