"""What is being trained at this moment, by whomever: one row per run, on the home page."""

from __future__ import annotations

import functools

import streamlit as st

from core.paths import RunPaths
from core.records import Progress, RunRecord, RunStatus, read_history, read_progress
from ui.frame import by_whom, part_of, run_label, status_badge
from ui.i18n import _, duration, percent
from ui.live import progress_bar
from ui.names import literal
from ui.queue_view import waiting_rows
from ui.state import get_lab, watch


def active_runs() -> None:
    """The runs that are queued or running; in a fragment, which draws them anew."""
    st.subheader(_("Running now"))
    store = get_lab().store
    # The oldest first; ids sort by time. Of what is made of others, those have rows.
    found = (run for run in store.runs(RunStatus.RUNNING) if run.kind == "training")
    running = sorted(found, key=lambda run: run.id)
    if not running and not store.runs(RunStatus.QUEUED):
        st.caption(_("Nothing is running. The machine is yours."))
    for record in running:
        with st.container(border=True):
            _row(record)
    waiting_rows()


def _row(record: RunRecord) -> None:
    name, where, figures, button = st.columns([5, 6, 3, 2], vertical_alignment="center")
    with name, st.container(horizontal=True, vertical_alignment="center"):
        about = by_whom(record) + part_of(record)
        st.markdown("**" + literal(run_label(record)) + "**" + about, width="content")
        status_badge(record.status)
    paths = get_lab().paths.run(record.id)
    now = read_progress(paths) or Progress()
    with where:
        progress_bar(now)
    left = _("{time} left", time=duration(now.eta_seconds))
    best = _("best so far: {accuracy}", accuracy=percent(_best_so_far(paths)))
    figures.caption(left + "  \n" + best)
    button.button(
        _("Watch"), key=f"watch.{record.id}", on_click=watch, args=(record.id,), width="stretch"
    )


def _best_so_far(paths: RunPaths) -> float | None:
    """The best validation accuracy (of training where there is no validation) of all epochs."""
    try:
        version = paths.metrics.stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _best(paths, version)


@functools.lru_cache(maxsize=64)
def _best(paths: RunPaths, _version: int) -> float | None:
    history = read_history(paths)
    validated = [epoch.val_accuracy for epoch in history if epoch.val_accuracy is not None]
    return max(validated or [epoch.accuracy for epoch in history], default=None)
