"""The pages, their order and names."""

from __future__ import annotations

import streamlit as st

from core.errors import N_
from ui.i18n import _

_PAGES = (
    ("start", N_("Home"), ":material/home:"),
    ("data", N_("Data"), ":material/photo_library:"),
    ("train", N_("Train"), ":material/model_training:"),
    ("tune", N_("Tune"), ":material/tune:"),
    ("runs", N_("Runs"), ":material/table_rows:"),
    ("errors", N_("Errors"), ":material/grid_on:"),
    ("predict", N_("Predict"), ":material/image_search:"),
    ("ensemble", N_("Ensembles"), ":material/groups:"),
    ("competition", N_("Competition"), ":material/trophy:"),
)
DEMO = "demo"
"""The page that stands alone, for whoever was given a link to try a network."""


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
    ] + [st.Page(f"pages/{DEMO}.py", title=_("Try it"), url_path=DEMO, visibility="hidden")]


def navigate() -> tuple[st.Page, bool]:
    """The page that is asked for, and whether it stands alone: without a menu, and nothing in the
    sidebar."""
    page = st.navigation(pages())
    alone = page.url_path == DEMO
    return (st.navigation(pages(), position="hidden"), True) if alone else (page, False)


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
