"""Fields of many runs against each other: a scatter plot, and parallel coordinates."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import plotly.graph_objects as go

from core.plots.style import (
    CIVIDIS,
    CLEAR,
    Number,
    Option,
    base_figure,
    escaped,
    line_colour,
    plain_number,
    tones,
)

_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x")
MOST_GROUPS = 6
"""As many as there are colours; the rest is grey."""
LOG_FROM = 100.0
"""A setting whose greatest value is so many times its least is drawn in powers of ten."""


class RunPoint(NamedTuple):
    """A run and its two values; ``None`` where it has none. ``group`` decides its colour."""

    run_id: str
    name: str
    x: float | str | None
    y: float | None
    group: str = ""


class PointGroup(NamedTuple):
    """Points of one colour, in the order given."""

    name: str
    run_ids: tuple[str, ...]
    names: tuple[str, ...]
    x: tuple[float | str, ...]
    y: tuple[float, ...]


class FieldsInfo(NamedTuple):
    """The largest group first; ``others`` are all that have no colour of their own, ``missing``
    runs had no value on one of the axes."""

    groups: tuple[PointGroup, ...]
    others: PointGroup | None
    missing: int

    @property
    def drawn(self) -> tuple[PointGroup, ...]:
        """In the order of the figure's traces."""
        return self.groups + ((self.others,) if self.others else ())


class AxisLabels(NamedTuple):
    """Words, translated: an axis, and what stands behind its numbers."""

    title: str
    suffix: str = ""
    log: bool = False


def fields_info(points: Sequence[RunPoint]) -> FieldsInfo:
    """The points that have both values, by group."""
    known = [p for p in points if _is_value(p.x) and _is_value(p.y)]
    counts = Counter(p.group for p in known)
    coloured = [name for name, _n in counts.most_common(MOST_GROUPS)]
    others = [p for p in known if p.group not in coloured]
    groups = tuple(_group(name, [p for p in known if p.group == name]) for name in coloured)
    return FieldsInfo(groups, _group("", others) if others else None, len(points) - len(known))


def _is_value(value: float | str | None) -> bool:
    return isinstance(value, str) or (value is not None and math.isfinite(value))


def _group(name: str, points: Sequence[RunPoint]) -> PointGroup:
    x, y = [p.x for p in points if p.x is not None], [p.y for p in points if p.y is not None]
    ids, names = (p.run_id for p in points), (p.name for p in points)
    return PointGroup(name, tuple(ids), tuple(names), tuple(x), tuple(y))


def run_at(info: FieldsInfo, event: Mapping[str, Any]) -> str | None:
    """The run whose point a chart event says is selected; None for none, or one made up."""
    for point in event["selection"]["points"]:
        trace, place = point.get("curve_number"), point.get("point_index")
        if isinstance(trace, int) and isinstance(place, int) and 0 <= trace < len(info.drawn):
            ids = info.drawn[trace].run_ids
            if 0 <= place < len(ids):
                return ids[place]
    return None


def plot_fields(
    info: FieldsInfo,
    x: AxisLabels,
    y: AxisLabels,
    *,
    others: str = "",
    dark: bool = False,
    decimal_comma: bool = False,
) -> go.Figure:
    """One point per run."""
    figure = base_figure(dark, height=440, decimal_comma=decimal_comma)
    for number, group in enumerate(info.drawn):
        grey = group is info.others
        figure.add_scatter(
            x=[escaped(x) if isinstance(x, str) else x for x in group.x],
            y=group.y,
            name=escaped(others if grey else group.name),
            mode="markers",
            text=[escaped(name) for name in group.names],
            hovertemplate=f"%{{text}}<br>%{{x}}{x.suffix}, %{{y}}{y.suffix}<extra></extra>",
            marker={
                "color": tones(dark).neutral if grey else line_colour(number, dark),
                "symbol": _SYMBOLS[number % len(_SYMBOLS)],
                "size": 10 if len(group.x) <= 200 else 7,
                "opacity": 0.8,
            },
        )
    figure.update_layout(showlegend=len(info.drawn) > 1, hovermode="closest")
    for update, axis in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        update(
            title=escaped(axis.title),
            ticksuffix=axis.suffix,
            type="log" if axis.log else None,
            dtick=1 if axis.log else None,
            exponentformat="power" if axis.log else None,
            hoverformat=".4~g",
        )
    return figure


class Column(NamedTuple):
    """A field of all runs, as it is given: numbers, or words; ``log`` numbers are drawn in powers
    (None: as :data:`LOG_FROM` says); words stand in their ``order``, others after them by the
    alphabet."""

    label: str
    values: tuple[float | str | None, ...]
    log: bool | None = None
    order: tuple[str, ...] = ()


class ParallelAxis(NamedTuple):
    """One axis: its words, if it has words; whether it is in powers of ten, or of whole numbers."""

    label: str
    words: tuple[str, ...]
    log: bool
    whole: bool


class ParallelInfo(NamedTuple):
    """A line per run across the axes; the last axis gives the colour. A word is the number of
    its place; ``None`` where a run has no value: its line passes that axis by."""

    axes: tuple[ParallelAxis, ...]
    names: tuple[str, ...]
    lines: tuple[tuple[float | None, ...], ...]


def parallel_info(names: Sequence[str], columns: Sequence[Column]) -> ParallelInfo:
    """The runs that have a value in the last column, which must be of numbers."""
    if not columns:
        return ParallelInfo((), (), ())
    kept = [i for i, value in enumerate(columns[-1].values) if _is_value(value)]
    axes, places = [], []
    for column in columns:
        values = [column.values[i] for i in kept]
        words = _words(values, column.order)
        whole = not words and all(isinstance(v, int) for v in values if v is not None)
        wide = not words and (_is_wide(values) if column.log is None else column.log)
        axes.append(ParallelAxis(column.label, tuple(words), wide, whole))
        index = {word: float(place) for place, word in enumerate(words)}
        places.append([_place(value, index) for value in values])
    lines = tuple(zip(*places, strict=True))
    return ParallelInfo(tuple(axes), tuple(names[i] for i in kept), lines)


def _words(values: Sequence[float | str | None], order: Sequence[str]) -> list[str]:
    found = {value for value in values if isinstance(value, str)}
    if not found:
        return []
    return [*order, *sorted(found.difference(order))]


def _place(value: float | str | None, words: Mapping[str, float]) -> float | None:
    if isinstance(value, str):
        return words[value]
    return float(value) if value is not None and math.isfinite(value) else None


def _is_wide(values: Sequence[float | str | None]) -> bool:
    numbers = [v for v in values if isinstance(v, int | float) and math.isfinite(v)]
    return bool(numbers) and min(numbers) > 0 and max(numbers) >= LOG_FROM * min(numbers)


def plot_parallel(
    info: ParallelInfo, *, dark: bool = False, number: Number = plain_number
) -> Option:
    """For ``st.echarts_chart``: Plotly's own needs WebGL, which weak laptops may lack. Drag along
    an axis to keep the lines that cross there."""
    tone = tones(dark)
    last = [line[-1] for line in info.lines if line[-1] is not None]
    return {
        "animation": False,
        "backgroundColor": CLEAR,
        "tooltip": {"trigger": "item", "formatter": "{b}"},
        "parallel": {
            "left": 70,
            "right": 110,
            "top": 60,
            "bottom": 30,
            "parallelAxisDefault": {
                "nameTextStyle": {"color": tone.text, "width": 110, "overflow": "break"},
                "axisLabel": {"color": tone.text},
                "axisLine": {"lineStyle": {"color": tone.text}},
                "areaSelectStyle": {"width": 16},
            },
        },
        "parallelAxis": [_parallel_axis(place, axis) for place, axis in enumerate(info.axes)],
        "visualMap": {
            "show": False,
            "dimension": max(len(info.axes) - 1, 0),
            "min": min(last, default=0.0),
            "max": max(last, default=1.0),
            "inRange": {"color": list(CIVIDIS[2:] if dark else CIVIDIS[:-1])},
        },
        "series": [
            {
                "type": "parallel",
                "lineStyle": {"width": 2, "opacity": 0.7},
                "emphasis": {"lineStyle": {"width": 4, "opacity": 1}},
                "data": [
                    {
                        "name": f"{name}: {number(line[-1] or 0.0)}",
                        "value": ["-" if v is None else v for v in line],
                    }
                    for name, line in zip(info.names, info.lines, strict=True)
                ],
            }
        ],
    }


def _parallel_axis(place: int, axis: ParallelAxis) -> Option:
    shared = {"dim": place, "name": axis.label}
    if axis.words:
        return {**shared, "type": "category", "data": list(axis.words)}
    whole = {"minInterval": 1} if axis.whole else {}
    return {**shared, **whole, "type": "log" if axis.log else "value", "scale": True}


class ClassGains(NamedTuple):
    """Gains in recall in percentage points, best first; ``left_out`` classes in the middle."""

    names: tuple[str, ...]
    gains: tuple[float, ...]
    left_out: int


def class_gains_info(names: Sequence[str], gains: Sequence[float], most: int = 30) -> ClassGains:
    """``gains`` in [-1, 1], one per name; of more than ``most`` classes both ends."""
    order = sorted(range(len(names)), key=lambda i: -gains[i])
    half = most // 2
    shown = order if len(order) <= most else order[:half] + order[-half:]
    return ClassGains(
        tuple(names[i] for i in shown),
        tuple(100 * gains[i] for i in shown),
        len(order) - len(shown),
    )


def plot_class_gains(
    info: ClassGains, title: str, *, dark: bool = False, decimal_comma: bool = False
) -> go.Figure:
    """Bars to the right for what B does better, to the left for what it does worse."""
    tone = tones(dark)
    height = 90 + 22 * max(len(info.names), 2)
    figure = base_figure(dark, height=height, decimal_comma=decimal_comma)
    colours = [tone.train if gain >= 0 else tone.validation for gain in info.gains]
    figure.add_bar(
        x=info.gains,
        y=[escaped(name) for name in info.names],
        orientation="h",
        marker={"color": colours},
        hovertemplate="%{y}: %{x:+.1f}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(title=title, zeroline=True)
    return figure
