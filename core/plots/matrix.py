"""The confusion matrix as a clickable heat map for ``st.echarts_chart``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.plots.style import CIVIDIS, CLEAR, Number, Option, plain_percent, tones

LABELLED = 20  # up to so many classes a number fits into a cell
MAX_NAME = 110  # pixels for the name of a class
MAX_ROW_OF_NAMES = 55  # letters, each name as wide as the longest, under a half-width chart
NAMED = 120  # and up to so many a name beside every row


class MatrixScale(StrEnum):
    """What the colour of a cell says."""

    COUNT = "count"  # images
    SHARE = "share"  # share of the true class
    ERROR_COUNT = "error_count"  # images, the scale ending at the worst mistake
    ERROR_SHARE = "error_share"  # share of the true class, likewise

    @property
    def is_share(self) -> bool:
        return self in (MatrixScale.SHARE, MatrixScale.ERROR_SHARE)

    @property
    def errors_only(self) -> bool:
        return self in (MatrixScale.ERROR_COUNT, MatrixScale.ERROR_SHARE)


class MatrixInfo(NamedTuple):
    """The cells to draw, row by row: every cell that holds images, and the whole diagonal.

    Empty cells stay blank, which shows where the mistakes are, and at 100 classes saves most of
    the message. ``shade`` is what the colour shows, from 0 to ``shade_max``; −1 on the diagonal
    when the scale is for errors only.
    """

    classes: tuple[str, ...]
    scale: MatrixScale
    true: tuple[int, ...]
    pred: tuple[int, ...]
    images: tuple[int, ...]
    share: tuple[float, ...]
    shade: tuple[float, ...]
    shade_max: float


class MatrixLabels(NamedTuple):
    """Words, translated: the two axes, and the lines of a cell's tooltip."""

    true: str
    pred: str
    images: str
    share: str


def matrix_info(
    matrix: npt.NDArray[np.integer],
    classes: Sequence[str],
    scale: MatrixScale = MatrixScale.COUNT,
) -> MatrixInfo:
    """From counts (classes, classes), row = true class. Raises ValueError for another shape."""
    if matrix.shape != (len(classes), len(classes)):
        raise ValueError(f"a matrix of shape {matrix.shape} for {len(classes)} classes")
    diagonal = np.eye(len(classes), dtype=bool)
    true, pred = np.nonzero((matrix > 0) | diagonal)
    count = matrix[true, pred]
    share = count / np.maximum(matrix.sum(axis=1), 1)[true]
    shade = (share if scale.is_share else count).astype(float)
    if scale.errors_only:
        shade[true == pred] = -1
    return MatrixInfo(
        tuple(classes),
        scale,
        tuple(true.tolist()),
        tuple(pred.tolist()),
        tuple(count.tolist()),
        tuple(share.tolist()),
        tuple(shade.tolist()),
        float(shade.max(initial=0)),
    )


def cell_at(info: MatrixInfo, event: Mapping[str, Any]) -> tuple[int, int] | None:
    """The (true, predicted) class of the cell that a chart event says was clicked, or ``None``.

    ``event`` is what ``st.echarts_chart(..., on_select="rerun")`` returned. The browser may hold
    an older matrix with more cells, so an index out of range selects nothing.
    """
    selected = event["selection"]["selected"]
    indices = selected[0]["data_indices"] if selected else []
    if not indices or not 0 <= indices[0] < len(info.true):
        return None
    return info.true[indices[0]], info.pred[indices[0]]


def matrix_height(classes: int) -> int:
    """Pixels the chart needs so that every row can be read and hit: 400 to 1,080."""
    return min(1080, max(400, 130 + round(classes * (34 if classes <= LABELLED else 9.5))))


def plot_matrix(
    info: MatrixInfo,
    labels: MatrixLabels,
    *,
    dark: bool = False,
    percent: Number = plain_percent,
) -> Option:
    """One row per true class, one column per predicted class; a click selects one cell."""
    tone = tones(dark)
    tooltip = [
        f"{labels.true}: <b>{{@true}}</b>",
        f"{labels.pred}: <b>{{@pred}}</b>",
        f"{labels.images}: {{@n}}",
        f"{labels.share}: {{@share}}",
    ]
    return {
        "animation": False,
        "backgroundColor": CLEAR,
        "grid": {"left": 40, "right": 16, "top": 8, "bottom": 40, "containLabel": True},
        "tooltip": {"trigger": "item", "formatter": "<br>".join(tooltip)},
        "dataset": {"source": _frame(info, percent)},
        "xAxis": _axis(info, labels.pred, dark, upright=True),
        "yAxis": {**_axis(info, labels.true, dark), "inverse": True},
        "visualMap": {
            "type": "continuous",
            "min": 0,
            # A scale from 0 to 0 has no colours.
            "max": info.shade_max or 1,
            "dimension": "shade",
            "seriesIndex": 0,
            "show": False,
            "inRange": {"color": list(CIVIDIS)},
            # The diagonal of an errors-only scale: below the range, so out of it.
            "unboundedRange": False,
            "outOfRange": {"color": [tone.neutral]},
        },
        "dataZoom": _zoom(len(info.classes)),
        "series": [_cells(info, tone.text), _diagonal(len(info.classes), tone.text)],
    }


def _frame(info: MatrixInfo, percent: Number) -> pd.DataFrame:
    """One row per cell. ``cell`` is unique: ECharts highlights every item of the same name."""
    names = np.array(info.classes, dtype=object)
    true, pred = list(info.true), list(info.pred)
    frame = pd.DataFrame(
        {
            "pred": names[pred],
            "true": names[true],
            "n": np.array(info.images, dtype=np.int32),
            "cell": [f"{t}|{p}" for t, p in zip(true, pred, strict=True)],
            "shade": np.array(info.shade, dtype=np.float32),
            "share": [percent(share) for share in info.share],
        }
    )
    # Sent once each and referred to: at 100 classes less than half of the bytes.
    return frame.astype(dict.fromkeys(("pred", "true", "share"), "category"))


def _cells(info: MatrixInfo, text: str) -> Option:
    return {
        "type": "heatmap",
        "selectedMode": "single",
        "encode": {"x": "pred", "y": "true", "value": "shade", "itemName": "cell"},
        "label": {
            "show": len(info.classes) <= LABELLED,
            "formatter": "{@share}" if info.scale.is_share else "{@n}",
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


def _axis(info: MatrixInfo, title: str, dark: bool, *, upright: bool = False) -> Option:
    """A class axis; ``upright`` turns the names where side by side they would not fit."""
    tone, classes = tones(dark), len(info.classes)
    size = 12 if classes <= LABELLED else 9
    letters = max(map(len, info.classes), default=0)
    turned = upright and letters * classes > MAX_ROW_OF_NAMES
    lengthwise = turned or not upright
    longest = min(MAX_NAME, letters * size * 0.55)
    return {
        "type": "category",
        "data": list(info.classes),
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
        "splitLine": {"show": classes <= LABELLED, "lineStyle": {"color": tone.faint}},
    }


def _zoom(classes: int) -> list[Option]:
    """With many classes, wheel and drag show a part of the matrix larger."""
    if classes <= LABELLED:
        return []
    return [{"type": "inside", "xAxisIndex": 0}, {"type": "inside", "yAxisIndex": 0}]
