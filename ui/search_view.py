"""The view "Search" of the Tune page: a new search, or a study that was begun before."""

from __future__ import annotations

import streamlit as st

from ui.address import read_address, write_address
from ui.i18n import _
from ui.search_form import PART, STUDY, setup_view
from ui.search_study import study_view
from ui.switch import switch


def search_view() -> None:
    """Set a search up, or look at a study; the study stays in the address."""
    before = st.session_state.get(STUDY)
    read_address(STUDY)
    if st.session_state.get(STUDY) != before:  # an address was opened
        st.session_state[PART] = "study"
    st.session_state.setdefault(PART, "setup")
    names = {"setup": _("Set up a search"), "study": _("Studies")}
    if switch(_("Part"), names, key=PART) == "setup":
        write_address(STUDY, default=st.session_state.get(STUDY))
        setup_view()
    else:
        study_view()
        write_address(STUDY)
