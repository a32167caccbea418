"""The nearest of many pictures, in a network's own features: unit vectors, cosine distance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 256
"""Questions at a time: with 20,000 known pictures their distances take 20 MB."""

Vectors = NDArray[np.float32]


class Nearest(NamedTuple):
    """Per question the ``place`` of the k nearest, int64 (q, k), and their ``distance`` (q, k) in
    [0, 2]: 0 points the same way, 1 has nothing in common. The nearest comes first."""

    place: NDArray[np.int64]
    distance: Vectors


def unit(features: NDArray[np.floating]) -> Vectors:
    """Rows (n, d) scaled to length one; a row of zeros stays one."""
    exact = np.asarray(features, np.float32)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    scaled: Vectors = exact / np.maximum(lengths, 1e-12)
    return scaled


def nearest(questions: Vectors, known: Vectors, k: int) -> Nearest:
    """Of ``known`` (n, d), n > 0, the k (n, if that is fewer) nearest to each of (q, d)."""
    k = min(k, len(known))
    places = np.empty((len(questions), k), np.int64)
    distances = np.empty((len(questions), k), np.float32)
    for start in range(0, len(questions), BLOCK):
        here = slice(start, start + BLOCK)
        apart = 1 - questions[here] @ known.T
        near = np.argpartition(apart, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(apart, near, axis=1)
        # Of equally near ones the first, whatever the partition has made of them.
        order = np.lexsort((near, found), axis=1)
        places[here] = np.take_along_axis(near, order, axis=1)
        distances[here] = np.take_along_axis(found, order, axis=1)
    return Nearest(places, np.clip(distances, 0, 2))
