"""How a network fares with pictures that get worse step by step: measured, and said in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.config import AugmentConfig
from core.errors import N_, Text, text
from core.inspection.distortions import (
    DISTORTIONS,
    SEVERITIES,
    Distortion,
    Images,
    distort,
)

NOTABLE = 0.1
"""So much less than on the pictures as they are is worth a word, whatever is lost by chance."""
HALF = 0.5
_AUTOMATIC = ("rand_augment", "augmix")
"""Settings that show a bit of everything in training."""


class Robustness(NamedTuple):
    """What came out of ``n`` pictures of a ``split``: the ``rows`` they have in it, and whether
    they were judged right, bool (distortions, severities, n), in the order of ``names`` and of
    :data:`~core.inspection.distortions.SEVERITIES`; the first severity is none at all.
    """

    split: str
    rows: NDArray[np.int64]
    names: tuple[str, ...]
    right: NDArray[np.bool_]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """(distortions, severities) in [0, 1]."""
        shares: NDArray[np.float64] = self.right.mean(axis=2)
        return shares


def measure(
    images: Images,
    labels: NDArray[np.int32],
    classify: Callable[[Images], NDArray[np.integer]],
    on_step: Callable[[float], None] = lambda share: None,
) -> NDArray[np.bool_]:
    """Whether each of (n, h, w, c) is judged right: (distortions, severities, n).

    ``classify`` gives the class (n,) of pictures; ``on_step`` is told the share that is done, and
    may raise to end it.
    """
    shape = (len(DISTORTIONS), len(SEVERITIES), len(images))
    right = np.empty(shape, np.bool_)
    right[:, 0] = classify(images) == labels
    done, steps = 1, shape[0] * (shape[1] - 1) + 1
    on_step(done / steps)
    for row, name in enumerate(DISTORTIONS):
        for column, severity in enumerate(SEVERITIES[1:], start=1):
            right[row, column] = classify(distort(images, name, severity)) == labels
            done += 1
            on_step(done / steps)
    return right


class Reading(NamedTuple):
    """One distortion in words: ``what`` happens, and ``why`` it may, where the training tells."""

    name: str
    what: Text
    why: Text | None
    lost: float
    """Accuracy lost at the heaviest severity."""


def read_robustness(found: Robustness, augment: AugmentConfig) -> list[Reading]:
    """Every distortion in words, the one that hurts most first."""
    readings = [
        _reading(name, shares.tolist(), augment)
        for name, shares in zip(found.names, found.accuracy, strict=True)
    ]
    return sorted(readings, key=lambda reading: -reading.lost)


def _reading(name: str, shares: list[float], augment: AugmentConfig) -> Reading:
    row, clean = DISTORTIONS[name], shares[0]
    lost = clean - shares[-1]
    half = _first(row, shares, HALF) if clean >= HALF else None
    fallen = _first(row, shares, clean - NOTABLE)
    if fallen is None:
        what = text(N_("Holds to the end: it never loses more than 10 points."))
        return Reading(name, what, None, lost)
    if half == fallen:
        what = text(N_("Falls below 50 % from {start} on."), start=fallen)
    elif half is None:
        what = text(N_("Loses more than 10 points from {start} on."), start=fallen)
    else:
        what = text(
            N_("Loses more than 10 points from {start} on, and falls below 50 % from {half} on."),
            start=fallen,
            half=half,
        )
    seen = any(augment.is_on(setting) for setting in (*row.trained, *_AUTOMATIC))
    return Reading(name, what, None if seen else Text(msgid=row.untrained), lost)


def _first(row: Distortion, shares: list[float], limit: float) -> Text | None:
    """The first value at which the accuracy lies below a limit."""
    below = (row.said(v) for v, share in zip(row.levels, shares, strict=True) if share < limit)
    return next(below, None)
