"""Boxes with sentences that hold values from outside: shown as they are, never as Markdown.

A run's id comes from an address, a class is called as a folder of an archive: as Markdown either
could make the browser fetch a picture from anywhere.
"""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.errors import LabError
from core.records import Failure
from ui.i18n import say, say_error
from ui.names import literal

Kind = Literal["error", "warning", "info", "success"]


def show(text: str, kind: Kind, *, icon: str | None = None) -> None:
    """A box of this kind, in the container that is open at present."""
    {"error": st.error, "warning": st.warning, "info": st.info, "success": st.success}[kind](
        literal(text), icon=icon
    )


def show_error(error: LabError, kind: Kind = "error") -> None:
    """What went wrong, and what to do about it."""
    show(say_error(error), kind)


def show_failure(failure: Failure) -> None:
    """Why a run has failed, and what to do about it."""
    show(say(failure.what), "error")
    if failure.remedy:
        show(say(failure.remedy), "info", icon=":material/lightbulb:")
