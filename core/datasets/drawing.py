"""Geometric figures as outlines, and one figure drawn into a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Outline = NDArray[np.float64]
"""Corners float64 (n, 2) as (x, y), y down, none further than 1 from the middle (0, 0)."""

SUPERSAMPLING = 4
"""Drawn so many times larger and averaged: edges are smooth at any angle."""


class Figure(NamedTuple):
    """``body`` without ``hole``; ``size`` makes all figures cover about the same area, so that
    the mean brightness of a picture does not tell its class."""

    body: Outline
    size: float
    hole: Outline | None = None


class Pose(NamedTuple):
    """Where a figure is: its middle and its radius in pixels, its turn in degrees clockwise."""

    middle: tuple[float, float]
    radius: float
    turn: float


def _corners(points: Sequence[tuple[float, float]]) -> Outline:
    return np.array(points, np.float64)


def _regular(corners: int, first: float = -90.0) -> Outline:
    angles = np.deg2rad(first + np.arange(corners) * 360 / corners)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _star(points: int, inner: float) -> Outline:
    outline = _regular(2 * points)
    outline[1::2] *= inner
    return outline


def _cross(arm: float) -> Outline:
    long = float(np.sqrt(1 - arm**2))
    quarter = _corners([(-arm, -long), (arm, -long), (arm, -arm)])
    turns = [np.array([[c, s], [-s, c]]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    return np.concatenate([quarter @ turn for turn in turns])


def _heart() -> Outline:
    """Two arcs and a point, as a curve of sines that fills the circle around it."""
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    x = np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 17
    outline = np.stack([x, y - 0.1], axis=1)
    scaled: Outline = outline / np.hypot(*outline.T).max()
    return scaled


_CIRCLE = _regular(60)
_ARROW = _corners(
    [(0, -1), (0.75, -0.1), (0.3, -0.1), (0.3, 0.95), (-0.3, 0.95), (-0.3, -0.1), (-0.75, -0.1)]
)

FIGURES: dict[str, Figure] = {
    "circle": Figure(_CIRCLE, 0.68),
    "square": Figure(_regular(4, -45), 0.84),
    "triangle": Figure(_regular(3), 1.0),
    "star": Figure(_star(5, 0.45), 1.0),
    "cross": Figure(_cross(0.3), 0.86),
    "ring": Figure(_CIRCLE, 0.81, hole=0.55 * _CIRCLE),
    "crescent": Figure(_CIRCLE, 1.0, hole=0.8 * _CIRCLE + (0.45, 0)),
    "heart": Figure(_heart(), 0.9),
    "arrow": Figure(_ARROW, 1.0),
    "hexagon": Figure(_regular(6), 0.74),
}
"""Upright, by name."""


def coverage(figure: Figure, pose: Pose, side: int) -> NDArray[np.float32]:
    """How much of each pixel the figure covers: float32 (side, side) in [0, 1]."""
    large = Image.new("L", (side * SUPERSAMPLING, side * SUPERSAMPLING), 0)
    brush = ImageDraw.Draw(large)
    brush.polygon(_placed(figure.body, figure.size, pose), fill=255)
    if figure.hole is not None:
        brush.polygon(_placed(figure.hole, figure.size, pose), fill=0)
    share = np.asarray(large.reduce(SUPERSAMPLING), np.float32) / np.float32(255)
    return share.astype(np.float32, copy=False)


def _placed(outline: Outline, size: float, pose: Pose) -> list[tuple[float, float]]:
    angle = np.deg2rad(pose.turn)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (outline @ turn) * (size * pose.radius) + pose.middle
    return [(float(x), float(y)) for x, y in points * SUPERSAMPLING]
