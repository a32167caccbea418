"""The learning curves of one run, for ``st.echarts_chart``: live while it trains, then still."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.plots.style import (
    CLEAR,
    Number,
    Option,
    Tones,
    plain_number,
    tones,
)

MAX_POINTS = 120  # about one per 5 pixels of a half-width chart

History = Sequence[Mapping[str, float | str | None]]


class Line(NamedTuple):
    """One measure over the epochs; ``None`` where it was not measured or not finite."""

    key: str
    y: tuple[float | None, ...]


class CurvesInfo(NamedTuple):
    """At most :data:`MAX_POINTS` epochs and the lines over them: training first, then validation.

    ``unit`` is 1, or 100 where the values are percentages; ``boundary`` is the last epoch of a
    first stage (with a frozen backbone), if another one follows.
    """

    epochs: tuple[int, ...]
    lines: tuple[Line, ...]
    unit: int
    boundary: int | None = None


class StepCurveInfo(NamedTuple):
    """Training by step: ``last`` with the band ``low`` to ``high`` around it."""

    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    last: tuple[float, ...]
    in_epochs: bool


class CurveLabels(NamedTuple):
    """Words, translated: the two lines, the x axis, and the measure as the axis title."""

    train: str
    validation: str
    x: str
    y: str
    boundary: str = ""
    """What begins where a first stage ends."""


def curves_info(history: History, metric: str, max_points: int = MAX_POINTS) -> CurvesInfo:
    """The curves of ``metric`` (``loss``, ``accuracy``, ``learning_rate``) and ``val_<metric>``.

    ``history`` has a dict per epoch with ``epoch`` and Keras' names. Of more epochs than
    ``max_points`` (at least 10) an even choice is shown, always with the last epoch and with
    the lowest and highest value of either line, so that the best epoch is never thinned away.
    Accuracies become percentages.
    """
    keys = [
        key for key in (metric, f"val_{metric}") if any(row.get(key) is not None for row in history)
    ]
    unit = 100 if metric.endswith("accuracy") else 1
    columns = {key: [_finite(row.get(key), unit) for row in history] for key in keys}
    chosen = thinned(columns.values(), len(history), max_points)
    epochs = tuple(int(history[i]["epoch"] or 0) for i in chosen)
    lines = tuple(Line(key, tuple(columns[key][i] for i in chosen)) for key in keys)
    return CurvesInfo(epochs, lines, unit, _boundary(history))


def _boundary(history: History) -> int | None:
    """The last epoch of the first stage, once another one has begun."""
    stages = [row.get("stage") for row in history]
    if not stages or stages[0] == stages[-1]:
        return None
    return max(int(row["epoch"] or 0) for row in history if row.get("stage") == stages[0])


def thinned(columns: Iterable[Sequence[float | None]], n: int, max_points: int) -> list[int]:
    """Which of ``n`` points to draw, ascending: evenly spaced ones, the last, every extreme."""
    if n <= max_points:
        return list(range(n))
    keep: set[int] = set()
    for column in columns:
        measured = [(value, i) for i, value in enumerate(column) if value is not None]
        if measured:
            keep |= {min(measured)[1], max(measured)[1]}
    even = np.linspace(0, n - 1, max_points - len(keep)).round().astype(int).tolist()
    return sorted(keep.union(even))


def step_curve_info(
    buckets: Iterable[Sequence[float]], steps_per_epoch: int | None = None
) -> StepCurveInfo:
    """The curve of a :class:`core.evaluation.decimate.Decimator`: ``step, low, high, last`` each.

    With ``steps_per_epoch`` the x axis counts epochs, 1.0 being the end of the first.
    """
    rows = [tuple(map(float, bucket)) for bucket in buckets]
    step, low, high, last = zip(*rows, strict=True) if rows else ((), (), (), ())
    x = tuple(value / (steps_per_epoch or 1) for value in step)
    return StepCurveInfo(x, low, high, last, steps_per_epoch is not None)


def plot_curves(
    info: CurvesInfo,
    labels: CurveLabels,
    *,
    dark: bool = False,
    log: bool = False,
    number: Number = plain_number,
) -> Option:
    """Training solid, validation dashed, over the epochs. ``log`` leaves out values ≤ 0."""
    words = {line.key: _word(line, labels) for line in info.lines}
    frame = pd.DataFrame({"epoch": np.array(info.epochs, dtype=np.int32)})
    for line in info.lines:
        frame[line.key] = _column(line.y, log)
        frame[f"{line.key}_text"] = _texts(line.y, number, info.unit)
    tooltip = [f"{labels.x} {{@epoch}}"]
    tooltip += [f"{word}: <b>{{@{key}_text}}</b>" for key, word in words.items()]
    option = _base(frame, labels, tooltip, dark=dark, log=log, percent=info.unit == 100)
    option["xAxis"] |= {"min": "dataMin", "minInterval": 1}
    option["series"] = [
        _line("epoch", line.key, words[line.key], tones(dark), symbol=len(info.epochs) <= 30)
        for line in info.lines
    ]
    if info.boundary is not None and info.lines:
        option["series"][0]["markLine"] = _mark(info.boundary, labels.boundary, tones(dark))
    return option


def _mark(epoch: int, word: str, tone: Tones) -> Option:
    """A vertical line between an epoch and the next, with what begins there."""
    return {
        "silent": True,
        "symbol": "none",
        "data": [{"xAxis": epoch + 0.5}],
        "lineStyle": {"color": tone.text, "type": "dotted", "width": 1},
        "label": {"formatter": word, "color": tone.text, "position": "insideEndTop"},
    }


def plot_step_curve(
    info: StepCurveInfo,
    labels: CurveLabels,
    *,
    dark: bool = False,
    number: Number = plain_number,
) -> Option:
    """The last value as a line, what happened within each stretch as a band behind it."""
    frame = pd.DataFrame(
        {
            "x": np.array(info.x, dtype=np.float32),
            "low": _column(info.low, False),
            "spread": _column(np.subtract(info.high, info.low).tolist(), False),
            "last": _column(info.last, False),
            "x_text": [number(x) if info.in_epochs else f"{x:.0f}" for x in info.x],
            "text": _texts(info.last, number),
            "low_text": _texts(info.low, number),
            "high_text": _texts(info.high, number),
        }
    )
    line = f"{labels.train}: <b>{{@text}}</b> ({{@low_text}} – {{@high_text}})"
    option = _base(frame, labels, [f"{labels.x} {{@x_text}}", line], dark=dark, log=False)
    tone = tones(dark)
    option["series"] = [
        _band("low", CLEAR),
        _band("spread", tone.train),
        _line("x", "last", labels.train, tone),
    ]
    option["legend"]["data"] = [labels.train]
    option["xAxis"]["min"] = 0
    return option


def _base(
    frame: pd.DataFrame,
    labels: CurveLabels,
    tooltip: Sequence[str],
    *,
    dark: bool,
    log: bool,
    percent: bool = False,
) -> Option:
    tone = tones(dark)
    axis = {
        "nameTextStyle": {"color": tone.text},
        "axisLabel": {"color": tone.text},
        "splitLine": {"lineStyle": {"color": tone.faint}},
    }
    y_label = {"color": tone.text, "formatter": "{value} %"} if percent else axis["axisLabel"]
    return {
        # Every tick would start the animation anew.
        "animation": False,
        "backgroundColor": CLEAR,
        "grid": {"left": 8, "right": 24, "top": 56, "bottom": 24, "containLabel": True},
        "legend": {"top": 0, "right": 48, "textStyle": {"color": tone.text}},
        "tooltip": {"trigger": "axis", "formatter": "<br>".join(tooltip)},
        "dataset": {"source": frame},
        "xAxis": {
            **axis,
            "type": "value",
            "name": labels.x,
            "nameLocation": "middle",
            "nameGap": 26,
            "max": "dataMax",
        },
        "yAxis": {
            **axis,
            "type": "log" if log else "value",
            "name": labels.y,
            "nameTextStyle": {"color": tone.text, "align": "left"},
            "scale": True,
            "axisLabel": y_label,
            # Whole percentages: ECharts writes a decimal point in every language.
            **({"minInterval": 1} if percent else {}),
        },
    }


def _line(x: str, y: str, name: str, tone: Tones, *, symbol: bool = False) -> Option:
    validation = y.startswith("val_")
    colour = tone.validation if validation else tone.train
    return {
        "type": "line",
        "name": name,
        "encode": {"x": x, "y": y},
        "showSymbol": symbol,
        "symbol": "diamond" if validation else "circle",
        "symbolSize": 6,
        "connectNulls": True,
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "width": 2, "type": "dashed" if validation else "solid"},
    }


def _band(column: str, colour: str) -> Option:
    """``low`` clear and ``spread`` stacked on it filled: together a band from low to high."""
    return {
        "type": "line",
        "encode": {"x": "x", "y": column},
        "stack": "band",
        "stackStrategy": "all",
        "silent": True,
        "symbol": "none",
        "lineStyle": {"width": 0},
        "itemStyle": {"color": colour},
        "areaStyle": {"color": colour, "opacity": 0.0 if colour == CLEAR else 0.25},
    }


def _word(line: Line, labels: CurveLabels) -> str:
    return labels.validation if line.key.startswith("val_") else labels.train


def _finite(value: float | str | None, unit: int) -> float | None:
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) * unit


def _column(values: Sequence[float | None], log: bool) -> pd.Series[float]:
    """float32 halves the bytes of a live update; NaN reaches the browser as a gap."""
    numbers = np.array([math.nan if v is None else v for v in values], dtype=np.float32)
    if log:
        numbers[numbers <= 0] = math.nan
    return pd.Series(numbers)


def _texts(values: Iterable[float | None], number: Number, unit: int = 1) -> list[str]:
    suffix = " %" if unit == 100 else ""
    return ["–" if value is None else number(value) + suffix for value in values]
