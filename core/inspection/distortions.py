"""Pictures made worse, step by step: what a network may meet outside its dataset.

Every change has a value in a real unit that goes evenly from harmless to heavy. What is random in
it (a direction, a place, noise) is drawn per picture and stays the same at every severity.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from core.errors import N_, Text, text

Images = NDArray[np.uint8]
STEPS = 6
"""Severities that are measured, besides none at all."""
SEVERITIES = tuple(step / STEPS for step in range(STEPS + 1))

Change = Callable[[Images, float, np.random.Generator], Images]
"""(picture (h, w, c), value in the distortion's unit, random numbers of this picture) → the same
changed."""


class Distortion(NamedTuple):
    """One way to make pictures worse: ``harmless`` and ``heaviest`` are values in ``unit``, and
    ``pattern`` puts one into words."""

    name: str
    label: str
    unit: str
    pattern: str
    harmless: float
    heaviest: float
    apply: Change
    trained: tuple[str, ...]
    """Settings of the augmentation that show the like in training."""
    untrained: str
    """What to say where none of them was on."""

    def value(self, severity: float) -> float:
        """In :attr:`unit`, for a ``severity`` in [0, 1]."""
        return self.harmless + severity * (self.heaviest - self.harmless)

    def said(self, value: float) -> Text:
        """A value in words: ``15°``."""
        return text(self.pattern, value=int(value) if value == int(value) else round(value, 1))

    @property
    def levels(self) -> tuple[float, ...]:
        """The values at :data:`SEVERITIES`, the harmless one first."""
        return tuple(round(self.value(severity), 6) for severity in SEVERITIES)


def distort(images: Images, name: str, severity: float, *, first: int = 0, seed: int = 0) -> Images:
    """Pictures (n, h, w, c), c 1 or 3, changed by the distortion ``name``; a new array.

    ``severity`` in [0, 1]; at 0 nothing is changed. Picture i is changed in the same direction at
    every severity, whatever the other pictures are; ``first`` is the number of the first one.

    Raises:
        KeyError: if there is no such distortion.
        ValueError: if the severity is not in [0, 1].
    """
    row = DISTORTIONS[name]
    if not 0 <= severity <= 1:
        raise ValueError(f"severity {severity}: expected a number from 0 to 1")
    if severity == 0 or not len(images):
        return images.copy()
    value, order = row.value(severity), list(DISTORTIONS).index(name)
    return np.stack(
        [
            row.apply(image, value, np.random.default_rng((seed, order, place)))
            for place, image in enumerate(images, start=first)
        ]
    )


def _rotated(image: Images, degrees: float, rng: np.random.Generator) -> Images:
    turn = np.deg2rad(degrees) * rng.choice((-1, 1))
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    return _moved(image, (cos, sin, -sin, cos), (0.0, 0.0))


def _shifted(image: Images, percent: float, rng: np.random.Generator) -> Images:
    angle = rng.uniform(0, 2 * np.pi)
    height, width = image.shape[:2]
    across, down = float(np.cos(angle)) * width, float(np.sin(angle)) * height
    return _moved(image, (1, 0, 0, 1), (across * percent / 100, down * percent / 100))


def _scaled(image: Images, percent: float, _rng: np.random.Generator) -> Images:
    return _moved(image, (100 / percent, 0, 0, 100 / percent), (0.0, 0.0))


def _noisy(image: Images, deviation: float, rng: np.random.Generator) -> Images:
    return _clipped(image + deviation * rng.standard_normal(image.shape))


def _blurred(image: Images, percent: float, _rng: np.random.Generator) -> Images:
    radius = percent / 100 * max(image.shape[:2])
    return _pixels(_picture(image).filter(ImageFilter.GaussianBlur(radius)), image.shape)


def _lit(image: Images, percent: float, _rng: np.random.Generator) -> Images:
    return _clipped(image * (percent / 100))


def _compressed(image: Images, quality: float, _rng: np.random.Generator) -> Images:
    out = io.BytesIO()
    _picture(image).save(out, "JPEG", quality=round(quality))
    return _pixels(Image.open(out), image.shape)


def _covered(image: Images, percent: float, rng: np.random.Generator) -> Images:
    """A square in the picture's mean colour, somewhere."""
    (height, width), share = image.shape[:2], np.sqrt(percent / 100)
    tall, wide = round(height * share), round(width * share)
    down, across = rng.random(2)
    top, left = round(down * (height - tall)), round(across * (width - wide))
    covered = image.copy()
    covered[top : top + tall, left : left + wide] = np.rint(image.mean(axis=(0, 1)))
    return covered


def _moved(
    image: Images, matrix: tuple[float, float, float, float], shift: tuple[float, float]
) -> Images:
    """The picture about its middle, by where each place comes from: ``matrix`` (row by row) of
    (x, y), less ``shift`` in pixels. Its border goes on outside."""
    height, width = image.shape[:2]
    air = max(height, width)
    padded = _picture(np.pad(image, ((air, air), (air, air), (0, 0)), mode="edge"))
    (a, b, d, e), (across, down) = matrix, shift
    x, y = width / 2, height / 2
    back = (
        *(a, b, air + x - a * (x + across) - b * (y + down)),
        *(d, e, air + y - d * (x + across) - e * (y + down)),
    )
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return _pixels(padded.transform((width, height), affine, back, bilinear), image.shape)


def _picture(image: Images) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _pixels(picture: Image.Image, shape: tuple[int, ...]) -> Images:
    return np.asarray(picture, np.uint8).reshape(shape)


def _clipped(values: NDArray[np.floating]) -> Images:
    pixels: Images = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels


_OF_SIDE = (N_("% of the side"), N_("{value} % of the side"))
_OF_SIZE = (N_("% of its size"), N_("{value} % of its size"))
_OF_LIGHT = (N_("% of its light"), N_("{value} % of its light"))
_ROWS = (
    Distortion(
        *("rotation", N_("Rotation"), N_("degrees"), N_("{value}°"), 0, 90, _rotated),
        *(("rotation",), N_("It was never trained on turned images.")),
    ),
    Distortion(
        *("shift", N_("Shift"), *_OF_SIDE, 0, 30, _shifted),
        *(("translation", "crop"), N_("It was never trained on shifted images.")),
    ),
    Distortion(
        *("smaller", N_("Smaller"), *_OF_SIZE, 100, 40, _scaled),
        *(("zoom",), N_("It was never trained on images of another scale.")),
    ),
    Distortion(
        *("larger", N_("Larger"), *_OF_SIZE, 100, 220, _scaled),
        *(("zoom", "crop"), N_("It was never trained on images of another scale.")),
    ),
    Distortion(
        *("noise", N_("Noise"), N_("grey levels"), N_("{value} grey levels"), 0, 60, _noisy),
        *(("noise",), N_("It was never trained on noisy images.")),
    ),
    Distortion(
        *("blur", N_("Blur"), *_OF_SIDE, 0, 9, _blurred),
        *(("blur",), N_("It was never trained on blurred images.")),
    ),
    Distortion(
        *("darker", N_("Darker"), *_OF_LIGHT, 100, 10, _lit),
        *(("brightness", "colour_jitter"), N_("It was never trained on darker images.")),
    ),
    Distortion(
        *("brighter", N_("Brighter"), *_OF_LIGHT, 100, 250, _lit),
        *(("brightness", "colour_jitter"), N_("It was never trained on brighter images.")),
    ),
    Distortion(
        *(
            "jpeg",
            N_("JPEG compression"),
            N_("quality"),
            N_("quality {value}"),
            100,
            4,
            _compressed,
        ),
        *((), N_("It was never trained on images that were compressed so much.")),
    ),
    Distortion(
        *(
            "occlusion",
            N_("Occlusion"),
            N_("% of the area"),
            N_("{value} % of the area"),
            0,
            60,
            _covered,
        ),
        *(("erasing",), N_("It was never trained on images that are partly covered.")),
    ),
)
DISTORTIONS: dict[str, Distortion] = {row.name: row for row in _ROWS}
"""All of them by name, in the order in which they are shown."""
