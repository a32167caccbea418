"""Pictures as points of a plane, for ``st.echarts_chart``: a click or a lasso selects them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.plots.style import CLEAR, OKABE_ITO, Option, tones

MARKS = ("circle", "triangle", "diamond")
MOST_CLASSES = len(OKABE_ITO) * len(MARKS)
"""So many classes can be told apart, by colour and shape together."""
MAP_HEIGHT = 450


class MapInfo(NamedTuple):
    """``point`` numbers the points in the order of drawing; of each its place and ``kind``: the
    number of its class among ``classes``, or ``len(classes)`` for any other, drawn below.
    """

    classes: tuple[str, ...]
    point: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: tuple[int, ...]

    @property
    def has_others(self) -> bool:
        return bool(self.kind) and max(self.kind) == len(self.classes)


class MapLabels(NamedTuple):
    """Words, translated: classes not shown by themselves, and the tools to select with."""

    others: str
    rect: str
    polygon: str
    clear: str


def map_info(
    points: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    classes: Sequence[str],
    shown: Sequence[int],
) -> MapInfo:
    """From ``points`` (n, 2) and ``labels`` (n,); the classes ``shown``, at most
    :data:`MOST_CLASSES` of them, have a colour each. Raises ValueError for more.
    """
    if len(shown) > MOST_CLASSES:
        raise ValueError(f"{len(shown)} classes; at most {MOST_CLASSES} can be told apart")
    kind = np.full(len(labels), len(shown))
    for number, label in enumerate(shown):
        kind[labels == label] = number
    # Shuffled, or the last class would hide the others.
    order = np.random.default_rng(0).permutation(len(labels))
    order = order[np.argsort(kind[order] < len(shown), kind="stable")]
    place = np.round(_unit(points)[order], 4)
    return MapInfo(
        tuple(classes[label] for label in shown),
        tuple(order.tolist()),
        tuple(place[:, 0].tolist()),
        tuple(place[:, 1].tolist()),
        tuple(kind[order].tolist()),
    )


def points_at(info: MapInfo, event: Mapping[str, Any]) -> list[int]:
    """Which points a chart event says are selected; what the browser makes up is left out."""
    found = [i for group in event["selection"]["selected"] for i in group["data_indices"]]
    return [info.point[i] for i in found if 0 <= i < len(info.point)]


def plot_map(info: MapInfo, labels: MapLabels, *, dark: bool = False) -> Option:
    """One point per picture; the legend at the right switches classes off and on."""
    tone = tones(dark)
    names = [*_distinct(info.classes, labels.others), *([labels.others] if info.has_others else [])]
    return {
        "animation": False,
        "backgroundColor": CLEAR,
        "grid": {"left": 8, "right": 150, "top": 36, "bottom": 8},
        "tooltip": {"trigger": "item", "formatter": "{@class}"},
        "dataset": {"source": _frame(info, names)},
        "xAxis": _axis(info.x),
        "yAxis": _axis(info.y),
        "visualMap": {
            "type": "piecewise",
            "categories": names,
            "dimension": "class",
            "orient": "vertical",
            "right": 0,
            "top": "middle",
            "itemGap": 4,
            "textStyle": {"color": tone.text, "width": 110, "overflow": "truncate"},
            "inRange": {
                "color": [_colour(i, info, tone.neutral) for i in range(len(names))],
                "symbol": [_mark(i, info) for i in range(len(names))],
            },
            "outOfRange": {"opacity": 0},
        },
        "toolbox": {
            "right": 150,
            "top": 0,
            "iconStyle": {"borderColor": tone.text},
            "feature": {
                "brush": {
                    "type": ["rect", "polygon", "clear"],
                    "title": {
                        "rect": labels.rect,
                        "polygon": labels.polygon,
                        "clear": labels.clear,
                    },
                }
            },
        },
        # Told once the mouse rests, not at every step of it.
        "brush": {
            "xAxisIndex": 0,
            "yAxisIndex": 0,
            "throttleType": "debounce",
            "throttleDelay": 300,
            "brushStyle": {"borderWidth": 2, "borderColor": tone.text, "color": tone.faint},
        },
        "series": [
            {
                "type": "scatter",
                "encode": {"x": "x", "y": "y", "itemName": "point"},
                "symbolSize": 6 if len(info.point) > 1500 else 9,
                "itemStyle": {"opacity": 0.75},
                "selectedMode": "single",
                "select": {"itemStyle": {"borderColor": tone.text, "borderWidth": 2}},
            }
        ],
    }


def _axis(values: Sequence[float]) -> Option:
    """As long as the values need: what they are means nothing."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    air = 0.04 * (high - low) or 1.0
    return {"type": "value", "show": False, "min": low - air, "max": high + air}


def _unit(points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Moved and scaled to about [-1, 1]: few digits say where a point is."""
    if not len(points):
        return points
    middle = points - points.mean(0)
    unit: npt.NDArray[np.floating] = middle / max(float(np.abs(middle).max()), 1e-9)
    return unit


def _frame(info: MapInfo, names: Sequence[str]) -> pd.DataFrame:
    """One row per point. ``point`` is unique: ECharts highlights every item of the same name."""
    return pd.DataFrame(
        {
            "x": np.array(info.x, np.float32),
            "y": np.array(info.y, np.float32),
            "class": pd.Categorical.from_codes(list(info.kind), pd.Index(names)),
            "point": [str(number) for number in info.point],
        }
    )


def _distinct(classes: Sequence[str], others: str) -> list[str]:
    """A class may be called as the others are."""
    return [f"{name} " if name == others else name for name in classes]


def _colour(number: int, info: MapInfo, neutral: str) -> str:
    return OKABE_ITO[number % len(OKABE_ITO)] if number < len(info.classes) else neutral


def _mark(number: int, info: MapInfo) -> str:
    return MARKS[number // len(OKABE_ITO)] if number < len(info.classes) else "circle"
