"""What many runs can be used for, launched together: one row per view of the Tune page."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from core.errors import N_
from ui.crossval_view import crossval_view
from ui.i18n import _
from ui.search_view import search_view
from ui.switch import switch


class View(NamedTuple):
    """A view: its name, and what draws it under the page's title."""

    label: str
    show: Callable[[], None]


VIEWS = {
    "search": View(N_("Hyper-parameter search"), search_view),
    "crossval": View(N_("Cross-validation"), crossval_view),
}


def view_switch() -> View:
    # Not as the default of the switch: buttons of other pages choose a view by this key.
    st.session_state.setdefault("tune_view", "search")
    names = {key: _(view.label) for key, view in VIEWS.items()}
    return VIEWS[switch(_("View"), names, key="tune_view")]
