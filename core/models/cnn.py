"""Convolutional network: blocks of convolution and pooling, then a dense head."""

from __future__ import annotations

import keras

from core.config import CNNConfig
from core.models.parts import activate, hidden_dense, regularizer

POOLINGS = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
HEADS = {"flatten": keras.layers.Flatten, "global_average": keras.layers.GlobalAveragePooling2D}


def build_cnn(config: CNNConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, features)."""
    x = scaled
    for block in range(1, config.blocks + 1):
        x = _block(x, config, block)
    x = HEADS[config.head](name=config.head)(x)
    if config.dense_units:
        return hidden_dense(x, config, config.dense_units, "dense")
    return keras.layers.Dropout(config.dropout, name="dropout")(x) if config.dropout else x


def _block(x: keras.KerasTensor, config: CNNConfig, block: int) -> keras.KerasTensor:
    for conv in range(1, config.convs_per_block + 1):
        name = f"conv{block}_{conv}"
        x = keras.layers.Conv2D(
            config.filters * 2 ** (block - 1),
            config.kernel,
            padding="same",
            use_bias=not config.batch_norm,
            kernel_initializer="he_normal",
            kernel_regularizer=regularizer(config.l2),
            name=name,
        )(x)
        x = activate(x, config, name, batch_norm=config.batch_norm)
    return POOLINGS[config.pooling](2, name=f"pool{block}")(x)
