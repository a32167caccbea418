"""One network to try, for whoever was given the link: no other page, no other run."""

import streamlit as st

from core.errors import LabError
from ui.frame import run_label
from ui.i18n import _
from ui.messages import show_error
from ui.names import class_names, literal
from ui.nav import guard
from ui.predict_inputs import given, show_problems
from ui.predict_pictures import read_all, takers
from ui.predict_view import (
    Shown,
    about_network,
    has_network,
    page_of,
    show_pictures,
    why_no_network,
)
from ui.state import get_lab

CLASSES = 5

guard()
try:
    record = get_lab().store.read(st.query_params.get("run", ""))
except LabError as error:
    show_error(error)
    st.caption(_("The link may be incomplete: ask for it again."))
    st.stop()
st.header(_("Try this network"))
st.markdown(f"**{literal(run_label(record))}**")
if not has_network(record):
    st.info(why_no_network(record))
    st.stop()
about_network(record)
names = class_names(record)
shown = ", ".join(names[:100]) + (" …" if len(names) > 100 else "")
st.caption(literal(_("It knows: {names}", names=shown)))

own = given([record], guest=True)
show_problems(own.problems)
pictures, problems = read_all(page_of(own.items), takers([record]))
show_problems(problems)
how = Shown(min(CLASSES, len(names)), closer=False)
show_pictures([record], [*([own.drawing] if own.drawing else []), *pictures], how, key="own")
