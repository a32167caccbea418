"""Convolutional network: blocks of convolution and pooling, then a dense head."""

from __future__ import annotations

import keras

from core.config_models import CNNConfig
from core.models.parts import activate, conv, drop, hidden_dense

POOLINGS = {
    "max": keras.layers.MaxPooling2D,
    "average": keras.layers.AveragePooling2D,
    "stride": None,
}
"""Layer that halves the image at the end of a block; None where its convolution does so."""
HEADS = {
    "flatten": keras.layers.Flatten,
    "global_average": keras.layers.GlobalAveragePooling2D,
    "global_max": keras.layers.GlobalMaxPooling2D,
}


def build_cnn(config: CNNConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, features)."""
    x = scaled
    for block, filters in enumerate(config.block_filters(), start=1):
        x = _block(x, config, block, filters)
    x = HEADS[config.head](name=config.head)(x)
    widths = config.dense_widths()
    for index, units in enumerate(widths, start=1):
        name = "dense" if index == 1 else f"dense{index}"
        x = hidden_dense(x, config, units, name, batch_norm=config.batch_norm)
    return x if widths else drop(x, config.dropout, "dropout")


def _block(x: keras.KerasTensor, config: CNNConfig, block: int, filters: int) -> keras.KerasTensor:
    pool = POOLINGS[config.pooling]
    for index in range(1, config.convs_per_block + 1):
        name, last = f"conv{block}_{index}", index == config.convs_per_block
        strides = 2 if last and pool is None else 1
        bias = not config.batch_norm
        x = conv(config, filters, config.kernel, name, strides=strides, use_bias=bias)(x)
        x = activate(x, config, name, batch_norm=config.batch_norm)
        if last and pool is not None:
            x = pool(2, name=f"pool{block}")(x)
        if config.conv_dropout and _drops(config, block, index):
            layer = (
                keras.layers.SpatialDropout2D if config.spatial_dropout else keras.layers.Dropout
            )
            x = layer(config.conv_dropout, name=f"{name}_dropout")(x)
    return x


def _drops(config: CNNConfig, block: int, index: int) -> bool:
    if config.conv_dropout_after == "block":
        return index == config.convs_per_block
    return (block, index) != (1, 1) or config.convs_per_block == config.blocks == 1
