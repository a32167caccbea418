"""Which runs a view is about, where the table is not on the screen: also by keyboard."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import LabError
from core.fields import RunRow
from core.records import RunRecord
from ui.frame import run_label
from ui.i18n import _
from ui.messages import show_error
from ui.runs_data import MOST_CHOSEN, choose
from ui.state import get_lab

OFFERED = 100
"""The newest runs that fit the filter; others are found by the filter."""


def offered(rows: Sequence[RunRow], chosen: Sequence[RunRecord]) -> dict[str, str]:
    """Id and label of the chosen runs and of the newest of those that are listed."""
    labels = {record.id: run_label(record) for record in chosen}
    for row in rows[:OFFERED]:
        # As ui.frame.run_label, without reading a hundred records.
        labels.setdefault(row.id, f"{row['run']} · {row['data.dataset']} · {row['network']}")
    return labels


def choose_runs(rows: Sequence[RunRow], chosen: Sequence[RunRecord]) -> list[RunRecord]:
    """The chosen runs, to which others can be added and from which any can be taken."""
    labels = offered(rows, chosen)
    key = "runs.pick"
    st.session_state[key] = [record.id for record in chosen]
    st.multiselect(
        _("Runs"),
        list(labels),
        format_func=labels.__getitem__,
        key=key,
        max_selections=MOST_CHOSEN,
        placeholder=_("type a part of a run's name"),
        help=_("The runs ticked in the table; others that fit the filter can be added."),
        on_change=lambda: choose(st.session_state[key]),
    )
    return list(chosen)


def one_run(label: str, key: str, labels: dict[str, str], default: str | None) -> RunRecord | None:
    """A choice of one run; None if there is none, or it is gone."""
    if st.session_state.get(key) not in labels:
        st.session_state[key] = default
    st.selectbox(
        label,
        list(labels),
        index=None,
        format_func=labels.__getitem__,
        key=key,
        placeholder=_("choose a run"),
        persist_state="session",
    )
    run_id = st.session_state[key]
    try:
        return get_lab().store.read(run_id) if run_id else None
    except LabError as error:  # damaged, or deleted in this very moment
        show_error(error, "warning")
        return None
