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
