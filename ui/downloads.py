"""Tables to take along, as spreadsheets open them."""

from __future__ import annotations

import codecs
import functools
from collections.abc import Callable

import streamlit as st


def csv_button(
    label: str,
    made: Callable[[], str | bytes],
    file_name: str,
    *,
    key: str,
    disabled: bool = False,
    help: str | None = None,
) -> None:
    """A button that downloads the CSV that ``made`` gives, in UTF-8, when it is pressed.

    ``made`` belongs to no session then: whatever it says in the reader's language must have been
    asked for before.
    """
    st.download_button(
        label,
        functools.partial(for_spreadsheets, made),
        file_name=file_name,
        mime="text/csv",
        key=key,
        icon=":material/download:",
        disabled=disabled,
        on_click="ignore",
        help=help,
    )


def for_spreadsheets(made: Callable[[], str | bytes]) -> bytes:
    """Begins with the mark by which Excel sees that it is UTF-8: without it accents break."""
    table = made()
    data = table.encode() if isinstance(table, str) else table
    return data if data.startswith(codecs.BOM_UTF8) else codecs.BOM_UTF8 + data
