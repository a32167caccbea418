"""The user's own pictures: what networks take them for."""

import streamlit as st

from ui.frame import run_label
from ui.i18n import _
from ui.names import literal
from ui.nav import guard
from ui.predict_all import all_results
from ui.predict_inputs import given, show_left_out, show_problems
from ui.predict_pictures import read_all, samples, takers, why_no_samples
from ui.predict_share import share
from ui.predict_view import (
    Shown,
    about_network,
    choose_beside,
    choose_varied,
    explain_missing,
    has_network,
    how_many_classes,
    page_of,
    show_pictures,
)
from ui.state import chosen_run
from ui.unknown import offer

guard()
record = chosen_run()
if record is None:
    st.info(_("No run is chosen: pick a finished one in the sidebar, or train a network first."))
    st.page_link("pages/train.py", label=_("Train"), icon=":material/model_training:")
    st.stop()
title, sharing = st.columns([5, 2], vertical_alignment="center", gap="large")
title.markdown(f"**{literal(run_label(record))}**")
if not has_network(record):
    explain_missing(record)
    st.stop()
with sharing:
    share(record)
about_network(record)
offer(record)

chooser, settings = st.columns([5, 2], gap="large")
with settings:
    records = choose_beside(record)
    top = how_many_classes(record)
    varied = choose_varied(records)
    with_samples = st.toggle(
        _("Images of the dataset, too"),
        key="with_samples",
        help=_(
            "Some images that the network has not learned from: of the validation split, or of "
            "the test split once its results are unlocked."
        ),
        persist_state="session",
    )
with chooser:
    own = given(records)

how, asked = Shown(top, varied), takers(records)
show_problems(own.problems)
show_left_out(own.items.archives)
all_results(own.items, records, how)
pictures, problems = read_all(page_of(own.items), asked)
show_problems(problems)
show_pictures(records, [*([own.drawing] if own.drawing else []), *pictures], how, key="own")
if with_samples:
    drawn = st.session_state.get("_predict_seed", 0)
    known = samples(records, asked, drawn)
    if not known:
        st.info(_(why_no_samples(record)))
    elif st.button(_("Other images"), key="other_samples", icon=":material/casino:"):
        st.session_state["_predict_seed"] = drawn + 1
        st.rerun()
    show_pictures(records, known, how, key="test")
elif not own.items and not own.drawing:
    st.info(_("Give one or several pictures above, or switch on the images of the dataset."))
