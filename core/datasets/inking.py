"""Something drawn by hand → an image like those that a network of drawn signs has learnt from.

MNIST's makers cut every digit out, made its longer side 20 of 28 pixels and put its centre of mass
into the middle; whoever skips this draws digits that no MNIST network reads. How large, and whether
light on dark, is measured on the run's own images, so that it holds for the built-in digits (which
fill their 8×8 pixels) and for any other such set as well.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SAME = 24
"""Levels of 255 within which a corner counts as paper."""
PLAIN_SHARE = 0.9
"""So many of the corners must be paper, or these are photographs."""
INKED = 0.25
"""A pixel belongs to what is drawn from this share of the full stroke on."""


class Ink(NamedTuple):
    """How a set of grey images is drawn: levels of paper and pen, and the longer side of what is
    drawn as a share of the image's shorter side."""

    paper: int
    pen: int
    size: float


def ink_of(images: NDArray[np.uint8]) -> Ink | None:
    """How images (n, h, w, 1) are drawn; None if they are no drawings on plain paper."""
    if len(images) == 0 or images.shape[-1] != 1:
        return None
    grey = images[..., 0].astype(np.int32)
    corners = grey[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    paper = int(np.median(corners))
    if (np.abs(corners - paper) <= SAME).mean() < PLAIN_SHARE:
        return None
    strength = np.abs(grey - paper)
    strongest = strength.reshape(len(grey), -1).max(axis=1)
    away = int(np.median(strongest))
    if away <= 2 * SAME:
        return None
    lighter = grey.reshape(len(grey), -1).max(axis=1) - paper >= strongest
    pen = paper + away if lighter.mean() >= 0.5 else paper - away
    sides = [max(_box(s > INKED * m)[2:]) for s, m in zip(strength, strongest, strict=True) if m]
    size = float(np.median(sides)) / min(grey.shape[1:])
    return Ink(paper, int(np.clip(pen, 0, 255)), min(1.0, size))


def coverage(drawing: Image.Image) -> NDArray[np.float32] | None:
    """How much of each pixel is drawn over, (h, w) in [0, 1]; None for an empty sheet. The paper is
    what most of the border shows: a stroke may leave the sheet at a corner."""
    pixels = np.asarray(drawing.convert("RGB")).astype(np.int32)
    border = np.concatenate([*pixels[[0, -1]], *pixels[:, [0, -1]].swapaxes(0, 1)])
    colours, times = np.unique(border, axis=0, return_counts=True)
    away = np.abs(pixels - colours[times.argmax()]).max(axis=-1)
    most = int(away.max())
    return None if most <= SAME else (away / most).astype(np.float32)


def inked(drawn: NDArray[np.float32], ink: Ink, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The drawing (h, w) in [0, 1] as the set's own images are: uint8 (height, width, 1).

    Cut out, its longer side made as long as theirs, its centre of mass in the middle of the image
    as far as nothing is cut off by that.
    """
    top, left, high, wide = _box(drawn > INKED)
    cut = Image.fromarray((255 * drawn[top : top + high, left : left + wide]).astype(np.uint8))
    scale = ink.size * min(size) / max(high, wide)
    height, width = (max(1, round(scale * side)) for side in (high, wide))
    # Averages whole areas, as the makers of both sets of digits did.
    small = np.asarray(cut.resize((width, height), Image.Resampling.BOX)) / 255
    sheet = np.zeros(size, np.float64)
    y, x = (_start(small.sum(axis=1 - axis), size[axis]) for axis in (0, 1))
    sheet[y : y + height, x : x + width] = small
    levels = ink.paper + sheet * (ink.pen - ink.paper)
    return np.round(levels).astype(np.uint8)[..., None]


def _start(profile: NDArray[np.float64], side: int) -> int:
    """Where the drawing begins along one side, so that its centre of mass is in the middle."""
    weight = float(profile.sum()) or 1.0
    centre = float((profile * (np.arange(len(profile)) + 0.5)).sum()) / weight
    return int(np.clip(round(side / 2 - centre), 0, side - len(profile)))


def _box(inside: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, left, height and width of the smallest box that holds all True."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return top, left, int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
