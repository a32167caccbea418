"""How sure a network is, against how often it is right: bars and lines for ``st.echarts_chart``.

All shares are drawn in percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from core.evaluation.calibration import Bools, Reliability
from core.evaluation.metrics import Floats, Ints, true_ranks, wilson_interval
from core.plots.style import CLEAR, OKABE_ITO, Number, Option, plain_percent, tones

THRESHOLDS = np.linspace(0, 1, 101)
SCORE_BINS = 20


class ReliabilityInfo(NamedTuple):
    """Per bin of confidence, ``None`` in an empty one; ends and shares in [0, 1]."""

    ends: tuple[tuple[float, float], ...]
    images: tuple[int, ...]
    confidence: tuple[float | None, ...]
    accuracy: tuple[float | None, ...]


class CoverageInfo(NamedTuple):
    """Per threshold: the share of images answered at least so surely, and the accuracy of these
    answers (``None`` without any)."""

    thresholds: tuple[float, ...]
    coverage: tuple[float, ...]
    accuracy: tuple[float | None, ...]


class TopAccuracyInfo(NamedTuple):
    """For k = 1, 2, …: the share of images whose true class is among the k likeliest, and its
    95 % Wilson interval; empty without images."""

    accuracy: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]


class ScoresInfo(NamedTuple):
    """Images of one class and of all others, per bin of the probability given to that class.
    Bins are equally wide, over [0, 1]."""

    positive: tuple[int, ...]
    negative: tuple[int, ...]


def reliability_info(found: Reliability) -> ReliabilityInfo:
    return ReliabilityInfo(
        tuple((b.low, b.high) for b in found.bins),
        tuple(b.n for b in found.bins),
        tuple(b.confidence for b in found.bins),
        tuple(b.accuracy for b in found.bins),
    )


def coverage_info(confidence: Floats, right: Bools) -> CoverageInfo:
    """``confidence`` and ``right`` are (n,)."""
    order = np.argsort(confidence, kind="stable")
    n = len(order)
    hits_from = np.append(np.cumsum(right[order][::-1])[::-1], 0)
    first = np.searchsorted(confidence[order], THRESHOLDS.astype(confidence.dtype))
    left = n - first
    hits = hits_from[first]
    return CoverageInfo(
        tuple(THRESHOLDS.tolist()),
        tuple((left / max(n, 1)).tolist()),
        tuple(float(h / m) if m else None for h, m in zip(hits, left, strict=True)),
    )


def top_accuracy_info(y_true: Ints, proba: Floats, most: int = 10) -> TopAccuracyInfo:
    """For k up to ``most``, or to the number of classes."""
    n = len(y_true)
    ranks = true_ranks(y_true, proba)
    hits = [int((ranks < k).sum()) for k in range(1, min(most, proba.shape[1]) + 1) if n]
    return TopAccuracyInfo(
        tuple(right / n for right in hits), tuple(wilson_interval(right, n) for right in hits)
    )


def scores_info(scores: Floats, positive: Bools, bins: int = SCORE_BINS) -> ScoresInfo:
    """``scores`` (n,) in [0, 1]: the probability of the class; ``positive`` (n,): is of it."""

    def counted(part: Floats) -> tuple[int, ...]:
        return tuple(np.histogram(part, bins, (0, 1))[0].tolist())

    return ScoresInfo(counted(scores[positive]), counted(scores[~positive]))


class ReliabilityLabels(NamedTuple):
    """Words, translated: the axes, the two series, and the tooltip's number of images."""

    x: str
    y: str
    accuracy: str
    confidence: str
    images: str


def plot_reliability(
    info: ReliabilityInfo,
    labels: ReliabilityLabels,
    *,
    dark: bool = False,
    percent: Number = plain_percent,
) -> Option:
    """Bars of accuracy, with a mark where the confidence would have it; paler with few images."""
    tone = tones(dark)
    option = _base((labels.x, labels.y), [f"{100 * low:.0f}" for low, _ in info.ends], dark)
    most = max(info.images, default=0) or 1
    bars = [
        {
            "value": _hundredfold(share),
            "itemStyle": {"opacity": 0.35 + 0.65 * (n / most) ** 0.5},
            "tooltip": {"formatter": _words(labels, (n, share, sure), percent)},
        }
        for n, share, sure in zip(info.images, info.accuracy, info.confidence, strict=True)
    ]
    marks = [_hundredfold(sure) for sure in info.confidence]
    option["series"] = [
        _series("bar", labels.accuracy, bars, tone.train) | {"barCategoryGap": "8%"},
        _series("line", labels.confidence, marks, tone.validation)
        | {"symbol": "rect", "symbolSize": [18, 3], "showSymbol": True, "silent": True},
    ]
    return option


def _words(
    labels: ReliabilityLabels, figures: tuple[int, float | None, float | None], percent: Number
) -> str:
    n, accuracy, confidence = figures
    if accuracy is None or confidence is None:
        return f"{labels.images}: 0"
    return (
        f"{labels.images}: {n}<br>{labels.accuracy}: {percent(accuracy)}<br>"
        f"{labels.confidence}: {percent(confidence)}"
    )


def plot_coverage(
    info: CoverageInfo,
    names: tuple[str, str, str],
    threshold: float,
    *,
    dark: bool = False,
) -> Option:
    """Coverage and accuracy over the threshold, with a line at the chosen one. ``names``: of the
    threshold, the coverage and the accuracy."""
    tone = tones(dark)
    x, coverage, accuracy = names
    option = _base((x, "%"), [f"{100 * t:.0f}" for t in info.thresholds], dark)
    option["tooltip"] = {"show": False}
    option["xAxis"] |= {"boundaryGap": False}
    option["xAxis"]["axisLabel"] |= {"interval": 9}
    marked = {
        "silent": True,
        "symbol": "none",
        "label": {"show": False},
        "lineStyle": {"color": tone.text, "type": "dotted"},
        "data": [{"xAxis": round(100 * threshold)}],
    }
    lines = [(coverage, info.coverage, tone.train), (accuracy, info.accuracy, tone.validation)]
    option["series"] = [
        _series("line", name, [_hundredfold(share) for share in shares], colour)
        for name, shares, colour in lines
    ]
    option["series"][0]["markLine"] = marked
    return option


def plot_top_accuracy(
    info: TopAccuracyInfo, names: tuple[str, str], *, dark: bool = False
) -> Option:
    """A bar per k. ``names``: of k and of the accuracy."""
    ks = [str(k) for k in range(1, len(info.accuracy) + 1)]
    option = _base(names, ks, dark)
    option["tooltip"] = {"show": False}
    bars: list[object] = [_hundredfold(share) for share in info.accuracy]
    option["series"] = [_series("bar", names[1], bars, tones(dark).train)]
    option["legend"] = {"show": False}
    return option


def plot_scores(
    info: ScoresInfo, axes: tuple[str, str], names: tuple[str, str], *, dark: bool = False
) -> Option:
    """How the probability is distributed, as a share of the images of the class and of those of
    all others: there are many more of these. ``names``: of the two."""
    width = 100 // max(len(info.positive), 1)
    option = _base(axes, [str(width * i) for i in range(len(info.positive))], dark)
    option["tooltip"] = {"show": False}
    option["xAxis"]["axisLabel"] |= {"interval": 3}
    colours = (OKABE_ITO[0] if not dark else OKABE_ITO[4], OKABE_ITO[5])
    option["series"] = [
        _series("bar", name, _percentages(counts), colour) | {"barCategoryGap": "10%"}
        for name, counts, colour in zip(names, info, colours, strict=True)
    ]
    return option


def _percentages(counts: Sequence[int]) -> list[object]:
    whole = max(sum(counts), 1)
    return [round(100 * count / whole, 2) for count in counts]


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _series(kind: str, name: str, data: Sequence[object], colour: str) -> Option:
    return {
        "type": kind,
        "name": name,
        "data": list(data),
        "showSymbol": False,
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "width": 2},
    }


def _base(axes: tuple[str, str], categories: list[str], dark: bool) -> Option:
    tone = tones(dark)
    axis: Option = {
        "nameTextStyle": {"color": tone.text},
        "axisLabel": {"color": tone.text},
        "splitLine": {"lineStyle": {"color": tone.faint}},
    }
    x, y = axes
    return {
        "animation": False,
        "backgroundColor": CLEAR,
        "grid": {"left": 8, "right": 16, "top": 48, "bottom": 24, "containLabel": True},
        "legend": {"top": 0, "right": 16, "textStyle": {"color": tone.text}},
        "tooltip": {"trigger": "item"},
        "xAxis": {
            **axis,
            "axisLabel": dict(axis["axisLabel"]),
            "type": "category",
            "data": categories,
            "name": x,
            "nameLocation": "middle",
            "nameGap": 28,
        },
        "yAxis": {
            **axis,
            "type": "value",
            "min": 0,
            "name": y,
            "nameTextStyle": {"color": tone.text, "align": "left"},
        },
    }
