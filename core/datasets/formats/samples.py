"""``sample_submission.csv``: which picture each of its rows is about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.datasets import limits
from core.datasets.containers.entries import orders, taken
from core.datasets.containers.listing import Container, Listing
from core.datasets.formats.base import Found
from core.datasets.formats.picture_index import PictureIndex
from core.datasets.formats.tables import cell, columns_of, is_submission, read_table
from core.datasets.names import natural
from core.datasets.submission import NamedSubmission
from core.errors import ImageError


def sample_in(container: Container, listing: Listing, found: Found) -> NamedSubmission | None:
    """The form that is asked for; None if there is none, or it is about other pictures.

    Rows name pictures as a table of labels does. If they name none, and there are as many as
    pictures without a label, they stand for these in the order of the source.
    """
    samples = [o for o in listing.others if is_submission(o) and o.size <= limits.MAX_FILE_BYTES]
    pictures = taken(found.entries, np.flatnonzero(found.labels < 0))
    if not samples or not len(pictures):
        return None
    sample = min(samples, key=lambda other: natural(other.entry.name))
    try:
        table = read_table(next(iter(container.stream([sample.entry]))))
    except ImageError:  # a damaged form is none: what was found stays
        return None
    if table is None or not any(table.header):
        return None
    column = columns_of(table).file or 0
    ids = [cell(row, column) for row in table.rows]
    index = PictureIndex(pictures)
    meant = [index.find(said, sample.entry.folders) for said in ids]
    names = [pictures[one[0]].name if len(one) == 1 else "" for one in meant]
    if not any(names) and len(ids) == len(pictures):
        names = [pictures[int(i)].name for i in np.argsort(orders(pictures), kind="stable")]
    if not any(names):
        return None
    return NamedSubmission(_first(table.header, column), ids, names, column)


def _first(columns: Sequence[str], first: int) -> tuple[str, ...]:
    """The titles, that of the pictures before all others."""
    return (columns[first], *columns[:first], *columns[first + 1 :])
