"""The user's own pictures: what a run's network takes them for."""

import streamlit as st

from ui.frame import run_label
from ui.i18n import _
from ui.names import literal
from ui.nav import guard
from ui.predict_view import (
    about_network,
    explain_missing,
    has_network,
    how_many_classes,
    page_of,
    read_all,
    samples,
    show_pictures,
    show_problems,
    uploads,
)
from ui.state import chosen_run
from ui.unknown import offer

guard()
record = chosen_run()
if record is None:
    st.info(_("No run is chosen: pick a finished one in the sidebar, or train a network first."))
    st.page_link("pages/train.py", label=_("Train"), icon=":material/model_training:")
    st.stop()
st.markdown(f"**{literal(run_label(record))}**")
if not has_network(record):
    explain_missing(record)
    st.stop()
about_network(record)
offer(record)

chooser, settings = st.columns([5, 2], gap="large")
with chooser:
    files = uploads()
with settings:
    top = how_many_classes(record)
    with_samples = st.toggle(
        _("Test images, too"),
        key="with_samples",
        help=_("Some images of the test split, which the network has not learned from."),
        persist_state="session",
    )

pictures, problems = read_all(page_of(files), record)
show_problems(problems)
show_pictures(record, pictures, top, key="own")
if with_samples:
    drawn = st.session_state.get("_predict_seed", 0)
    known = samples(record, drawn)
    if not known:
        st.info(_("The dataset of this run is not there any more, so there are no test images."))
    elif st.button(_("Other test images"), key="other_samples", icon=":material/casino:"):
        st.session_state["_predict_seed"] = drawn + 1
        st.rerun()
    show_pictures(record, known, top, key="test")
elif not files:
    st.info(_("Drop one or several pictures above, or switch on the test images."))
