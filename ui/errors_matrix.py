"""The confusion matrix with the images of the cell that is looked at, in one fragment."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd
import streamlit as st

from core.evaluation.confusions import select_errors
from core.plots.matrix import ROOMY, MatrixInfo, cell_at, matrix_height
from core.records import RunRecord
from ui.errors_board import Board, Look, cells, matrix_option
from ui.errors_data import Judged
from ui.errors_gallery import picture_pages
from ui.errors_look import FOCUS, choose_look, part_caption
from ui.i18n import _, ngettext, number, percent
from ui.tables import readable, table_height

CELL = ("cell.true", "cell.pred")
"""The session's keys of the true and the predicted class looked at, ``None`` for any."""
OF = "cell.of"
CHART, PAIRS = "matrix", "pairs"
"""Widgets that hold a selection of their own; it is dropped by giving them a new key."""
THUMBNAILS = 24
WIDE = 30
"""With more classes the names below the matrix would lie over each other."""
MARK = "#D55E00"
# The panel stays in sight beside a matrix of 100 classes, which is higher than the screen.
_STICKY = """<style>
[data-testid=stLayoutWrapper]:has(>.st-key-cell-panel){position:sticky;top:3.75rem}
.st-key-cell-images{max-height:calc(100vh - 20.5rem);overflow-y:auto}
</style>"""


def cell() -> tuple[int | None, int | None]:
    """The (true, predicted) classes that are looked at."""
    return st.session_state.get(CELL[0]), st.session_state.get(CELL[1])


def select_cell(true: int | None, pred: int | None, *, source: str = "") -> None:
    """In a callback: look at a cell. Any other widget than ``source`` forgets what it shows."""
    st.session_state[CELL[0]], st.session_state[CELL[1]] = true, pred
    for widget in (CHART, PAIRS):
        if widget != source:
            st.session_state[f"{widget}.generation"] = _generation(widget) + 1


def forget_cell_of_other_run(run_id: str) -> None:
    """Before the widgets: a cell of another run means nothing in this one."""
    if st.session_state.get(OF) != run_id:
        st.session_state[OF] = run_id
        _forget()


def _forget() -> None:
    select_cell(None, None)
    st.session_state[FOCUS] = None


def _generation(widget: str) -> int:
    return int(st.session_state.get(f"{widget}.generation", 0))


@st.fragment
def matrix_section(record: RunRecord, judged: Judged) -> None:
    """The matrix, and beside it the images of a cell or else the pairs worth a look."""
    look, board = choose_look(record, judged, forget=_forget)
    info = cells(board, judged, look)
    many = len(info.classes) > ROOMY
    st.html(_STICKY)
    left, right = st.columns([3, 2] if many else [1, 1], gap="medium")
    with left:
        part_caption(look, len(board.names))
        _chart(judged, board, look, info)
    with right, st.container(key="cell-panel"):
        _choose_cell(board)
        if cell() == (None, None):
            _pairs(judged, board)
        else:
            _images(record, judged, board)


def _chart(judged: Judged, board: Board, look: Look, info: MatrixInfo) -> None:
    # Other cells, or in another order: what was clicked before would be another one.
    key = f"{CHART}.{judged.run_id}.{judged.split}.{look.cells}.{_generation(CHART)}"

    def clicked() -> None:
        select_cell(*(cell_at(info, st.session_state[key]) or (None, None)), source=CHART)

    option = matrix_option(board, judged, look, narrow=len(info.classes) > WIDE)
    drawn = cell_at(info, st.session_state[key]) if key in st.session_state else None
    if drawn != cell():
        option["series"].append(_mark(info, *cell()))
    st.echarts_chart(
        option,
        key=key,
        on_select=clicked,
        height=matrix_height(len(info.classes)),
        alt=_summary(judged, board),
    )


def _mark(info: MatrixInfo, true: int | None, pred: int | None) -> dict[str, Any]:
    """A frame around a cell that was chosen elsewhere than in the chart."""
    every = range(len(info.shown))
    place = {index: at for at, index in enumerate(info.shown)}
    rows = every if true is None else [place[true]] if true in place else []
    columns = every if pred is None else [place[pred]] if pred in place else []
    chosen = (true, pred) != (None, None)
    data = [[column, row, 0] for row in rows for column in columns if chosen]
    style = {"color": "rgba(0,0,0,0)", "borderColor": MARK, "borderWidth": 3}
    return {"type": "heatmap", "silent": True, "data": data, "itemStyle": style, "z": 4}


def _summary(judged: Judged, board: Board) -> str:
    right = int(board.matrix.diagonal().sum())
    words = [_("Confusion matrix: {right} of {n} images right.", right=right, n=judged.summary.n)]
    for pair in board.pairs[:1]:
        names = {"true": board.names[pair.true], "pred": board.names[pair.pred]}
        words.append(_("Most often {true} was taken for {pred} ({n}).", n=pair.count, **names))
    return " ".join(words)


def _choose_cell(board: Board) -> None:
    """The same choice without a mouse."""
    columns = st.columns([4, 4, 3], vertical_alignment="bottom")
    labels = (_("True class"), _("Predicted class"))
    for column, label, key in zip(columns, labels, CELL, strict=False):
        column.selectbox(
            label,
            range(len(board.names)),
            format_func=lambda i: board.names[i],
            index=None,
            key=key,
            placeholder=_("any"),
            on_change=lambda: select_cell(*cell()),
            persist_state="session",
        )
    columns[2].button(
        _("Clear"),
        key="cell.clear",
        icon=":material/close:",
        disabled=cell() == (None, None),
        on_click=select_cell,
        args=(None, None),
        width="stretch",
    )


def _pairs(judged: Judged, board: Board) -> None:
    if not judged.summary.n:
        st.info(_("This split has no images."))
        return
    if not board.pairs:
        st.success(_("Not a single mistake in this split."))
        return
    st.markdown("**" + _("Most confused pairs") + "**")
    st.caption(
        _(
            "Click a cell of the matrix or a row of this list to see exactly those images; Σ, all "
            "mistakes of a class. Shift and the wheel zoom into a large matrix."
        )
    )
    columns = [_("True class"), _("Predicted class"), _("Images"), _("Share")]
    rows = [(board.names[p.true], board.names[p.pred], p.count, p.share) for p in board.pairs]
    frame = pd.DataFrame(rows, columns=columns)
    key = f"{PAIRS}.{judged.run_id}.{judged.split}.{len(board.names)}.{_generation(PAIRS)}"

    def clicked() -> None:
        for row in st.session_state[key]["selection"]["rows"]:
            select_cell(board.pairs[row].true, board.pairs[row].pred)

    st.dataframe(
        readable(frame, {columns[2]: number, columns[3]: percent}),
        key=key,
        hide_index=True,
        height=table_height(len(rows), 388),
        column_config={
            columns[3]: st.column_config.NumberColumn(help=_("Share of the images of this class."))
        },
        on_select=clicked,
        selection_mode="single-row",
        alt=_("Most confused pairs"),
    )


def _images(record: RunRecord, judged: Judged, board: Board) -> None:
    true, pred = cell()
    positions = select_errors(judged.predictions, true=true, pred=pred, groups=board.member)
    st.html(f"<strong>{html.escape(_title(board, true, pred))}</strong>")
    count = ngettext("{n} image", "{n} images", len(positions))
    support = int(board.matrix[true].sum()) if true is not None else 0
    if support:
        share = percent(len(positions) / support)
        st.caption(_("{count}, {share} of the true class", count=count, share=share))
    else:
        st.caption(count)
    picture_pages(record, judged, positions, key=f"cell.{true}.{pred}", per_page=THUMBNAILS)


def _title(board: Board, true: int | None, pred: int | None) -> str:
    names = {
        "true": board.names[true] if true is not None else "",
        "pred": board.names[pred] if pred is not None else "",
    }
    if true is None:
        return _("Wrongly taken for {pred}", **names)
    if pred is None:
        return _("{true}, taken for something else", **names)
    if true == pred:
        return _("{true}, recognised", **names)
    return _("{true}, taken for {pred}", **names)
