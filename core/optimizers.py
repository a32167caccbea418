"""Optimizers: one row per name in :class:`~core.config.OptimizerConfig`."""

from __future__ import annotations

from collections.abc import Callable

import keras

from core.config import OptimizerConfig

OPTIMIZERS: dict[str, Callable[[OptimizerConfig], keras.Optimizer]] = {
    "sgd": lambda c: keras.optimizers.SGD(
        c.learning_rate, momentum=c.momentum, nesterov=c.nesterov and c.momentum > 0
    ),
    "rmsprop": lambda c: keras.optimizers.RMSprop(c.learning_rate),
    "adam": lambda c: keras.optimizers.Adam(c.learning_rate),
    "adamw": lambda c: keras.optimizers.AdamW(c.learning_rate, weight_decay=c.weight_decay),
}


def build_optimizer(config: OptimizerConfig) -> keras.Optimizer:
    return OPTIMIZERS[config.name](config)
