"""The frame around every page: navigation, language, and the run that is looked at."""

import streamlit as st

from ui.address import address, read_address
from ui.frame import choose_language, choose_run_in_sidebar, use_the_width
from ui.nav import navigate, set_up_page
from ui.people import choose_name, teacher_lock
from ui.state import GOTO, show_pending_error

set_up_page()
st.session_state["_router"] = True
read_address("lang")  # before the first word is shown
page, alone = navigate()
if target := st.session_state.pop(GOTO, None):
    st.switch_page(target, query_params=address())
use_the_width()
if not alone:
    # A click on it leads home, where guests have nothing to do.
    st.logo("static/logo.png", size="large", icon_image="static/icon.png")
    choose_run_in_sidebar()
    choose_language()
    choose_name()
    teacher_lock()
show_pending_error()
page.run()
