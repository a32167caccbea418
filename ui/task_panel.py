"""A task in a process of its own (:mod:`core.tasks`): offered, under way, or why it failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import streamlit as st

from core.tasks import TaskState
from ui.i18n import _, duration, percent, say
from ui.messages import show
from ui.names import literal
from ui.state import guarded

REFRESH_SECONDS = 1.0


class Panel(NamedTuple):
    """A task, and what is said of it: translated words, but for those of the phases."""

    key: str
    """Of the button that begins it; that of the other one ends in ``.cancel``."""
    what: str
    button: str
    cost: str
    phases: Mapping[str, str]
    read: Callable[[], TaskState]
    start: Callable[[], None]
    cancel: Callable[[], None]


def is_ready(panel: Panel, *, unasked: bool = False) -> bool:
    """Whether the result is there; if not, what can be done about it stands on the page.

    ``unasked`` begins it where nobody has yet.
    """
    state = panel.read()
    if state.status == "none" and unasked:
        panel.start()
        state = panel.read()
    if state.status == "running":
        st.fragment(_watch, run_every=REFRESH_SECONDS)(panel)
    elif state.status != "finished":
        _offer(panel, state)
    return state.status == "finished"


def _offer(panel: Panel, state: TaskState) -> None:
    if state.status == "failed":
        parts = [say(part) for part in (state.message, state.remedy) if part]
        show(" ".join(parts), "error")
    elif state.message:
        show(say(state.message), "info")
    st.write(panel.what)
    st.caption(panel.cost)
    st.button(
        panel.button,
        key=panel.key,
        type="primary",
        icon=":material/query_stats:",
        on_click=guarded,
        args=(panel.start,),
    )


def _watch(panel: Panel) -> None:
    """In a fragment that refreshes itself, until there is something else to show."""
    state = panel.read()
    if state.status != "running":
        st.rerun()
    st.write(panel.what)
    bar, button = st.columns([6, 1], vertical_alignment="center")
    bar.progress(min(1.0, state.progress.share), text=literal(_how_far(panel, state)))
    button.button(_("Cancel"), key=f"{panel.key}.cancel", on_click=guarded, args=(panel.cancel,))


def _how_far(panel: Panel, state: TaskState) -> str:
    """Phase, share and what is left, as far as they are known."""
    progress = state.progress
    parts = [_(panel.phases[progress.phase])]
    if progress.share:
        parts.append(percent(progress.share, 0))
    left = progress.seconds_left()
    if left is not None:
        parts.append(_("{time} left", time=duration(left)))
    return " · ".join(parts)
