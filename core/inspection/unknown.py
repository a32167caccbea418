"""Whether a picture is like anything a network was trained on: a score, and where to draw the line.

The score is the distance to the k-th nearest training picture in the network's own features (Sun,
Ming, Zhu and Li 2022, "Out-of-distribution detection with deep nearest neighbors"). The line is
drawn where 95 % of the validation pictures, which are of the known kind but were not learned from,
still count as known. Measured against the energy of the logits (Liu and others 2020) by
``benchmarks/inspection.py``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.inspection.neighbours import Vectors, nearest

NEIGHBOUR = 10
"""Which neighbour's distance counts: the first may be a chance likeness."""
ACCEPTED = 0.95
"""The share of validation pictures that count as known."""

Scores = NDArray[np.float32]


class Judgement(NamedTuple):
    """Of pictures: ``score`` (n,), the higher the stranger, and the ``threshold`` above which one
    is called unknown."""

    score: Scores
    threshold: float

    @property
    def unknown(self) -> NDArray[np.bool_]:
        strange: NDArray[np.bool_] = self.score > self.threshold
        return strange


def strangeness(features: Vectors, known: Vectors, k: int = NEIGHBOUR) -> Scores:
    """Distance (n,) in [0, 2] of unit vectors (n, d) to the k-th nearest of ``known`` (m, d)."""
    return nearest(features, known, k).distance[:, -1]


def fit_threshold(scores: Scores, accepted: float = ACCEPTED) -> float:
    """The lowest score that lets at least the share ``accepted`` of (n,), n > 0, pass as known."""
    return float(np.quantile(scores, accepted, method="higher"))


def judge(features: Vectors, known: Vectors, threshold: float) -> Judgement:
    """How strange pictures with these unit vectors are."""
    return Judgement(strangeness(features, known), threshold)


def energy(logits: NDArray[np.floating]) -> Scores:
    """The score to compare with: −log Σ exp of the logits (n, classes), the higher the stranger."""
    highest = logits.max(axis=1)
    total = np.exp(logits - highest[:, None]).sum(axis=1)
    score: Scores = -(highest + np.log(total)).astype(np.float32)
    return score
