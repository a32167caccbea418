"""Pictures that occur more than once: byte for byte, or nearly. Runs in jobs only (scikit-learn).

Two pictures are *nearly* the same when their thumbnails, each channel about its own mean and the
whole scaled to length one, are so close that other compression, size or brightness explains the
rest, and when in the full pictures the edges agree as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.analysis.groups import Groups
from core.analysis.projection import reduce
from core.analysis.rows import Rows
from core.analysis.shrinking import shrink

DIGEST_BYTES = 16
ALIKE = 0.98
"""Correlation of two thumbnails from which on they may be the same picture."""
STRICT = 0.995
"""The same for what is too simple to be told apart by less: a stroke, a picture of few pixels."""
CROWD = 5
"""A picture that so many others are like is simple, not copied so often."""
FEW_PIXELS = 144
EDGES_ALIKE, EDGES_STRICT = 0.6, 0.98
"""The same for the edges in the full pictures."""
FLAT = 4.0
"""Grey levels of spread below which a thumbnail shows nothing that could be recognised."""
MOST_CANDIDATES = 1_000_000
MOST_PAIRS = 20_000
_ROWS, _COLUMNS = 1024, 4096
_EDGE_SIDE = 64

Pairs = NDArray[np.int64]  # (m, 2)


class Duplicates(NamedTuple):
    """``exact`` groups the rows with the same bytes, ``similar`` those and their near-duplicates;
    both are complete unless ``complete`` is false: then there were too many pairs to follow.
    """

    exact: Groups
    similar: Groups
    complete: bool


def digest_rows(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A hash (n, 2) of the bytes of every picture."""
    digests = b"".join(hashlib.blake2b(row, digest_size=DIGEST_BYTES).digest() for row in images)
    return np.frombuffer(digests, np.uint64).reshape(len(images), 2)


def exact_groups(digests: NDArray[np.uint64]) -> Groups:
    """The rows whose ``digests`` (n, 2) occur more than once."""
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(digests[order], axis=0) != 0).any(1)
    return Groups.of(order.astype(np.int64), np.cumsum(new))


def find_duplicates(
    rows: Rows,
    digests: NDArray[np.uint64],
    thumbs: NDArray[np.uint8],
    on_progress: Callable[[int], None] = lambda done: None,
) -> Duplicates:
    """Among all ``rows``, given their ``digests`` (n, 2) and ``thumbs`` (n, h, w, c).

    ``on_progress`` is told how many pictures have been compared with the others; it may raise.
    """
    exact = exact_groups(digests)
    # Of equal pictures one is enough, or a hundred copies would be 4,950 pairs.
    single = np.ones(len(rows), bool)
    single[exact.repeats()] = False
    pairs, alike, complete = _candidates(thumbs, np.flatnonzero(single), on_progress)
    simple = _simple(pairs, thumbs, len(rows))
    likely = ~simple | (alike >= STRICT)
    pairs, alike, simple = pairs[likely], alike[likely], simple[likely]
    if len(pairs) > MOST_PAIRS:
        complete = False
        most = np.argsort(-alike, kind="stable")[:MOST_PAIRS]
        pairs, simple = pairs[most], simple[most]
    needed = np.where(simple, EDGES_STRICT, EDGES_ALIKE)
    edges = np.array([_edges_alike(rows, int(a), int(b)) for a, b in pairs]) >= needed
    return Duplicates(exact, _joined(exact, pairs[edges], len(rows)), complete)


def unit_vectors(thumbs: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(n, h, w, c) → (n, h·w·c) of length one, every channel about its mean; and which show
    anything at all."""
    pixels = thumbs.astype(np.float32)
    pixels -= pixels.mean(axis=(1, 2), keepdims=True)
    flat = pixels.reshape(len(thumbs), -1)
    length = np.linalg.norm(flat, axis=1)
    clear = length >= FLAT * np.sqrt(flat.shape[1])
    flat /= np.maximum(length, 1e-6)[:, None]
    return flat, clear


def _candidates(
    thumbs: NDArray[np.uint8], rows: Pairs, on_progress: Callable[[int], None]
) -> tuple[Pairs, NDArray[np.float32], bool]:
    """Pairs of ``rows`` whose thumbnails are :data:`ALIKE`, and how much so.

    PCA only shortens distances, so that what is too far apart in it needs no second look; in the
    order of its first component, only a window of rows has to be looked at.
    """
    points = reduce(thumbs, lambda block: unit_vectors(block)[0])[rows]
    clear = np.concatenate(
        [unit_vectors(thumbs[rows[i : i + _COLUMNS]])[1] for i in range(0, len(rows), _COLUMNS)]
        or [np.zeros(0, bool)]
    )
    rows, points = rows[clear], points[clear]
    order = np.argsort(points[:, 0], kind="stable")
    rows, points = rows[order], np.ascontiguousarray(points[order])
    radius = float(np.sqrt(2 * (1 - ALIKE)))
    found: list[Pairs] = []
    likeness: list[NDArray[np.float32]] = []
    looked_at = 0
    for start in range(0, len(rows), _ROWS):
        on_progress(start)
        last = points[min(start + _ROWS, len(rows)) - 1, 0]
        end = int(np.searchsorted(points[:, 0], last + radius, side="right"))
        for pairs in _close(points, start, end, radius):
            near = rows[pairs]
            alike = _correlation(thumbs, near)
            looked_at += len(near)
            found.append(near[alike >= ALIKE])
            likeness.append(alike[alike >= ALIKE])
        if looked_at > MOST_CANDIDATES:
            break
    none = np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    if not found:
        return *none, True
    return np.concatenate(found), np.concatenate(likeness), looked_at <= MOST_CANDIDATES


def _close(points: NDArray[np.float32], start: int, end: int, radius: float) -> list[Pairs]:
    """Pairs (i, j), i < j < ``end``, of a block of points from ``start`` on."""
    block = points[start : start + _ROWS]
    squares = (block**2).sum(1)
    found = []
    for first in range(start, end, _COLUMNS):
        others = points[first : min(end, first + _COLUMNS)]
        apart = squares[:, None] + (others**2).sum(1)[None] - 2 * block @ others.T
        pairs = np.argwhere(apart <= radius**2 + 1e-5) + np.array([start, first])
        found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    return found


def _correlation(thumbs: NDArray[np.uint8], pairs: Pairs) -> NDArray[np.float32]:
    parts = []
    for start in range(0, len(pairs), _COLUMNS):
        part = pairs[start : start + _COLUMNS]
        one, other = unit_vectors(thumbs[part[:, 0]])[0], unit_vectors(thumbs[part[:, 1]])[0]
        parts.append((one * other).sum(1))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _simple(pairs: Pairs, thumbs: NDArray[np.uint8], rows: int) -> NDArray[np.bool_]:
    """Which pairs (m,) must be :data:`STRICT`-ly alike to count."""
    if thumbs.shape[1] * thumbs.shape[2] <= FEW_PIXELS:
        return np.ones(len(pairs), bool)
    crowded = np.bincount(pairs.ravel(), minlength=rows) > CROWD
    return np.asarray(crowded[pairs].any(1))


def _edges_alike(rows: Rows, one: int, other: int) -> float:
    """Small dark things on a blue sky are alike but for where the edges are: their correlation."""
    first, second = (_edges(rows.image(row)) for row in (one, other))
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / length if length else 0.0


def _edges(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = shrink(image[None], _EDGE_SIDE)[0]
    return np.concatenate([np.diff(small, axis=axis).ravel() for axis in (0, 1)])


def _joined(exact: Groups, near: Pairs, rows: int) -> Groups:
    """Who is linked by a chain of equal and nearly equal pictures is one group."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = np.concatenate([exact.links(), near])
    graph = coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), (rows, rows))
    _count, component = connected_components(graph, directed=False)
    members = np.unique(links)
    return Groups.of(members, component[members].astype(np.int64))
