"""Starting points, one row each: what a beginner clicks and ``--preset`` names."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel

from core.config import CNNConfig, ModelConfig, RunConfig
from core.errors import N_, ConfigError, NotFoundError

MAX_PARAMETERS = 50_000_000
"""Adam keeps three numbers per parameter: 600 MB for the weights alone, at every checkpoint too."""
ImageShape = tuple[int, int, int]
"""(height, width, channels), channels 1 or 3."""


class Preset(BaseModel, frozen=True):
    """A named partial config; ``dataset`` only where it is made for one."""

    name: str
    label: str
    help: str
    dataset: str | None = None
    settings: dict[str, Any]


_ROWS = (
    Preset(
        name="digits-quick",
        label=N_("First network"),
        help=N_("A small CNN for the handwritten digits: above 98 % in under a minute on a CPU."),
        dataset="digits",
        settings={
            "model.architecture": "cnn",
            "model.blocks": 2,
            "model.convs_per_block": 2,
            "model.filters": 32,
            "model.dropout": 0.3,
            "augment.translation": 0.1,
            "augment.rotation": 10,
            "train.epochs": 25,
            "train.batch_size": 64,
            "train.patience": 8,
        },
    ),
    Preset(
        name="mlp",
        label=N_("MLP"),
        help=N_("Dense layers only: the classic, blind to where a pixel is."),
        settings={"model.architecture": "mlp", "model.layers": 2, "model.units": 128},
    ),
    Preset(
        name="cnn",
        label=N_("CNN"),
        help=N_("Three blocks of convolution and pooling: a good start for any small images."),
        settings={"model.architecture": "cnn", "model.blocks": 3, "model.filters": 32},
    ),
)
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _ROWS}


def get_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        NotFoundError: naming the presets that exist.
    """
    if name not in PRESETS:
        raise NotFoundError(
            N_("There is no preset {received}. Expected one of: {expected}."),
            received=name,
            expected=", ".join(PRESETS),
        )
    return PRESETS[name]


def preset_config(name: str, dataset: str | None, image_shape: ImageShape | None) -> RunConfig:
    """The full config of a preset for a dataset, with as many CNN blocks as its images allow.

    Raises:
        NotFoundError: for an unknown preset.
        ConfigError: if the preset is made for a dataset and none is named for the others.
    """
    preset = get_preset(name)
    chosen = dataset or preset.dataset
    if chosen is None:
        raise ConfigError(
            N_("The preset {preset} fits any dataset, so name one (--dataset)."), preset=name
        )
    config = RunConfig().with_values({**preset.settings, "data.dataset": chosen})
    if image_shape is None or not isinstance(config.model, CNNConfig):
        return config
    blocks = max(1, min(config.model.blocks, max_blocks(image_shape)))
    return config.with_values({"model.blocks": blocks})


def max_blocks(image_shape: ImageShape) -> int:
    """How often 2×2 pooling can halve the shorter side before nothing is left."""
    return min(image_shape[:2]).bit_length() - 1


def check_fits(model: ModelConfig, image_shape: ImageShape) -> None:
    """Refuse what cannot be built on images of this shape, before any network is made.

    Raises:
        ConfigError: saying what would fit.
    """
    if isinstance(model, CNNConfig):
        _check_pooling(model, image_shape)
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
    """The weights of the hidden layers, worked out without making the network."""
    if isinstance(model, CNNConfig):
        return _cnn_parameters(model, image_shape)
    pixels = math.prod(image_shape)
    return pixels * model.units + (model.layers - 1) * model.units**2


def _cnn_parameters(model: CNNConfig, image_shape: ImageShape) -> int:
    height, width, channels = image_shape
    total = 0
    for block in range(model.blocks):
        filters = model.filters * 2**block
        inputs = [channels, *[filters] * (model.convs_per_block - 1)]
        total += sum(model.kernel**2 * before * filters for before in inputs)
        height, width, channels = height // 2, width // 2, filters
    positions = height * width if model.head == "flatten" else 1
    return total + positions * channels * model.dense_units


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
