"""What one session looks at, and the one lab that all sessions share."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.config import RunConfig
from core.errors import LabError
from core.following import on_its_images
from core.lab import Lab
from core.parts import Start
from core.records import RunRecord
from ui.i18n import say_error
from ui.messages import show, show_error

GOTO = "_goto"
ERROR = "_error"
NAME = "my_name"
"""What the person at this browser wants to be called."""
FOLLOW = "_follow"
"""The run whose Errors page is opened as soon as it has finished."""
LISTED_RUNS = 50
"""Runs offered in the sidebar; all of them are on the Runs page."""


@st.cache_resource(show_spinner=False)
def get_lab() -> Lab:
    """The lab of this server, started at the first page."""
    lab = Lab()
    lab.start()
    return lab


def is_dark() -> bool:
    return st.context.theme.type == "dark"


def go_to(page: str) -> None:
    """In a callback or fragment: open a page at the next run of the script."""
    st.session_state[GOTO] = page


def choose_run(run_id: str) -> None:
    """In a callback: make a run the one that the pages look at (and ``?run=`` names)."""
    st.session_state["run"] = run_id


def chosen_run() -> RunRecord | None:
    """The run that this session looks at, as its folder has it now."""
    run_id = st.session_state.get("run")
    if not run_id:
        return None
    try:
        return get_lab().store.read(run_id)
    except LabError as error:
        show_error(error)
        return None


def guarded(action: Callable[[], object]) -> None:
    """In a callback: do it; what the user must know of is shown at the top of the page."""
    try:
        action()
    except LabError as error:
        st.session_state[ERROR] = say_error(error)


def show_pending_error() -> None:
    message = st.session_state.pop(ERROR, None)
    if message:
        show(message, "error")


def why_not_on(record: RunRecord) -> str | None:
    """Why a training on the images of this run cannot go on: they are gone, or others."""
    try:
        on_its_images(get_lab().store, record, record.config)
    except LabError as error:
        return say_error(error)
    return None


def launch(
    config: RunConfig,
    preset: str | None = None,
    *,
    start: Start | None = None,
    to_errors: bool = False,
) -> None:
    """In a callback: queue a training in the user's name and watch it; ``to_errors``: see
    :data:`FOLLOW`."""

    def submit() -> None:
        by = st.session_state.get(NAME, "")
        run_id = get_lab().runner.submit(config, preset, by=by, start=start)
        if to_errors:
            st.session_state[FOLLOW] = run_id
        watch(run_id)

    guarded(submit)


def watch(run_id: str) -> None:
    """In a callback: look at a run on the Train page."""
    choose_run(run_id)
    st.session_state["train_view"] = "watch"
    go_to("pages/train.py")
