"""Pictures as points: few numbers each by PCA, two for the map. scikit-learn, so only in jobs."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 32
FIT_ROWS = 10_000
"""PCA looks at so many pictures at most: more change nothing that could be seen."""
MAP_POINTS = 5_000
"""Points on the map at most: what a weak laptop can draw, and an eye can take in."""
TSNE_STEPS = 750
_BLOCK = 8192
_STEP = re.compile(r"Iteration (\d+)")


def reduce(
    thumbs: NDArray[np.uint8], prepare: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """``thumbs`` (n, …) → (n, k) float32, k ≤ :data:`COMPONENTS`, the widest spread first.

    ``prepare`` makes of some of them the vectors (m, d) to be projected.
    """
    from sklearn.decomposition import PCA

    chosen = np.sort(np.random.default_rng(0).permutation(len(thumbs))[:FIT_ROWS])
    sample = prepare(thumbs[chosen])
    if not len(sample) or not np.ptp(sample, axis=0).any():  # nothing varies
        return np.zeros((len(thumbs), 1), np.float32)
    pca = PCA(min(COMPONENTS, *sample.shape), svd_solver="covariance_eigh").fit(sample)
    blocks = [
        pca.transform(prepare(thumbs[start : start + _BLOCK])).astype(np.float32)
        for start in range(0, len(thumbs), _BLOCK)
    ]
    return np.concatenate(blocks)


def pixels(thumbs: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, h, w, c) → (n, h·w·c): the grey levels as they are."""
    return thumbs.reshape(len(thumbs), -1).astype(np.float32)


def sample_rows(
    labels: NDArray[np.int32], split_of: NDArray[np.int16], most: int = MAP_POINTS
) -> NDArray[np.int64]:
    """Up to ``most`` rows, sorted: of every class and split its share, but always one."""
    n = len(labels)
    if n <= most:
        return np.arange(n)
    groups = split_of.astype(np.int64) * (int(labels.max()) + 2) + labels + 1
    order = np.random.default_rng(0).permutation(n)
    order = order[np.argsort(groups[order], kind="stable")]
    counts = np.bincount(groups)
    counts = counts[counts > 0]
    take = np.clip(counts * most // n, 1, counts)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    chosen = [order[s : s + k] for s, k in zip(starts, take, strict=True)]
    # With more groups than points even one of each is too many.
    return np.sort(np.concatenate(chosen)[:most]).astype(np.int64)


def neighbour_map(
    features: NDArray[np.float32], on_step: Callable[[int], None] = lambda step: None
) -> NDArray[np.float32]:
    """t-SNE: (n, d) → (n, 2), where what is alike lies side by side and distances mean little.

    ``on_step`` is told every 50 of :data:`TSNE_STEPS` steps, and may raise to end it.
    """
    from sklearn.manifold import TSNE

    n = len(features)
    if n < 4:  # too few for any neighbourhood
        return features[:, :2] if features.shape[1] > 1 else np.repeat(features, 2, axis=1)
    tsne = TSNE(
        2,
        perplexity=min(30.0, (n - 1) / 3),
        init="pca" if features.shape[1] > 1 else "random",
        max_iter=TSNE_STEPS,
        random_state=0,
        n_jobs=-1,
        verbose=2,  # its only way to say how far it is
    )
    with contextlib.redirect_stdout(_Steps(on_step)):
        points = tsne.fit_transform(features)
    return np.asarray(points, np.float32)


class _Steps(io.TextIOBase):
    """Hears the steps in what t-SNE prints."""

    def __init__(self, on_step: Callable[[int], None]) -> None:
        self._on_step = on_step

    def write(self, text: str) -> int:
        if found := _STEP.search(text):
            self._on_step(int(found[1]))
        return len(text)
