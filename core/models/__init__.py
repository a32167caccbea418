"""Architectures: one builder per row of :data:`BUILDERS`, all with the same contract.

A model takes pixels in [0, 255] as they are stored (n, h, w, c) and gives logits (n, classes).
It is flat: no model inside a model, so that heat maps and export find every layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from core.config_models import ModelConfig
from core.fitting import ImageShape, check_fits
from core.models.cnn import build_cnn
from core.models.convnext import build_convnext
from core.models.fast import build_fast
from core.models.mixer import build_mixer
from core.models.mlp import build_mlp
from core.models.resnet import build_resnet, build_wide_resnet
from core.models.transfer import build_transfer

Builder = Callable[[Any, keras.KerasTensor], keras.KerasTensor]
"""(its config, scaled pixels) → the last features before the logits."""
BUILDERS: dict[str, Builder] = {
    "mlp": build_mlp,
    "cnn": build_cnn,
    "resnet": build_resnet,
    "wide_resnet": build_wide_resnet,
    "fast32": build_fast,
    "convnext": build_convnext,
    "mixer": build_mixer,
    "transfer": build_transfer,
}


def build_model(config: ModelConfig, image_shape: ImageShape, classes: int) -> keras.Model:
    """The network of a config, not compiled.

    Raises:
        ConfigError: if it does not fit images of this shape.
    """
    check_fits(config, image_shape)
    pixels = keras.Input(image_shape, name="pixels")
    scaled = keras.layers.Rescaling(1 / 255, name="scale")(pixels)
    features = BUILDERS[config.architecture](config, scaled)
    logits = keras.layers.Dense(classes, dtype="float32", name="logits")(features)
    return keras.Model(pixels, logits, name=config.architecture)
