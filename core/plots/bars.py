"""Bar charts that stand still, as Plotly figures: balance, probabilities, recall by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from core.plots.style import (
    OKABE_ITO,
    Number,
    base_figure,
    escaped,
    plain_percent,
    tones,
)


class ClassCountsInfo(NamedTuple):
    """How many images of every class each split has, classes in dataset order."""

    classes: tuple[str, ...]
    splits: tuple[tuple[str, tuple[int, ...]], ...]


class ClassCountsLabels(NamedTuple):
    """Words, translated: ``splits`` gives the shown name of ``train``, ``val``, ``test``."""

    splits: Mapping[str, str]
    x: str
    y: str


class TopKInfo(NamedTuple):
    """The likeliest classes, best first, with their probabilities in [0, 1]."""

    classes: tuple[str, ...]
    proba: tuple[float, ...]


class RecallInfo(NamedTuple):
    """Classes with the share of their images that was found, in [0, 1], worst first."""

    classes: tuple[str, ...]
    recall: tuple[float, ...]
    support: tuple[int, ...]


class RecallLabels(NamedTuple):
    """Words, translated: the axis, and what is counted ("images")."""

    x: str
    images: str


def class_counts_info(
    classes: Sequence[str], counts: Mapping[str, Sequence[int]]
) -> ClassCountsInfo:
    """``counts`` maps a split to images per class. Splits without any image are left out.

    Raises ValueError when a split does not count every class.
    """
    splits = tuple((name, tuple(int(n) for n in column)) for name, column in counts.items())
    for name, column in splits:
        if len(column) != len(classes):
            raise ValueError(f"{name}: {len(column)} counts for {len(classes)} classes")
    return ClassCountsInfo(tuple(classes), tuple(split for split in splits if any(split[1])))


def top_k_info(classes: Sequence[str], proba: npt.NDArray[np.floating], k: int = 5) -> TopKInfo:
    """The ``k`` likeliest of one image's ``proba`` (classes,); of equals the first class."""
    best = np.argsort(-proba, kind="stable")[:k].tolist()
    return TopKInfo(tuple(classes[i] for i in best), tuple(float(proba[i]) for i in best))


def recall_info(
    classes: Sequence[str],
    recall: Sequence[float | None],
    support: Sequence[int],
    limit: int = 25,
) -> RecallInfo:
    """The ``limit`` classes with the lowest recall; those without images (``None``) never."""
    rows = [
        (value, -images, i)
        for i, (value, images) in enumerate(zip(recall, support, strict=True))
        if value is not None
    ]
    worst = sorted(rows)[:limit]
    return RecallInfo(
        tuple(classes[i] for _, _, i in worst),
        tuple(value for value, _, _ in worst),
        tuple(-images for _, images, _ in worst),
    )


def plot_class_counts(
    info: ClassCountsInfo,
    labels: ClassCountsLabels,
    *,
    dark: bool = False,
    decimal_comma: bool = False,
) -> go.Figure:
    """Bars side by side, one colour and pattern per split; every class named up to 120."""
    many = len(info.classes) > 12
    figure = base_figure(dark, height=420 if many else 360, decimal_comma=decimal_comma)
    names = [escaped(name) for name in info.classes]
    for i, (split, counts) in enumerate(info.splits):
        figure.add_bar(
            x=names,
            y=counts,
            name=escaped(labels.splits.get(split, split)),
            marker={
                "color": OKABE_ITO[i % len(OKABE_ITO)],
                "line": {"width": 0},
                # At 100 classes a bar is 3 pixels wide, and a pattern in it only noise.
                "pattern": {
                    "shape": "" if many else ("", "/", ".")[i % 3],
                    "fillmode": "overlay",
                    "fgcolor": "white",
                    "fgopacity": 0.6,
                },
            },
        )
    figure.update_layout(barmode="group", bargap=0.15, hovermode="x unified", showlegend=True)
    figure.update_xaxes(
        title=labels.x,
        # Else Plotly takes the names 0 to 9 for numbers.
        type="category",
        tickangle=-90 if many else None,
        tickfont={"size": _tick_size(len(names))},
        dtick=1 if len(names) <= 120 else None,
    )
    figure.update_yaxes(title=labels.y, rangemode="tozero", hoverformat=",d", tickformat=",d")
    return figure


def plot_top_k(info: TopKInfo, *, dark: bool = False, percent: Number = plain_percent) -> go.Figure:
    """Horizontal bars, the likeliest on top and in the strong colour."""
    colours = [OKABE_ITO[0]] + [OKABE_ITO[4]] * (len(info.classes) - 1)
    figure = _ranked(info.classes, info.proba, colours, dark, percent)
    figure.update_traces(hovertemplate="%{y}: %{text}<extra></extra>")
    return figure


def plot_recall(
    info: RecallInfo,
    labels: RecallLabels,
    *,
    dark: bool = False,
    percent: Number = plain_percent,
) -> go.Figure:
    """Horizontal bars, the worst class on top."""
    colours = [OKABE_ITO[5]] * len(info.classes)
    figure = _ranked(info.classes, info.recall, colours, dark, percent)
    figure.update_traces(
        customdata=[f"{images} {escaped(labels.images)}" for images in info.support],
        hovertemplate="%{y}: %{text} (%{customdata})<extra></extra>",
    )
    figure.update_xaxes(title=labels.x)
    return figure


def _ranked(
    names: Sequence[str],
    shares: Sequence[float],
    colours: list[str],
    dark: bool,
    percent: Number,
) -> go.Figure:
    """Shares in [0, 1] as labelled horizontal bars, the first on top."""
    figure = base_figure(dark, height=48 + 28 * max(1, len(names)))
    figure.add_bar(
        x=[100 * share for share in shares],
        y=[escaped(name) for name in names],
        orientation="h",
        text=[percent(share) for share in shares],
        # Inside a short bar there is no room, and outside a full one neither: the axis
        # leaves some.
        textposition="outside",
        cliponaxis=False,
        textfont={"color": tones(dark).text},
        marker={"color": colours, "line": {"width": 0}},
    )
    figure.update_layout(showlegend=False, bargap=0.25)
    ticks = (0, 25, 50, 75, 100)
    figure.update_xaxes(range=[0, 115], tickvals=ticks, ticktext=[f"{t} %" for t in ticks])
    figure.update_yaxes(type="category", autorange="reversed", dtick=1, showgrid=False)
    return figure


def _tick_size(classes: int) -> int:
    return 12 if classes <= 12 else 10 if classes <= 50 else 8
