"""The pictures least like the others of their class: often mislabelled, cut off or blank."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SMALLEST_CLASS = 5
"""Of fewer pictures nobody can say which one is unlike the others."""
PER_CLASS = 24
SHRINKAGE = 0.1
_BLOCK = 8192


class Outliers(NamedTuple):
    """The most unusual pictures, up to :data:`PER_CLASS` of every class, most unusual first.

    ``row`` int64 (m,), ``score`` float32 (m,): how many times as far from the middle of its class
    as the typical picture of that class; ``closest`` int32 (m,): the class whose middle is the
    nearest, which may be its own.
    """

    row: NDArray[np.int64]
    score: NDArray[np.float32]
    closest: NDArray[np.int32]


def find_outliers(
    features: NDArray[np.float32], labels: NDArray[np.int32], classes: int
) -> Outliers:
    """From ``features`` (n, d) and ``labels`` (n,), those below 0 left out.

    The middle is the median, the unit of every feature its spread inside the classes: one strange
    picture moves neither.
    """
    centres, present = _centres(features, labels, classes)
    unit = _spread(features, labels, centres)
    distance, closest = _distances(features / unit, labels, centres / unit, present)
    score = np.zeros(len(labels), np.float32)
    everywhere = np.median(distance[labels >= 0]) if (labels >= 0).any() else 0.0
    chosen = []
    for label in present:
        rows = np.flatnonzero(labels == label)
        if len(rows) < SMALLEST_CLASS:
            continue
        # A class of nearly equal pictures must not turn its noise into outliers.
        typical = max(float(np.median(distance[rows])), 0.1 * float(everywhere), 1e-6)
        score[rows] = distance[rows] / typical
        chosen.append(rows[np.argsort(-score[rows], kind="stable")[:PER_CLASS]])
    found = np.concatenate(chosen) if chosen else np.zeros(0, np.int64)
    found = found[np.argsort(-score[found], kind="stable")].astype(np.int64)
    return Outliers(found, score[found], closest[found])


def _centres(
    features: NDArray[np.float32], labels: NDArray[np.int32], classes: int
) -> tuple[NDArray[np.float32], list[int]]:
    """The median of every class (classes, d), and the classes that have any picture."""
    centres = np.zeros((classes, features.shape[1]), np.float32)
    present = [int(label) for label in np.unique(labels[labels >= 0])]
    for label in present:
        centres[label] = np.median(features[labels == label], axis=0)
    return centres, present


def _spread(
    features: NDArray[np.float32], labels: NDArray[np.int32], centres: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Per feature the standard deviation inside the classes (d,), drawn towards their mean."""
    squares = np.zeros(features.shape[1])
    labelled = np.flatnonzero(labels >= 0)
    for start in range(0, len(labelled), _BLOCK):
        rows = labelled[start : start + _BLOCK]
        squares += ((features[rows] - centres[labels[rows]]).astype(np.float64) ** 2).sum(0)
    variance = squares / max(1, len(labelled))
    variance = (1 - SHRINKAGE) * variance + SHRINKAGE * variance.mean()
    return np.asarray(np.sqrt(np.maximum(variance, 1e-12)), np.float32)


def _distances(
    features: NDArray[np.float32],
    labels: NDArray[np.int32],
    centres: NDArray[np.float32],
    present: list[int],
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Distance (n,) to the own centre, 0 without label; and the class of the nearest centre."""
    names = np.array(present or [0], np.int32)
    own = np.zeros(len(labels), np.float32)
    closest = np.zeros(len(labels), np.int32)
    for start in range(0, len(labels), _BLOCK):
        part = slice(start, start + _BLOCK)
        x, y = features[part], labels[part]
        own[part] = np.where(y >= 0, np.linalg.norm(x - centres[np.maximum(y, 0)], axis=1), 0)
        # |x − c|² without |x|², which is the same for all centres.
        to_all = (centres[names] ** 2).sum(1) - 2 * x @ centres[names].T
        closest[part] = names[to_all.argmin(1)]
    return own, closest
