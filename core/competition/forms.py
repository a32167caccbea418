"""The file that is handed in: which rows it has, what they are called, and how it is written."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import UNLABELLED, Dataset
from core.errors import N_, CompetitionError

COLUMNS = ("file", "class")
"""Of a dataset whose source had no ``sample_submission.csv``."""


class Form(NamedTuple):
    """``columns``, that of the images first; it stands at place ``at`` in the file. ``ids`` what
    stands in it, ``rows`` int64 (m,) the row of the split that each means, -1 for none.
    ``names`` are the file names of the split's images, row by row."""

    columns: tuple[str, ...]
    at: int
    ids: Sequence[str]
    rows: NDArray[np.int64]
    names: Sequence[str]

    @property
    def asked(self) -> NDArray[np.int64]:
        """The rows that are to be answered, int64 (n,), ascending."""
        found: NDArray[np.int64] = np.unique(self.rows[self.rows >= 0])
        return found


class Written(NamedTuple):
    """A file, and what there is to say about it: ``filled`` rows are about images that are not
    in the dataset, ``left_out`` images of the dataset are not asked for."""

    data: bytes
    rows: int
    filled: int
    left_out: int


def form_of(dataset: Dataset, split: str = UNLABELLED) -> Form:
    """As the source's sample has it, else file names in the order of the split.

    Raises:
        DatasetError: if there is no such split, or the dataset is damaged.
        CompetitionError: if two images have one name.
    """
    names = dataset.split(split).names[:]
    sample = dataset.submission() if split == UNLABELLED else None
    if sample:
        form = Form(sample.columns, sample.at, sample.ids, np.array(sample.rows, np.int64), names)
    else:
        form = Form(COLUMNS, 0, names, np.arange(len(names)), names)
    doubled = next((name for name, times in Counter(form.ids).items() if times > 1), None)
    if doubled is not None:
        raise CompetitionError(
            N_("Two rows of the file would be called “{name}”: nobody could tell them apart."),
            name=doubled,
        )
    return form


def write_submission(
    form: Form, class_names: Sequence[str], proba: NDArray[np.float32], commonest: int
) -> Written:
    """The file as UTF-8, every row of the form once, in its order.

    ``proba`` (n, classes) are the answers, row by row of the split. A row about an image that the
    dataset does not have gets the class ``commonest``, and is counted.

    Raises:
        CompetitionError: if the form asks for something else than a class, or a probability for
            each class; or an image has no answer.
    """
    rows = np.asarray(form.rows)
    if len(rows) and rows.max() >= len(proba):
        raise CompetitionError(
            N_("There are answers for {have} images only; the file asks for {rows}."),
            have=len(proba),
            rows=int(rows.max()) + 1,
        )
    # The last row answers for -1: an image that is not here.
    known = np.vstack([proba, np.eye(proba.shape[1], dtype=np.float32)[commonest]])
    cells = _cells(form, class_names, known[rows])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_placed(form.columns[0], form.columns[1:], form.at))
    writer.writerows(_placed(i, row, form.at) for i, row in zip(form.ids, cells, strict=True))
    filled = int((rows < 0).sum())
    return Written(out.getvalue().encode(), len(rows), filled, len(proba) - len(form.asked))


def _placed(first: str, others: Sequence[str], at: int) -> list[str]:
    return [*others[:at], first, *others[at:]]


def check_columns(form: Form, class_names: Sequence[str]) -> None:
    """Raises CompetitionError if the form asks for neither a class nor a probability for each."""
    wanted = form.columns[1:]
    if len(wanted) == 1:
        return
    if class_columns(wanted, class_names) is None or len(wanted) != len(class_names):
        raise CompetitionError(
            N_(
                "The sample asks for the columns {columns}: neither one for the class nor one for "
                "each of the {n} classes."
            ),
            columns=", ".join(wanted),
            n=len(class_names),
        )


def _cells(
    form: Form, class_names: Sequence[str], proba: NDArray[np.float32]
) -> list[tuple[str, ...]]:
    """What stands behind every id."""
    check_columns(form, class_names)
    wanted = form.columns[1:]
    if len(wanted) == 1:
        return [(class_names[int(i)],) for i in proba.argmax(axis=1)]
    order = np.argsort(class_columns(wanted, class_names) or ())
    return [tuple(f"{p:.6g}" for p in row) for row in proba[:, order].tolist()]


def class_columns(titles: Sequence[str], class_names: Sequence[str]) -> list[int] | None:
    """For every class the place of its column among ``titles``; None unless each has one."""
    places = {title.strip(): place for place, title in enumerate(titles)}
    found = [places.get(name.strip()) for name in class_names]
    return [place for place in found if place is not None] if None not in found else None
