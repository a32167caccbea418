"""From an :class:`~core.config.AugmentConfig` to Keras layers: the one code path by which
training and preview change images.

The layers do nothing outside training, and stay out of the saved model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from core.augment.automatic import AugMix, brightness, contrast, rand_augment, saturation, seeds
from core.augment.geometry import MOTIONS, RandomMotion
from core.augment.layers import (
    Clip,
    RandomBlur,
    RandomNoise,
    RandomPerspective,
    RandomSharpness,
)
from core.augment.mixing import Mixing
from core.config import AugmentConfig
from core.config_augment import COLOUR_ONLY

MIDDLE = 127.0
"""The grey of a covered rectangle."""


class Made(NamedTuple):
    """What a layer is made from: its setting ``value``, all settings, the images' channels."""

    value: Any
    config: AugmentConfig
    channels: int
    seed: int


Maker = Callable[[Made], keras.Layer | list[keras.Layer]]


def _jitter(made: Made) -> list[keras.Layer]:
    """Keras' RandomColorJitter with a contrast that goes both ways."""
    own = seeds(made.seed, 4)
    hue = keras.layers.RandomHue(made.value / 4, value_range=(0, 255), seed=own[3])
    return [
        brightness(made.value / 2, own[0]),
        contrast(made.value, own[1]),
        saturation(made.value, own[2]),
        hue,
    ]


MAKERS: dict[str, Maker] = {
    "perspective": lambda m: RandomPerspective(m.value, seed=m.seed),
    "brightness": lambda m: brightness(m.value, m.seed),
    "contrast": lambda m: contrast(m.value, m.seed),
    "saturation": lambda m: saturation(m.value, m.seed),
    "hue": lambda m: keras.layers.RandomHue(m.value / 180, value_range=(0, 255), seed=m.seed),
    "colour_jitter": _jitter,
    "greyscale": lambda m: keras.layers.RandomGrayscale(m.value, seed=m.seed),
    "rand_augment": lambda m: rand_augment(m.value, m.config.rand_strength, m.channels, m.seed),
    "augmix": lambda m: AugMix(m.config.augmix_strength, m.seed),
    "blur": lambda m: RandomBlur(m.value, seed=m.seed),
    "sharpness": lambda m: RandomSharpness(m.value, seed=m.seed),
    "noise": lambda m: RandomNoise(m.value, seed=m.seed),
    "erasing": lambda m: keras.layers.RandomErasing(
        (1.0, 1.0), (0.0, m.value), MIDDLE, value_range=(0, 255), seed=m.seed
    ),
}
"""Switch of the config → its layers, in the order in which they are applied after the
:data:`~core.augment.geometry.MOTIONS`: shape first, while the borders are the image's own, then
colours, last what covers them. Mixing follows it all."""


def augmentation_layers(config: AugmentConfig, channels: int, seed: int) -> list[keras.Layer]:
    """The layers of every change that is switched on and that images of so many channels have;
    each draws from a seed of its own. None at all if nothing is changed but the labels."""
    names = switched_on(config, channels)
    motions = {name: getattr(config, name) for name in names if name in MOTIONS}
    layers: list[keras.Layer] = [RandomMotion(motions, seed)] if motions else []
    for i, name in enumerate(names[len(motions) :], start=len(motions)):
        made = MAKERS[name](Made(getattr(config, name), config, channels, seed + i))
        layers += made if isinstance(made, list) else [made]
    return [*layers, Clip()] if layers else []


def switched_on(config: AugmentConfig, channels: int) -> list[str]:
    """The names of what is done to such images, in order."""
    left_out = COLOUR_ONLY if channels == 1 else ()
    return [name for name in (*MOTIONS, *MAKERS) if config.is_on(name) and name not in left_out]


def mixing_layer(config: AugmentConfig, seed: int) -> Mixing | None:
    """What mixes images and labels after all other changes; None if nothing does."""
    if not config.mixes:
        return None
    own = seeds(seed, 1)[0]
    return Mixing(config.mixing, config.mix_alpha, config.mix_probability, own)


Pixels = npt.NDArray[np.uint8]
Shares = npt.NDArray[np.float32]


def apply_augmentation(
    config: AugmentConfig, images: Pixels, shares: Shares, seed: int
) -> tuple[Pixels, Shares]:
    """A batch as training would see it once, for a preview.

    Args:
        images: (n, h, w, c).
        shares: (n, classes), the share of every class in each image: ones and zeros.

    Returns:
        The changed images, and the shares after mixing.
    """
    x = ops.convert_to_tensor(images, dtype="float32")
    for layer in augmentation_layers(config, images.shape[-1], seed):
        x = layer(x, training=True)
    mixing = mixing_layer(config, seed)
    if mixing is not None:
        x, mixed = mixing((x, ops.convert_to_tensor(shares)), training=True)
        shares = ops.convert_to_numpy(mixed)
    return np.rint(ops.convert_to_numpy(x)).astype(np.uint8), shares
