"""The confusion matrix as a clickable heat map for ``st.echarts_chart``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.plots.style import (
    CIVIDIS,
    CLEAR,
    Number,
    Option,
    plain_percent,
    tones,
)

LABELLED = 20  # up to so many classes a number fits into a cell
ROOMY = 14  # with more, only small numbers fit
MAX_NAME = 110  # pixels for the name of a class
MAX_ROW_OF_NAMES = 55  # letters, each name as wide as the longest, under a half-width chart
NAMED = 120  # and up to so many a name beside every row


class MatrixScale(StrEnum):
    """What the number and the colour of a cell say."""

    COUNT = "count"  # images
    SHARE = "share"  # share of the true class: a row is all of it
    PRED_SHARE = "pred_share"  # share of the predicted class: a column is all of it


class MatrixStyle(NamedTuple):
    """``errors_only`` ends the colours at the worst mistake and leaves the diagonal out; ``log``
    makes few mistakes visible beside many."""

    scale: MatrixScale = MatrixScale.COUNT
    errors_only: bool = False
    log: bool = False


PLAIN = MatrixStyle()


class MatrixInfo(NamedTuple):
    """The cells to draw, row by row: every cell that holds images, and the whole diagonal.

    Empty cells stay blank, which shows where the mistakes are, and at 100 classes saves most of
    the message. ``classes`` are the names along both axes, ``shown`` the class at each place;
    ``true`` and ``pred`` are places. ``shade`` is what the colour shows, from 0 to ``shade_max``;
    −1 on the diagonal when the colours are for errors only.

    ``missed`` and ``mistaken`` are the mistakes of a row and of a column (also those in classes
    that are not shown), with their shares; empty without these margins. ``borders``: places
    behind which another group begins.
    """

    classes: tuple[str, ...]
    style: MatrixStyle
    shown: tuple[int, ...]
    true: tuple[int, ...]
    pred: tuple[int, ...]
    images: tuple[int, ...]
    share: tuple[float, ...]
    shade: tuple[float, ...]
    shade_max: float
    missed: tuple[tuple[int, float], ...] = ()
    mistaken: tuple[tuple[int, float], ...] = ()
    borders: tuple[int, ...] = ()


class MatrixLabels(NamedTuple):
    """Words, translated: the two axes, the lines of a cell's tooltip, and what the margins sum."""

    true: str
    pred: str
    images: str
    share: str
    mistakes: str = ""


def matrix_info(
    matrix: npt.NDArray[np.integer],
    classes: Sequence[str],
    style: MatrixStyle = PLAIN,
    *,
    shown: Sequence[int] | None = None,
    margins: bool = False,
    groups: Sequence[int] | None = None,
) -> MatrixInfo:
    """From counts (classes, classes), row = true class; ``shown``: which classes, in which order
    (default: all as given); ``groups`` (classes,): where borders are drawn in that order.

    Raises ValueError for another shape.
    """
    if matrix.shape != (len(classes), len(classes)):
        raise ValueError(f"a matrix of shape {matrix.shape} for {len(classes)} classes")
    order = np.arange(len(classes)) if shown is None else np.array(shown, dtype=np.int64)
    part = matrix[np.ix_(order, order)]
    true, pred = np.nonzero((part > 0) | np.eye(len(order), dtype=bool))
    count = part[true, pred]
    of_true, of_pred = matrix.sum(axis=1)[order], matrix.sum(axis=0)[order]
    whole = of_pred[pred] if style.scale is MatrixScale.PRED_SHARE else of_true[true]
    share = count / np.maximum(whole, 1)
    shade = _shade(count, share, style)
    if style.errors_only:
        shade[true == pred] = -1
    right = part.diagonal()
    return MatrixInfo(
        tuple(classes[i] for i in order),
        style,
        tuple(order.tolist()),
        tuple(true.tolist()),
        tuple(pred.tolist()),
        tuple(count.tolist()),
        tuple(share.tolist()),
        tuple(shade.tolist()),
        float(shade.max(initial=0)),
        _margin(of_true, right) if margins else (),
        _margin(of_pred, right) if margins else (),
        _borders([groups[i] for i in order] if groups is not None else []),
    )


def _shade(
    count: npt.NDArray[np.integer], share: npt.NDArray[np.floating], style: MatrixStyle
) -> npt.NDArray[np.float64]:
    values = (count if style.scale is MatrixScale.COUNT else share).astype(float)
    if not style.log:
        return values
    shades: npt.NDArray[np.float64] = np.log1p(
        values if style.scale is MatrixScale.COUNT else 1000 * values
    )
    return shades


def _margin(
    whole: npt.NDArray[np.integer], right: npt.NDArray[np.integer]
) -> tuple[tuple[int, float], ...]:
    wrong = whole - right
    return tuple(
        zip(wrong.tolist(), (wrong / np.maximum(whole, 1)).tolist(), strict=True),
    )


def _borders(groups: Sequence[int]) -> tuple[int, ...]:
    return tuple(i + 1 for i, (a, b) in enumerate(pairwise(groups)) if a != b)


Chosen = tuple[int | None, int | None]


def cell_at(info: MatrixInfo, event: Mapping[str, Any]) -> Chosen | None:
    """The (true, predicted) class of the cell that a chart event says was clicked, ``None`` for
    any in a margin; or nothing.

    ``event`` is what ``st.echarts_chart(..., on_select="rerun")`` returned. The browser may hold
    an older matrix with more cells, so an index out of range selects nothing.
    """
    selected = event["selection"]["selected"]
    indices = selected[0]["data_indices"] if selected else []
    places = _places(info)
    if not indices or not 0 <= indices[0] < len(places):
        return None
    true, pred = (None if place is None else info.shown[place] for place in places[indices[0]])
    return true, pred


def _places(info: MatrixInfo) -> list[Chosen]:
    """Of every row of the frame: the cells, then the margins."""
    cells: list[Chosen] = list(zip(info.true, info.pred, strict=True))
    rows: list[Chosen] = [(place, None) for place in range(len(info.missed))]
    return [*cells, *rows, *((None, place) for place in range(len(info.mistaken)))]


def matrix_height(classes: int) -> int:
    """Pixels the chart needs so that every row can be read and hit: 400 to 1,080."""
    return min(1080, max(400, 130 + round(classes * (34 if classes <= LABELLED else 9.5))))


def plot_matrix(
    info: MatrixInfo,
    labels: MatrixLabels,
    *,
    dark: bool = False,
    narrow: bool = False,
    percent: Number = plain_percent,
) -> Option:
    """One row per true class, one column per predicted class; a click selects one cell. In a
    ``narrow`` chart not every column is named: the names would lie over each other."""
    tone = tones(dark)
    margin = _margin_name(info, labels)
    tooltip = [
        f"{labels.true}: <b>{{@true}}</b>",
        f"{labels.pred}: <b>{{@pred}}</b>",
        f"{labels.images}: {{@n}}",
        f"{labels.share}: {{@share}}",
    ]
    option: Option = {
        "animation": False,
        "backgroundColor": CLEAR,
        "grid": {"left": 52, "right": 16, "top": 8, "bottom": 52, "containLabel": True},
        "tooltip": {"trigger": "item", "formatter": "<br>".join(tooltip)},
        "dataset": {"source": _frame(info, margin, percent)},
        "xAxis": _axis(info, (labels.pred, margin), dark, upright=True),
        "yAxis": {**_axis(info, (labels.true, margin), dark), "inverse": True},
        "visualMap": _colours(info, tone.neutral),
        "dataZoom": _zoom(len(info.classes)),
        "series": [_cells(info, tone.text), _diagonal(len(info.classes), tone.text)],
    }
    if narrow:
        option["xAxis"]["axisLabel"]["interval"] = "auto"
    if info.borders:
        _draw_borders(option, info, tone.text)
    return option


def _colours(info: MatrixInfo, neutral: str) -> Option:
    return {
        "type": "continuous",
        "min": 0,
        # As the shades are sent: rounded otherwise, the highest would lie above it. And a scale
        # from 0 to 0 has no colours.
        "max": float(np.float32(info.shade_max)) or 1,
        "dimension": "shade",
        "seriesIndex": 0,
        "show": False,
        "inRange": {"color": list(CIVIDIS)},
        # The margins, and the diagonal of an errors-only scale: below the range, so out of it.
        "unboundedRange": False,
        "outOfRange": {"color": [neutral]},
    }


def _margin_name(info: MatrixInfo, labels: MatrixLabels) -> str:
    """Of the row and the column of sums; no class is called the same. Empty without margins."""
    name = f"Σ {labels.mistakes}" if info.missed else ""
    while name in info.classes:
        name = f"Σ{name}"
    return name


def _frame(info: MatrixInfo, margin: str, percent: Number) -> pd.DataFrame:
    """One row per cell. ``cell`` is unique: ECharts highlights every item of the same name."""
    names = np.array([*info.classes, margin], dtype=object)
    # The margin's name is the last one.
    true, pred = ([-1 if p is None else p for p in side] for side in _sides(info))
    sums = (*info.missed, *info.mistaken)
    shares = (*info.share, *(share for _, share in sums))
    frame = pd.DataFrame(
        {
            "pred": names[pred],
            "true": names[true],
            "n": np.array([*info.images, *(n for n, _ in sums)], dtype=np.int32),
            "cell": [f"{t}|{p}" for t, p in zip(true, pred, strict=True)],
            "shade": np.array([*info.shade, *[-1.0] * len(sums)], dtype=np.float32),
            "share": [percent(share) for share in shares],
        }
    )
    if len(info.classes) <= LABELLED and info.style.scale is not MatrixScale.COUNT:
        # Percent without its sign: that would not fit into a cell.
        frame["short"] = [f"{100 * share:.0f}" for share in shares]
    # Sent once each and referred to: at 100 classes less than half of the bytes.
    return frame.astype(dict.fromkeys(("pred", "true", "share"), "category"))


def _sides(info: MatrixInfo) -> tuple[list[int | None], list[int | None]]:
    places = _places(info)
    return [true for true, _ in places], [pred for _, pred in places]


def _cells(info: MatrixInfo, text: str) -> Option:
    counted = info.style.scale is MatrixScale.COUNT
    return {
        "type": "heatmap",
        "selectedMode": "single",
        "encode": {"x": "pred", "y": "true", "value": "shade", "itemName": "cell"},
        "label": {
            "show": len(info.classes) <= LABELLED,
            "formatter": "{@n}" if counted else "{@short}",
            "fontSize": 12 if len(info.classes) <= ROOMY else 10,
        },
        "emphasis": {"itemStyle": {"borderColor": text, "borderWidth": 2}},
        "select": {"itemStyle": {"borderColor": "#D55E00", "borderWidth": 3}},
    }


def _diagonal(classes: int, text: str) -> Option:
    """A frame around what is right, which cannot be clicked: clicks reach the cell below."""
    return {
        "type": "heatmap",
        "silent": True,
        "data": [[i, i, 0] for i in range(classes)],
        "itemStyle": {"color": CLEAR, "borderColor": text, "borderWidth": 1.5},
        "tooltip": {"show": False},
        "z": 3,
    }


def _draw_borders(option: Option, info: MatrixInfo, colour: str) -> None:
    """Lines between the groups: on axes of numbers, since those of names know only the middles of
    the cells."""
    length = len(info.classes) + bool(info.missed)
    hidden = {"type": "value", "min": 0, "max": length, "show": False}
    option["xAxis"] = [option["xAxis"], dict(hidden)]
    option["yAxis"] = [option["yAxis"], {**hidden, "inverse": True}]
    for axis, zoom in zip(("xAxisIndex", "yAxisIndex"), option["dataZoom"], strict=False):
        zoom[axis] = [0, 1]
    ends = [
        line for at in info.borders for line in ([[at, 0], [at, length]], [[0, at], [length, at]])
    ]
    option["series"] += [
        {
            "type": "line",
            "silent": True,
            "xAxisIndex": 1,
            "yAxisIndex": 1,
            "data": line,
            "symbol": "none",
            "lineStyle": {"color": colour, "width": 1, "opacity": 0.6},
            "z": 4,
        }
        for line in ends
    ]


def _axis(info: MatrixInfo, words: tuple[str, str], dark: bool, *, upright: bool = False) -> Option:
    """A class axis with its title and the name of the margin; ``upright`` turns the names where
    side by side they would not fit."""
    title, margin = words
    names = [*info.classes, *([margin] if margin else [])]
    tone, classes = tones(dark), len(names)
    size = 12 if classes <= LABELLED + 1 else 9
    letters = max(map(len, names), default=0)
    turned = upright and letters * classes > MAX_ROW_OF_NAMES
    lengthwise = turned or not upright
    longest = min(MAX_NAME, letters * size * 0.55)
    return {
        "type": "category",
        "data": names,
        "name": title,
        "nameLocation": "middle",
        # ECharts does not look how long the names of the classes are.
        "nameGap": 18 + (longest if lengthwise else size),
        "nameTextStyle": {"color": tone.text, "fontWeight": "bold"},
        "axisTick": {"show": False},
        "axisLabel": {
            "color": tone.text,
            "fontSize": size,
            "interval": 0 if classes <= NAMED else "auto",
            "rotate": 90 if turned else 0,
            "width": MAX_NAME,
            "overflow": "truncate",
        },
        "splitArea": {"show": False},
        "splitLine": {"show": classes <= LABELLED + 1, "lineStyle": {"color": tone.faint}},
    }


def _zoom(classes: int) -> list[Option]:
    """With many classes, shift and wheel show a part of the matrix larger, dragging moves it. The
    wheel alone scrolls the page: the matrix is higher than the screen."""
    if classes <= LABELLED:
        return []
    how = {"type": "inside", "zoomOnMouseWheel": "shift"}
    return [{**how, "xAxisIndex": 0}, {**how, "yAxisIndex": 0}]
