"""Dividing pictures into train, val and test, every class in the same proportion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# A class of fewer pictures cannot show one in each split.
SMALLEST_CLASS = 3


def stratified(
    labels: NDArray[np.int32], fractions: Sequence[float], seed: int
) -> NDArray[np.int8]:
    """The part (0 … len(fractions)-1) of every row of ``labels`` int (n,), as int8 (n,).

    Each class is shuffled by itself, so its division depends on ``seed`` and its own size only.
    The first part gets what rounding leaves over, and everything of a class too small to divide.
    """
    parts = np.zeros(len(labels), np.int8)
    order = np.argsort(labels, kind="stable")
    classes, starts, lengths = np.unique(labels[order], return_index=True, return_counts=True)
    for label, start, length in zip(classes, starts, lengths, strict=True):
        rows = order[start : start + length]
        counts = part_sizes(len(rows), fractions)
        shuffled = np.random.default_rng([seed, int(label)]).permutation(rows)
        parts[shuffled] = np.repeat(np.arange(len(counts), dtype=np.int8), counts)
    return parts


def part_sizes(rows: int, fractions: Sequence[float]) -> list[int]:
    """``rows`` divided by ``fractions`` (of any sum) into whole numbers, none zero if possible."""
    wanted = [part for part in fractions if part > 0]
    if rows < max(SMALLEST_CLASS, len(wanted)):
        return [rows] + [0] * (len(fractions) - 1)
    total = sum(fractions)
    rest = [max(1, round(rows * f / total)) if f > 0 else 0 for f in fractions[1:]]
    while sum(rest) >= rows:
        rest[rest.index(max(rest))] -= 1
    return [rows - sum(rest), *rest]
