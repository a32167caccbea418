"""Multi-layer perceptron."""

from __future__ import annotations

import keras

from core.config import MLPConfig
from core.models.parts import hidden_dense


def build_mlp(config: MLPConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, units)."""
    x = keras.layers.Flatten(name="flatten")(scaled)
    for index in range(1, config.layers + 1):
        x = hidden_dense(x, config, config.units, f"dense{index}")
    return x
