"""Shapes: a dataset drawn from a seed, for lessons in rooms without internet.

What makes it hard is chosen: where the figures are, how they are turned, how large they are, how
much noise lies over them, how rare some classes are, and whether colour gives the class away.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from core.datasets.containers.entries import Entry
from core.datasets.dataset import SPLITS
from core.datasets.decoding import Decoding, Header, Picture
from core.datasets.drawing import FIGURES, Pose, coverage
from core.datasets.formats.base import NOT_TOLD, Found, Reading
from core.datasets.reading import Where
from core.datasets.splitting import SMALLEST_CLASS, stratified
from core.datasets.vocabularies import SHAPE_NAMES
from core.errors import N_, ConfigError
from core.knobs import Section, knob

MIN_CONTRAST = 70.0
"""Difference of brightness between figure and ground, of 255, whatever their colours."""
RADIUS = 0.36
"""Of the largest figure, as part of the side."""
_BRIGHTNESS = np.array([0.299, 0.587, 0.114])


class ShapesOptions(Section):
    """What is drawn."""

    classes: Annotated[int, Interval(ge=2, le=len(SHAPE_NAMES))] = knob(
        8, N_("Classes"), N_("How many kinds of figures there are."), basic=True
    )
    images: Annotated[int, Interval(ge=60, le=50_000)] = knob(
        4000, N_("Images"), N_("Of all classes and splits together."), basic=True, step=500
    )
    side: Literal[32, 64] = knob(
        32, N_("Side"), N_("Height and width of the images."), basic=True, unit="px"
    )
    position: Annotated[float, Interval(ge=0, le=1)] = knob(
        1.0,
        N_("Position"),
        N_("0: every figure in the middle; 1: anywhere in the image."),
        basic=True,
        step=0.05,
    )
    rotation: Annotated[float, Interval(ge=0, le=180)] = knob(
        30.0,
        N_("Rotation"),
        N_("Figures are turned at random by up to this angle, either way."),
        basic=True,
        step=5,
        unit="°",
    )
    size: Annotated[float, Interval(ge=0, le=0.6)] = knob(
        0.35,
        N_("Size"),
        N_("0: all figures are equally large; otherwise smaller by up to this part."),
        basic=True,
        step=0.05,
    )
    noise: Annotated[float, Interval(ge=0, le=0.5)] = knob(
        0.08,
        N_("Noise"),
        N_("Strength of the grain over the image; 0.5 hides most figures."),
        basic=True,
        step=0.01,
    )
    imbalance: Annotated[float, Interval(ge=1, le=100)] = knob(
        1.0,
        N_("Imbalance"),
        N_("How many times more images the first class has than the last; 1: all have as many."),
        basic=True,
        step=1,
    )
    color: Literal["random", "cue", "shortcut"] = knob(
        "random",
        N_("Colours"),
        N_(
            "Random: colour tells nothing. A cue: every class has its own colour. A shortcut: "
            "only in training and validation, not in the test."
        ),
        basic=True,
    )
    seed: Annotated[int, Interval(ge=0, le=2**31 - 1)] = knob(
        0, N_("Seed"), N_("Same seed and settings, same images."), basic=True
    )

    @staticmethod
    def parse(values: dict[str, object]) -> ShapesOptions:
        """Validate plain data; ConfigError naming the option, what it may be and what it is."""
        try:
            return ShapesOptions.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(
                N_("The option “{name}” of Shapes is impossible: {problem}; received: {value}."),
                name=".".join(str(part) for part in first["loc"]) or "–",
                problem=first["msg"],
                value=str(first["input"]),
            ) from None


class Drawn(NamedTuple):
    """Which picture: its number, its class, and whether its colour tells the class."""

    number: int
    label: int
    cue: bool


def class_sizes(options: ShapesOptions) -> list[int]:
    """Images of every class: equal steps of proportion from the first to the last."""
    steps = np.arange(options.classes) / (options.classes - 1)
    shares = options.imbalance**-steps
    sizes = np.maximum(SMALLEST_CLASS, np.floor(options.images * shares / shares.sum())).astype(int)
    sizes[0] += options.images - sizes.sum()  # what rounding has left over
    return [int(size) for size in sizes]


def draw(options: ShapesOptions, which: Drawn) -> NDArray[np.uint8]:
    """The picture uint8 (side, side, 3); it depends on nothing but its arguments."""
    rng = np.random.default_rng([options.seed, which.number])
    figure, ground = _colors(rng, which, options.classes)
    mask = coverage(FIGURES[SHAPE_NAMES[which.label]], _pose(rng, options), options.side)
    picture = ground + mask[..., None] * (figure - ground)
    if options.noise:
        picture = picture + rng.normal(0, 255 * options.noise, picture.shape)
    pixels: NDArray[np.uint8] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return pixels


def _pose(rng: np.random.Generator, options: ShapesOptions) -> Pose:
    radius = RADIUS * options.side * (1 - options.size * rng.random())
    reach = options.position * (options.side / 2 - radius)
    x, y = options.side / 2 + rng.uniform(-reach, reach, 2)
    return Pose((float(x), float(y)), radius, rng.uniform(-1, 1) * options.rotation)


def _colors(
    rng: np.random.Generator, which: Drawn, classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Figure and ground, float64 (3,) in [0, 255], well apart in brightness either way round."""
    while True:
        figure, ground = rng.uniform(0, 255, (2, 3))
        if which.cue:
            figure = _hue(which.label / classes)
        if abs((figure - ground) @ _BRIGHTNESS) >= MIN_CONTRAST:
            return figure, ground


def _hue(turn: float) -> NDArray[np.float64]:
    """A strong colour by its place on the colour circle, in [0, 1)."""
    image = Image.new("HSV", (1, 1), (round(255 * turn), 220, 235)).convert("RGB")
    color: NDArray[np.float64] = np.asarray(image, np.float64)[0, 0]
    return color


class _ShapesReader:
    def __init__(self, options: ShapesOptions) -> None:
        self._options = options

    def picture(self, where: Where, decoding: Decoding, at_least: int | None = None) -> Picture:
        pixels = draw(self._options, where)
        return Picture(Image.fromarray(pixels), pixels.shape[:2])

    def header(self, where: Where) -> Header:
        return Header((self._options.side, self._options.side), grey=False)

    def close(self) -> None:
        """There is nothing to close: no file is read."""


@dataclass(frozen=True)
class ShapesSource:
    """Draws instead of reading: each process its own part of the pictures."""

    options: ShapesOptions
    origin: str = "Shapes"

    def find(self, reading: Reading) -> Found:
        """All pictures; those of a shortcut are divided here: their test looks different."""
        sizes = class_sizes(self.options)
        labels = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        given = np.full(len(labels), NOT_TOLD, np.int8)
        cue = np.full(len(labels), self.options.color == "cue")
        if self.options.color == "shortcut":
            given = stratified(labels, reading.options.fractions, reading.options.seed)
            cue = given != SPLITS.index("test")
        return Found(
            entries=[
                Entry(f"{SHAPE_NAMES[label]}-{i:05d}", (), Drawn(i, int(label), bool(cue[i])), i)
                for i, label in enumerate(labels)
            ],
            class_names=list(SHAPE_NAMES[: len(sizes)]),
            labels=labels,
            given=given,
            reader=functools.partial(_ShapesReader, self.options),
            vocabulary="shapes",
        )
