"""What several networks have in common, and what each of them adds, as Plotly figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from core.plots.style import (
    CIVIDIS,
    OKABE_ITO,
    Number,
    base_figure,
    escaped,
    line_colour,
    plain_number,
    plain_percent,
    tones,
)

WRITTEN = 14
"""Up to so many members a number fits into a cell."""


class PairsInfo(NamedTuple):
    """Something between every two members: ``values`` row by row, ``None`` where undefined; the
    colours reach from ``low`` to ``high``."""

    names: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    low: float
    high: float


class GrowthInfo(NamedTuple):
    """Accuracies, in [0, 1], as members are added in this order, and of each member ``alone``."""

    names: tuple[str, ...]
    accuracy: tuple[float, ...]
    alone: tuple[float, ...]


class GrowthLabels(NamedTuple):
    """Words, translated."""

    together: str
    alone: str
    x: str
    y: str


class GainsInfo(NamedTuple):
    """Classes with what was gained in recall, in points, the greatest gain first."""

    classes: tuple[str, ...]
    points: tuple[float, ...]


def pairs_info(matrix: npt.NDArray[np.floating], names: Sequence[str]) -> PairsInfo:
    """From a symmetric (m, m); the diagonal is left out of the colours, which it would drown."""
    values = tuple(tuple(None if math.isnan(v) else float(v) for v in row) for row in matrix)
    between = matrix[~np.eye(len(matrix), dtype=bool)]
    known = between[~np.isnan(between)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return PairsInfo(tuple(names), values, low, max(high, low + 1e-6))


def growth_info(
    names: Sequence[str], order: Sequence[int], accuracy: Sequence[float], alone: Sequence[float]
) -> GrowthInfo:
    """``names`` and ``alone`` of all members, ``order`` and ``accuracy`` as they are added."""
    return GrowthInfo(
        tuple(names[i] for i in order), tuple(accuracy), tuple(alone[i] for i in order)
    )


def gains_info(classes: Sequence[str], points: Sequence[float], most: int = 20) -> GainsInfo:
    """Of many classes those with the greatest gains and losses."""
    order = sorted(range(len(classes)), key=lambda i: -points[i])
    if len(order) > most:
        order = [*order[: most // 2], *order[-(most // 2) :]]
    return GainsInfo(tuple(classes[i] for i in order), tuple(points[i] for i in order))


def plot_pairs(info: PairsInfo, *, dark: bool = False, number: Number = plain_number) -> go.Figure:
    """A heat map; the first member on top."""
    figure = base_figure(dark, height=120 + max(200, 34 * len(info.names)))
    cells = [[None if i == j else v for j, v in enumerate(r)] for i, r in enumerate(info.values)]
    written = [["" if v is None else number(v) for v in row] for row in cells]
    names = [escaped(name) for name in info.names]
    steps = len(CIVIDIS) - 1
    figure.add_heatmap(
        z=cells,
        x=names,
        y=names,
        text=written,
        texttemplate="%{text}" if len(names) <= WRITTEN else "",
        hovertemplate="%{y}<br>%{x}<br>%{text}<extra></extra>",
        hoverongaps=False,
        zmin=info.low,
        zmax=info.high,
        colorscale=[[i / steps, colour] for i, colour in enumerate(CIVIDIS)],
        showscale=False,
        xgap=1,
        ygap=1,
    )
    figure.update_xaxes(type="category", showgrid=False, tickangle=-35)
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return figure


def plot_growth(
    info: GrowthInfo,
    labels: GrowthLabels,
    *,
    dark: bool = False,
    percent: Number = plain_percent,
    decimal_comma: bool = False,
) -> go.Figure:
    """A line for all members so far, a point for each by itself."""
    figure = base_figure(dark, height=360, decimal_comma=decimal_comma)
    places = [f"{i + 1}. {escaped(name)}" for i, name in enumerate(info.names)]
    for name, values, mode, colour in (
        (labels.together, info.accuracy, "lines+markers", line_colour(0, dark)),
        (labels.alone, info.alone, "markers", line_colour(1, dark)),
    ):
        figure.add_scatter(
            x=places,
            y=[100 * value for value in values],
            text=[percent(value) for value in values],
            name=escaped(name),
            mode=mode,
            marker={"color": colour, "size": 9, "symbol": "circle" if mode != "markers" else "x"},
            line={"color": colour, "width": 2},
            hovertemplate="%{x}<br>%{text}<extra>" + escaped(name) + "</extra>",
        )
    figure.update_xaxes(title=labels.x, type="category", tickangle=-35)
    figure.update_yaxes(title=labels.y, ticksuffix=" %")
    return figure


def plot_gains(
    info: GainsInfo,
    title: str,
    *,
    dark: bool = False,
    number: Number = plain_number,
    decimal_comma: bool = False,
) -> go.Figure:
    """Horizontal bars to the right for gains, to the left for losses."""
    height = 90 + 26 * max(1, len(info.classes))
    figure = base_figure(dark, height, decimal_comma=decimal_comma)
    figure.add_bar(
        x=list(info.points),
        y=[escaped(name) for name in info.classes],
        orientation="h",
        text=[f"{'+' if value > 0 else ''}{number(value)}" for value in info.points],
        textposition="outside",
        cliponaxis=False,
        textfont={"color": tones(dark).text},
        marker={
            "color": [OKABE_ITO[4] if value >= 0 else OKABE_ITO[5] for value in info.points],
            "line": {"width": 0},
        },
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    widest = max((abs(value) for value in info.points), default=0) or 1
    figure.update_layout(showlegend=False, bargap=0.25)
    figure.update_xaxes(title=title, range=[-1.25 * widest, 1.25 * widest])
    figure.update_yaxes(type="category", autorange="reversed", dtick=1, showgrid=False)
    return figure
