"""Accuracy while pictures get worse, and one picture's probabilities before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.evaluation.metrics import wilson_interval
from core.plots.style import (
    OKABE_ITO,
    Number,
    base_figure,
    escaped,
    plain_percent,
    tones,
)

COLUMNS = 5


class Axis(NamedTuple):
    """What is done to the pictures: its name and unit, translated, and the values measured."""

    title: str
    unit: str
    values: tuple[float, ...]


class RobustCurve(NamedTuple):
    """Accuracy in [0, 1] over the values of an axis, with the 95 % interval around it."""

    axis: Axis
    accuracy: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


RobustnessInfo = tuple[RobustCurve, ...]


class ChangeInfo(NamedTuple):
    """Probabilities of one picture's likeliest classes, before and after a change."""

    classes: tuple[str, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


class ChangeLabels(NamedTuple):
    """Words, translated."""

    before: str
    after: str


def robustness_info(axes: Sequence[Axis], right: npt.NDArray[np.bool_]) -> RobustnessInfo:
    """A curve per axis; ``right`` (axes, values, n) says which pictures were judged right."""
    return tuple(
        _curve(axis, counts, right.shape[2])
        for axis, counts in zip(axes, right.sum(axis=2).tolist(), strict=True)
    )


def _curve(axis: Axis, counts: Sequence[int], n: int) -> RobustCurve:
    around = [wilson_interval(count, n) for count in counts]
    return RobustCurve(
        axis,
        tuple(count / n for count in counts),
        tuple(low for low, _ in around),
        tuple(high for _, high in around),
    )


def plot_robustness(
    info: RobustnessInfo, accuracy: str, *, dark: bool = False, decimal_comma: bool = False
) -> go.Figure:
    """One small chart per curve, all with the same scale of accuracy, harmless at the left."""
    rows, tone = max(1, -(-len(info) // COLUMNS)), tones(dark)
    figure = make_subplots(
        rows=rows,
        cols=COLUMNS,
        shared_yaxes=True,
        horizontal_spacing=0.02,
        vertical_spacing=0.3,
        subplot_titles=[escaped(curve.axis.title) for curve in info],
        figure=base_figure(dark, height=rows * 180, decimal_comma=decimal_comma),
    )
    for place, curve in enumerate(info):
        row, column = place // COLUMNS + 1, place % COLUMNS + 1
        for trace in _traces(curve, dark):
            figure.add_trace(trace, row=row, col=column)
        x = curve.axis.values
        air = 0.06 * (x[-1] - x[0])
        figure.update_xaxes(
            title={"text": escaped(curve.axis.unit), "standoff": 4, "font": {"size": 11}},
            range=[x[0] - air, x[-1] + air],
            tickvals=x[::2],
            tickfont={"size": 11},
            row=row,
            col=column,
        )
        if column == 1:
            figure.update_yaxes(title=accuracy, row=row, col=column)
    figure.update_annotations(font_size=13)
    figure.update_xaxes(gridcolor=tone.faint, zeroline=False, automargin=True)
    figure.update_yaxes(
        gridcolor=tone.faint,
        zerolinecolor=tone.faint,
        range=[0, 1.02],
        tickformat=".0%",
        tickvals=[0, 0.25, 0.5, 0.75, 1],
    )
    figure.update_layout(showlegend=False, hovermode="closest")
    return figure


def _traces(curve: RobustCurve, dark: bool) -> list[go.Scatter]:
    x, tone = list(curve.axis.values), tones(dark)
    band = go.Scatter(
        x=[*x, *reversed(x)],
        y=[*curve.high, *reversed(curve.low)],
        mode="lines",
        fill="toself",
        fillcolor=tone.neutral,
        opacity=0.6,
        line={"width": 0},
        hoverinfo="skip",
    )
    line = go.Scatter(
        x=x,
        y=curve.accuracy,
        mode="lines+markers",
        line={"color": tone.train},
        hovertemplate=f"%{{x}} {escaped(curve.axis.unit)}: <b>%{{y:.1%}}</b><extra></extra>",
    )
    return [band, line]


def change_info(
    classes: Sequence[str],
    before: npt.NDArray[np.floating],
    after: npt.NDArray[np.floating],
    k: int = 6,
) -> ChangeInfo:
    """The ``k`` classes that are likeliest in one of the two (classes,), the likeliest before
    first."""
    shown = np.argsort(-np.maximum(before, after), kind="stable")[:k]
    shown = shown[np.argsort(-before[shown], kind="stable")].tolist()
    return ChangeInfo(
        tuple(classes[i] for i in shown),
        tuple(float(before[i]) for i in shown),
        tuple(float(after[i]) for i in shown),
    )


def plot_change(
    info: ChangeInfo,
    labels: ChangeLabels,
    *,
    dark: bool = False,
    percent: Number = plain_percent,
) -> go.Figure:
    """Two bars per class, that of before pale and above."""
    figure = base_figure(dark, height=60 + 44 * len(info.classes))
    parts = ((labels.before, info.before, OKABE_ITO[4]), (labels.after, info.after, OKABE_ITO[0]))
    for name, shares, colour in parts:
        figure.add_bar(
            y=[escaped(label) for label in info.classes],
            x=shares,
            text=[percent(share) for share in shares],
            textposition="outside",
            cliponaxis=False,
            name=name,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25, legend={"traceorder": "normal"})
    figure.update_xaxes(visible=False, range=[0, 1.15])  # room for the figures
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure
