"""Being built."""

import streamlit as st

from ui.nav import guard

guard()
st.title("runs")
