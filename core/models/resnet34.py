"""ResNet34, which keras.applications has not, with the weights of the PyTorch world.

Layers are called as torchvision and timm call theirs, with ``_`` for the dots, so that their
``resnet34.safetensors`` needs no table: ``layer1.0.conv1.weight`` is the kernel of
``layer1_0_conv1``.
"""

from __future__ import annotations

import keras
import numpy as np

from core.models.parts import NORM_MOMENTUM
from core.models.safetensors import Array

STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
"""(blocks, filters) of layer1 to layer4."""
EPSILON = 1e-5
"""Of PyTorch's batch normalisation."""
NORM = ("weight", "bias", "running_mean", "running_var")
"""PyTorch's names in Keras' order."""


def resnet34_maps(x: keras.KerasTensor) -> keras.KerasTensor:
    """Normalised images (n, h, w, 3) → (n, h/32, w/32, 512)."""
    x = _relu(_normed(_conv(x, 64, 7, 2, "conv1"), "bn1"), "relu1")
    # PyTorch pads both sides alike, Keras' "same" does not; after a ReLU zeros are the least.
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = keras.layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, (blocks, filters) in enumerate(STAGES, start=1):
        for block in range(blocks):
            strides = 2 if stage > 1 and not block else 1
            x = _block(x, filters, strides, f"layer{stage}_{block}")
    return x


def _block(x: keras.KerasTensor, filters: int, strides: int, name: str) -> keras.KerasTensor:
    way = x
    if strides > 1:
        way = _conv(x, filters, 1, strides, f"{name}_downsample_0")
        way = _normed(way, f"{name}_downsample_1")
    y = _normed(_conv(x, filters, 3, strides, f"{name}_conv1"), f"{name}_bn1")
    y = _relu(y, f"{name}_relu1")
    y = _normed(_conv(y, filters, 3, 1, f"{name}_conv2"), f"{name}_bn2")
    return _relu(keras.layers.Add(name=f"{name}_add")([way, y]), f"{name}_relu2")


def _conv(
    x: keras.KerasTensor, filters: int, kernel: int, strides: int, name: str
) -> keras.KerasTensor:
    if kernel > 1:
        x = keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _normed(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    layer = keras.layers.BatchNormalization(momentum=NORM_MOMENTUM, epsilon=EPSILON, name=name)
    return layer(x)


def _relu(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.Activation("relu", name=name)(x)


def layer_weights(layer: keras.Layer, tensors: dict[str, Array]) -> list[Array]:
    """A layer's weights in Keras' layout, taken from PyTorch's.

    Raises:
        KeyError: naming the tensor that is not there.
    """
    name = torch_name(layer.name)
    if isinstance(layer, keras.layers.Conv2D):
        # (out, in, h, w) → (h, w, in, out)
        return [np.transpose(tensors[f"{name}.weight"], (2, 3, 1, 0))]
    return [tensors[f"{name}.{part}"] for part in NORM]


def torch_name(name: str) -> str:
    """``layer1_0_downsample_1`` → ``layer1.0.downsample.1``."""
    return name.replace("_", ".")
