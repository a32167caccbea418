"""The architectures: one config class per row, whose fields become the form, the command line
and the validation; the builders of the same names are in :mod:`core.models`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.config_models.base import Activation, ModelSection, RateOfDropout
from core.config_models.classic import CNNConfig, MLPConfig
from core.config_models.modern import (
    ConvNeXtConfig,
    FastConfig,
    MixerConfig,
    ResNetConfig,
    WideResNetConfig,
)
from core.config_models.transfer import BACKBONES, Backbone, TransferConfig

ModelConfig = Annotated[
    MLPConfig
    | CNNConfig
    | ResNetConfig
    | WideResNetConfig
    | FastConfig
    | ConvNeXtConfig
    | MixerConfig
    | TransferConfig,
    Field(discriminator="architecture"),
]
ARCHITECTURES: dict[str, type[ModelSection]] = {
    "mlp": MLPConfig,
    "cnn": CNNConfig,
    "resnet": ResNetConfig,
    "wide_resnet": WideResNetConfig,
    "fast32": FastConfig,
    "convnext": ConvNeXtConfig,
    "mixer": MixerConfig,
    "transfer": TransferConfig,
}


def same_setting(field: str, one: type[ModelSection], other: type[ModelSection]) -> bool:
    """Whether two architectures mean the same by a field: then they explain it the same."""
    fields = one.model_fields.get(field), other.model_fields.get(field)
    return all(fields) and fields[0].description == fields[1].description  # type: ignore[union-attr]


__all__ = [
    "ARCHITECTURES",
    "BACKBONES",
    "Activation",
    "Backbone",
    "CNNConfig",
    "ConvNeXtConfig",
    "FastConfig",
    "MLPConfig",
    "MixerConfig",
    "ModelConfig",
    "ModelSection",
    "RateOfDropout",
    "ResNetConfig",
    "TransferConfig",
    "WideResNetConfig",
    "same_setting",
]
