"""Arrays of any usual shape and kind of number → pictures, uint8 (n, h, w, 1 or 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from core.errors import N_, DatasetError, Text, text

Block = NDArray[Any]


class Layout(NamedTuple):
    """How the axes of (n, …) make pictures: (height, width, channels), and the order of axes."""

    shape: tuple[int, int, int]
    first: bool = False
    """Channels stand before height and width."""
    flat: bool = False

    @property
    def stored(self) -> tuple[int, int, int]:
        """(h, w, c) as written: transparency is laid on the background."""
        return (*self.shape[:2], 1 if self.shape[2] == 1 else 3)


class Scale(NamedTuple):
    """What becomes 0 and what 255."""

    low: float
    high: float

    @property
    def plain(self) -> bool:
        return (self.low, self.high) == (0, 255)


def layout_of(name: str, shape: Sequence[int]) -> Layout:
    """How the shape (n, …) of an array is to be read; DatasetError if it cannot be pictures."""
    layout = None
    if len(shape) == 2:
        layout = flat_layout(shape[1])
    elif len(shape) == 3:
        layout = Layout((shape[1], shape[2], 1))
    elif len(shape) == 4 and shape[3] in (1, 3, 4):
        layout = Layout((shape[1], shape[2], shape[3]))
    elif len(shape) == 4 and shape[1] in (1, 3, 4):
        layout = Layout((shape[2], shape[3], shape[1]), first=True)
    if layout is None or math.prod(shape) == 0:
        raise DatasetError(
            N_(
                "“{file}” has the shape {shape}, which cannot be pictures. Expected: (n, height, "
                "width), (n, height, width, channels) or (n, channels, height, width) with 1, 3 "
                "or 4 channels."
            ),
            file=name,
            shape="(" + ", ".join(map(str, shape)) + ")",
        )
    return layout


def flat_layout(columns: int) -> Layout | None:
    """Square pictures of so many numbers, grey if possible; None if there are none."""
    if columns < 4:
        return None
    for channels in (1, 3):
        side = math.isqrt(columns // channels)
        if side * side * channels == columns:
            return Layout((side, side, channels), flat=True)
    return None


def flat_warning(name: str, layout: Layout) -> Text:
    """What was assumed about rows of plain numbers."""
    height, width, channels = layout.shape
    return text(
        N_(
            "“{file}”: each row of {n} numbers was taken as a picture of {height}×{width} pixels "
            "with {channels} channels, pixel by pixel."
        ),
        file=name,
        n=math.prod(layout.shape),
        height=height,
        width=width,
        channels=channels,
    )


def scale_of(low: float, high: float) -> tuple[Scale, Text | None]:
    """The usual range of numbers from ``low`` to ``high``, and what to say if it was guessed."""
    said = {"low": _figure(low), "high": _figure(high)}
    if low >= 0 and high <= 1:
        return Scale(0, 1), text(
            N_("The pixels go from {low} to {high}: 0 was taken as black and 1 as white."), **said
        )
    if low >= -1 and high <= 1:
        return Scale(-1, 1), text(
            N_("The pixels go from {low} to {high}: −1 was taken as black and 1 as white."), **said
        )
    if low >= 0 and high <= 255:
        return Scale(0, 255), None
    if low >= 0 and high <= 65535 and high == int(high) and high > 4095:
        return Scale(0, 65535), text(
            N_("The pixels go from {low} to {high}: 65,535 was taken as white."), **said
        )
    return Scale(low, high), text(
        N_("The pixels go from {low} to {high}: the darkest was taken as black, the brightest as "
           "white."), **said
    )  # fmt: skip


def _figure(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 4)


def to_pictures(block: Block, layout: Layout, scale: Scale, background: str) -> NDArray[np.uint8]:
    """Rows of an array as uint8 (n, h, w, 1 or 3)."""
    if block.dtype != np.uint8 or not scale.plain:
        span = (scale.high - scale.low) or 1.0
        grey = (block.astype(np.float32) - scale.low) * np.float32(255.0 / span)
        block = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    if layout.first:
        pixels = block.transpose(0, 2, 3, 1)
    else:
        pixels = block.reshape(len(block), *layout.shape)
    return _opaque(pixels, background) if layout.shape[2] == 4 else np.ascontiguousarray(pixels)


def _opaque(pixels: NDArray[np.uint8], background: str) -> NDArray[np.uint8]:
    behind = np.array(ImageColor.getrgb(background)[:3], np.float32)
    alpha = pixels[..., 3:].astype(np.float32) / 255
    mixed = pixels[..., :3] * alpha + behind * (1 - alpha)
    return np.rint(mixed).astype(np.uint8)
