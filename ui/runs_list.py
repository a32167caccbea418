"""The table of the Runs page: any field as a column, page by page, sorted over all pages."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import pandas as pd
import streamlit as st

from core.fields import FIELDS, SEALED, Field, Kind, RunRow
from core.listing import ordered
from core.records import RunRecord
from core.sealing import is_sealed, seals
from ui.i18n import _, ngettext
from ui.runs_actions import actions
from ui.runs_data import (
    CHOSEN,
    MOST_CHOSEN,
    ROUND,
    WRITERS,
    choose,
    chosen_ids,
    field_title,
    key_label,
    written,
)
from ui.runs_diff import what_changed
from ui.state import get_lab
from ui.tables import readable, table_height

PER_PAGE = 100
TABLE = "runs.table"
COLUMNS = "runs.set.columns"
SORT = "runs.set.sort"
DEFAULT_COLUMNS = (
    *("status", "started", "by", "tags", "data.dataset", "network"),
    *("best_val_accuracy", "parameters", "epochs", "seconds"),
)
"""Beside the run itself. The test's figures are offered, and shown of runs that are unlocked."""
ON_PAGE = frozenset({Kind.MOMENT, Kind.COUNT, Kind.NUMBER, Kind.SHARE, Kind.SECONDS})
"""Kinds that the table gets as what they are, so that a click on the head sorts them so."""


def table_view(rows: Sequence[RunRow], chosen: Sequence[RunRecord]) -> None:
    """The runs, what can be done with those that are ticked, and what is different between them."""
    columns, key = _settings()
    sorted_rows = (
        ordered(rows, key, descending=st.session_state["runs.descending"]) if key else rows
    )
    pages = -(-len(sorted_rows) // PER_PAGE)
    page = 1
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            page = st.pagination(pages, key="runs.page")
            st.caption(
                _("A click on a head sorts this page only; “Sort by” sorts all pages."),
                width="content",
            )
    _table(sorted_rows[(page - 1) * PER_PAGE : page * PER_PAGE], columns)
    actions(chosen)
    _unseen(rows, chosen)
    what_changed(chosen)


def _unseen(rows: Sequence[RunRow], chosen: Sequence[RunRecord]) -> None:
    """Nobody should delete what cannot be seen without knowing it."""
    listed = {row.id for row in rows}
    if hidden := sum(record.id not in listed for record in chosen):
        st.caption(
            ngettext(
                "{n} chosen run does not fit the filter and is not in the table.",
                "{n} chosen runs do not fit the filter and are not in the table.",
                hidden,
            )
        )


def _settings() -> tuple[list[Field], str | None]:
    """Columns and order: (the columns, the field to sort by, None for the newest first)."""
    st.session_state.setdefault(COLUMNS, list(DEFAULT_COLUMNS))
    st.session_state.setdefault("runs.descending", True)
    left, middle, right = st.columns([2, 4, 3], vertical_alignment="bottom")
    with left, st.popover(_("Columns"), icon=":material/view_column:", width="stretch"):
        st.multiselect(
            _("Columns"),
            [key for key in FIELDS if key != "run"],
            format_func=key_label,
            key=COLUMNS,
            help=_("Every setting and every figure of a run; type to find one."),
            persist_state="session",
        )
    keys = ["run", *st.session_state[COLUMNS]]
    # An order by what is sealed would tell it.
    sortable = [key for key in keys if key not in SEALED or not seals()]
    if st.session_state.get(SORT) not in sortable:
        st.session_state[SORT] = None
    with middle:
        st.selectbox(
            _("Sort by"),
            sortable,
            index=None,
            format_func=key_label,
            key=SORT,
            placeholder=_("the newest first"),
            help=_("Any column, over all pages; runs that have no such value come last."),
            persist_state="session",
        )
    with right:
        st.toggle(
            _("Highest first"),
            key="runs.descending",
            disabled=st.session_state[SORT] is None,
            help=_("Off: the lowest first."),
            persist_state="session",
        )
    return [FIELDS[key] for key in keys], st.session_state[SORT]


def _table(rows: Sequence[RunRow], columns: Sequence[Field]) -> None:
    """One page; ticking a box chooses that run beside those chosen on other pages."""
    ids = [row.id for row in rows]
    before = chosen_ids()
    # A selection is made of row numbers: with other rows the table begins anew, with the same
    # runs ticked.
    listed = blake2b("".join(ids).encode(), digest_size=8).hexdigest()
    key = f"{TABLE}.{listed}.{st.session_state.get(ROUND, 0)}"

    def ticked() -> None:
        now = [ids[i] for i in st.session_state[key]["selection"]["rows"] if i < len(ids)]
        kept = [i for i in st.session_state.get(CHOSEN, []) if i not in ids or i in now]
        wanted = list(dict.fromkeys([*kept, *now]))
        st.session_state[CHOSEN] = wanted
        if len(wanted) > MOST_CHOSEN:
            choose(wanted)

    st.dataframe(
        readable(_frame(rows, columns), _formats(columns)),
        key=key,
        hide_index=True,
        placeholder="–",
        height=table_height(len(rows), 360),
        column_config={field.key: _column(field) for field in columns},
        on_select=ticked,
        selection_mode="multi-row",
        selection_default={
            "selection": {
                "rows": [i for i, run_id in enumerate(ids) if run_id in before],
                "columns": [],
                "cells": [],
            }
        },
        alt=ngettext("{n} run", "{n} runs", len(rows)),
    )
    if seals() and not SEALED.isdisjoint(field.key for field in columns):
        st.caption(_("Test figures are shown of runs whose test results are unlocked."))
    if len(before) >= MOST_CHOSEN:
        st.caption(_("At most {n} runs can be chosen.", n=MOST_CHOSEN))


def _frame(rows: Sequence[RunRow], columns: Sequence[Field]) -> pd.DataFrame:
    places = {row.record.id: row.position for row in get_lab().runner.queue()}
    found: dict[str, list[object]] = {}
    for field in columns:
        values = [_shown(row, field) for row in rows]
        if field.kind not in ON_PAGE:
            values = [None if _is_empty(v) else written(field, v) for v in values]
        if field.kind is Kind.STATUS:
            values = [_in_queue(v, places.get(r.id)) for v, r in zip(values, rows, strict=True)]
        found[field.key] = values
    return pd.DataFrame(found)


def _shown(row: RunRow, field: Field) -> Any:
    hidden = field.key in SEALED and is_sealed(get_lab().paths, row.id)
    return None if hidden else row[field.key]


def _is_empty(value: object) -> bool:
    """No is an answer, no tag is none."""
    return value is None or value == ()


def _in_queue(status: str, place: int | None) -> str:
    return f"{status} ({place})" if place else status


def _formats(columns: Sequence[Field]) -> dict[str, Any]:
    """Of the numbers: they stay numbers, so that they sort as what they mean."""
    return {f.key: _whole(f) for f in columns if f.kind in ON_PAGE}


def _whole(field: Field) -> Any:
    """pandas makes a float of a count as soon as one is missing."""
    write = WRITERS[field.kind]
    return (lambda value: write(int(value))) if field.kind is Kind.COUNT else write


def _column(field: Field) -> Any:
    config = st.column_config
    title, about = field_title(field), _(field.help) if field.help else None
    if field.kind is Kind.MOMENT:
        return config.DatetimeColumn(title, help=about)
    if field.kind.numeric:
        return config.NumberColumn(title, help=about)
    return config.TextColumn(title, help=about)
