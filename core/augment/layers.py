"""Changes to images that Keras has not, or has otherwise than a lesson needs.

All take and give (n, h, w, c) in 0…255, c 1 or 3, as the compute dtype; each image of a batch
draws for itself; outside training they do nothing. What Keras' own layers of these names do
(3.15) is in docs/decisions.md.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

WHITE = 255.0


class PerImage(keras.layers.Layer):  # type: ignore[misc]
    """A change of a strength up to ``amount``, with random numbers of its own."""

    def __init__(self, amount: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.amount = amount
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        return self.change(images) if training else images

    def change(self, images: Any) -> Any:
        """The images as one epoch sees them."""
        raise NotImplementedError

    def draw(self, images: Any, low: float, high: float, *more: int) -> Any:
        """Even random numbers (n, *more) from ``low`` to ``high``."""
        shape = (ops.shape(images)[0], *more)
        return keras.random.uniform(shape, low, high, seed=self.seed_generator)

    def per_pixel(self, images: Any, low: float, high: float) -> Any:
        """One random number per image as (n, 1, 1, 1)."""
        return self.draw(images, low, high, 1, 1, 1)

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amount": self.amount, "seed": self.seed}


def warp(images: Any, matrix: Any) -> Any:
    """Pixel (x, y) of the result comes from (a·x + b·y + c, d·x + e·y + f) of the image; ``matrix``
    (n, 6) holds a…f. Beyond the border lies the border's own pixel."""
    zeros = ops.zeros_like(matrix[:, :2])
    return ops.image.affine_transform(
        images,
        ops.concatenate([matrix, zeros], axis=1),
        interpolation="bilinear",
        fill_mode="nearest",
    )


def centred(size: tuple[int, int], a: Any, b: Any, d: Any, e: Any) -> Any:
    """(n, 6) for :func:`warp` from four numbers per image, such that the centre of images of
    ``size`` (height, width) stays in place."""
    cy, cx = ((side - 1) / 2 for side in size)
    return ops.stack([a, b, cx - a * cx - b * cy, d, e, cy - d * cx - e * cy], axis=1)


class RandomWarp(PerImage):
    """One of turning, shifting, slanting and zooming for each image; ``amount`` 1 means 30°, 0.3
    of the side, a slant of 0.3, a zoom of 0.3."""

    DEGREES, PART = 30, 0.3

    def change(self, images: Any) -> Any:
        size = height, width = images.shape[1:3]
        angle = self.draw(images, -1, 1) * self.amount * math.radians(self.DEGREES)
        part = self.draw(images, -1, 1, 2) * self.amount * self.PART
        one, zero = ops.ones_like(angle), ops.zeros_like(angle)
        cos, sin = ops.cos(angle), ops.sin(angle)
        matrices = (
            centred(size, cos, -sin, sin, cos),
            ops.stack([one, zero, part[:, 0] * width, zero, one, part[:, 1] * height], axis=1),
            centred(size, one, part[:, 0], part[:, 1], one),
            centred(size, 1 + part[:, 0], zero, zero, 1 + part[:, 0]),
        )
        kind = self.draw(images, 0, len(matrices), 1)
        matrix = matrices[0]
        for i in range(1, len(matrices)):
            matrix = ops.where(kind >= i, matrices[i], matrix)
        return warp(images, matrix)


class RandomPerspective(PerImage):
    """Look at the plane of the image from an angle: the four corners of what is seen lie inside
    it, each up to ``amount`` of a side from its corner, so that no border shows."""

    def change(self, images: Any) -> Any:
        height, width = images.shape[1:3]
        ends = ops.convert_to_tensor(
            [[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], dtype=images.dtype
        )
        inwards = ops.convert_to_tensor([[1, 1], [-1, 1], [1, -1], [-1, -1]], dtype=images.dtype)
        sides = ops.convert_to_tensor([width - 1, height - 1], dtype=images.dtype)
        starts = ends + inwards * sides * self.draw(images, 0, self.amount, 4, 2)
        ends = ops.broadcast_to(ends, ops.shape(starts))
        return ops.image.perspective_transform(images, starts, ends, interpolation="bilinear")


class RandomSaturation(keras.layers.RandomSaturation):  # type: ignore[misc]
    """Keras' own, kept within 0…255: it goes as far as -220 where colours are strong."""

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        return ops.clip(super().transform_images(images, transformation, training), 0, WHITE)


def smooth(images: Any, sigma: float) -> Any:
    """Gaussian blur whose outside is the mirrored inside. (Keras' has a black outside.)"""
    radius = min(math.ceil(2.5 * sigma), *images.shape[1:3])
    edge = (radius, radius)
    padded = ops.pad(images, ((0, 0), edge, edge, (0, 0)), mode="symmetric")
    kernel = ops.exp(-((ops.arange(-radius, radius + 1, dtype=images.dtype) / sigma) ** 2) / 2)
    kernel = kernel / ops.sum(kernel)
    # First down, then across: as far as the result goes the same as both at once, and quicker.
    channels = images.shape[-1]
    for shape in ((-1, 1, 1, 1), (1, -1, 1, 1)):
        stencil = ops.tile(ops.reshape(kernel, shape), (1, 1, channels, 1))
        padded = ops.depthwise_conv(padded, stencil, padding="valid")
    return padded


class RandomBlur(PerImage):
    """Between the image itself and its blur by a Gaussian of ``amount`` pixels."""

    def change(self, images: Any) -> Any:
        return images + self.per_pixel(images, 0, 1) * (smooth(images, self.amount) - images)


class RandomSharpness(PerImage):
    """Add or take away up to ``2 * amount`` of what a blur of one pixel takes away."""

    def change(self, images: Any) -> Any:
        share = self.per_pixel(images, -2 * self.amount, 2 * self.amount)
        return ops.clip(images + share * (images - smooth(images, 1)), 0, WHITE)


class RandomNoise(PerImage):
    """Independent normal numbers of a deviation of up to ``amount`` levels on every pixel."""

    def change(self, images: Any) -> Any:
        deviation = self.per_pixel(images, 0, self.amount)
        noise = keras.random.normal(ops.shape(images), seed=self.seed_generator)
        return ops.clip(images + deviation * noise, 0, WHITE)


class RandomSolarise(PerImage):
    """Turn all levels into their opposites that are brighter than a random threshold."""

    def change(self, images: Any) -> Any:
        threshold = WHITE * (1 - self.per_pixel(images, 0, self.amount))
        return ops.where(images > threshold, WHITE - images, images)


class RandomPosterise(PerImage):
    """Keep fewer levels: down to 2 at an ``amount`` of 1."""

    def change(self, images: Any) -> Any:
        step = 2 ** ops.round(self.per_pixel(images, 0, 7 * self.amount))
        return ops.floor(images / step) * step


class Clip(keras.layers.Layer):  # type: ignore[misc]
    """The last of all changes: no pixel leaves 0…255."""

    def call(self, images: Any, training: bool = False) -> Any:
        return ops.clip(images, 0, WHITE) if training else images

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape
