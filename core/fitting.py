"""What can be built on which images, worked out before any network is made."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from core.config_models import (
    CNNConfig,
    ConvNeXtConfig,
    FastConfig,
    MixerConfig,
    MLPConfig,
    ModelConfig,
    ResNetConfig,
    TransferConfig,
    WideResNetConfig,
)
from core.config_models.classic import tapered
from core.config_models.transfer import MOBILENET_PARAMETERS
from core.errors import N_, ConfigError

MAX_PARAMETERS = 50_000_000
"""Adam keeps three numbers per parameter: 600 MB for the weights alone, at every checkpoint too."""
ImageShape = tuple[int, int, int]
"""(height, width, channels), channels 1 or 3."""


def check_fits(model: ModelConfig, image_shape: ImageShape) -> None:
    """Refuse what cannot be built on images of this shape, before any network is made.

    Raises:
        ConfigError: saying what would fit.
    """
    if model.architecture in _CHECKS:
        _CHECKS[model.architecture](model, image_shape)
    parameters = hidden_parameters(model, image_shape)
    if parameters > MAX_PARAMETERS:
        raise ConfigError(
            N_(
                "This network would have {millions} million parameters; at most {most} million "
                "are trained here. Fewer units, filters or blocks would fit."
            ),
            millions=round(parameters / 1e6),
            most=round(MAX_PARAMETERS / 1e6),
        )


def hidden_parameters(model: ModelConfig, image_shape: ImageShape) -> int:
    """The weights of the hidden layers, worked out without making the network.

    Biases and normalisations, some hundredths of the whole, are left out.
    """
    return _PARAMETERS[model.architecture](model, image_shape)


def max_blocks(image_shape: ImageShape) -> int:
    """How often 2×2 pooling can halve the shorter side before nothing is left."""
    return min(image_shape[:2]).bit_length() - 1


def _check_pooling(model: CNNConfig, image_shape: ImageShape) -> None:
    if model.blocks <= max_blocks(image_shape):
        return
    height, width, _ = image_shape
    fitting = max_blocks(image_shape)
    if fitting == 0:
        raise ConfigError(
            N_("Images of {width}×{height} pixels are too small to pool at all. An MLP would fit."),
            width=width,
            height=height,
        )
    raise ConfigError(
        N_(
            "{blocks} blocks do not fit: each pooling halves the image, and {width}×{height} "
            "pixels can be halved {fitting} times. At most {fitting} blocks would fit."
        ),
        blocks=model.blocks,
        width=width,
        height=height,
        fitting=fitting,
    )


def _check_patches(model: MixerConfig, image_shape: ImageShape) -> None:
    height, width, _ = image_shape
    if height % model.patch == 0 and width % model.patch == 0:
        return
    raise ConfigError(
        N_(
            "Patches of {patch} pixels do not divide images of {width}×{height} pixels. "
            "These would fit: {fitting}."
        ),
        patch=model.patch,
        width=width,
        height=height,
        fitting=", ".join(map(str, fitting_patches(image_shape))),
    )


def fitting_patches(image_shape: ImageShape) -> list[int]:
    """Sides of patches that divide the image, ascending; 1 always does."""
    height, width, _ = image_shape
    return [p for p in MixerConfig.PATCHES if height % p == 0 and width % p == 0]


def _check_backbone(model: TransferConfig, image_shape: ImageShape) -> None:
    height, width, _ = image_shape
    height, width = model.input_size or height, model.input_size or width
    if min(height, width) >= model.row.min_size:
        return
    raise ConfigError(
        N_(
            "{backbone} needs images of at least {least}×{least} pixels, and would receive "
            "{width}×{height}. An input size of 96 would fit: the network enlarges the images."
        ),
        backbone=model.row.title,
        least=model.row.min_size,
        height=height,
        width=width,
    )


def _mlp(model: MLPConfig, image_shape: ImageShape) -> int:
    return _chain([math.prod(image_shape), *model.widths()])


def _cnn(model: CNNConfig, image_shape: ImageShape) -> int:
    height, width, channels = image_shape
    total = 0
    for filters in model.block_filters():
        path = [channels, *[filters] * model.convs_per_block]
        total += model.kernel**2 * _chain(path)
        # A stride rounds up, a pooling down.
        rounding = 1 if model.pooling == "stride" else 0
        height, width, channels = (height + rounding) // 2, (width + rounding) // 2, filters
    positions = height * width if model.head == "flatten" else 1
    return total + _chain([positions * channels, *model.dense_widths()])


def _residual(channels: int, stem: int, widths: list[int], blocks: int) -> int:
    """A stem of 3×3, stages of blocks of two 3×3 convolutions, 1×1 where the width changes."""
    total = 9 * channels * stem
    for before, width in pairwise([stem, *widths]):
        total += 9 * (before * width + (2 * blocks - 1) * width * width)
        total += before * width if before != width else 0
    return total


def _resnet(model: ResNetConfig, image_shape: ImageShape) -> int:
    stem = model.stem_filters
    return _residual(image_shape[2], stem, [stem, 2 * stem, 4 * stem], (model.depth - 2) // 6)


def _wide_resnet(model: WideResNetConfig, image_shape: ImageShape) -> int:
    widths = tapered(16 * model.widen, 2, 3)
    return _residual(image_shape[2], 16, widths, (model.depth - 4) // 6)


def _fast(model: FastConfig, image_shape: ImageShape) -> int:
    stem, convs = model.fast_width, 3 if model.fast_residual else 2
    total = 9 * image_shape[2] * stem
    for before, width in pairwise([stem, stem, 4 * stem, 4 * stem]):
        total += 9 * (before * width + (convs - 1) * width * width)
    return total


def _convnext(model: ConvNeXtConfig, image_shape: ImageShape) -> int:
    widths = tapered(model.channels, 2, model.stages)
    total = model.stem_patch**2 * image_shape[2] * widths[0]
    total += sum(4 * before * width for before, width in pairwise(widths))
    per_block = (w * (model.depthwise_kernel**2 + 8 * w) for w in widths)
    return total + model.blocks_per_stage * sum(per_block)


def _mixer(model: MixerConfig, image_shape: ImageShape) -> int:
    height, width, channels = image_shape
    tokens = (height // model.patch) * (width // model.patch)
    per_block = 2 * tokens * model.token_units + 2 * model.mixer_width * model.channel_units
    return model.patch**2 * channels * model.mixer_width + model.mixer_blocks * per_block


def _transfer(model: TransferConfig, _image_shape: ImageShape) -> int:
    known = MOBILENET_PARAMETERS if model.backbone == "mobilenet_v2" else {}
    return known.get(model.alpha, model.row.parameters) + model.row.channels * model.head_units


def _chain(widths: list[int]) -> int:
    """Weights of layers that are connected in a row."""
    return sum(before * after for before, after in pairwise(widths))


_CHECKS: dict[str, Callable[[Any, ImageShape], None]] = {
    "cnn": _check_pooling,
    "mixer": _check_patches,
    "transfer": _check_backbone,
}
"""Architectures that not all images suit."""
_PARAMETERS: dict[str, Callable[[Any, ImageShape], int]] = {
    "mlp": _mlp,
    "cnn": _cnn,
    "resnet": _resnet,
    "wide_resnet": _wide_resnet,
    "fast32": _fast,
    "convnext": _convnext,
    "mixer": _mixer,
    "transfer": _transfer,
}
