"""How many images each of very many classes has, as Plotly figures: sorted, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go

from core.plots.bars import ClassCountsInfo, ClassCountsLabels
from core.plots.style import OKABE_ITO, base_figure, escaped, tones

ClassOrder = Literal["most", "fewest", "name"]
BARS = 20
_ROW = 22
_AXES = 90


class CountSpreadInfo(NamedTuple):
    """``classes[i]`` classes have from ``first[i]`` to ``last[i]`` images."""

    first: tuple[int, ...]
    last: tuple[int, ...]
    classes: tuple[int, ...]


class CountSpreadLabels(NamedTuple):
    """Words, translated: the axes."""

    x: str
    y: str


def ordered_classes(info: ClassCountsInfo, order: ClassOrder) -> list[int]:
    """All classes, by the images of the first split that there is (training), or as they are."""
    numbers = list(range(len(info.classes)))
    if order == "name" or not info.splits:
        return numbers
    sign = -1 if order == "most" else 1
    counts = info.splits[0][1]
    return sorted(numbers, key=lambda i: sign * counts[i])


def chosen_classes(info: ClassCountsInfo, chosen: Sequence[int]) -> ClassCountsInfo:
    """The same of some classes, in this order; every split is kept."""
    return ClassCountsInfo(
        tuple(info.classes[i] for i in chosen),
        tuple((split, tuple(counts[i] for i in chosen)) for split, counts in info.splits),
    )


def most_images(info: ClassCountsInfo) -> int:
    """Of the class with the most images in all splits together; 0 without classes."""
    return max(
        (sum(n) for n in zip(*(counts for _, counts in info.splits), strict=True)), default=0
    )


def count_spread_info(counts: Sequence[int], bars: int = BARS) -> CountSpreadInfo:
    """How many classes have how many images, in at most ``bars`` steps of whole images."""
    if not counts:
        return CountSpreadInfo((), (), ())
    low, high = min(counts), max(counts)
    step = -(-(high - low + 1) // bars)
    first = range(low, high + 1, step)
    classes = np.bincount((np.array(counts) - low) // step, minlength=len(first))
    return CountSpreadInfo(
        tuple(first), tuple(start + step - 1 for start in first), tuple(classes.tolist())
    )


def plot_ranked_counts(
    info: ClassCountsInfo,
    labels: ClassCountsLabels,
    longest: int,
    *,
    dark: bool = False,
    decimal_comma: bool = False,
) -> go.Figure:
    """A horizontal bar per class, the first on top, made of one piece per split. The axis ends at
    ``longest`` images, so that the pages of many classes can be compared."""
    figure = base_figure(dark, _AXES + _ROW * len(info.classes), decimal_comma=decimal_comma)
    names = [escaped(name) for name in info.classes]
    for i, (split, counts) in enumerate(info.splits):
        figure.add_bar(
            x=counts,
            y=names,
            orientation="h",
            name=escaped(labels.splits.get(split, split)),
            marker={"color": OKABE_ITO[i % len(OKABE_ITO)], "line": {"width": 0}},
        )
    figure.update_layout(barmode="stack", bargap=0.2, hovermode="y unified", showlegend=True)
    # As the pieces stand beside one another; Plotly would turn them round.
    figure.update_layout(legend={"traceorder": "normal"})
    figure.update_xaxes(
        title=labels.y, range=[0, 1.02 * max(1, longest)], hoverformat=",d", tickformat=",d"
    )
    figure.update_yaxes(type="category", autorange="reversed", dtick=1, showgrid=False)
    return figure


def plot_count_spread(
    info: CountSpreadInfo,
    labels: CountSpreadLabels,
    *,
    dark: bool = False,
    decimal_comma: bool = False,
) -> go.Figure:
    """Bars: few classes far from the others are the ones to look at."""
    figure = base_figure(dark, 300, decimal_comma=decimal_comma)
    spans = [
        str(low) if low == high else f"{low}–{high}"
        for low, high in zip(info.first, info.last, strict=True)
    ]
    figure.add_bar(
        x=[(low + high) / 2 for low, high in zip(info.first, info.last, strict=True)],
        y=info.classes,
        customdata=spans,
        hovertemplate=f"{escaped(labels.x)}: %{{customdata}}<br>"
        f"{escaped(labels.y)}: %{{y}}<extra></extra>",
        marker={"color": tones(dark).train, "line": {"width": 0}},
    )
    figure.update_layout(showlegend=False, bargap=0.05)
    figure.update_xaxes(title=labels.x, tickformat=",d")
    figure.update_yaxes(title=labels.y, rangemode="tozero", tickformat=",d")
    return figure
