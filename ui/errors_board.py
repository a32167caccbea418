"""What the confusion matrix of an Errors page is drawn of, computed once for all sessions."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.superclasses import superclasses
from core.datasets.vocabularies import msgid
from core.evaluation.confusions import ConfusedPair, most_confused
from core.evaluation.ordering import (
    ClassOrder,
    Order,
    by_error,
    by_group,
    by_similarity,
    merged,
    most_wrong,
    neighbours,
)
from core.plots.matrix import (
    MatrixInfo,
    MatrixLabels,
    MatrixScale,
    MatrixStyle,
    matrix_info,
    plot_matrix,
)
from core.records import RunRecord
from ui.errors_data import PAIRS, Judged, Name
from ui.i18n import _, language, percent
from ui.state import is_dark

NEIGHBOURS = 11
"""Beside a class that was searched for: as many as keep a matrix with numbers."""


class Level(StrEnum):
    """What a row of the matrix is."""

    CLASS = "class"
    GROUP = "group"


class Board(NamedTuple):
    """A matrix with its names. Shared by all sessions, and never changed."""

    names: tuple[str, ...]
    matrix: NDArray[np.int64]
    member: NDArray[np.int64]
    """(classes,): the row that every class belongs to."""
    group: tuple[int, ...] | None
    """The superclass of every row, if the rows are classes that have some."""
    pairs: tuple[ConfusedPair, ...]


class Look(NamedTuple):
    """How the matrix is looked at: the choices of a session."""

    level: Level = Level.CLASS
    style: MatrixStyle = MatrixStyle()
    order: ClassOrder = ClassOrder.GIVEN
    most: int | None = None
    """So many rows at most, those with the most mistakes; all without a number."""
    focus: int | None = None
    """One row and those with which it is confused, instead of all."""

    @property
    def cells(self) -> str:
        """Names the cells and their order, whatever their colours: a click names one of them."""
        return f"{self.level}.{self.order}.{self.most}.{self.focus}"


def group_names(record: RunRecord) -> tuple[str, ...]:
    """The superclasses of the run's classes in the reader's language; none if there are none."""
    found = superclasses(record.vocabulary, record.class_names)
    if found is None:
        return ()
    return tuple(_(msgid(found.vocabulary, name) or name) for name in found.names)


def board(record: RunRecord, judged: Judged, level: Level) -> Board:
    return _board(judged.name, level, group_names(record), record, judged)


@st.cache_resource(show_spinner=False, max_entries=32)
def _board(
    name: Name, level: Level, groups: tuple[str, ...], _record: RunRecord, _judged: Judged
) -> Board:
    found = superclasses(_record.vocabulary, _record.class_names)
    if level is Level.CLASS or found is None:
        every = np.arange(len(_judged.classes))
        of = found.of if found and len(found.of) == len(every) else None
        return Board(_judged.classes, _judged.matrix, every, of, _judged.pairs)
    member = np.array(found.of)
    matrix = merged(_judged.matrix, member, len(groups))
    return Board(groups, matrix, member, None, tuple(most_confused(matrix, PAIRS)))


def cells(board: Board, judged: Judged, look: Look) -> MatrixInfo:
    """The cells of the chart; their order is the same for all colours."""
    return _cells(judged.name, look, board)


@st.cache_resource(show_spinner=False, max_entries=32)
def _cells(name: Name, look: Look, _board: Board) -> MatrixInfo:
    by_group = look.order is ClassOrder.GROUP and look.focus is None
    return matrix_info(
        _board.matrix,
        _board.names,
        look.style,
        shown=_shown(_board, look),
        margins=True,
        groups=_board.group if by_group else None,
    )


def _shown(board: Board, look: Look) -> Order:
    if look.focus is not None:
        return neighbours(board.matrix, look.focus, NEIGHBOURS)
    order = in_order(board, look.order)
    if look.most is None or look.most >= len(order):
        return order
    chosen = set(most_wrong(board.matrix, look.most))
    return tuple(index for index in order if index in chosen)


def in_order(board: Board, order: ClassOrder) -> Order:
    """All rows of the board in this order."""
    sequences = {
        ClassOrder.GIVEN: lambda: tuple(range(len(board.names))),
        ClassOrder.ERROR: lambda: by_error(board.matrix),
        ClassOrder.SIMILARITY: lambda: by_similarity(board.matrix),
        ClassOrder.GROUP: lambda: by_group(board.group or ()),
    }
    return sequences[order]()


def matrix_option(board: Board, judged: Judged, look: Look, *, narrow: bool) -> dict[str, Any]:
    """The chart of the matrix, the caller's own copy."""
    drawn = (language(), is_dark(), narrow)
    return _matrix_option(judged.name, look, drawn, board, judged)


# Writing thousands of percentages takes too long to do it at every click.
@st.cache_data(show_spinner=False, max_entries=32)
def _matrix_option(
    name: Name, look: Look, drawn: tuple[str, bool, bool], _board: Board, _judged: Judged
) -> dict[str, Any]:
    _language, dark, narrow = drawn
    of_pred = look.style.scale is MatrixScale.PRED_SHARE
    labels = MatrixLabels(
        true=_("True class"),
        pred=_("Predicted class"),
        images=_("Images"),
        share=_("Share of the predicted class") if of_pred else _("Share of the true class"),
        mistakes=_("mistakes"),
    )
    info = cells(_board, _judged, look)
    return plot_matrix(info, labels, dark=dark, narrow=narrow, percent=percent)
