"""The queue: who waits, in which order, until when; and what may be changed about it."""

from __future__ import annotations

import functools
from collections import Counter

import streamlit as st

from core.errors import N_
from core.jobs.queue import Move, Queued
from core.records import RunRecord
from ui.frame import by_whom, part_of, run_label
from ui.i18n import _, duration, ngettext, number
from ui.names import literal
from ui.people import Launched, is_own, is_teacher, may_end, may_move
from ui.state import get_lab, guarded, watch

SHOWN = 20
"""Rows of other people, and of searches and cross-validations; one's own single runs are always
shown."""
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
        return _start(row)
    if row.position == 1:
        place = _("Next in the queue")
    else:
        place = _("Number {n} in the queue", n=row.position)
    return f"{place} · {_start(row)}"


def _start(row: Queued) -> str:
    if row.starts_in == 0:
        return _("Starting …")
    if row.starts_in is None:
        return _("start unknown: nothing like the runs before it has been measured yet")
    rounded = max(10, round(row.starts_in, -1))
    return _("starts in about {time}", time=duration(rounded))


def waiting_rows() -> None:
    """One row per waiting run, next first."""
    rows = get_lab().runner.queue()
    if not rows:
        return
    st.subheader(_("Queue"))
    st.caption(_("Names take turns; a free place goes to whoever has waited longest for one."))
    shown = [row for row in rows if row.position <= SHOWN or _single_and_own(row.record)]
    names = Counter(row.record.by for row in rows)
    with st.container(border=True, gap="xsmall"):
        for row in shown:
            _row(row, movable=may_move(row.record) and (names[row.record.by] > 1 or is_teacher()))
        if hidden := len(rows) - len(shown):
            st.caption(ngettext("… and {n} more run", "… and {n} more runs", hidden))


def _single_and_own(record: RunRecord) -> bool:
    return record.part is None and is_own(record)


def _row(row: Queued, *, movable: bool) -> None:
    record = row.record
    name, start, buttons = st.columns([6, 5, 4], vertical_alignment="center")
    place = number(row.position)
    name.markdown(place + f"\\. **{literal(run_label(record))}**{by_whom(record)}{part_of(record)}")
    start.caption(_start(row))
    with buttons.container(horizontal=True, horizontal_alignment="right"):
        if movable:
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


def not_yours(record: Launched) -> str:
    """Why a button is off."""
    if not record.by:  # of a command line, or from before there were names
        return _("Only the teacher can do this.")
    return _("Only {name} and the teacher can do this.", name=record.by)
