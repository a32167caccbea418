"""Heat maps laid over a picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Rgb = tuple[int, int, int]
# Orange and blue, for every kind of colour vision; the brightest is the strongest on dark and
# light pictures alike.
FOR: tuple[Rgb, ...] = ((213, 94, 0), (240, 148, 20), (255, 225, 90))
AGAINST: tuple[Rgb, ...] = ((0, 70, 140), (0, 130, 200), (130, 215, 255))
GREY = np.array([0.299, 0.587, 0.114])
LEGEND = (12, 180)
"""Height and width of a legend, in pixels."""


class Overlay(NamedTuple):
    """A picture uint8 (h, w, c) and its heat map float32 (h, w), from -1 (against the class) over
    0 (of no account) to 1 (for it); ``opacity`` in [0, 1] of the strongest colour."""

    image: Pixels
    heat: npt.NDArray[np.float32]
    opacity: float = 0.7


def coloured(heat: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The colour (…, 3), 0…255, of every value in [-1, 1]."""
    strength = np.abs(heat)
    stops = np.linspace(0, 1, len(FOR))
    good, bad = (
        np.stack([np.interp(strength, stops, channel) for channel in zip(*scale, strict=True)], -1)
        for scale in (FOR, AGAINST)
    )
    return np.where((heat >= 0)[..., None], good, bad)


def overlay(info: Overlay) -> Pixels:
    """(h, w, 3) uint8: the picture without its colours, tinted where the heat map says something;
    the stronger, the more of the tint."""
    image = info.image.astype(np.float64)
    grey = image @ GREY if image.shape[-1] == 3 else image[..., 0]
    share = info.opacity * np.abs(info.heat)[..., None]
    mixed = (1 - share) * grey[..., None] + share * coloured(info.heat)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def legend(*, signed: bool, opacity: float = 0.7) -> Pixels:
    """A strip over middle grey, from the least value to the largest."""
    height, width = LEGEND
    values = np.linspace(-1 if signed else 0, 1, width, dtype=np.float32)
    grey = np.full((height, width, 1), 128, np.uint8)
    return overlay(Overlay(grey, np.tile(values, (height, 1)), opacity))
