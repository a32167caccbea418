"""Any picture → the array of a fixed shape that a network takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from core.datasets.dataset import ResizeMode
from core.datasets.decoding import PLAIN, Decoding, Picture, decode_image
from core.datasets.report import Repair

# Antialiased: Pillow widens the filter by the scale when it makes a picture smaller.
_FILTER = Image.Resampling.BICUBIC
# Averages whole pixels first as long as the result stays this many times larger than the target.
_GAP = 3.0
# A JPEG may be decoded at 1/2, 1/4 or 1/8; the filter shall still have this many pixels for one.
_DRAFT = 2


def _stretch(image: Image.Image, width: int, height: int, _around: str) -> Image.Image:
    return image.resize((width, height), _FILTER, reducing_gap=_GAP)


def _crop(image: Image.Image, width: int, height: int, _around: str) -> Image.Image:
    """The largest part around the centre that has the target's proportions."""
    scale = min(image.width / width, image.height / height)
    part = (width * scale, height * scale)
    # Rounding must not let the box begin or end a hair outside.
    left, top = max(0.0, (image.width - part[0]) / 2), max(0.0, (image.height - part[1]) / 2)
    box = (left, top, min(left + part[0], image.width), min(top + part[1], image.height))
    return image.resize((width, height), _FILTER, box=box, reducing_gap=_GAP)


def _pad(image: Image.Image, width: int, height: int, around: str) -> Image.Image:
    """The whole picture on a ground of one colour."""
    colour = ImageColor.getcolor(around, image.mode)
    return ImageOps.pad(image, (width, height), _FILTER, color=colour)


RESIZE_MODES: Mapping[ResizeMode, Callable[[Image.Image, int, int, str], Image.Image]] = {
    "crop": _crop,
    "pad": _pad,
    "stretch": _stretch,
}


@dataclass(frozen=True)
class Prepared:
    """A picture ready for a network: ``pixels`` uint8 (h, w, c), original (height, width)."""

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    repairs: list[Repair]


def fit(
    image: Image.Image,
    size: tuple[int, int],
    mode: ResizeMode,
    channels: int,
    background: str = "",
) -> NDArray[np.uint8]:
    """``image`` (mode L or RGB) as uint8 (height, width, channels), ``size`` being (h, w).

    ``background`` is any colour that Pillow knows, for what a padded picture leaves free; black
    where none was chosen.
    """
    height, width = size
    if image.size != (width, height):
        image = RESIZE_MODES[mode](image, width, height, background or "black")
    wanted = "L" if channels == 1 else "RGB"
    array = np.asarray(image if image.mode == wanted else image.convert(wanted))
    return array.reshape(height, width, channels)


def prepare(
    data: bytes, image_shape: tuple[int, int, int], mode: ResizeMode, background: str = ""
) -> Prepared:
    """Decode the bytes of a picture file and fit them to (h, w, c); ImageError if unreadable."""
    picture = decode_image(data, decoding_on(background), at_least=draft_side(image_shape))
    return prepared(picture, image_shape, mode, background)


def decoding_on(background: str) -> Decoding:
    """How pictures are decoded at a prediction: as at an import with this background, if any."""
    return Decoding(background) if background else PLAIN


def draft_side(image_shape: tuple[int, int, int]) -> int:
    """So many pixels a picture must keep on both sides when it is decoded for this shape."""
    return _DRAFT * max(image_shape[:2])


def prepared(
    picture: Picture, image_shape: tuple[int, int, int], mode: ResizeMode, background: str = ""
) -> Prepared:
    """A decoded picture, fitted to (h, w, c)."""
    height, width, channels = image_shape
    pixels = fit(picture.image, (height, width), mode, channels, background)
    return Prepared(pixels, picture.size, picture.repairs)
