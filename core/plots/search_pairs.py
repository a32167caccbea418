"""Two settings of a search together: where in between the good trials lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.plots.search import Axis, Goal, Trial, place_of, set_axis, with_value
from core.plots.style import CIVIDIS, base_figure, escaped, tones

GRID = 40
"""Places along an axis of numbers."""
REACH = 0.09
"""How far a trial is taken to speak for its neighbourhood, as a part of the axis."""
LEAST_WEIGHT = 0.05
"""Where less than this is known of a place, it stays empty."""

Floats = NDArray[np.float64]


class ContourInfo(NamedTuple):
    """``z[j][i]``: the goal as it is around ``(x[i], y[j])``, the mean of the trials weighted by
    their nearness, ``None`` where no trial has been near; and the trials themselves."""

    axes: tuple[Axis, Axis]
    x: tuple[float | str, ...]
    y: tuple[float | str, ...]
    z: tuple[tuple[float | None, ...], ...]
    trials: tuple[tuple[float | str, ...], tuple[float | str, ...], tuple[float, ...]]


def contour_info(
    trials: Sequence[Trial], axes: tuple[Axis, Axis], goal: Goal, grid: int = GRID
) -> ContourInfo:
    """Of the complete trials that have both settings; nothing of none.

    Words are places without neighbours; numbers are compared on the scale of their axis.
    """
    known = with_value(trials, *(axis.key for axis in axes))
    if not known:
        return ContourInfo(axes, (), (), (), ((), (), ()))
    columns = [[place_of(t.settings[axis.key]) for t in known] for axis in axes]
    values = np.array([goal.shown(t.value or 0.0) for t in known])
    (x, nearness_x), (y, nearness_y) = (
        _places(column, axis, grid) for column, axis in zip(columns, axes, strict=True)
    )
    weight = nearness_y @ nearness_x.T
    mean = (nearness_y * values) @ nearness_x.T / np.maximum(weight, 1e-12)
    z = tuple(
        tuple(float(v) if w >= LEAST_WEIGHT else None for v, w in zip(line, sure, strict=True))
        for line, sure in zip(mean, weight, strict=True)
    )
    points = (tuple(columns[0]), tuple(columns[1]), tuple(values.tolist()))
    return ContourInfo(axes, x, y, z, points)


def _places(
    column: Sequence[float | str], axis: Axis, grid: int
) -> tuple[tuple[float | str, ...], Floats]:
    """The places along an axis, and how near every trial is to each: ``(places, trials)``, 1 at
    the place itself."""
    if any(isinstance(value, str) for value in column):
        words = sorted({str(value) for value in column})
        same = [[float(str(value) == word) for value in column] for word in words]
        return tuple(words), np.array(same)
    numbers = np.array(column, dtype=np.float64)
    scaled = np.log(numbers) if axis.log else numbers
    low, high = float(scaled.min()), float(scaled.max())
    places = np.linspace(low, high, grid if high > low else 1)
    width = REACH * (high - low) or 1.0
    nearness: Floats = np.exp(-0.5 * ((places[:, None] - scaled[None, :]) / width) ** 2)
    shown = np.exp(places) if axis.log else places
    return tuple(shown.tolist()), nearness


def plot_contour(
    info: ContourInfo, goal: Goal, *, dark: bool = False, decimal_comma: bool = False
) -> go.Figure:
    """Bright is good, whichever way the goal goes; the dots are the trials."""
    figure = base_figure(dark, height=440, decimal_comma=decimal_comma)
    shared = {
        "x": [escaped(v) if isinstance(v, str) else v for v in info.x],
        "y": [escaped(v) if isinstance(v, str) else v for v in info.y],
        "z": info.z,
        "colorscale": [[i / (len(CIVIDIS) - 1), c] for i, c in enumerate(CIVIDIS)],
        "reversescale": not goal.higher,
        "colorbar": {"title": escaped(goal.title), "ticksuffix": goal.suffix, "thickness": 14},
        "hovertemplate": f"%{{x:.4~g}}, %{{y:.4~g}}: %{{z:.4~g}}{goal.suffix}<extra></extra>",
    }
    if any(isinstance(v, str) for v in (*info.x, *info.y)):
        figure.add_heatmap(**shared)
    else:
        figure.add_contour(**shared, ncontours=14, connectgaps=False, line={"width": 0.5})
    x, y, values = info.trials
    figure.add_scatter(
        x=[escaped(v) if isinstance(v, str) else v for v in x],
        y=[escaped(v) if isinstance(v, str) else v for v in y],
        mode="markers",
        marker={"color": "white", "size": 6, "line": {"width": 1, "color": "black"}},
        text=[f"{value:.4g}{goal.suffix}" for value in values],
        hovertemplate="%{x}, %{y}: %{text}<extra></extra>",
    )
    set_axis(figure.update_xaxes, info.axes[0], info.x)
    set_axis(figure.update_yaxes, info.axes[1], info.y)
    figure.update_layout(showlegend=False, hovermode="closest", plot_bgcolor=tones(dark).neutral)
    return figure
