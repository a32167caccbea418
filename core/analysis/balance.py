"""Whether the splits have the same mixture of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

SHIFT = 1.5
"""A class may have so many times the share of images it has in training and still be the same."""
CLEAR = 5.0
"""How many standard deviations a share must be off: with a hundred classes luck alone reaches four.
"""


class Shift(NamedTuple):
    """A class (its number) whose share of ``split`` is far from its share of training, both in
    [0, 1]."""

    label: int
    split: str
    share: float
    train_share: float


def shifted(counts: Mapping[str, Sequence[int]]) -> Shift | None:
    """The largest difference to the training split, from images per class and split; None where
    luck explains it, or there is nothing to compare.
    """
    train = np.array(counts.get("train", ()), np.float64)
    if not train.sum():
        return None
    expected = train / train.sum()
    found: list[tuple[float, Shift]] = []
    for split, column in counts.items():
        mine = np.array(column, np.float64)
        if split == "train" or not mine.sum():
            continue
        share = mine / mine.sum()
        luck = np.sqrt(np.maximum(expected * (1 - expected) / mine.sum(), 1e-12))
        for label in np.flatnonzero(np.abs(share - expected) > CLEAR * luck).tolist():
            low, high = sorted((float(share[label]), float(expected[label])))
            if high > SHIFT * low:
                shift = Shift(label, split, float(share[label]), float(expected[label]))
                found.append((round(high - low, 6), shift))
    return max(found, key=lambda pair: pair[0])[1] if found else None
