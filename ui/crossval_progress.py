"""A cross-validation while its folds are trained, and after: where every fold stands."""

from __future__ import annotations

import functools
from statistics import fmean

import streamlit as st

from core.crossval.parent import can_go_on, resume
from core.crossval.standing import finished, folds_of, is_live
from core.records import Progress, RunRecord, RunStatus, read_progress
from ui.composed import made_from
from ui.crossval_data import Folds, look_at, read_parent
from ui.frame import run_label, status_badge, status_text
from ui.i18n import _, duration, ngettext, number, percent, say
from ui.live import share_done
from ui.messages import show, show_failure
from ui.names import literal
from ui.people import may_end
from ui.queue_view import not_yours
from ui.state import get_lab, go_to, guarded

POLL_SECONDS = 1.0
BARS = 8
"""Folds at work that are shown one by one."""


def progress(parent: RunRecord, folds: Folds) -> None:
    """Title, what can be done, and the folds, drawn anew until the end."""
    live = not parent.status.is_over()
    st.fragment(_panel, run_every=POLL_SECONDS if live else None)(parent.id, _state(parent, folds))


def _state(parent: RunRecord, folds: Folds) -> tuple[RunStatus, int]:
    """When this is another one, the whole page has something else to show."""
    return parent.status, len(finished(folds))


def _panel(run_id: str, drawn: tuple[RunStatus, int]) -> None:
    """``drawn`` is the state that the page around this was drawn with."""
    found = read_parent(run_id)
    if found is None or _state(*found) != drawn:
        st.rerun()
    parent, folds = found
    title, badge, action = st.columns([6, 2, 2], vertical_alignment="center")
    title.markdown(f"**{literal(run_label(parent))}**")
    with badge:
        status_badge(parent.status)
    with action:
        _action(parent)
    if parent.failure:
        show_failure(parent.failure)
    if parent.note:
        show(say(parent.note), "warning")
    if not parent.status.is_over():
        _folds(parent, folds)


def _action(parent: RunRecord) -> None:
    lab = get_lab()
    if not parent.status.is_over():
        asked = lab.paths.run(parent.id).stop.exists()
        st.button(
            _("Stopping …") if asked else _("Stop"),
            key="crossval.stop",
            icon=":material/stop_circle:",
            disabled=asked or not may_end(parent),
            help=None if may_end(parent) else literal(not_yours(parent)),
            on_click=guarded,
            args=(functools.partial(lab.runner.stop, parent.id),),
        )
    elif can_go_on(lab.store, parent):
        st.button(
            _("Resume"),
            key="crossval.resume",
            type="primary",
            icon=":material/resume:",
            help=_("Trains the folds that are missing; those that have ended stay as they are."),
            on_click=guarded,
            args=(functools.partial(resume, lab.store, lab.runner, parent.id),),
        )


def _folds(parent: RunRecord, folds: Folds) -> None:
    """One bar for all, one for each that is at work."""
    wanted, done = parent.config.data.all_folds, finished(folds)
    working = {n: r for n, r in folds.items() if r.status is RunStatus.RUNNING}
    now = {n: read_progress(get_lab().paths.run(r.id)) or Progress() for n, r in working.items()}
    share = (len(done) + sum(map(share_done, now.values()))) / max(1, wanted)
    words = [ngettext("{n} fold of {all} ended", "{n} folds of {all} ended", len(done), all=wanted)]
    left = _left(parent, folds, now)
    if left is not None:
        words.append(_("about {time} left", time=duration(left)))
    st.progress(min(1.0, share), text=" · ".join(words))
    for n in list(working)[:BARS]:
        epoch = _("epoch {epoch} of {epochs}", epoch=max(now[n].epoch, 1), epochs=now[n].epochs)
        accuracy = now[n].val_accuracy
        parts = [_("Fold {n}", n=n + 1), epoch, *([percent(accuracy)] if accuracy else [])]
        st.progress(share_done(now[n]), text=" · ".join(parts))
    others = [r for n, r in folds.items() if n not in working and n not in done]
    if others:
        counts = {s: sum(r.status is s for r in others) for s in RunStatus}
        st.caption(" · ".join(f"{number(n)} {status_text(s)}" for s, n in counts.items() if n))


def _left(parent: RunRecord, folds: Folds, now: dict[int, Progress]) -> float | None:
    """Seconds, by the folds that have ended; None before one has."""
    ended = [r.summary.seconds for r in finished(folds).values() if r.summary]
    if not ended:
        return None
    waiting = sum(is_live(r) for r in folds.values()) - len(now)
    slots = max(1, len(get_lab().runner.devices))
    rest = [progress.eta_seconds or 0.0 for progress in now.values()]
    return (sum(rest) + waiting * fmean(ended)) / min(slots, max(1, len(rest) + waiting))


def crossval_panel(parent: RunRecord) -> None:
    """On the Train page: where its folds stand, and where the rest is."""
    progress(parent, folds_of(get_lab().store, parent.id))
    st.info(
        _("A cross-validation has no curves of its own: those of its folds are on the Tune page.")
    )
    st.button(
        _("Open it on the Tune page"),
        key="crossval.open",
        icon=":material/tune:",
        on_click=_open,
        args=(parent.id,),
    )
    made_from(parent)


def _open(run_id: str) -> None:
    look_at(run_id)
    go_to("pages/tune.py")
