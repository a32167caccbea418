"""ROC and precision–recall curves, overlaid, for ``st.echarts_chart``."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from core.evaluation.curves import Curve, Family, Points
from core.plots.style import CLEAR, OKABE_ITO, Number, Option, plain_number, tones

MOST_PALE = 100
"""With more classes than this the others are not drawn behind the chosen ones."""
PALE_POINTS = 24
"""Of a curve that is only background."""


class Which(StrEnum):
    """What a curve is of."""

    MACRO = "macro"
    MICRO = "micro"
    CLASS = "class"


class RankingLine(NamedTuple):
    """One curve, in [0, 1]; ``area`` is AUC or AP."""

    which: Which
    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    area: float


class RankingInfo(NamedTuple):
    """``lines``: macro, micro and the chosen classes, as far as they are defined; ``pale``: the
    points of all other classes, behind them."""

    lines: tuple[RankingLine, ...]
    pale: tuple[tuple[tuple[float, float], ...], ...]


class RankingLabels(NamedTuple):
    """Words, translated: the axes, what the area is called, and the line of mere chance (none
    for precision and recall, where it depends on the class)."""

    x: str
    y: str
    area: str
    chance: str = ""


def ranking_info(
    family: Family, classes: Sequence[str], chosen: Sequence[int], means: tuple[str, str]
) -> RankingInfo:
    """``means`` are the names of the macro and the micro curve."""
    rows = [(Which.MACRO, means[0], family.macro), (Which.MICRO, means[1], family.micro)]
    rows += [(Which.CLASS, classes[i], family.classes[i]) for i in chosen]
    lines = tuple(
        RankingLine(which, name, _shares(curve.x), _shares(curve.y), curve.area)
        for which, name, curve in rows
        if curve.area is not None
    )
    others = [c for i, c in enumerate(family.classes) if i not in chosen and c.area is not None]
    return RankingInfo(lines, tuple(map(_few, others)) if len(classes) <= MOST_PALE else ())


def _few(curve: Curve) -> tuple[tuple[float, float], ...]:
    step = -(-len(curve.x) // PALE_POINTS)
    x, y = _shares(curve.x), _shares(curve.y)
    return (*zip(x[:-1:step], y[:-1:step], strict=True), (x[-1], y[-1]))


def _shares(values: Points) -> tuple[float, ...]:
    """Four digits: what can be seen, in half of the bytes."""
    return tuple(round(float(value), 4) for value in values)


def plot_ranking(
    info: RankingInfo,
    labels: RankingLabels,
    *,
    dark: bool = False,
    number: Number = plain_number,
) -> Option:
    """The means in the colour of the text, the chosen classes coloured, the others pale."""
    tone = tones(dark)
    series = [_line("", points, (tone.faint, 1, "solid")) for points in info.pale]
    if labels.chance:
        series.append(_line(labels.chance, ((0, 0), (1, 1)), (tone.text, 1, "dotted")))
    colours = iter(OKABE_ITO * (1 + len(info.lines) // len(OKABE_ITO)))
    names = []
    for line in info.lines:
        colour = next(colours) if line.which is Which.CLASS else tone.text
        dashes = "dashed" if line.which is Which.MICRO else "solid"
        names.append(f"{line.name} · {labels.area} {number(line.area)}")
        points = tuple(zip(line.x, line.y, strict=True))
        drawn = _line(names[-1], points, (colour, 2, dashes))
        series.append(drawn | {"silent": False, "triggerLineEvent": True})
    return {
        "animation": False,
        "backgroundColor": CLEAR,
        "grid": {"left": 36, "right": 16, "top": 12, "bottom": 32, "containLabel": True},
        "tooltip": {"trigger": "item", "formatter": "{a}"},
        "legend": {
            "type": "scroll",
            "orient": "vertical",
            # Where there is most often nothing: below a ROC curve, left of where precision falls.
            "right" if labels.chance else "left": 24 if labels.chance else 76,
            "bottom": 64,
            "height": 180,
            "data": names,
            "textStyle": {"color": tone.text},
            "backgroundColor": "rgba(14,17,23,0.7)" if dark else "rgba(255,255,255,0.7)",
        },
        "xAxis": _axis(labels.x, 28, dark),
        "yAxis": _axis(labels.y, 40, dark),
        "series": series,
    }


def _line(name: str, points: Sequence[tuple[float, float]], how: tuple[str, int, str]) -> Option:
    colour, width, dashes = how
    return {
        "type": "line",
        "name": name,
        # Hundredths, so that ticks are whole: ECharts writes a decimal point in every language.
        "data": [[round(100 * value, 2) for value in point] for point in points],
        "showSymbol": False,
        "silent": True,
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "width": width, "type": dashes},
    }


def _axis(title: str, gap: int, dark: bool) -> Option:
    tone = tones(dark)
    return {
        "type": "value",
        "min": 0,
        "max": 100,
        "name": title,
        "nameLocation": "middle",
        "nameGap": gap,
        "nameTextStyle": {"color": tone.text},
        "axisLabel": {"color": tone.text, "formatter": "{value} %"},
        "splitLine": {"lineStyle": {"color": tone.faint}},
    }
