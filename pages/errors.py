"""One run: which images it gets wrong, and which classes it confuses."""

import streamlit as st

from core.errors import LabError
from ui.composed import single_networks_only
from ui.errors_data import judged, judged_splits
from ui.errors_matrix import forget_cell_of_other_run
from ui.errors_view import headline, no_run, not_over, nothing_predicted, split_switch, tell_folds
from ui.errors_views import view_switch
from ui.frame import run_label
from ui.i18n import _, say_error
from ui.messages import show_error
from ui.nav import guard
from ui.sealing import opened
from ui.state import chosen_run

guard()
record = chosen_run()
if record is None:
    st.title(_("Errors"))
    no_run()
    st.stop()
if not record.status.is_over():
    st.title(_("Errors"))
    not_over(record)
    st.stop()
try:
    splits = judged_splits(record)
except LabError as error:
    st.title(_("Errors"))
    nothing_predicted(record, say_error(error))
    st.stop()

forget_cell_of_other_run(record.id)
with st.container(horizontal=True, horizontal_alignment="distribute"):
    st.text(run_label(record), width="content")
    view = view_switch()
    split = split_switch(splits)
if split == "test" and not opened(record, splits):
    st.stop()
try:
    result = judged(record, split)
except LabError as error:
    show_error(error)
    st.stop()
headline(result)
tell_folds(record, split)
if view.asks_one_network and record.is_composed:
    single_networks_only(record)
else:
    view.show(record, result)
