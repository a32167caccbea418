"""All pictures judged at once, in the background: counted, and as a table to take away."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.asking.batches import Batches, BatchRequest, BatchState
from core.asking.items import Items
from core.errors import LabError
from core.networks import network_version
from core.records import RunRecord
from ui.downloads import csv_button
from ui.frame import run_label
from ui.i18n import _, duration, ngettext, percent, say
from ui.messages import show, show_error
from ui.names import literal
from ui.predict_pictures import takers
from ui.predict_view import Shown
from ui.state import get_lab

REFRESH_SECONDS = 1.0
BATCH = "_predict_batch"
"""The id of the batch that this session has begun last, and what it is about."""


@st.cache_resource(show_spinner=False)
def get_batches() -> Batches:
    """Those of this server."""
    lab = get_lab()
    return Batches(lab.paths.tried, lab.compute.judge)


def all_results(items: Items, records: Sequence[RunRecord], how: Shown) -> None:
    """A button that has all pictures judged; then how far that is; then what came out."""
    if not items:
        return
    about = _about(items, records, how)
    mine: tuple[str, Any] | None = st.session_state.get(BATCH)
    state = _state(mine[0]) if mine and mine[1] == about else None
    if state is not None and not state.is_over():
        st.fragment(_progress, run_every=REFRESH_SECONDS)()
        return
    if state is None or state.status != "finished":
        st.button(
            ngettext("Judge {n} picture", "Judge all {n} pictures", len(items)),
            key="predict_all",
            icon=":material/checklist:",
            on_click=_start,
            args=(items, tuple(records), how, about),
            help=_(
                "Gives a table of all answers as CSV, and the accuracy where the truth is known "
                "from folders."
            ),
        )
    if state is not None:
        _results(state, records)


def _about(items: Items, records: Sequence[RunRecord], how: Shown) -> tuple[object, ...]:
    paths = get_lab().paths
    return (
        items.identity,
        tuple(record.id for record in records),
        tuple(network_version(paths, record) for record in records),
        how.k,
        how.varied,
    )


def _start(
    items: Items, records: tuple[RunRecord, ...], how: Shown, about: tuple[object, ...]
) -> None:
    """In a callback. What this session has begun before is no longer wanted."""
    _cancel()
    request = BatchRequest(items, takers(records), how.k, how.varied)
    st.session_state[BATCH] = (get_batches().start(request), about)


def _cancel() -> None:
    """In a callback."""
    if mine := st.session_state.get(BATCH):
        get_batches().cancel(mine[0])


def _state(batch_id: str) -> BatchState | None:
    try:
        return get_batches().read(batch_id)
    except LabError as error:
        show_error(error, "warning")
        return None


def _progress() -> None:
    mine = st.session_state.get(BATCH)
    state = _state(mine[0]) if mine else None
    if state is None or state.is_over():
        st.rerun()
    words = _("Waiting for its turn …")
    if state.status == "running":
        words = _("{done} of {total} pictures", done=state.done, total=state.total)
        words += " · " + _("{time} left", time=duration(state.eta_seconds))
    bar, button = st.columns([4, 1], vertical_alignment="center")
    bar.progress(state.done / state.total, text=words)
    button.button(_("Cancel"), key="predict_cancel", on_click=_cancel)


def _results(state: BatchState, records: Sequence[RunRecord]) -> None:
    if state.message is not None:
        show(say(state.message), "error")
    if state.status == "cancelled":
        done = _("Cancelled after {done} of {total} pictures.", done=state.done, total=state.total)
        st.warning(done)
    figures = st.columns(len(records) + 1)
    for i, (record, place) in enumerate(zip(records, figures, strict=False)):
        with place:
            _accuracy(state, record, i, named=len(records) > 1)
    with figures[-1]:
        _counts(state, len(records))
        csv_button(
            _("Results as CSV"),
            functools.partial(get_batches().result, st.session_state[BATCH][0]),
            "lienzo-predictions.csv",
            key="predict_csv",
            help=_(
                "A line per picture and run: file, true class, the likeliest classes with "
                "their probabilities, and what was wrong with a file."
            ),
        )
    _unreadable(state)


def _accuracy(state: BatchState, record: RunRecord, i: int, *, named: bool) -> None:
    known, tally = state.tally.known[i], state.tally
    if named:
        st.caption(literal(run_label(record)))
    if not known:
        st.caption(_("No folder is called like one of its classes: no accuracy is known."))
        return
    st.metric(
        _("Accuracy on these pictures"),
        percent(tally.accuracy(i)),
        help=_("The part that is right of the pictures that lie in a folder called like a class."),
    )
    st.caption(_("{right} of {known} are right", right=tally.right[i], known=known))


def _counts(state: BatchState, runs: int) -> None:
    tally = state.tally
    words = [ngettext("{n} picture judged", "{n} pictures judged", tally.readable)]
    if runs > 1 and tally.readable:
        words.append(_("all runs agree on {share}", share=percent(tally.agreed / tally.readable)))
    if tally.unreadable:
        words.append(_not_read(tally.unreadable))
    st.caption(literal(" · ".join(words)))


def _unreadable(state: BatchState) -> None:
    tally = state.tally
    if not tally.problems:
        return
    with st.expander(_not_read(tally.unreadable), icon=":material/broken_image:"):
        rows = [(name, say(problem)) for name, problem in tally.problems]
        st.dataframe(
            pd.DataFrame(rows, columns=[_("File"), _("Reason")]), hide_index=True, width="stretch"
        )
        if tally.unreadable > len(rows):
            st.caption(_("The first {n}; all of them are in the CSV.", n=len(rows)))


def _not_read(count: int) -> str:
    return ngettext("{n} picture could not be read", "{n} pictures could not be read", count)
