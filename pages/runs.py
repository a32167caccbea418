"""All runs: find, compare, copy, open and delete them."""

import streamlit as st

from ui.i18n import _, number
from ui.nav import guard
from ui.runs_view import (
    LISTED,
    actions,
    choose_in_table,
    comparison,
    filtered,
    no_runs,
    other_people,
    state_of_all_runs,
    unreadable_folders,
)
from ui.state import get_lab

guard()
st.title(_("Runs"))
drawn = state_of_all_runs()
store = get_lab().store
records = store.runs(limit=LISTED)
if records:
    listed = filtered(records)
    if listed:
        chosen = choose_in_table(listed)
        actions(chosen)
        if chosen:
            comparison(chosen)
    else:
        st.info(_("No run fits. Change the filter above."))
    if store.count() > LISTED:
        st.caption(_("The newest {n} runs of {all}.", n=LISTED, all=number(store.count())))
else:
    no_runs()
unreadable_folders()
other_people(drawn)
