"""MLP-Mixer: dense layers by turns across the patches of an image and across their channels."""

from __future__ import annotations

import keras

from core.config_models import MixerConfig
from core.models.parts import centre, conv, dense, drop


def build_mixer(config: MixerConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, width of a patch)."""
    embed = conv(config, config.mixer_width, config.patch, "patches", strides=config.patch)
    x = embed(centre(scaled))
    x = keras.layers.Reshape((-1, config.mixer_width), name="tokens")(x)
    for block in range(1, config.mixer_blocks + 1):
        x = _mix(x, config, config.token_units, f"mix{block}_tokens", across=True)
        x = _mix(x, config, config.channel_units, f"mix{block}_channels", across=False)
    x = keras.layers.LayerNormalization(name="last_norm")(x)
    x = keras.layers.GlobalAveragePooling1D(name="global_average")(x)
    return drop(x, config.dropout, "dropout")


def _mix(
    x: keras.KerasTensor, config: MixerConfig, units: int, name: str, *, across: bool
) -> keras.KerasTensor:
    """One hidden layer over the patches (``across``) or over the channels, with a short cut."""
    y = keras.layers.LayerNormalization(name=f"{name}_norm")(x)
    if across:
        y = keras.layers.Permute((2, 1), name=f"{name}_turn")(y)
    outputs = y.shape[-1]
    y = dense(config, units, f"{name}_in")(y)
    y = keras.layers.Activation(config.activation, name=f"{name}_{config.activation}")(y)
    y = dense(config, outputs, f"{name}_out")(y)
    if across:
        y = keras.layers.Permute((2, 1), name=f"{name}_turn_back")(y)
    return keras.layers.Add(name=f"{name}_add")([x, y])
