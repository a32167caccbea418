"""The switch between the parts of a page."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def switch(label: str, names: Mapping[str, str], *, key: str, default: str | None = None) -> str:
    """One of ``names`` (key → as it is called on the screen); ``default`` unless the session state
    has one. ``label`` is for those who cannot see it."""
    return str(
        st.segmented_control(
            label,
            list(names),
            format_func=names.__getitem__,
            default=default,
            key=key,
            required=True,
            label_visibility="collapsed",
            persist_state="session",
        )
    )
