"""How the confusion matrix is looked at: colours, order, superclasses, a part of it; downloads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from core.errors import N_
from core.evaluation.matrix_csv import matrix_csv
from core.evaluation.ordering import ClassOrder
from core.plots.matrix import MatrixScale, MatrixStyle
from core.records import RunRecord
from ui.downloads import csv_button
from ui.errors_board import Board, Level, Look, board, group_names, in_order
from ui.errors_data import Judged
from ui.i18n import _, number
from ui.switch import switch

MANY = 100
"""With more classes, at first only those with the most mistakes are drawn: names can be read, and
the message stays small."""
MOST = (50, 100, 200)
SCALES = {
    MatrixScale.COUNT: N_("Images"),
    MatrixScale.SHARE: N_("% of the true class"),
    MatrixScale.PRED_SHARE: N_("% of the predicted class"),
}
ORDERS = {
    ClassOrder.GIVEN: N_("as in the dataset"),
    ClassOrder.ERROR: N_("worst recall first"),
    ClassOrder.SIMILARITY: N_("what is confused side by side"),
    ClassOrder.GROUP: N_("by superclass"),
}
LEVELS = {Level.CLASS: N_("Classes"), Level.GROUP: N_("Superclasses")}
FOCUS = "errors.focus"


def choose_look(
    record: RunRecord, judged: Judged, *, forget: Callable[[], None]
) -> tuple[Look, Board]:
    """One row above the matrix; what is chosen rarely is in a menu. ``forget`` is called when the
    rows become something else: a class is no superclass."""
    with st.container(horizontal=True, vertical_alignment="center", key="matrix-look"):
        level = _level(record, forget)
        shown = board(record, judged, level)
        scale = _scale()
        errors_only = st.toggle(
            _("Mistakes only"),
            key="errors.only",
            persist_state="session",
            help=_("The colours end at the worst mistake, so that all of them can be seen."),
        )
        with st.popover(_("Order, search, download"), icon=":material/sort:"):
            look = _in_menu(shown, level, MatrixStyle(scale, errors_only))
            _download(judged, shown, look)
    return look, shown


def _level(record: RunRecord, forget: Callable[[], None]) -> Level:
    if not group_names(record):
        return Level.CLASS
    names = {level: _(label) for level, label in LEVELS.items()}
    return Level(
        switch(
            _("Rows of the matrix"),
            names,
            key="errors.level",
            default=Level.CLASS,
            on_change=forget,
        )
    )


def _scale() -> MatrixScale:
    names = {scale: _(label) for scale, label in SCALES.items()}
    return MatrixScale(
        switch(
            _("Colour and number of a cell"),
            names,
            key="errors.scale",
            default=MatrixScale.COUNT,
        )
    )


def _in_menu(shown: Board, level: Level, style: MatrixStyle) -> Look:
    log = st.toggle(
        _("Logarithmic colours"),
        key="errors.log",
        persist_state="session",
        help=_("Makes one mistake visible beside a thousand right answers."),
    )
    orders = [order for order in ORDERS if order is not ClassOrder.GROUP or shown.group]
    if st.session_state.get("errors.sort") not in orders:
        st.session_state["errors.sort"] = ClassOrder.GIVEN
    st.radio(
        _("Order of the classes"),
        orders,
        format_func=lambda order: _(ORDERS[order]),
        key="errors.sort",
        persist_state="session",
        help=_("Side by side, classes that are confused with each other become blocks."),
    )
    return Look(
        level=level,
        style=style._replace(log=log),
        order=ClassOrder(st.session_state["errors.sort"]),
        most=_most(len(shown.names)),
        focus=_focus(shown),
    )


def _focus(shown: Board) -> int | None:
    chosen: int | None = st.selectbox(
        _("Search a class"),
        range(len(shown.names)),
        format_func=lambda index: shown.names[index],
        index=None,
        key=FOCUS,
        placeholder=_("all classes"),
        persist_state="session",
        help=_("Shows only this class and those with which it is confused most."),
    )
    return chosen


def _most(classes: int) -> int | None:
    if classes <= MANY:
        return None
    offered = [*(n for n in MOST if n < classes), 0]
    if st.session_state.get("errors.most") not in offered:
        st.session_state["errors.most"] = MANY
    chosen: int = st.selectbox(
        _("Classes drawn"),
        offered,
        format_func=lambda n: _("the {n} with the most mistakes", n=n) if n else _("all classes"),
        key="errors.most",
        persist_state="session",
        help=_("Sums and shares always count all classes."),
    )
    return chosen or None


def _download(judged: Judged, shown: Board, look: Look) -> None:
    corner = _("true class \\ predicted class")

    def made() -> str:
        order = list(in_order(shown, look.order))
        names = [shown.names[i] for i in order]
        return matrix_csv(shown.matrix[np.ix_(order, order)], names, corner)

    csv_button(
        _("Matrix as CSV"),
        made,
        f"confusion-{judged.run_id}-{judged.split}.csv",
        key="errors.csv",
        help=_(
            "All classes in this order, with their names. For a picture (PNG): the arrow that "
            "appears above the matrix when the pointer is on it."
        ),
    )


def part_caption(look: Look, classes: int) -> None:
    """What of the matrix is not drawn, and how to move in it."""
    if look.focus is None and look.most is not None and look.most < classes:
        st.caption(
            _(
                "Drawn are the {n} classes with the most mistakes, of {all}; choose others under "
                "“Order, search, download”.",
                n=look.most,
                all=number(classes),
            )
        )
