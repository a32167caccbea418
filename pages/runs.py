"""All runs: find, compare, copy, open and delete them."""

import streamlit as st

from ui.i18n import _
from ui.nav import guard
from ui.runs_data import all_rows, chosen_runs
from ui.runs_filters import filtered
from ui.runs_view import DIALOG, no_runs, other_people, state_of_all_runs, unreadable_folders
from ui.runs_views import view_switch

guard()
st.session_state[DIALOG] = False  # until one is opened below
drawn = state_of_all_runs()
rows = all_rows()
if rows:
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.header(_("Runs"), width="content")
        view = view_switch()
    listed = filtered(rows)
    if listed:
        view.show(listed, chosen_runs())
    else:
        st.info(_("No run fits. Change the filter above."))
else:
    st.title(_("Runs"))
    no_runs()
unreadable_folders()
other_people(drawn)
