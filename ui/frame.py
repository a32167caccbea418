"""What stands in the sidebar of every page."""

from __future__ import annotations

import streamlit as st

from core.errors import N_, LabError
from core.records import RunRecord, RunStatus, short_id
from ui.address import read_address, write_address
from ui.i18n import LANGUAGES, _, language, say
from ui.messages import show_error
from ui.names import literal
from ui.state import LISTED_RUNS, get_lab

STATUS_ICON = {
    RunStatus.QUEUED: "○",
    RunStatus.RUNNING: "▶",
    RunStatus.FINISHED: "✓",
    RunStatus.FAILED: "✗",
    RunStatus.STOPPED: "■",
    RunStatus.INTERRUPTED: "‖",
    RunStatus.PRUNED: "✂",
}
STATUS_COLOR = {
    RunStatus.QUEUED: "gray",
    RunStatus.RUNNING: "blue",
    RunStatus.FINISHED: "green",
    RunStatus.FAILED: "red",
    RunStatus.STOPPED: "orange",
    RunStatus.INTERRUPTED: "violet",
    RunStatus.PRUNED: "gray",
}


TRANSLATED_KEYS = (
    *("form.", "train_view", "dataset", "data_view", "split."),
    *("tune_view", "tune_part", "search.set."),
    *("crossval_part", "crossval_source", "crossval_curve", "crossval.grouping"),
    # Not all that begins with "organise": buttons and tables may not be set.
    *("organise_view", "organise.classes.", "organise.split", "organise.resize", "organise.rule"),
    *("import_size", "import_resize", "import_color", "import_splits", "import_shares"),
    *("import_source", "augment_group", "augment_view", "augment_class.", "map.colours."),
    *("classes.", "cell.true", "cell.pred", "predict_place"),
    *("labels.class", "labels.list"),
    *("errors.focus", "errors.sort", "errors.most"),
    *("errors.level", "errors.scale", "errors.curve", "errors.class"),
    "runs.set.",
    *("robust.name", "errors.map.", "closer.distort.name"),
    *("closer.class.", "errors.only."),
    *("competition_view", "competition.way", "competition.metric", "competition.labels"),
    *("ensemble.source", "ensemble.method", "ensemble.view", "ensemble.recipe"),
)
"""Keys of widgets whose options are called differently in every language. Never of a button or a
chart: those may not be set, and the next drawing would fail."""


def status_text(status: RunStatus) -> str:
    return f"{STATUS_ICON[status]} {say(status.text)}"


def status_badge(status: RunStatus) -> None:
    st.badge(status_text(status), color=STATUS_COLOR[status])  # type: ignore[arg-type]


NO_EPOCH = N_("It was stopped before its first epoch had ended.")


def stopped_at_once(record: RunRecord) -> bool:
    """Whether the run was stopped before it had learned anything: see :data:`NO_EPOCH`."""
    return record.status is RunStatus.STOPPED and record.summary is None


def short_name(record: RunRecord) -> str:
    """``1120-1145-ab12``: enough to tell the runs of a term apart."""
    return short_id(record.id)


def run_label(record: RunRecord) -> str:
    """A run in one line. Never changes: a selectbox knows its options by their labels."""
    config = record.config
    return f"{short_name(record)} · {config.data.dataset} · {record.network}"


def by_whom(record: RunRecord) -> str:
    """Who launched a run, as Markdown to stand behind its label; empty if nobody has said."""
    return f" · {literal(record.by)}" if record.by else ""


PARTS = {
    "study": N_("trial {n} of search {whole}"),
    "crossval": N_("fold {n} of cross-validation {whole}"),
    "seeds": N_("seed {n} of {whole}"),
}


def part_of(record: RunRecord) -> str:
    """Of what the run is a part, as Markdown to stand behind its label; empty if of nothing."""
    if record.part is None:
        return ""
    said = _(PARTS[record.part.kind], n=record.part.number + 1, whole=short_id(record.part.of))
    return f" · {literal(said)}"


def choose_run_in_sidebar() -> None:
    """The run selector, kept in ``?run=`` on every page."""
    read_address("run")
    store = get_lab().store
    records = {record.id: record for record in store.runs(limit=LISTED_RUNS)}
    wanted = st.session_state.get("run")
    if wanted and wanted not in records:
        try:
            records[wanted] = store.read(wanted)
        except LabError as error:  # a mistyped address, or deleted by somebody else
            with st.sidebar:
                show_error(error, "warning")
            st.session_state["run"] = None
    st.sidebar.selectbox(
        _("Run"),
        list(records),
        index=None,
        format_func=lambda run_id: run_label(records[run_id]),
        key="run",
        placeholder=_("none chosen"),
        help=_("The training that Train, Errors and Predict look at; it stays in the address."),
        persist_state="session",
    )
    write_address("run")


def use_the_width() -> None:
    """Streamlit leaves a wide empty border: on a 1366×768 laptop a fifth of the page.

    A row of choices that is wider than its column would be cut off: it goes on in a second row.
    In the menu, the page that the keyboard is at would look like the one that is open.
    """
    st.html(
        "<style>.stMainBlockContainer{padding:4.25rem 2.5rem 4rem}"
        "[data-testid=stSidebarHeader]{margin-bottom:0}"
        "[data-testid=stSidebarNavLink]:focus-visible{outline:2px solid currentColor}"
        ".st-key-form-model-architecture [role=radiogroup]{flex-wrap:wrap;row-gap:.35rem}</style>"
    )


def choose_language() -> None:
    """The language switch, kept in ``?lang=`` where it differs from the browser's."""
    st.session_state["lang"] = language()
    st.sidebar.selectbox(
        _("Language"),
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        key="lang",
        on_change=_keep_choices,
        persist_state="session",
    )
    write_address("lang", default=(st.context.locale or "en")[:2])


def _keep_choices() -> None:
    """Before the labels change language: the browser knows a choice by its label only, and one
    that it no longer finds would fall back to the default. Setting the values sends them anew."""
    for name in list(st.session_state):
        if str(name).startswith(TRANSLATED_KEYS):
            st.session_state[name] = st.session_state[name]
