"""RandAugment and AugMix, made of the single changes, drawn for each image of a batch.

Keras' own (3.15) draw the changes once for a whole batch, turn by up to ``factor`` · 360° and
bring in mirrored borders (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from core.augment.layers import (
    WHITE,
    PerImage,
    RandomPosterise,
    RandomSaturation,
    RandomSharpness,
    RandomSolarise,
    RandomWarp,
)

VALUES = (0, 255)


def seeds(seed: int, count: int) -> list[int]:
    """So many seeds of which none follows from another."""
    return [int(s) >> 1 for s in np.random.SeedSequence(seed).generate_state(count)]


def saturation(amount: float, seed: int) -> keras.Layer:
    """Colours up to ``amount`` paler, or as many times stronger: Keras has 0.5 as neutral."""
    low = (1 - amount) / (2 - amount)
    return RandomSaturation((low, 1 - low), value_range=VALUES, seed=seed)


def brightness(amount: float, seed: int) -> keras.Layer:
    return keras.layers.RandomBrightness(amount, value_range=VALUES, seed=seed)


def contrast(amount: float, seed: int) -> keras.Layer:
    """Weaker or stronger by up to ``amount``: given one number, Keras only strengthens."""
    return keras.layers.RandomContrast((amount, amount), value_range=VALUES, seed=seed)


class Choices(keras.layers.Layer):  # type: ignore[misc]
    """One of several layers for each image; ``shares`` says how likely each of them is."""

    def __init__(self, layers: Sequence[keras.Layer], shares: Sequence[int], seed: int) -> None:
        super().__init__()
        self.layers = list(layers)
        self.bounds = np.cumsum([0, *shares]).tolist()
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int, ...]) -> None:
        _build(self.layers, input_shape)

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        shape = (ops.shape(images)[0], 1, 1, 1)
        pick = keras.random.uniform(shape, 0, self.bounds[-1], seed=self.seed_generator)
        changed = images
        for layer, low, high in zip(self.layers, self.bounds, self.bounds[1:], strict=False):
            here = (pick >= low) & (pick < high)
            changed = ops.where(here, layer(images, training=True), changed)
        return changed

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


def _build(layers: Sequence[keras.Layer], input_shape: tuple[int, ...]) -> None:
    """Left to itself, Keras would try out the whole chain for every layer of it."""
    for layer in layers:
        layer.build(input_shape)


def rand_augment(changes: int, strength: float, channels: int, seed: int) -> list[keras.Layer]:
    """``changes`` layers, each of which does one thing to each image."""
    return [_any_change(strength, channels, s) for s in seeds(seed, changes)]


def _any_change(strength: float, channels: int, seed: int) -> Choices:
    pick, *own = seeds(seed, 8)
    layers = [
        RandomWarp(strength, own[0]),
        brightness(0.6 * strength, own[1]),
        contrast(0.9 * strength, own[2]),
        RandomSharpness(0.9 * strength, own[3]),
        RandomPosterise(strength, own[4]),
        RandomSolarise(strength, own[5]),
    ]
    if channels == 3:
        layers.append(saturation(0.9 * strength, own[6]))
    # A warp stands for four changes.
    return Choices(layers, (4, *[1] * (len(layers) - 1)), seed=pick)


class AugMix(PerImage):
    """The image, blended with three versions of itself.

    Each version is warped, has fewer levels, has its bright levels turned round, or several of
    these: the changes of the AugMix paper with about its chances, none of which the usual tests
    of robustness ask for. The shares of the versions are even at random (Dirichlet, 1), and so is
    the original's share.
    """

    VERSIONS = 3
    CHANCES = (0.8, 0.25, 0.25)

    def __init__(self, amount: float, seed: int, **kwargs: Any) -> None:
        super().__init__(amount, seed, **kwargs)
        kinds = (RandomWarp, RandomPosterise, RandomSolarise)
        self.links = [kind(amount, s) for kind, s in zip(kinds, seeds(seed, 3), strict=True)]

    def build(self, input_shape: tuple[int, ...]) -> None:
        _build(self.links, input_shape)

    def change(self, images: Any) -> Any:
        versions = ops.repeat(images, self.VERSIONS, axis=0)
        for link, chance in zip(self.links, self.CHANCES, strict=True):
            here = self.per_pixel(versions, 0, 1) < chance
            versions = ops.where(here, link.change(versions), versions)
        versions = ops.reshape(versions, (-1, self.VERSIONS, *images.shape[1:]))
        # Exponential numbers over their sum are even shares that sum to one.
        lots = -ops.log(self.draw(images, 1e-6, 1, self.VERSIONS, 1, 1, 1))
        blend = ops.sum(versions * (lots / ops.sum(lots, axis=1, keepdims=True)), axis=1)
        original = self.per_pixel(images, 0, 1)
        return ops.clip(original * images + (1 - original) * blend, 0, WHITE)
