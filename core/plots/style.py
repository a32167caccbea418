"""The one palette and what both themes ask of a figure."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, NamedTuple

import plotly.graph_objects as go

Number = Callable[[float], str]
Option = dict[str, Any]  # an ECharts option: JSON but for the frame in dataset.source

# Okabe and Ito's colours for every kind of colour vision, without their yellow (a thin yellow
# line cannot be seen on white) and their black (nor that on a dark page).
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
# Cividis (Nuñez, Anderton and Renslow 2018): even steps of lightness for every kind of colour
# vision, and in grey.
CIVIDIS = (
    "#00224e",
    "#123570",
    "#3b496c",
    "#575d6d",
    "#707173",
    "#8a8678",
    "#a59c74",
    "#c3b369",
    "#e1cc55",
    "#fee838",
)
LINES = (4, 1, 2, 3, 5, 0)
"""The palette's order on a dark page: its blue is the darkest of them."""
CLEAR = "rgba(0,0,0,0)"


class Tones(NamedTuple):
    """Colours that depend on the theme."""

    text: str
    faint: str  # grid lines, borders
    neutral: str  # a filled area that should not call attention
    train: str  # a blue and an orange that stand out on the page
    validation: str


LIGHT = Tones("#31333f", "rgba(49,51,63,0.15)", "#d5d8de", OKABE_ITO[0], OKABE_ITO[5])
DARK = Tones("#fafafa", "rgba(250,250,250,0.2)", "#3b3f4a", OKABE_ITO[4], OKABE_ITO[1])


def tones(dark: bool) -> Tones:
    return DARK if dark else LIGHT


def line_colour(number: int, dark: bool) -> str:
    """The colour of the ``number``-th line or group; they repeat."""
    place = number % len(OKABE_ITO)
    return OKABE_ITO[LINES[place] if dark else place]


def plain_number(value: float) -> str:
    """Four significant digits, English."""
    return f"{value:.4g}"


def plain_percent(value: float) -> str:
    """A share in [0, 1] as ``93.5 %``, English."""
    return f"{100 * value:.1f} %"


def escaped(name: str) -> str:
    """A class or run name as Plotly text: Plotly would take ``<b>`` in it for a tag."""
    return html.escape(name, quote=False)


def base_figure(dark: bool, height: int, *, decimal_comma: bool = False) -> go.Figure:
    """An empty transparent Plotly figure in the theme's colours."""
    tone = tones(dark)
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"color": tone.text},
        separators=",." if decimal_comma else ".,",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        colorway=list(OKABE_ITO),
    )
    figure.update_xaxes(gridcolor=tone.faint, zerolinecolor=tone.faint, automargin=True)
    figure.update_yaxes(gridcolor=tone.faint, zerolinecolor=tone.faint, automargin=True)
    return figure
