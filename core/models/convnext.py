"""ConvNeXt: the small one for small images, and the plan of the pretrained one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras

from core.config_models import ConvNeXtConfig
from core.models.parts import centre, drop, regularizer

EPSILON = 1e-6
"""Of the layer normalisations, as in the paper's code."""


class Plan(NamedTuple):
    """What the small network and the pretrained one differ in."""

    stem: int
    depths: Sequence[int]
    widths: Sequence[int]
    kernel: int = 7
    activation: str = "gelu"
    regularizer: keras.regularizers.Regularizer | None = None


def build_convnext(config: ConvNeXtConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, channels of the last stage)."""
    plan = Plan(
        stem=config.stem_patch,
        depths=[config.blocks_per_stage] * config.stages,
        widths=[config.channels * 2**stage for stage in range(config.stages)],
        kernel=config.depthwise_kernel,
        activation=config.activation,
        regularizer=regularizer(config),
    )
    x = convnext_maps(centre(scaled), plan)
    x = keras.layers.GlobalAveragePooling2D(name="global_average")(x)
    x = keras.layers.LayerNormalization(epsilon=EPSILON, name="last_norm")(x)
    return drop(x, config.dropout, "dropout")


def convnext_maps(x: keras.KerasTensor, plan: Plan) -> keras.KerasTensor:
    """Images (n, h, w, c) of unit variance → the feature maps of the last stage."""
    for stage, (depth, width) in enumerate(zip(plan.depths, plan.widths, strict=True)):
        if stage == 0:
            x = _join(x, plan, width, plan.stem, "stem")
            x = keras.layers.LayerNormalization(epsilon=EPSILON, name="stem_norm")(x)
        else:
            x = keras.layers.LayerNormalization(epsilon=EPSILON, name=f"down{stage}_norm")(x)
            x = _join(x, plan, width, 2, f"down{stage}")
        for block in range(depth):
            x = _block(x, plan, width, f"stage{stage}_block{block}")
    return x


def _join(x: keras.KerasTensor, plan: Plan, width: int, side: int, name: str) -> keras.KerasTensor:
    """Every window of side × side becomes one position; "same", so that any size passes."""
    return keras.layers.Conv2D(
        width,
        side,
        strides=side,
        padding="same",
        kernel_regularizer=plan.regularizer,
        name=name,
    )(x)


def _block(x: keras.KerasTensor, plan: Plan, width: int, name: str) -> keras.KerasTensor:
    y = keras.layers.DepthwiseConv2D(plan.kernel, padding="same", name=f"{name}_depthwise")(x)
    y = keras.layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")(y)
    y = keras.layers.Dense(4 * width, kernel_regularizer=plan.regularizer, name=f"{name}_widen")(y)
    y = keras.layers.Activation(plan.activation, name=f"{name}_{plan.activation}")(y)
    # The paper scales each channel of the branch by a factor that starts near zero. The last
    # layer can do so itself: it starts at zero, and takes pretrained factors into its weights.
    y = keras.layers.Dense(
        width,
        kernel_initializer="zeros",
        kernel_regularizer=plan.regularizer,
        name=f"{name}_narrow",
    )(y)
    return keras.layers.Add(name=f"{name}_add")([x, y])
