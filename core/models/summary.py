"""The network as a table, before anything is trained."""

from __future__ import annotations

import math
from typing import NamedTuple

import keras

from core.config import ModelConfig
from core.models import build_model
from core.presets import ImageShape


class LayerRow(NamedTuple):
    """One layer; ``output`` without the batch dimension."""

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    """Per image, on the way forward."""


def layer_table(config: ModelConfig, image_shape: ImageShape, classes: int) -> list[LayerRow]:
    """Every layer of the network that this config would train.

    Raises:
        ConfigError: if it does not fit images of this shape.
    """
    model = build_model(config, image_shape, classes)
    return [_row(layer) for layer in model.layers]


def _row(layer: keras.Layer) -> LayerRow:
    output = tuple(int(n) for n in layer.output.shape[1:])
    parameters = sum(math.prod(w.shape) for w in layer.weights)
    return LayerRow(layer.name, type(layer).__name__, output, parameters, multiply_adds(layer))


def multiply_adds(layer: keras.Layer) -> int:
    """Every weight of a kernel is used once at every place of the output (dense, convolutions of
    all kinds); what has no kernel costs next to nothing."""
    kernels = [w for w in layer.weights if w.path.rsplit("/", 1)[-1].endswith("kernel")]
    places = math.prod(int(n) for n in layer.output.shape[1:-1])
    weights: int = sum(math.prod(w.shape) for w in kernels)
    return places * weights
