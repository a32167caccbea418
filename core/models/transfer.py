"""Backbones of keras.applications (and ResNet34) with a new head, as one flat network."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

from core.config_models import TransferConfig
from core.models.convnext import Plan, convnext_maps
from core.models.parts import NORM_MOMENTUM, drop, hidden_dense
from core.models.resnet34 import resnet34_maps

FEATURES = "features"
"""Name of the layer that ends the backbone: what lies behind it is the new head."""
POOLINGS = {
    "average": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, in [0, 1]."""
CAFFE_MEAN = (123.68, 116.779, 103.939)
"""The same in [0, 255], as subtracted by the oldest networks."""
TINY = Plan(stem=4, depths=(3, 3, 9, 3), widths=(96, 192, 384, 768))


class Scale(NamedTuple):
    """A backbone's own preprocessing, from [0, 1]: ``x · scale + offset`` per channel."""

    scale: float | Sequence[float]
    offset: float | Sequence[float]


def _standard(factor: float = 1.0) -> Scale:
    """To zero mean and unit variance, times ``factor``."""
    return Scale(
        [factor / std for std in STD], [-factor * m / s for m, s in zip(MEAN, STD, strict=True)]
    )


class Recipe(NamedTuple):
    """How to build a backbone: its preprocessing, and images → feature maps."""

    scale: Scale
    maps: Callable[[keras.KerasTensor, TransferConfig], keras.KerasTensor]


def application(
    config: TransferConfig, *, weights: str | None = None, x: keras.KerasTensor | None = None
) -> keras.Model:
    """The backbone as keras.applications builds it, without its top, on ``x`` if given."""
    name, options = APPLICATIONS[config.backbone]
    if config.backbone == "mobilenet_v2":
        options = {**options, "alpha": float(config.alpha)}
    shape = None if x is not None or weights else (96, 96, 3)
    make = getattr(keras.applications, name)
    return make(include_top=False, weights=weights, input_tensor=x, input_shape=shape, **options)


APPLICATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "mobilenet_v2": ("MobileNetV2", {}),
    "efficientnet_b0": ("EfficientNetB0", {}),
    "efficientnet_v2_b0": ("EfficientNetV2B0", {"include_preprocessing": False}),
    "densenet121": ("DenseNet121", {}),
    "resnet50": ("ResNet50", {}),
    "vgg19": ("VGG19", {}),
    "convnext_tiny": ("ConvNeXtTiny", {"include_preprocessing": False}),
}
"""Class in keras.applications, and its options."""


def _as_keras(x: keras.KerasTensor, config: TransferConfig) -> keras.KerasTensor:
    return application(config, x=x).output


def _convnext_tiny(x: keras.KerasTensor, _config: TransferConfig) -> keras.KerasTensor:
    # Keras' own has models within the model; its last normalisation comes after the pooling.
    return convnext_maps(x, TINY)


# The oldest networks take 0 … 255 minus the mean (in the order blue, green, red: their first
# kernels are turned round when the weights are loaded, core/models/weights.py).
_CAFFE = Scale(255.0, [-mean for mean in CAFFE_MEAN])
RECIPES: dict[str, Recipe] = {
    "mobilenet_v2": Recipe(Scale(2.0, -1.0), _as_keras),
    # It divides by 255 itself; the normalisation behind that is left as the identity.
    "efficientnet_b0": Recipe(_standard(255.0), _as_keras),
    "efficientnet_v2_b0": Recipe(_standard(), _as_keras),
    "densenet121": Recipe(_standard(), _as_keras),
    "resnet34": Recipe(_standard(), lambda x, _config: resnet34_maps(x)),
    "resnet50": Recipe(_CAFFE, _as_keras),
    "vgg19": Recipe(_CAFFE, _as_keras),
    "convnext_tiny": Recipe(_standard(), _convnext_tiny),
}


def build_transfer(config: TransferConfig, scaled: keras.KerasTensor) -> keras.KerasTensor:
    """(n, h, w, c) in [0, 1] → (n, features)."""
    recipe, x = RECIPES[config.backbone], scaled
    if config.input_size:
        x = keras.layers.Resizing(config.input_size, config.input_size, name="resize")(x)
    if x.shape[-1] == 1:
        x = keras.layers.Concatenate(name="to_colour")([x, x, x])
    x = keras.layers.Rescaling(*recipe.scale, name="preprocess")(x)
    x = recipe.maps(x, config)
    x = POOLINGS[config.feature_pooling](name=FEATURES)(x)
    if config.backbone == "convnext_tiny":
        x = keras.layers.LayerNormalization(epsilon=1e-6, name="features_norm")(x)
    if config.head_units:
        return hidden_dense(x, config, config.head_units, "head")
    return drop(x, config.dropout, "dropout")


def backbone_layers(model: keras.Model) -> list[keras.Layer]:
    """The layers up to the features, in order, of a network of :func:`build_transfer`."""
    names = [layer.name for layer in model.layers]
    return list(model.layers[: names.index(FEATURES)])


def blocks_of(config: TransferConfig, layers: Sequence[keras.Layer]) -> list[str]:
    """For every layer the block that it belongs to; "" for the stem.

    What lies between two blocks belongs to the former.
    """
    pattern, blocks, last = re.compile(config.row.block), [], ""
    for layer in layers:
        found = pattern.search(layer.name)
        last = found.group() if found else last
        blocks.append(last)
    return blocks


def set_frozen(model: keras.Model, config: TransferConfig, *, frozen: bool) -> None:
    """Say which layers of the backbone learn; to be compiled after.

    A layer that does not learn is run as in inference: batch normalisation keeps its means.
    """
    layers = backbone_layers(model)
    blocks = blocks_of(config, layers)
    order = [name for name in dict.fromkeys(blocks) if name]
    learning = {"", *order}
    if config.pretrained and config.unfreeze_blocks:
        learning = set(order[-config.unfreeze_blocks :])
    for layer, block in zip(layers, blocks, strict=True):
        kept = config.pretrained and not config.tune_norm and _is_norm(layer)
        layer.trainable = not frozen and block in learning and not kept


def settle_quickly(model: keras.Model) -> None:
    """Running means of all normalisations as in the app's other networks: MobileNetV2's own
    momentum of 0.999 would need some thousand steps."""
    for layer in filter(_is_norm, model.layers):
        layer.momentum = NORM_MOMENTUM


def _is_norm(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)
