"""What several architectures are made of."""

from __future__ import annotations

from typing import Any

import keras

from core.config_models import ModelSection

NORM_MOMENTUM = 0.9
"""Keras' 0.99 needs several hundred steps to settle: on 1,259 digits (20 steps an epoch) the
validation loss then jumps for the first ten epochs. PyTorch's default is this one."""


def regularizer(config: ModelSection) -> keras.regularizers.Regularizer | None:
    if not config.l1 and not config.l2:
        return None
    return keras.regularizers.L1L2(config.l1, config.l2)


def normalise(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.BatchNormalization(momentum=NORM_MOMENTUM, name=name)(x)


def activate(
    x: keras.KerasTensor, config: ModelSection, name: str, *, batch_norm: bool
) -> keras.KerasTensor:
    """Optional batch normalisation, then the activation."""
    if batch_norm:
        x = normalise(x, f"{name}_norm")
    return keras.layers.Activation(config.activation, name=f"{name}_{config.activation}")(x)


def conv(
    config: ModelSection, filters: int, kernel: int, name: str, **kwargs: Any
) -> keras.layers.Conv2D:
    """A convolution that keeps the size unless it strides; without bias unless asked for."""
    return keras.layers.Conv2D(
        filters,
        kernel,
        name=name,
        kernel_initializer="he_normal",
        kernel_regularizer=regularizer(config),
        **{"padding": "same", "use_bias": False, **kwargs},
    )


def dense(config: ModelSection, units: int, name: str, **kwargs: Any) -> keras.layers.Dense:
    return keras.layers.Dense(
        units,
        kernel_initializer="he_normal",
        kernel_regularizer=regularizer(config),
        name=name,
        **kwargs,
    )


def hidden_dense(
    x: keras.KerasTensor, config: ModelSection, units: int, name: str, *, batch_norm: bool = False
) -> keras.KerasTensor:
    """Dense, normalisation, activation, dropout: one hidden layer of the textbook."""
    x = dense(config, units, name, use_bias=not batch_norm)(x)
    x = activate(x, config, name, batch_norm=batch_norm)
    return drop(x, config.dropout, f"{name}_dropout")


def drop(x: keras.KerasTensor, rate: float, name: str) -> keras.KerasTensor:
    return keras.layers.Dropout(rate, name=name)(x) if rate else x


def centre(scaled: keras.KerasTensor) -> keras.KerasTensor:
    """Pixels in [0, 1] → about zero mean and unit variance, whatever the images."""
    return keras.layers.Rescaling(4.0, offset=-2.0, name="centre")(scaled)
