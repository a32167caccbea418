"""A few wide convolutions, of the family of the CIFAR-10 speed records."""

from __future__ import annotations

import keras

from core.config_models import FastConfig
from core.models.parts import activate, centre, conv, drop


def build_fast(config: FastConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, 4 × width).

    The pooling comes right after the first convolution of a group: most of the arithmetic is
    done on images of a quarter of the size. Global maximum, because the last maps are tiny.
    """
    width = config.fast_width
    x = activate(conv(config, width, 3, "stem")(centre(scaled)), config, "stem", batch_norm=True)
    for group, filters in enumerate((width, 4 * width, 4 * width), start=1):
        x = _group(x, config, filters, f"group{group}")
    x = keras.layers.GlobalMaxPooling2D(name="global_max")(x)
    x = keras.layers.Rescaling(config.logit_scale, name="logit_scale")(x)
    return drop(x, config.dropout, "dropout")


def _group(x: keras.KerasTensor, config: FastConfig, filters: int, name: str) -> keras.KerasTensor:
    x = conv(config, filters, 3, f"{name}_conv1")(x)
    # "same", so that images of any size pass.
    x = keras.layers.MaxPooling2D(2, padding="same", name=f"{name}_pool")(x)
    x = way = activate(x, config, f"{name}_conv1", batch_norm=True)
    for index in (2, 3) if config.fast_residual else (2,):
        x = conv(config, filters, 3, f"{name}_conv{index}")(x)
        x = activate(x, config, f"{name}_conv{index}", batch_norm=True)
    return keras.layers.Add(name=f"{name}_add")([way, x]) if config.fast_residual else x
