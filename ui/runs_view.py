"""The Runs page: find runs, choose some, compare them, and do something with them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import streamlit as st

from core.continuing import whole_history
from core.errors import LabError
from core.plots.runs import RunsLabels, plot_runs, runs_info
from core.records import RunRecord, RunStatus
from ui.frame import NO_EPOCH, run_label, short_name, status_text, stopped_at_once
from ui.i18n import _, language, ngettext, say, say_error
from ui.live import clone_button
from ui.messages import show
from ui.names import literal
from ui.people import may_end
from ui.queue_view import not_yours
from ui.runs_diff import differences
from ui.runs_table import runs_columns, runs_frame
from ui.state import ERROR, choose_run, get_lab, go_to, is_dark, watch
from ui.tables import table_height

LISTED = 1000
"""Runs in the table; older ones are found by the command line."""
POLL_SECONDS = 4.0
CHOSEN = "runs.chosen"
"""The ids of the chosen runs: rows move when others train, ids do not."""
TABLE = "runs.table"
DONE = "runs.deleted"


def no_runs() -> None:
    st.info(_("There are no runs yet. Every training you launch appears here."))
    st.page_link("pages/train.py", label=_("Train a network"), icon=":material/model_training:")


def filtered(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The runs that fit what the user looks for."""
    words, states, sets = st.columns([3, 4, 3], vertical_alignment="bottom")
    text = words.text_input(
        _("Search"),
        key="runs.text",
        placeholder=_("run, name, dataset, architecture …"),
        persist_state="session",
    )
    present = [status for status in RunStatus if any(r.status is status for r in records)]
    statuses = states.multiselect(
        _("Status"),
        present,
        format_func=status_text,
        key="runs.status",
        placeholder=_("all"),
        persist_state="session",
    )
    datasets = sets.multiselect(
        _("Dataset"),
        sorted({r.config.data.dataset for r in records}),
        key="runs.dataset",
        placeholder=_("all"),
        persist_state="session",
    )
    return [
        record
        for record in records
        if (not statuses or record.status in statuses)
        and (not datasets or record.config.data.dataset in datasets)
        and all(word in _haystack(record) for word in (text or "").casefold().split())
    ]


def _haystack(record: RunRecord) -> str:
    config = record.config
    parts = (
        record.id,
        short_name(record),
        record.by,
        config.data.dataset,
        config.model.architecture,
    )
    return " ".join((*parts, config.optimizer.name, record.preset or "")).casefold()


def choose_in_table(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The table; returns the runs whose boxes are ticked."""
    chosen = st.session_state.get(CHOSEN, [])
    rows = [i for i, record in enumerate(records) if record.id in chosen]
    # A selection is made of row numbers: with other rows the table begins anew, with the same
    # runs ticked.
    listed = blake2b("".join(r.id for r in records).encode(), digest_size=8).hexdigest()
    key = f"{TABLE}.{listed}"

    def ticked() -> None:
        now = st.session_state[key]["selection"]["rows"]
        st.session_state[CHOSEN] = [records[i].id for i in now if i < len(records)]

    st.dataframe(
        runs_frame(records),
        key=key,
        hide_index=True,
        placeholder="–",
        height=table_height(len(records), 360),
        column_config=runs_columns(),
        on_select=ticked,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": rows, "columns": [], "cells": []}},
        alt=ngettext("{n} run", "{n} runs", len(records)),
    )
    return [records[i] for i in rows]


def actions(chosen: Sequence[RunRecord]) -> None:
    """What can be done with the chosen runs."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if not chosen:
            st.caption(_("Tick the box beside a run to open, copy or delete it; two to compare."))
            return
        if len(chosen) == 1:
            _open_buttons(chosen[0])
        st.button(
            ngettext("Delete", "Delete {n} runs", len(chosen)),
            key="runs.delete",
            icon=":material/delete:",
            on_click=st.session_state.__setitem__,
            args=("runs.ask", True),
        )
    if st.session_state.pop("runs.ask", False):
        st.dialog(_("Delete for good?"))(_ask)(list(chosen))


def _open_buttons(record: RunRecord) -> None:
    def errors() -> None:
        choose_run(record.id)
        go_to("pages/errors.py")

    if record.status.is_over():
        st.button(_("Errors"), key="runs.errors", icon=":material/grid_on:", on_click=errors)
    st.button(
        _("Curves"),
        key="runs.watch",
        icon=":material/show_chart:",
        on_click=watch,
        args=(record.id,),
    )
    clone_button(record)


def _ask(chosen: list[RunRecord]) -> None:
    """The dialog's content."""
    if st.session_state.pop(DONE, False):
        st.rerun()
    running = [record for record in chosen if record.status is RunStatus.RUNNING]
    others = [r for r in chosen if r not in running and not may_end(r)]
    doomed = [record for record in chosen if record not in (*running, *others)]
    for record in others:
        show(f"{run_label(record)}: {not_yours(record)}", "warning")
    for record in running:
        text = _("Run {run} is running: stop it before deleting it.", run=short_name(record))
        show(text, "warning")
    if not doomed:
        return
    st.write(_("The model, the curves and the predictions are lost; the dataset stays."))
    for record in doomed[:10]:
        st.text(run_label(record))
    if len(doomed) > 10:
        st.text(_("… and {n} more", n=len(doomed) - 10))
    st.button(
        ngettext("Delete the run", "Delete {n} runs", len(doomed)),
        key="runs.really",
        type="primary",
        on_click=_delete,
        args=([record.id for record in doomed],),
    )


def _delete(run_ids: list[str]) -> None:
    """In a callback: delete what can be deleted, and say what could not."""
    problems = []
    for run_id in run_ids:
        try:
            get_lab().store.delete(run_id)
        except LabError as error:
            problems.append(say_error(error))
        if st.session_state.get("run") == run_id:
            st.session_state["run"] = None
    if problems:
        st.session_state[ERROR] = " ".join(problems)
    st.session_state[DONE] = True


def comparison(chosen: Sequence[RunRecord]) -> None:
    """The curves of the chosen runs over each other, and what was different."""
    measures = {
        "val_accuracy": _("Validation accuracy"),
        "val_loss": _("Validation loss"),
        "accuracy": _("Training accuracy"),
        "loss": _("Training loss"),
    }
    st.session_state.setdefault("runs.measure", "val_accuracy")
    st.segmented_control(
        _("Curve"),
        list(measures),
        format_func=measures.__getitem__,
        key="runs.measure",
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    measure = str(st.session_state["runs.measure"])
    paths = get_lab().paths
    histories = {
        short_name(record): [e.model_dump() for e in whole_history(paths.run(record.id))]
        for record in chosen
    }
    info = runs_info(histories, measure)
    if info.curves:
        labels = RunsLabels(x=_("epoch"), y=measures[measure])
        comma = language() == "es"
        st.plotly_chart(
            plot_runs(info, labels, dark=is_dark(), decimal_comma=comma),
            key="runs.curves",
            alt=_("{title} by epoch", title=measures[measure]),
        )
    elif all(map(stopped_at_once, chosen)) and len(chosen) == 1:
        st.caption(_(NO_EPOCH))
    else:
        st.caption(_("None of these runs has finished an epoch in which this was measured."))
    _what_changed(chosen)


def _what_changed(chosen: Sequence[RunRecord]) -> None:
    if len(chosen) < 2:
        return
    st.markdown("**" + _("What is different between them") + "**")
    table = differences(chosen)
    if table.empty:
        st.caption(_("Nothing: all settings are the same."))
        return
    st.dataframe(
        table,
        hide_index=True,
        height=table_height(len(table), 460),
        width="content",
        column_config={table.columns[0]: st.column_config.TextColumn(width="medium")},
        alt=_("Settings that differ"),
    )


def other_people(drawn: str) -> None:
    """Draw the page anew when a run has appeared, changed or gone."""

    def look() -> None:
        if state_of_all_runs() != drawn:
            st.rerun()

    st.fragment(look, run_every=POLL_SECONDS)()


def state_of_all_runs() -> str:
    """Changes when a run appears, ends, goes on or is deleted; cheap with thousands of runs."""
    store = get_lab().store
    active = store.runs(RunStatus.RUNNING, RunStatus.QUEUED)
    newest = store.runs(limit=1)
    parts = [str(store.count()), *(f"{r.id} {r.status}" for r in (*newest, *active))]
    return "|".join(parts)


def unreadable_folders() -> None:
    """Folders among the runs that could not be read, why, and a second look."""
    problems = get_lab().store.problems()
    with st.expander(
        ngettext("{n} folder cannot be read", "{n} folders cannot be read", len(problems))
        if problems
        else _("Runs copied in from elsewhere"),
        icon=":material/folder_off:" if problems else ":material/folder_open:",
    ):
        for folder, reason in problems:
            st.text(f"{folder}: {say(reason)}")
        st.caption(
            _(
                "A run folder that was copied into {folder} appears after a look at all folders.",
                folder=literal(str(get_lab().paths.runs)),
            )
        )
        st.button(
            _("Look again"),
            key="runs.reindex",
            icon=":material/refresh:",
            on_click=_look_again,
        )


def _look_again() -> None:
    report = get_lab().store.reindex()
    st.toast(ngettext("{n} run found", "{n} runs found", report.runs))
