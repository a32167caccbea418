"""Which runs the Runs page is about: search and filters, the same in every view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from core.fields import RunRow
from core.listing import Query, all_tags, found, values_of
from core.records import RunStatus
from ui.forms import choice_label
from ui.frame import status_text
from ui.i18n import _, ngettext

T = TypeVar("T")
PARTS = "runs.parts"
"""The session's key of the searches and cross-validations whose runs are listed."""


def filtered(rows: Sequence[RunRow]) -> list[RunRow]:
    """The runs that fit what the user looks for, newest first."""
    words, states, sets, more = st.columns([4, 3, 3, 2], vertical_alignment="bottom")
    with words:
        st.text_input(
            _("Search"),
            key="runs.text",
            placeholder=_("run, name, tag, note, dataset, architecture …"),
            help=_("Words that all occur in the run's name, person, tags, note or settings."),
            persist_state="session",
        )
    with states:
        present = {row["status"] for row in rows}
        statuses = [status for status in RunStatus if status in present]
        _several(_("Status"), "runs.set.status", statuses, status_text)
    with sets:
        _several(_("Dataset"), "runs.dataset", values_of(rows, "data.dataset"))
    with more, st.popover(_("More filters"), icon=":material/filter_alt:", width="stretch"):
        _more(rows)
    listed = found(rows, _query())
    _how_many(len(listed), len(rows))
    return listed


def _more(rows: Sequence[RunRow]) -> None:
    architectures = values_of(rows, "model.architecture")
    _several(_("Architecture"), "runs.set.architecture", architectures, choice_label)
    _several(_("Name"), "runs.by", values_of(rows, "by"))
    _several(_("Tags"), "runs.tags", all_tags(rows))
    _several(_("Part of"), PARTS, values_of(rows, "part"))
    st.slider(
        _("Best validation accuracy of at least"),
        0,
        100,
        key="runs.accuracy",
        format="%d %%",
        help=_("Leaves out runs that never came so far; 0 leaves out none."),
        persist_state="session",
    )


def _several(
    label: str,
    key: str,
    options: Sequence[T],
    format_func: Callable[[T], str] = str,
) -> None:
    """A choice of any number; what is not there any more is not chosen any more."""
    before = st.session_state.get(key)
    if before and any(value not in options for value in before):
        st.session_state[key] = [value for value in before if value in options]
    st.multiselect(
        label,
        options,
        format_func=format_func,
        key=key,
        placeholder=_("all"),
        persist_state="session",
    )


def _query() -> Query:
    state = st.session_state
    return Query(
        text=state["runs.text"] or "",
        statuses=tuple(state["runs.set.status"]),
        datasets=tuple(state["runs.dataset"]),
        architectures=tuple(state["runs.set.architecture"]),
        names=tuple(state["runs.by"]),
        tags=tuple(state["runs.tags"]),
        parts=tuple(state[PARTS]),
        least_accuracy=state["runs.accuracy"] / 100,
    )


def _how_many(listed: int, every: int) -> None:
    if listed < every:
        st.caption(
            ngettext("{n} run of {every} fits.", "{n} runs of {every} fit.", listed, every=every)
        )
    elif _hidden():
        st.caption(ngettext("{n} run.", "{n} runs.", every))


def _hidden() -> bool:
    """Whether a filter is set that cannot be seen while the popover is closed."""
    keys = ("runs.set.architecture", "runs.by", "runs.tags", PARTS, "runs.accuracy")
    return any(st.session_state[key] for key in keys)
