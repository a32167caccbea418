"""The pages, their order and names."""

from __future__ import annotations

import streamlit as st

from core.errors import N_
from ui.i18n import _

_PAGES = (
    ("start", N_("Home"), ":material/home:"),
    ("data", N_("Data"), ":material/photo_library:"),
    ("train", N_("Train"), ":material/model_training:"),
    ("runs", N_("Runs"), ":material/table_rows:"),
    ("errors", N_("Errors"), ":material/grid_on:"),
    ("predict", N_("Predict"), ":material/image_search:"),
)


def pages() -> list[st.Page]:
    """Made anew in every run: titles follow the language, addresses never do."""
    return [
        st.Page(
            f"pages/{name}.py",
            title=_(title),
            icon=icon,
            url_path="" if name == "start" else name,
            default=name == "start",
        )
        for name, title, icon in _PAGES
    ]


def set_up_page() -> None:
    """No title: each page has its own. The icon is a local file, because the browser would fetch
    the default from the internet."""
    st.set_page_config(page_icon="static/icon.png", layout="wide")


def guard() -> None:
    """First line of every page: the first request to a fresh server may be a deep link, which
    Streamlit runs without ``Home.py``."""
    if not st.session_state.get("_router"):
        set_up_page()
        st.navigation(pages())
        st.rerun()
