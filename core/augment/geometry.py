"""Changes of shape: however many are switched on, every image is resampled once.

Each of them is a matrix that says from where in the image a pixel of the result comes; their
product says it for all together. Resampled once, an image stays sharper than after five passes,
nothing is cut off that a later change would bring back, and it costs a third (docs/decisions.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from core.augment.layers import centred, warp


class Drawn(NamedTuple):
    """What a motion is made from: its setting ``amount``; ``lots``, even random numbers (n,) in
    [0, 1), as many as the motion asks for; ``size``, the (height, width) of the images."""

    amount: Any
    lots: list[Any]
    size: tuple[int, int]

    def around(self, index: int) -> Any:
        """(n,) evenly from ``-amount`` to ``amount``."""
        return self.amount * (2 * self.lots[index] - 1)


class Motion(NamedTuple):
    """A change of shape; ``matrix`` gives (n, 6) for :func:`core.augment.layers.warp`."""

    draws: int
    matrix: Callable[[Drawn], Any]


_FLIPS = {"horizontal": (True, False), "vertical": (False, True), "both": (True, True)}


def _flip(drawn: Drawn) -> Any:
    one = ops.ones_like(drawn.lots[0])
    across, down = (
        ops.where(lot < 0.5, -1.0, 1.0) if wanted else one
        for lot, wanted in zip(drawn.lots, _FLIPS[drawn.amount], strict=True)
    )
    zero = ops.zeros_like(one)
    return centred(drawn.size, across, zero, zero, down)


def _crop(drawn: Drawn) -> Any:
    """A random window of at least ``1 - amount`` of each side, enlarged; the same scale for both
    sides, so that nothing is distorted. Pixel (x, y) comes from (scale·x + left, scale·y + top)."""
    height, width = drawn.size
    scale = 1 - drawn.amount * drawn.lots[0]
    left, top = (
        lot * (1 - scale) * (side - 1)
        for lot, side in zip(drawn.lots[1:], (width, height), strict=True)
    )
    zero = ops.zeros_like(scale)
    return ops.stack([scale, zero, left, zero, scale, top], axis=1)


def _rotation(drawn: Drawn) -> Any:
    angle = math.pi / 180 * drawn.around(0)
    cos, sin = ops.cos(angle), ops.sin(angle)
    return centred(drawn.size, cos, -sin, sin, cos)


def _translation(drawn: Drawn) -> Any:
    height, width = drawn.size
    across, down = width * drawn.around(0), height * drawn.around(1)
    one, zero = ops.ones_like(across), ops.zeros_like(across)
    return ops.stack([one, zero, across, zero, one, down], axis=1)


def _zoom(drawn: Drawn) -> Any:
    scale = 1 + drawn.around(0)
    zero = ops.zeros_like(scale)
    return centred(drawn.size, scale, zero, zero, scale)


def _shear(drawn: Drawn) -> Any:
    """Along both axes about the centre. (Keras' RandomShear turns about a corner, and shifts.)"""
    one = ops.ones_like(drawn.lots[0])
    return centred(drawn.size, one, drawn.around(0), drawn.around(1), one)


MOTIONS: dict[str, Motion] = {
    "flip": Motion(2, _flip),
    "crop": Motion(3, _crop),
    "rotation": Motion(1, _rotation),
    "translation": Motion(2, _translation),
    "zoom": Motion(1, _zoom),
    "shear": Motion(2, _shear),
}
"""Switch of the config → its motion, in the order in which they are applied."""


class RandomMotion(keras.layers.Layer):  # type: ignore[misc]
    """Every change of shape that is switched on (``amounts``, by name), in one resampling.

    Takes and gives (n, h, w, c) in 0…255; each image draws for itself; what lies beyond the
    border is the border's own pixel, which no class can be told by.
    """

    def __init__(self, amounts: dict[str, Any], seed: int) -> None:
        super().__init__()
        self.amounts = {name: amounts[name] for name in MOTIONS if name in amounts}
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        return self.moved(images) if training else images

    def moved(self, images: Any) -> Any:
        """The images as one epoch sees them."""
        draws = sum(MOTIONS[name].draws for name in self.amounts)
        shape = (ops.shape(images)[0], draws)
        lots = ops.unstack(keras.random.uniform(shape, seed=self.seed_generator), draws, axis=1)
        matrices = []
        for name, amount in self.amounts.items():
            motion = MOTIONS[name]
            drawn = Drawn(amount, lots[: motion.draws], images.shape[1:3])
            lots = lots[motion.draws :]
            matrices.append(motion.matrix(drawn))
        return warp(images, one_after_another(matrices))

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


def one_after_another(matrices: list[Any]) -> Any:
    """(n, 6) of several motions → (n, 6) of all of them, the first one applied first.

    A pixel of the result is traced back through the last motion, then the one before it.
    """
    if len(matrices) == 1:
        return matrices[0]
    total = _square(matrices[0])
    for matrix in matrices[1:]:
        total = ops.matmul(total, _square(matrix))
    return ops.reshape(total, (-1, 9))[:, :6]


def _square(matrix: Any) -> Any:
    """(n, 6) → (n, 3, 3)."""
    zero, one = ops.zeros_like(matrix[:, :2]), ops.ones_like(matrix[:, :1])
    return ops.reshape(ops.concatenate([matrix, zero, one], axis=1), (-1, 3, 3))
