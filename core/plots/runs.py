"""The learning curves of several runs over each other, and of several seeds as one band."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

import plotly.graph_objects as go

from core.plots.curves import MAX_POINTS, History, thinned
from core.plots.style import base_figure, escaped, line_colour

By = Literal["epoch", "step", "time"]
Split = Literal["train", "val"]
# Told apart without colour as well, and still when the colours start again.
_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star")
_TIMES = (("h", 3600.0, 7200.0), ("min", 60.0, 180.0), ("s", 1.0, 0.0))
"""Unit of time, its seconds, and from how many seconds on it is used."""


class RunEpochs(NamedTuple):
    """A run to be drawn: its epochs as for :func:`core.plots.curves.curves_info` (with
    ``seconds`` for an axis of time), and the steps of each epoch, where they are known."""

    name: str
    history: History
    steps: Sequence[int] = ()


class Overlay(NamedTuple):
    """What is drawn: a measure (``loss``, ``accuracy``, ``learning_rate``) of these splits;
    ``smoothing`` in [0, 1)."""

    measure: str
    splits: tuple[Split, ...] = ("train", "val")
    by: By = "epoch"
    smoothing: float = 0.0


class RunCurve(NamedTuple):
    """One measure of the ``run``-th run, without the epochs where it was not measured.

    ``smooth`` is empty unless smoothing was asked for.
    """

    run: int
    name: str
    split: Split
    x: tuple[float, ...]
    y: tuple[float, ...]
    smooth: tuple[float, ...] = ()


class RunsInfo(NamedTuple):
    """``unit`` is 100 where values are percentages; ``time`` the unit of an axis of time."""

    by: By
    unit: int
    curves: tuple[RunCurve, ...]
    time: str = ""


class RunsLabels(NamedTuple):
    """Words, translated: the axes, and the two lines of a run where both are drawn."""

    x: str
    y: str
    train: str = ""
    validation: str = ""


def smoothed(values: Sequence[float], weight: float) -> tuple[float, ...]:
    """The exponential moving average, each value with ``weight`` in [0, 1) for what was before.

    Its bias towards the start is corrected (as in Adam): the first value stays what it is.
    """
    total, out = 0.0, []
    for n, value in enumerate(values, start=1):
        total = weight * total + (1 - weight) * value
        out.append(total / (1 - weight**n))
    return tuple(out)


def runs_info(
    runs: Sequence[RunEpochs], overlay: Overlay, max_points: int = MAX_POINTS
) -> RunsInfo:
    """The measure of every run that has it; smoothed before it is thinned to ``max_points``.

    By step, runs whose steps are not known are left out.
    """
    unit = 100 if overlay.measure == "accuracy" else 1
    found = [
        curve
        for number, run in enumerate(runs)
        for split in overlay.splits
        if (curve := _curve(number, run, split, overlay)) is not None
    ]
    longest = max((curve.x[-1] for curve in found), default=0.0)
    time, seconds = _time_unit(longest) if overlay.by == "time" else ("", 1.0)
    curves = tuple(_fitted(curve, unit, seconds, max_points) for curve in found)
    return RunsInfo(overlay.by, unit, curves, time)


def _curve(number: int, run: RunEpochs, split: Split, overlay: Overlay) -> RunCurve | None:
    key = f"val_{overlay.measure}" if split == "val" else overlay.measure
    places = _places(run, overlay.by)
    points = [
        (x, value)
        for x, row in zip(places, run.history, strict=False)
        if isinstance(value := row.get(key), int | float) and math.isfinite(value)
    ]
    if not points:
        return None
    x, y = zip(*points, strict=True)
    smooth = smoothed(y, overlay.smoothing) if overlay.smoothing else ()
    return RunCurve(number, run.name, split, x, y, smooth)


def _places(run: RunEpochs, by: By) -> list[float]:
    """Where on the axis every epoch stands; nothing if that is not known."""
    if by == "time":
        return list(accumulate(float(row.get("seconds") or 0.0) for row in run.history))
    if by == "step":
        return list(accumulate(map(float, run.steps)))
    return [float(row.get("epoch") or 0) for row in run.history]


def _time_unit(seconds: float) -> tuple[str, float]:
    return next((name, size) for name, size, least in _TIMES if seconds >= least)


def _fitted(curve: RunCurve, unit: int, seconds: float, max_points: int) -> RunCurve:
    kept = thinned([curve.smooth or curve.y], len(curve.x), max_points)
    return curve._replace(
        x=tuple(curve.x[i] / seconds for i in kept),
        y=tuple(curve.y[i] * unit for i in kept),
        smooth=tuple(curve.smooth[i] * unit for i in kept) if curve.smooth else (),
    )


def plot_runs(
    info: RunsInfo,
    labels: RunsLabels,
    *,
    dark: bool = False,
    log: bool = False,
    decimal_comma: bool = False,
) -> go.Figure:
    """A colour per run; training solid, validation dashed; smoothed lines before faint raw ones."""
    figure = base_figure(dark, height=430, decimal_comma=decimal_comma)
    both = len({curve.split for curve in info.curves}) > 1
    words = {"train": labels.train, "val": labels.validation}
    for curve in info.curves:
        name = escaped(f"{curve.name} · {words[curve.split]}" if both else curve.name)
        style = {"color": line_colour(curve.run, dark)}
        style |= {"dash": "dash" if curve.split == "val" else "solid"}
        if curve.smooth:
            figure.add_scatter(
                x=curve.x,
                y=curve.y,
                mode="lines",
                line={**style, "width": 1},
                opacity=0.3,
                showlegend=False,
                hoverinfo="skip",
            )
        figure.add_scatter(
            x=curve.x,
            y=curve.smooth or curve.y,
            name=name,
            mode="lines+markers",
            line=style,
            # On a long curve a marker at every point would hide the line.
            marker={
                "symbol": _SYMBOLS[curve.run % len(_SYMBOLS)],
                "size": 7,
                "maxdisplayed": 12,
            },
        )
    longest = max((curve.x[-1] for curve in info.curves), default=0.0)
    _axes(figure, labels, info.unit, log=log, whole=info.by == "epoch" and longest <= 12)
    return figure


def _axes(figure: go.Figure, labels: RunsLabels, unit: int, *, log: bool, whole: bool) -> None:
    suffix = " %" if unit == 100 else ""
    figure.update_layout(hovermode="x unified", showlegend=True)
    # Epochs are whole: without this a short run has ticks at 1.5 and 2.5.
    figure.update_xaxes(title=labels.x, dtick=1 if whole else None, hoverformat=".4~g")
    figure.update_yaxes(
        title=labels.y,
        type="log" if log else "linear",
        ticksuffix=suffix,
        hoverformat=".1f" if suffix else ".4~g",
    )


class SeedCurve(NamedTuple):
    """The mean of a measure over several runs, epoch by epoch, and one standard deviation to
    either side (nothing, where only one run came so far); ``n`` runs were averaged."""

    name: str
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n: tuple[int, ...]


class SeedsInfo(NamedTuple):
    """``unit`` as in :class:`RunsInfo`."""

    unit: int
    curves: tuple[SeedCurve, ...]


def seeds_info(
    groups: Mapping[str, Sequence[History]], key: str, max_points: int = MAX_POINTS
) -> SeedsInfo:
    """``key`` (Keras' name) of every group of runs; groups that have not measured it are left out.

    A line ends where fewer than half of the runs came: what is left would be another group.
    """
    unit = 100 if key.endswith("accuracy") else 1
    curves = []
    for name, histories in groups.items():
        by_epoch: dict[int, list[float]] = {}
        for history in histories:
            for row in history:
                value = row.get(key)
                if isinstance(value, int | float) and math.isfinite(value):
                    by_epoch.setdefault(int(row["epoch"] or 0), []).append(unit * float(value))
        most = max(map(len, by_epoch.values()), default=0)
        epochs = [e for e in sorted(by_epoch) if 2 * len(by_epoch[e]) >= most]
        if epochs:
            curves.append(_seed_curve(name, {e: by_epoch[e] for e in epochs}, max_points))
    return SeedsInfo(unit, tuple(curves))


def _seed_curve(name: str, by_epoch: dict[int, list[float]], max_points: int) -> SeedCurve:
    epochs = list(by_epoch)
    means = [statistics.fmean(values) for values in by_epoch.values()]
    apart = [statistics.stdev(v) if len(v) > 1 else 0.0 for v in by_epoch.values()]
    counts = [len(values) for values in by_epoch.values()]
    kept = thinned([means], len(epochs), max_points)
    return SeedCurve(
        name,
        tuple(epochs[i] for i in kept),
        tuple(means[i] for i in kept),
        tuple(means[i] - apart[i] for i in kept),
        tuple(means[i] + apart[i] for i in kept),
        tuple(counts[i] for i in kept),
    )


def plot_seeds(
    info: SeedsInfo, labels: RunsLabels, *, dark: bool = False, decimal_comma: bool = False
) -> go.Figure:
    """A line in a band per group of runs."""
    figure = base_figure(dark, height=400, decimal_comma=decimal_comma)
    for number, curve in enumerate(info.curves):
        colour = line_colour(number, dark)
        figure.add_scatter(
            x=curve.epochs + curve.epochs[::-1],
            y=curve.high + curve.low[::-1],
            fill="toself",
            fillcolor=colour,
            opacity=0.2,
            mode="lines",
            line={"width": 0},
            showlegend=False,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=curve.epochs,
            y=curve.mean,
            name=escaped(curve.name),
            mode="lines+markers",
            line={"color": colour},
            marker={
                "symbol": _SYMBOLS[number % len(_SYMBOLS)],
                "size": 7,
                "maxdisplayed": 12,
            },
            customdata=curve.n,
            hovertemplate="%{y} (n = %{customdata})",
        )
    longest = max((curve.epochs[-1] for curve in info.curves), default=0)
    _axes(figure, labels, info.unit, log=False, whole=longest <= 12)
    return figure
