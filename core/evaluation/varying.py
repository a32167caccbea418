"""Test-time augmentation: a picture judged in several versions, their probabilities averaged.

Only with changes of shape that the run was trained with, each half as strong as training would
have it at most: what a network has never met would make its answer worse. Pure NumPy, no chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.config import AugmentConfig

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Size = tuple[int, int]


class Variant(NamedTuple):
    """One version of a picture. ``change`` is the switch of the augmentation that it comes from;
    ``matrix`` (2, 3) says from where (y, x, 1) of the picture each pixel (y, x) comes."""

    change: str
    matrix: npt.NDArray[np.float64]


def variants(config: AugmentConfig, size: Size) -> list[Variant]:
    """Every version of a picture of this (height, width) beside the picture itself; none if the
    run was trained without such changes."""
    return [
        Variant(change, matrix)
        for change, make in _CHANGES.items()
        if config.is_on(change)
        for matrix in make(getattr(config, change), size)
    ]


def average_over(
    images: Images, versions: Sequence[Variant], predict: Callable[[Images], Floats]
) -> Floats:
    """The mean of what ``predict`` says of the images (n, h, w, c) and of each of their versions:
    (n, classes), rows sum to 1 as those of ``predict`` do."""
    total = predict(images).astype(np.float64)
    for version in versions:
        total += predict(resampled(images, version.matrix))
    return (total / (1 + len(versions))).astype(np.float32)


def resampled(images: Images, matrix: npt.NDArray[np.float64]) -> Images:
    """The images (n, h, w, c) with pixel (y, x) taken from ``matrix @ (y, x, 1)``, bilinear;
    beyond the border lies the border's own pixel."""
    height, width = images.shape[1:3]
    grid = np.indices((height, width)).reshape(2, -1)
    from_y, from_x = matrix @ np.vstack([grid, np.ones(height * width)])
    top, down, weight_y = _between(from_y, height)
    left, right, weight_x = _between(from_x, width)
    flat = images.astype(np.float32)
    upper = flat[:, top, left] * (1 - weight_x) + flat[:, top, right] * weight_x
    lower = flat[:, down, left] * (1 - weight_x) + flat[:, down, right] * weight_x
    mixed = upper * (1 - weight_y) + lower * weight_y
    return np.round(mixed).astype(np.uint8).reshape(images.shape)


def _between(
    place: npt.NDArray[np.float64], side: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """The two pixels between which each place lies, and the weight of the second, (places, 1)."""
    # A hair of rounding must not make a mirrored pixel a mixture.
    inside = np.clip(np.round(place, 6), 0, side - 1)
    first = np.floor(inside).astype(np.int64)
    weight = (inside - first).astype(np.float32)[:, None]
    return first, np.minimum(first + 1, side - 1), weight


def _centred(size: Size, rows: Sequence[Sequence[float]]) -> npt.NDArray[np.float64]:
    """A change (2, 2) about the middle of the picture."""
    linear = np.array(rows, np.float64)
    middle = (np.array(size, np.float64) - 1) / 2
    return np.column_stack([linear, middle - linear @ middle])


def _flips(which: str, size: Size) -> list[npt.NDArray[np.float64]]:
    across, down = _centred(size, [[1, 0], [0, -1]]), _centred(size, [[-1, 0], [0, 1]])
    both = _centred(size, [[-1, 0], [0, -1]])
    return {"horizontal": [across], "vertical": [down], "both": [across, down, both]}[which]


def _turns(degrees: float, size: Size) -> list[npt.NDArray[np.float64]]:
    angles = [sign * math.radians(degrees / 2) for sign in (-1, 1)]
    return [
        _centred(size, [[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]]) for a in angles
    ]


def _shifts(share: float, size: Size) -> list[npt.NDArray[np.float64]]:
    height, width = size
    down, right = share / 2 * height, share / 2 * width
    ways = ((down, 0.0), (-down, 0.0), (0.0, right), (0.0, -right))
    return [np.array([[1, 0, y], [0, 1, x]], np.float64) for y, x in ways]


def _zooms(share: float, size: Size) -> list[npt.NDArray[np.float64]]:
    return [_centred(size, [[s, 0], [0, s]]) for s in (1 - share / 2, 1 + share / 2)]


def _crops(share: float, size: Size) -> list[npt.NDArray[np.float64]]:
    """The four corners, enlarged."""
    scale = 1 - share / 2
    rests = [(1 - scale) * (side - 1) for side in size]
    return [
        np.array([[scale, 0, y], [0, scale, x]], np.float64)
        for y in (0.0, rests[0])
        for x in (0.0, rests[1])
    ]


_CHANGES: dict[str, Callable[..., list[npt.NDArray[np.float64]]]] = {
    "flip": _flips,
    "rotation": _turns,
    "translation": _shifts,
    "zoom": _zooms,
    "crop": _crops,
}
