"""What the folds of a cross-validation have in common and what not, as Plotly figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from core.plots.style import base_figure, escaped, line_colour, tones

MOST_CLASSES = 30
_ROW, _AXES = 24, 90
"""Height of a class and of what is around them, in pixels."""


class RecallSpread(NamedTuple):
    """Per class, the hardest first, its recall in percent in every fold that has it; ``left_out``
    classes that are easier are not drawn."""

    classes: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    left_out: int


class DifferencesInfo(NamedTuple):
    """B minus A in percentage points by fold (counted from 1); their mean, and its 95 %
    interval from ``low`` to ``high``."""

    folds: tuple[str, ...]
    points: tuple[float, ...]
    mean: float
    low: float
    high: float


class FoldLabels(NamedTuple):
    """Words, translated: the axes."""

    x: str
    y: str


def recall_spread_info(
    names: Sequence[str], recalls: npt.NDArray[np.floating], most: int = MOST_CLASSES
) -> RecallSpread:
    """``recalls`` (folds, classes) in [0, 1], NaN where a fold has no image of a class."""
    known = [column[np.isfinite(column)] for column in recalls.T]
    found = [i for i, column in enumerate(known) if len(column)]
    hardest = sorted(found, key=lambda i: float(known[i].mean()))[:most]
    return RecallSpread(
        tuple(names[i] for i in hardest),
        tuple(tuple((100 * known[i]).tolist()) for i in hardest),
        len(found) - len(hardest),
    )


def plot_recall_spread(
    info: RecallSpread, labels: FoldLabels, *, dark: bool = False, decimal_comma: bool = False
) -> go.Figure:
    """A row per class: a dot per fold over the box of their quartiles."""
    height = _AXES + _ROW * max(1, len(info.classes))
    figure = base_figure(dark, height, decimal_comma=decimal_comma)
    colour = line_colour(0, dark)
    for name, values in zip(info.classes, info.values, strict=True):
        figure.add_box(
            x=values,
            y=[escaped(name)] * len(values),
            orientation="h",
            boxpoints="all",
            pointpos=0,
            jitter=0.4,
            marker={"color": colour, "size": 6},
            line={"color": tones(dark).text, "width": 1},
            fillcolor=tones(dark).neutral,
            hovertemplate=f"{escaped(name)}: %{{x:.1f}} %<extra></extra>",
            showlegend=False,
        )
    figure.update_xaxes(title=labels.x, ticksuffix=" %")
    figure.update_yaxes(title=labels.y, type="category", autorange="reversed", dtick=1)
    return figure


def differences_info(
    numbers: Sequence[int], differences: Sequence[float], interval: tuple[float, float]
) -> DifferencesInfo:
    """``numbers`` of the folds from 0 on; differences and interval as shares in [-1, 1]."""
    points = tuple(100 * value for value in differences)
    low, high = interval
    return DifferencesInfo(
        tuple(str(number + 1) for number in numbers),
        points,
        sum(points) / len(points),
        100 * low,
        100 * high,
    )


def plot_differences(
    info: DifferencesInfo, labels: FoldLabels, *, dark: bool = False, decimal_comma: bool = False
) -> go.Figure:
    """A bar per fold, the mean as a line in the band of its interval."""
    figure = base_figure(dark, 300, decimal_comma=decimal_comma)
    # Told apart by side as well as by colour.
    colours = [line_colour(0 if value >= 0 else 5, dark) for value in info.points]
    figure.add_bar(
        x=info.folds,
        y=info.points,
        marker={"color": colours, "line": {"width": 0}},
        hovertemplate=f"{escaped(labels.x)} %{{x}}: %{{y:+.2f}}<extra></extra>",
    )
    tone = tones(dark).text
    figure.add_hrect(y0=info.low, y1=info.high, fillcolor=tone, opacity=0.12, line_width=0)
    figure.add_hline(y=info.mean, line={"color": tone, "dash": "dash", "width": 2})
    figure.update_layout(showlegend=False, bargap=0.4)
    figure.update_xaxes(title=labels.x, type="category")
    low, high = min(0.0, info.low, *info.points), max(0.0, info.high, *info.points)
    margin = 0.08 * (high - low or 1.0)  # without it a band as wide as all bars fills the figure
    span = [low - margin, high + margin]
    figure.update_yaxes(title=labels.y, hoverformat="+.2f", range=span)
    return figure
