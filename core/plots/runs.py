"""The learning curves of several runs over each other, as a Plotly figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import plotly.graph_objects as go

from core.plots.curves import MAX_POINTS, History, curves_info
from core.plots.style import OKABE_ITO, base_figure, escaped

# Told apart without colour as well, and still when the colours start again.
_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star")


class RunCurve(NamedTuple):
    """One run's ``y`` over its epochs, without the epochs where it was not measured."""

    name: str
    epochs: tuple[int, ...]
    y: tuple[float, ...]


class RunsInfo(NamedTuple):
    """``key`` is Keras' name of what is shown; ``unit`` 100 where it is a percentage."""

    key: str
    unit: int
    curves: tuple[RunCurve, ...]


class RunsLabels(NamedTuple):
    """Words, translated: the two axes."""

    x: str
    y: str


def runs_info(histories: Mapping[str, History], key: str, max_points: int = MAX_POINTS) -> RunsInfo:
    """``key`` (``val_accuracy``, ``loss``, …) of every run that measured it.

    ``histories`` maps the name to show to the run's epochs, as for
    :func:`core.plots.curves.curves_info`, which thins each curve.
    """
    curves = []
    for name, history in histories.items():
        info = curves_info(history, key, max_points)
        lines = {line.key: line.y for line in info.lines}
        pairs = zip(info.epochs, lines.get(key, ()), strict=False)
        points = [(epoch, y) for epoch, y in pairs if y is not None]
        if points:
            epochs, values = zip(*points, strict=True)
            curves.append(RunCurve(name, epochs, values))
    return RunsInfo(key, 100 if key.endswith("accuracy") else 1, tuple(curves))


def plot_runs(
    info: RunsInfo,
    labels: RunsLabels,
    *,
    dark: bool = False,
    log: bool = False,
    decimal_comma: bool = False,
) -> go.Figure:
    """One line per run; validation measures dashed, as in a run's own curves."""
    figure = base_figure(dark, height=420, decimal_comma=decimal_comma)
    for i, curve in enumerate(info.curves):
        figure.add_scatter(
            x=curve.epochs,
            y=curve.y,
            name=escaped(curve.name),
            mode="lines+markers",
            line={
                "color": OKABE_ITO[i % len(OKABE_ITO)],
                "dash": "dash" if info.key.startswith("val_") else "solid",
            },
            marker={
                "symbol": _SYMBOLS[i % len(_SYMBOLS)],
                "size": 7,
                # On a long curve a marker at every point would hide the line.
                "maxdisplayed": 12,
            },
        )
    suffix = " %" if info.unit == 100 else ""
    figure.update_layout(hovermode="x unified", showlegend=True)
    # Epochs are whole: without this a short run has ticks at 1.5 and 2.5.
    longest = max((curve.epochs[-1] for curve in info.curves), default=0)
    figure.update_xaxes(title=labels.x, dtick=1 if longest <= 12 else None)
    figure.update_yaxes(
        title=labels.y,
        type="log" if log else "linear",
        ticksuffix=suffix,
        hoverformat=".1f" if suffix else ".4~g",
    )
    return figure
