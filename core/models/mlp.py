"""Multi-layer perceptron."""

from __future__ import annotations

import keras

from core.config_models import MLPConfig
from core.models.parts import drop, hidden_dense


def build_mlp(config: MLPConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, units)."""
    x = keras.layers.Flatten(name="flatten")(scaled)
    x = drop(x, config.input_dropout, "input_dropout")
    for index, units in enumerate(config.widths(), start=1):
        x = hidden_dense(x, config, units, f"dense{index}", batch_norm=config.batch_norm)
    return x
