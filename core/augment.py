"""From an :class:`~core.config.AugmentConfig` to Keras layers: the one code path by which
training and preview change images.

The layers do nothing outside training, and stay out of the saved model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from core.config import AugmentConfig

FILL = "nearest"
"""What lies beyond the border: the border's own pixels, which no class can be told by."""


@keras.saving.register_keras_serializable("lienzo")
class RandomCropResize(keras.layers.Layer):  # type: ignore[misc]
    """Cut a random window, keeping at least ``1 - amount`` of each side, and enlarge it again.

    Input and output (n, h, w, c) of any float range. The same scale for both sides, so that
    nothing is distorted; each image of a batch draws its own window.
    """

    def __init__(self, amount: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.amount = amount
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        batch, (height, width) = ops.shape(images)[0], images.shape[1:3]
        scale = 1 - keras.random.uniform((batch,), 0, self.amount, seed=self.seed_generator)
        left = self._offsets(batch, width, scale)
        top = self._offsets(batch, height, scale)
        zero = ops.zeros((batch,))
        # Each output pixel (x, y) is taken from (scale·x + left, scale·y + top).
        transform = ops.stack([scale, zero, left, zero, scale, top, zero, zero], axis=1)
        return ops.image.affine_transform(
            images, transform, interpolation="bilinear", fill_mode="nearest"
        )

    def _offsets(self, batch: Any, side: int, scale: Any) -> Any:
        where = keras.random.uniform((batch,), 0, 1, seed=self.seed_generator)
        return where * (1 - scale) * (side - 1)

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amount": self.amount, "seed": self.seed}


Maker = Callable[[Any, int], keras.Layer]
_FLIPS = {
    "horizontal": "horizontal",
    "vertical": "vertical",
    "both": "horizontal_and_vertical",
}
MAKERS: dict[str, Maker] = {
    "flip": lambda v, seed: keras.layers.RandomFlip(_FLIPS[v], seed=seed),
    "crop": lambda v, seed: RandomCropResize(v, seed=seed),
    "rotation": lambda v, seed: keras.layers.RandomRotation(v / 360, fill_mode=FILL, seed=seed),
    "translation": lambda v, seed: keras.layers.RandomTranslation(v, v, fill_mode=FILL, seed=seed),
    "zoom": lambda v, seed: keras.layers.RandomZoom((-v, v), fill_mode=FILL, seed=seed),
    "contrast": lambda v, seed: keras.layers.RandomContrast(v, value_range=(0, 255), seed=seed),
}
"""Field of the config → its layer, in the order in which they are applied."""


def augmentation_layers(config: AugmentConfig, seed: int) -> list[keras.Layer]:
    """The layers of every change that is switched on; each draws from a seed of its own."""
    off = AugmentConfig()
    wanted = [name for name in MAKERS if getattr(config, name) != getattr(off, name)]
    return [MAKERS[name](getattr(config, name), seed + i) for i, name in enumerate(wanted)]


def apply_augmentation(
    config: AugmentConfig, images: np.ndarray[Any, np.dtype[np.uint8]], seed: int
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The images (n, h, w, c) as training would see them once, for a preview."""
    x = ops.convert_to_tensor(images, dtype="float32")
    for layer in augmentation_layers(config, seed):
        x = layer(x, training=True)
    pixels = np.clip(np.rint(ops.convert_to_numpy(x)), 0, 255)
    changed: np.ndarray[Any, np.dtype[np.uint8]] = pixels.astype(np.uint8)
    return changed
