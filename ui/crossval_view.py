"""The view "Cross-validation" of the Tune page: a new one, or one that was begun before."""

from __future__ import annotations

import streamlit as st

from ui.crossval_data import CHOSEN, PART, parents, read_parent
from ui.crossval_pair import pair
from ui.crossval_progress import progress
from ui.crossval_result import result
from ui.crossval_setup import setup
from ui.i18n import _
from ui.switch import switch


def crossval_view() -> None:
    """Set one up, or look at one and compare it."""
    names = {"setup": _("Set up"), "result": _("Progress and results")}
    st.session_state.setdefault(PART, "setup")  # no default: a button may have set it
    if switch(_("Part"), names, key=PART) == "setup":
        st.caption(
            _(
                "The images are dealt into parts, and the same settings are trained once for each: "
                "on all parts but that one, which then judges. The mean says more than a single "
                "validation split, and the spread says how far luck reaches."
            )
        )
        setup()
    else:
        _look()


def _look() -> None:
    labels = parents()
    if not labels:
        st.info(_("There is no cross-validation yet: set one up first."))
        return
    if st.session_state.get(CHOSEN) not in labels:
        # The run of the sidebar, if it is one; else the newest.
        chosen = st.session_state.get("run")
        st.session_state[CHOSEN] = chosen if chosen in labels else next(iter(labels))
    run_id = st.selectbox(
        _("Cross-validation"),
        list(labels),
        format_func=labels.__getitem__,
        key=CHOSEN,
        help=_("All that were launched here or on the command line, the newest first."),
        persist_state="session",
    )
    found = read_parent(run_id)
    if found is None:
        return
    progress(*found)
    result(*found)
    pair(*found, labels)
