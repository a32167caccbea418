"""Tables whose numbers are written in the reader's language and still sort as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

ROW = 35
"""Height of a row of ``st.dataframe``, in pixels; the head is 3 higher."""


def readable(frame: pd.DataFrame, written: Mapping[str, Callable[[Any], str]]) -> Styler:
    """The frame with these columns written by these functions, and a dash for what is missing."""
    formats: dict[str, Any] = {name: _or_dash(write) for name, write in written.items()}
    return frame.style.format(formats)


def _or_dash(write: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: "–" if pd.isna(value) else write(value)


def table_height(rows: int, most: int) -> int:
    """High enough for the rows, but not above ``most`` pixels."""
    return min((rows + 1) * ROW + 3, most)
