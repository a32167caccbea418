"""What stands in the sidebar of every page."""

from __future__ import annotations

import streamlit as st

from core.errors import N_, LabError
from core.records import RunRecord, RunStatus
from ui.i18n import LANGUAGES, _, language, percent
from ui.state import LISTED_RUNS, get_lab

STATUS = {
    RunStatus.QUEUED: N_("queued"),
    RunStatus.RUNNING: N_("running"),
    RunStatus.FINISHED: N_("finished"),
    RunStatus.FAILED: N_("failed"),
    RunStatus.STOPPED: N_("stopped"),
    RunStatus.INTERRUPTED: N_("interrupted"),
}
STATUS_ICON = {
    RunStatus.QUEUED: "⏳",
    RunStatus.RUNNING: "▶",
    RunStatus.FINISHED: "✓",
    RunStatus.FAILED: "✗",
    RunStatus.STOPPED: "■",
    RunStatus.INTERRUPTED: "↯",
}
STATUS_COLOR = {
    RunStatus.QUEUED: "gray",
    RunStatus.RUNNING: "blue",
    RunStatus.FINISHED: "green",
    RunStatus.FAILED: "red",
    RunStatus.STOPPED: "orange",
    RunStatus.INTERRUPTED: "violet",
}


def status_text(status: RunStatus) -> str:
    return f"{STATUS_ICON[status]} {_(STATUS[status])}"


def status_badge(status: RunStatus) -> None:
    st.badge(status_text(status), color=STATUS_COLOR[status])  # type: ignore[arg-type]


def short_name(record: RunRecord) -> str:
    """``1120-1145-ab12``: enough to tell the runs of a term apart."""
    day, time, _milliseconds, tail = record.id.split("-")
    return f"{day[4:]}-{time[:4]}-{tail}"


def run_label(record: RunRecord) -> str:
    """A run in one line: where it stands, what it learns, what it reached."""
    config = record.config
    what = f"{config.data.dataset} · {config.model.architecture.upper()}"
    accuracy = record.summary.test_accuracy if record.summary else None
    reached = f" · {percent(accuracy)}" if accuracy is not None else ""
    return f"{STATUS_ICON[record.status]} {short_name(record)} · {what}{reached}"


def choose_run_in_sidebar() -> None:
    """The run selector, kept in ``?run=`` on every page."""
    store = get_lab().store
    records = {record.id: record for record in store.runs(limit=LISTED_RUNS)}
    wanted = st.query_params.get("run") or st.session_state.get("run")
    if wanted and wanted not in records:
        try:
            records[wanted] = store.read(wanted)
        except LabError:
            st.sidebar.warning(_("There is no run {received}.", received=wanted[:40]))
            if st.session_state.get("run") == wanted:  # deleted by somebody else
                st.session_state["run"] = None
    st.sidebar.selectbox(
        _("Run"),
        list(records),
        index=None,
        format_func=lambda run_id: run_label(records[run_id]),
        key="run",
        bind="query-params",
        placeholder=_("none chosen"),
        help=_("The training that Train, Errors and Predict look at; it stays in the address."),
    )


def choose_language() -> None:
    """The language switch, kept in ``?lang=``."""
    codes = list(LANGUAGES)
    st.sidebar.selectbox(
        _("Language"),
        codes,
        index=codes.index(language()),
        format_func=LANGUAGES.__getitem__,
        key="lang",
        bind="query-params",
        persist_state="session",
    )
