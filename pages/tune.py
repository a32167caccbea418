"""From one run to many: a search for good settings, the same settings on several folds."""

import streamlit as st

from ui.i18n import _
from ui.nav import guard
from ui.tune_views import view_switch

guard()
with st.container(horizontal=True, horizontal_alignment="distribute"):
    st.header(_("Tune"), width="content")
    view = view_switch()
view.show()
