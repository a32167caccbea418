"""What one session looks at, and the one lab that all sessions share."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.config import RunConfig
from core.errors import LabError
from core.lab import Lab
from core.records import RunRecord
from ui.i18n import say_error

GOTO = "_goto"
ERROR = "_error"
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
        st.error(say_error(error))
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
        st.error(message)


def launch(config: RunConfig, preset: str | None = None) -> None:
    """In a callback: queue a training and watch it."""

    def submit() -> None:
        choose_run(get_lab().runner.submit(config, preset))
        st.session_state["train_view"] = "watch"
        go_to("pages/train.py")

    guarded(submit)
