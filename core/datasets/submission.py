"""What a competition's ``sample_submission.csv`` asks for: columns, and the order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel


class Submission(BaseModel, frozen=True):
    """The form of the file that a competition expects, for the split of unlabelled pictures.

    ``columns`` are the titles, ``ids`` what stands in the first of them, row by row. ``rows`` gives
    the row of the unlabelled split for each of ``ids``, -1 where the dataset has no such picture.
    ``at`` is the place of the first column in the file itself.
    """

    columns: tuple[str, ...]
    ids: tuple[str, ...]
    rows: tuple[int, ...]
    at: int = 0


class NamedSubmission(NamedTuple):
    """The same before rows are settled: pictures by name, "" where there is none."""

    columns: tuple[str, ...]
    ids: Sequence[str]
    names: Sequence[str]
    at: int = 0

    def settled(self, unlabelled: Sequence[str]) -> Submission:
        """With ``unlabelled`` the names of the pictures of that split, row by row."""
        rows = {name: row for row, name in enumerate(unlabelled)}
        places = tuple(rows.get(name, -1) for name in self.names)
        return Submission(columns=self.columns, ids=tuple(self.ids), rows=places, at=self.at)
