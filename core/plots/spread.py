"""How brightness and size are spread over the pictures of a dataset, as Plotly figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from core.plots.style import OKABE_ITO, Number, base_figure, escaped, plain_percent, tones

SIZE_BARS = 10
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


class BrightnessInfo(NamedTuple):
    """Per line the share, in [0, 1], of its pictures at every one of ``levels`` (grey levels in
    [0, 255])."""

    levels: tuple[float, ...]
    names: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]


class BrightnessLabels(NamedTuple):
    """Words, translated."""

    x: str
    y: str


class SizesInfo(NamedTuple):
    """The commonest sizes as ``width × height``, and how many pictures have each; ``others`` have
    none of them."""

    sizes: tuple[str, ...]
    images: tuple[int, ...]
    others: int


class SizesLabels(NamedTuple):
    """Words, translated: the bar of all other sizes, the axis, the unit of its values."""

    others: str
    x: str
    images: str


def brightness_info(
    counts: Mapping[str, npt.NDArray[np.integer]], bins: int = 32
) -> BrightnessInfo:
    """``counts`` maps the name of a line to pictures (b,) at evenly spaced levels, b a multiple
    of ``bins``. Lines without pictures are left out.
    """
    present = {name: row.reshape(bins, -1).sum(1) for name, row in counts.items() if row.sum()}
    width = 256 / bins
    return BrightnessInfo(
        tuple(float((i + 0.5) * width) for i in range(bins)),
        tuple(present),
        tuple(tuple((row / row.sum()).tolist()) for row in present.values()),
    )


def sizes_info(common: Sequence[tuple[int, int, int]], others: int) -> SizesInfo:
    """``common`` holds (height, width, pictures), the commonest first."""
    rest = sum(images for _, _, images in common[SIZE_BARS:])
    shown = common[:SIZE_BARS]
    return SizesInfo(
        tuple(f"{width} × {height}" for height, width, _ in shown),
        tuple(images for _, _, images in shown),
        others + rest,
    )


def plot_brightness(
    info: BrightnessInfo,
    labels: BrightnessLabels,
    *,
    dark: bool = False,
    percent: Number = plain_percent,
    decimal_comma: bool = False,
) -> go.Figure:
    """One line per name, each with a colour and a dash of its own."""
    figure = base_figure(dark, height=320, decimal_comma=decimal_comma)
    for i, (name, shares) in enumerate(zip(info.names, info.shares, strict=True)):
        figure.add_scatter(
            x=info.levels,
            y=[100 * share for share in shares],
            name=escaped(name),
            mode="lines",
            line={
                "color": OKABE_ITO[i % len(OKABE_ITO)],
                "dash": _DASHES[i % len(_DASHES)],
                "shape": "spline",
                "smoothing": 0.6,
            },
            text=[percent(share) for share in shares],
            hovertemplate="%{text}",
        )
    figure.update_layout(hovermode="x unified", showlegend=True)
    figure.update_xaxes(title=labels.x, range=[0, 255], tickvals=[0, 64, 128, 192, 255])
    figure.update_yaxes(title=labels.y, rangemode="tozero", ticksuffix=" %")
    return figure


def plot_sizes(
    info: SizesInfo, labels: SizesLabels, *, dark: bool = False, decimal_comma: bool = False
) -> go.Figure:
    """Horizontal bars, the commonest size on top, all others below."""
    names = [*info.sizes, *([labels.others] if info.others else [])]
    values = [*info.images, *([info.others] if info.others else [])]
    colours = [OKABE_ITO[0]] * len(info.sizes) + [tones(dark).neutral]
    figure = base_figure(dark, height=110 + 26 * max(1, len(names)), decimal_comma=decimal_comma)
    figure.add_bar(
        x=values,
        y=names,
        orientation="h",
        marker={"color": colours[: len(names)], "line": {"width": 0}},
        hovertemplate=f"%{{y}}: %{{x:,d}} {escaped(labels.images)}<extra></extra>",
    )
    figure.update_layout(showlegend=False, bargap=0.25)
    figure.update_xaxes(title=labels.x, tickformat=",d", rangemode="tozero")
    figure.update_yaxes(type="category", autorange="reversed", dtick=1, showgrid=False)
    return figure
