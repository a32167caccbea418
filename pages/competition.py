"""Predict images without a label, hand the answers in, and compete over them in class."""

import streamlit as st

from ui.competition_open import open_view
from ui.competition_predict import submission_view
from ui.competition_view import board_view, may_manage
from ui.i18n import _
from ui.nav import guard
from ui.switch import switch

guard()
VIEWS = {"board": _("Leaderboard"), "file": _("Submission file")}
SHOW = {"board": board_view, "file": submission_view}
if may_manage():
    VIEWS["open"] = _("Open a competition")
    SHOW["open"] = open_view
if st.session_state.get("competition_view") not in VIEWS:
    st.session_state["competition_view"] = "board"
SHOW[switch(_("View"), VIEWS, key="competition_view")]()
