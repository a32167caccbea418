"""An analysis that is not there yet: offered, under way, or why there is none."""

from __future__ import annotations

import functools
from typing import NamedTuple

import streamlit as st

from core.analysis.computing import Cost, map_seconds
from core.analysis.service import Task, TaskState, cancel_task, read_task, start_task
from core.datasets.dataset import DatasetInfo
from core.errors import N_
from ui.i18n import _, duration, ngettext, percent, say
from ui.messages import show
from ui.names import literal
from ui.state import get_lab, guarded

REFRESH_SECONDS = 1.0
AUTO_SECONDS = 5.0
"""What takes no longer is begun without asking."""
PHASES = {
    "starting": N_("Starting …"),
    "waiting": N_("Waiting for another analysis to end"),
    "reading": N_("Reading the images"),
    "comparing": N_("Comparing the images with one another"),
    "arranging": N_("Arranging the images on the map"),
}


class Words(NamedTuple):
    """What is computed, and the button that begins it."""

    what: str
    start: str


WORDS: dict[Task, Words] = {
    "basic": Words(
        N_(
            "Mean images, brightness, images unlike their class, duplicates and a map of the "
            "images are computed once and kept, beside your other work."
        ),
        N_("Analyse the images"),
    ),
    "tsne": Words(
        N_(
            "t-SNE lays images that are alike side by side; the distance between groups means "
            "little. It is computed once and kept, beside your other work."
        ),
        N_("Compute the t-SNE map"),
    ),
}


def ready(info: DatasetInfo, task: Task) -> bool:
    """Whether the result is there; if not, what can be done about it stands on the page."""
    state = read_task(get_lab().paths, info, task)
    if state.status == "none" and seconds(info, task) <= AUTO_SECONDS:
        start_task(get_lab().paths, info, task)
        state = read_task(get_lab().paths, info, task)
    if state.status == "running":
        st.fragment(_watch, run_every=REFRESH_SECONDS)(info, task)
    elif state.status != "finished":
        _offer(info, task, state)
    return state.status == "finished"


def seconds(info: DatasetInfo, task: Task) -> float:
    """How long it takes on a slow machine, roughly."""
    return map_seconds(info) if task == "tsne" else Cost.of(info).seconds


def start_again(info: DatasetInfo, task: Task) -> None:
    """In a callback: compute what is damaged anew."""
    start_task(get_lab().paths, info, task, again=True)


def _offer(info: DatasetInfo, task: Task, state: TaskState) -> None:
    if state.status == "failed":
        parts = [say(part) for part in (state.message, state.remedy) if part]
        show(" ".join(parts), "error")
    elif state.message:
        show(say(state.message), "info")
    words = WORDS[task]
    st.write(_(words.what))
    images = sum(info.splits.values())
    st.caption(
        ngettext(
            "{n} image: up to {time} on a slow machine.",
            "{n} images: up to {time} on a slow machine.",
            images,
            time=duration(max(10.0, seconds(info, task))),
        )
    )
    st.button(
        _(words.start),
        key=f"analysis.{task}",
        type="primary",
        icon=":material/query_stats:",
        on_click=guarded,
        args=(functools.partial(start_task, get_lab().paths, info, task),),
    )


def _watch(info: DatasetInfo, task: Task) -> None:
    """In a fragment that refreshes itself, until there is something else to show."""
    state = read_task(get_lab().paths, info, task)
    if state.status != "running":
        st.rerun()
    st.write(_(WORDS[task].what))
    bar, button = st.columns([6, 1], vertical_alignment="center")
    bar.progress(min(1.0, state.progress.share), text=literal(_how_far(state)))
    button.button(
        _("Cancel"),
        key=f"analysis.cancel.{task}",
        on_click=guarded,
        args=(functools.partial(cancel_task, get_lab().paths, info, task),),
    )


def _how_far(state: TaskState) -> str:
    """Phase, share and what is left, as far as they are known."""
    progress = state.progress
    parts = [_(PHASES[progress.phase])]
    if progress.share:
        parts.append(percent(progress.share, 0))
    left = progress.seconds_left()
    if left is not None:
        parts.append(_("{time} left", time=duration(left)))
    return " · ".join(parts)
