"""The Runs page around its views: no runs, other people's runs, folders that cannot be read."""

from __future__ import annotations

import streamlit as st

from ui.i18n import _, ngettext, say
from ui.names import literal
from ui.state import get_lab

POLL_SECONDS = 4.0
DIALOG = "runs.dialog"
"""Whether a dialog is open: a page drawn anew would close it, and what was typed would be lost."""


def no_runs() -> None:
    st.info(_("There are no runs yet. Every training you launch appears here."))
    st.page_link("pages/train.py", label=_("Train a network"), icon=":material/model_training:")


def other_people(drawn: str) -> None:
    """Draw the page anew when a run has appeared, changed or gone."""

    def look() -> None:
        if state_of_all_runs() != drawn and not st.session_state.get(DIALOG):
            st.rerun()

    st.fragment(look, run_every=POLL_SECONDS)()


def state_of_all_runs() -> str:
    """Changes when a run appears, ends, goes on, is tagged or deleted."""
    return str(get_lab().store.stamp())


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
