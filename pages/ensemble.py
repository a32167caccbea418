"""Several networks that answer as one: choose them, see what they gain, keep it as a run."""

import streamlit as st

from core.errors import LabError
from ui.ensemble_choice import choose_members
from ui.ensemble_data import chosen
from ui.ensemble_make import make_bar, soup_section
from ui.ensemble_view import about_members, choose_method, headline, methods_table, view_switch
from ui.i18n import _
from ui.messages import show_error
from ui.nav import guard

guard()
st.header(_("Ensembles"))
members = choose_members()
if not members:
    st.stop()
if len(members) == 1:
    st.info(_("Choose at least one more: one network alone is no ensemble."))
    st.stop()
try:
    found = chosen(members)
except LabError as error:
    show_error(error, "warning")
    st.stop()
about_members(found)
method = choose_method()
if headline(found, method):
    make_bar(found, method)
methods_table(found, method)
view_switch().show(found, method)
soup_section(found)
