"""ROC and precision–recall curves, one class against the rest, from ``y_true`` and ``proba``.

Areas are exact, ties included; only what is drawn is thinned. A curve without positives (or, for
ROC, without negatives) is undefined: its area is ``None`` and it has no points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.evaluation.metrics import Floats, Ints

POINTS = 100
"""So many points of a curve are drawn: no stretch of a ROC curve longer than 1/50 is left out."""
GRID = np.linspace(0, 1, POINTS + 1)
BLOCK = 64
"""Columns of ``proba`` that are copied and sorted at a time: at 1,000 classes a copy of all of
them would take another 40 MB."""
Values = npt.NDArray[np.float64]
Points = npt.NDArray[np.float32]


class Curve(NamedTuple):
    """``x`` and ``y`` (points,) in [0, 1], x ascending: false-positive rate and recall, or recall
    and precision; ``area`` under all of it: AUC, or AP (average precision)."""

    x: Points
    y: Points
    area: float | None


class Family(NamedTuple):
    """A curve per class; ``micro`` over all pairs of image and class; ``macro`` the mean of the
    classes' curves, its area the mean of theirs. Undefined curves are left out of that mean."""

    classes: tuple[Curve, ...]
    micro: Curve
    macro: Curve


class OneVsRest(NamedTuple):
    """Both families, made in one pass over the probabilities."""

    roc: Family
    precision_recall: Family


NO_CURVE = Curve(np.zeros(0, np.float32), np.zeros(0, np.float32), None)


class _Counts(NamedTuple):
    """At every score that a positive has, the highest first: how many positives and negatives
    score at least as much (``tp``, ``fp``), and how many of each score more."""

    tp: Ints
    fp: Ints
    tp_above: Ints
    fp_above: Ints
    negatives: int


class _Exact(NamedTuple):
    x: Values
    y: Values
    area: float


def one_vs_rest(y_true: Ints, proba: Floats) -> OneVsRest:
    """All curves of a split: ``y_true`` (n,), ``proba`` (n, classes)."""
    truth = np.take_along_axis(proba, np.asarray(y_true)[:, None], axis=1)[:, 0]
    everywhere = np.unique(truth)
    at_least, above = np.zeros((2, len(everywhere)), np.int64)
    counts = []
    for index, column in _sorted_columns(proba):
        positives = truth[y_true == index]
        counts.append(_counts(positives, *_tails(column, np.unique(positives)), len(column)))
        more = _tails(column, everywhere)
        at_least, above = at_least + more[0], above + more[1]
    micro = _counts(truth, at_least, above, proba.size)
    return OneVsRest(_family(counts, micro, _ROC), _family(counts, micro, _PRECISION_RECALL))


def _sorted_columns(proba: Floats) -> Iterator[tuple[int, Floats]]:
    for first in range(0, proba.shape[1], BLOCK):
        block = np.sort(proba[:, first : first + BLOCK].T, axis=1)
        yield from enumerate(block, start=first)


def _tails(ascending: Floats, scores: Floats) -> tuple[Ints, Ints]:
    """How many values are at least each of the scores, and how many are above it."""
    n = len(ascending)
    return n - np.searchsorted(ascending, scores), n - np.searchsorted(ascending, scores, "right")


def _counts(positives: Floats, at_least: Ints, above: Ints, n: int) -> _Counts:
    """Of ``n`` scores; ``at_least`` and ``above`` belong to the distinct positive ones, the lowest
    first."""
    _, each = np.unique(positives, return_counts=True)
    tp = np.cumsum(each[::-1])
    tp_above = tp - each[::-1]
    return _Counts(tp, at_least[::-1] - tp, tp_above, above[::-1] - tp_above, n - len(positives))


def _roc(counts: _Counts) -> _Exact | None:
    """Its corners: just above and at every score of a positive, and both ends."""
    if not len(counts.tp) or not counts.negatives:
        return None
    positives, negatives = int(counts.tp[-1]), counts.negatives
    x = np.concatenate([[0], np.stack([counts.fp_above, counts.fp], 1).ravel(), [negatives]])
    y = np.concatenate([[0], np.stack([counts.tp_above, counts.tp], 1).ravel(), [positives]])
    twice = int((np.diff(x) * (y[1:] + y[:-1])).sum())
    return _Exact(x / negatives, y / positives, twice / (2 * positives * negatives))


def _precision_recall(counts: _Counts) -> _Exact | None:
    """Its points at the positives' scores, where precision is highest for a recall."""
    if not len(counts.tp):
        return None
    precision, recall = counts.tp / (counts.tp + counts.fp), counts.tp / counts.tp[-1]
    area = float((np.diff(recall, prepend=0) * precision).sum())
    return _Exact(np.append(0, recall), np.append(precision[0], precision), area)


def _mean_roc(curves: Sequence[_Exact]) -> tuple[Values, Values]:
    y = np.mean([np.interp(GRID, curve.x, curve.y) for curve in curves], axis=0)
    return np.append(0, GRID), np.append(0, y)


def _mean_precision_recall(curves: Sequence[_Exact]) -> tuple[Values, Values]:
    """The precision at which every class reaches a recall, so as steps and not in between."""
    return GRID, np.mean([c.y[np.searchsorted(c.x, GRID - 1e-12)] for c in curves], axis=0)


class _Kind(NamedTuple):
    exact: Callable[[_Counts], _Exact | None]
    mean: Callable[[Sequence[_Exact]], tuple[Values, Values]]
    along: Callable[[Values, Values], Values]
    """What is even between the points drawn."""


_ROC = _Kind(_roc, _mean_roc, lambda x, y: x + y)
_PRECISION_RECALL = _Kind(_precision_recall, _mean_precision_recall, lambda x, _y: x)


def _family(counts: Sequence[_Counts], micro: _Counts, kind: _Kind) -> Family:
    exact = [kind.exact(each) for each in counts]
    known = [curve for curve in exact if curve is not None]
    macro = None
    if known:
        macro = _Exact(*kind.mean(known), float(np.mean([curve.area for curve in known])))
    drawn = (_drawn(curve, kind) for curve in (*exact, kind.exact(micro), macro))
    *classes, both, mean = drawn
    return Family(tuple(classes), both, mean)


def _drawn(curve: _Exact | None, kind: _Kind) -> Curve:
    """At most :data:`POINTS` + 1 of its points, with both ends."""
    if curve is None:
        return NO_CURVE
    way = kind.along(curve.x, curve.y)
    chosen = np.searchsorted(way, np.linspace(0, way[-1], POINTS))
    chosen = np.unique(np.append(chosen, [0, len(way) - 1]))
    return Curve(curve.x[chosen].astype(np.float32), curve.y[chosen].astype(np.float32), curve.area)
