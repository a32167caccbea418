"""What several architectures are made of."""

from __future__ import annotations

import keras

from core.config import CNNConfig, MLPConfig

NORM_MOMENTUM = 0.9
"""Keras' 0.99 needs several hundred steps to settle: on 1,259 digits (20 steps an epoch) the
validation loss then jumps for the first ten epochs. PyTorch's default is this one."""


def regularizer(l2: float) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L2(l2) if l2 else None


def activate(
    x: keras.KerasTensor, config: MLPConfig | CNNConfig, name: str, *, batch_norm: bool
) -> keras.KerasTensor:
    """Optional batch normalisation, then the activation."""
    if batch_norm:
        x = keras.layers.BatchNormalization(momentum=NORM_MOMENTUM, name=f"{name}_norm")(x)
    return keras.layers.Activation(config.activation, name=f"{name}_{config.activation}")(x)


def hidden_dense(
    x: keras.KerasTensor, config: MLPConfig | CNNConfig, units: int, name: str
) -> keras.KerasTensor:
    """Dense, normalisation, activation, dropout: one hidden layer of the textbook."""
    x = keras.layers.Dense(
        units,
        use_bias=not config.batch_norm,
        kernel_initializer="he_normal",
        kernel_regularizer=regularizer(config.l2),
        name=name,
    )(x)
    x = activate(x, config, name, batch_norm=config.batch_norm)
    return keras.layers.Dropout(config.dropout, name=f"{name}_dropout")(x) if config.dropout else x
