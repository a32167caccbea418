"""The switch between the parts of a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import streamlit as st

K = TypeVar("K", bound=str)


def switch(
    label: str,
    names: Mapping[K, str],
    *,
    key: str,
    default: K | None = None,
    on_change: Callable[[], None] | None = None,
) -> str:
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
            on_change=on_change,
            persist_state="session",
        )
    )
