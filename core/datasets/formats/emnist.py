"""What is special about EMNIST: its pictures lie on their side, its labels are numbers of letters.

``emnist-letters-mapping.txt`` says which: a line holds the label and the codes of its letters.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from core.datasets.containers.listing import Container, Listing, Other
from core.datasets.formats.parts import Gathering
from core.errors import N_, DatasetError

_MAPPING = re.compile(r"emnist-?(.*)-mapping\.txt")
_LONGEST = 10_000


def is_turned(basename: str) -> bool:
    """Whether rows and columns of the pictures of a file are exchanged."""
    return "emnist" in basename and "medmnist" not in basename


def mapping_for(listing: Listing, basename: str) -> Other | None:
    """The file that names the letters of another file."""
    for other in listing.others:
        match = _MAPPING.fullmatch(other.basename)
        if match and basename.startswith(f"emnist-{match[1]}-"):
            return other
    return None


def name_letters(gathering: Gathering, mapping: Other, container: Container, scratch: Path) -> None:
    """Letters instead of numbers as labels.

    Raises:
        DatasetError: if the file is not what its name says.
    """
    folder = scratch / "mapping"
    folder.mkdir()
    (path,) = container.copy([mapping.entry], folder)
    with path.open("rb") as file:
        words = [
            line.split() for line in file.read(_LONGEST).decode("ascii", "replace").split("\n")
        ]
    try:
        letters = {int(label): chr(int(code)) for label, code, *_more in filter(None, words)}
        for part in gathering.parts:
            if part.labels is not None:
                part.labels = np.array([letters[label] for label in part.labels.tolist()])
    except (ValueError, KeyError, OverflowError) as error:
        raise DatasetError(
            N_(
                "“{file}” does not name the letters of all labels ({error}). Expected: a label and "
                "the code of its letter in each line."
            ),
            file=mapping.entry.name,
            error=str(error),
        ) from error
