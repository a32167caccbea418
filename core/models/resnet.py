"""Residual networks for small images: the original form, and the wide one."""

from __future__ import annotations

import keras

from core.config_models import ResNetConfig, WideResNetConfig
from core.models.parts import activate, centre, conv, drop, normalise


def build_resnet(config: ResNetConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, 4 × filters of the stem)."""
    x = conv(config, config.stem_filters, 3, "stem")(centre(scaled))
    x = activate(x, config, "stem", batch_norm=True)
    for stage in range(3):
        for block in range((config.depth - 2) // 6):
            strides = 2 if stage and not block else 1
            x = _basic(
                x, config, config.stem_filters * 2**stage, strides, f"b{stage + 1}_{block + 1}"
            )
    x = keras.layers.GlobalAveragePooling2D(name="global_average")(x)
    return drop(x, config.dropout, "dropout")


def _basic(
    x: keras.KerasTensor, config: ResNetConfig, filters: int, strides: int, name: str
) -> keras.KerasTensor:
    """Two convolutions, and the input added before the last activation."""
    way = x
    if strides > 1:
        way = normalise(conv(config, filters, 1, f"{name}_way", strides=2)(x), f"{name}_way_norm")
    x = conv(config, filters, 3, f"{name}_conv1", strides=strides)(x)
    x = activate(x, config, f"{name}_conv1", batch_norm=True)
    x = normalise(conv(config, filters, 3, f"{name}_conv2")(x), f"{name}_conv2_norm")
    x = keras.layers.Add(name=f"{name}_add")([way, x])
    return activate(x, config, name, batch_norm=False)


def build_wide_resnet(config: WideResNetConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, 64 × width)."""
    x = conv(config, 16, 3, "stem")(centre(scaled))
    for stage in range(3):
        for block in range((config.depth - 4) // 6):
            strides = 2 if stage and not block else 1
            x = _first_activated(x, config, stage, strides, f"b{stage + 1}_{block + 1}")
    x = activate(x, config, "last", batch_norm=True)
    x = keras.layers.GlobalAveragePooling2D(name="global_average")(x)
    return drop(x, config.dropout, "dropout")


def _first_activated(
    x: keras.KerasTensor, config: WideResNetConfig, stage: int, strides: int, name: str
) -> keras.KerasTensor:
    """Normalisation and activation before every convolution, so that the short cut stays free."""
    filters = 16 * config.widen * 2**stage
    before = activate(x, config, f"{name}_in", batch_norm=True)
    way = x
    if strides > 1 or x.shape[-1] != filters:
        way = conv(config, filters, 1, f"{name}_way", strides=strides)(before)
    y = conv(config, filters, 3, f"{name}_conv1", strides=strides)(before)
    y = activate(y, config, f"{name}_conv1", batch_norm=True)
    y = drop(y, config.block_dropout, f"{name}_dropout")
    y = conv(config, filters, 3, f"{name}_conv2")(y)
    return keras.layers.Add(name=f"{name}_add")([way, y])
