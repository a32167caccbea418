"""The queue: who waits, in which order, until when; and what may be changed about it."""

from __future__ import annotations

import functools

import streamlit as st

from core.errors import N_
from core.jobs.queue import Move, Queued
from core.records import RunRecord
from ui.frame import run_label
from ui.i18n import _, duration, ngettext
from ui.names import literal
from ui.people import is_own, is_teacher, may_end, may_move
from ui.state import get_lab, guarded, watch

SHOWN = 20
"""Rows of other people; one's own are always shown."""
MOVES: dict[Move, str] = {
    "up": N_("Earlier"),
    "down": N_("Later"),
    "front": N_("First of this name"),
    "first": N_("Before everybody"),
}


def place_in_queue(record: RunRecord) -> str:
    """Where a queued run stands, in one sentence."""
    rows = {row.record.id: row for row in get_lab().runner.queue()}
    return _place(rows[record.id]) if record.id in rows else _("Starting …")


def _place(row: Queued) -> str:
    if row.starts_in == 0:
        return _("Starting …")
    if row.position == 1:
        place = _("Next in the queue")
    else:
        place = _("Number {n} in the queue", n=row.position)
    return f"{place} · {_start(row.starts_in)}"


def _start(seconds: float | None) -> str:
    if seconds is None:
        return _("start unknown: nothing like the runs before it has been measured yet")
    return _("starts in about {time}", time=duration(max(10, round(seconds, -1))))


def waiting_rows() -> None:
    """One row per waiting run, next first."""
    rows = get_lab().runner.queue()
    if not rows:
        return
    st.subheader(_("Queue"))
    st.caption(_("Names take turns; a free place goes to whoever has waited longest for one."))
    hidden = 0
    for row in rows:
        if row.position > SHOWN and not is_own(row.record):
            hidden += 1
        else:
            _row(row)
    if hidden:
        st.caption(ngettext("… and {n} more run", "… and {n} more runs", hidden))


def _row(row: Queued) -> None:
    record = row.record
    with st.container(border=True):
        name, start, buttons = st.columns([6, 5, 4], vertical_alignment="center")
        who = f" · {literal(record.by)}" if record.by else ""
        name.markdown(f"{row.position}. **{literal(run_label(record))}**{who}")
        start.caption(_place(row))
        with buttons.container(horizontal=True, horizontal_alignment="right"):
            if may_move(record):
                _move_button(record)
            _cancel_button(record)
            st.button(_("Watch"), key=f"watch.{record.id}", on_click=watch, args=(record.id,))


def _move_button(record: RunRecord) -> None:
    key = f"move.{record.id}"
    st.menu_button(
        _("Move"),
        [how for how in MOVES if how != "first" or is_teacher()],
        format_func=lambda how: _(MOVES[how]),
        key=key,
        help=_("Gives this run another place among the runs of its name."),
        on_click=_move,
        args=(record.id, key),
    )


def _move(run_id: str, key: str) -> None:
    """In a callback."""
    guarded(functools.partial(get_lab().runner.move, run_id, st.session_state[key]))


def _cancel_button(record: RunRecord) -> None:
    allowed = may_end(record)
    st.button(
        _("Cancel"),
        key=f"cancel.{record.id}",
        disabled=not allowed,
        help=None if allowed else literal(not_yours(record)),
        on_click=guarded,
        args=(functools.partial(get_lab().runner.stop, record.id),),
    )


def not_yours(record: RunRecord) -> str:
    """Why a button is off."""
    return _("Only {name} and the teacher can do this.", name=record.by or "–")
