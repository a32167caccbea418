"""Starting points, one row each: what a beginner clicks and ``--preset`` names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel

from core.config import RunConfig
from core.config_models import CNNConfig, MixerConfig
from core.errors import N_, ConfigError, NotFoundError
from core.fitting import MAX_PARAMETERS as MAX_PARAMETERS
from core.fitting import ImageShape as ImageShape
from core.fitting import check_fits as check_fits
from core.fitting import fitting_patches
from core.fitting import max_blocks as max_blocks

Group = Literal["start", "projects", "modern", "transfer"]
GROUPS: dict[Group, str] = {
    "start": N_("To begin with"),
    "projects": N_("Known experiments"),
    "modern": N_("Modern small networks"),
    "transfer": N_("Transfer learning"),
}


class Preset(BaseModel, frozen=True):
    """A named partial config; ``dataset`` only where it is made for one."""

    name: str
    label: str
    help: str
    group: Group = "start"
    dataset: str | None = None
    settings: dict[str, Any]


_FLIP_AND_SHIFT: dict[str, Any] = {"augment.flip": "horizontal", "augment.translation": 0.1}
_NESTEROV: dict[str, Any] = {
    "optimizer.name": "sgd",
    "optimizer.learning_rate": 0.05,
    "optimizer.momentum": 0.9,
    "optimizer.nesterov": True,
    "train.batch_size": 128,
    "train.patience": 10,
}
_ADAMW: dict[str, Any] = {
    "optimizer.name": "adamw",
    "optimizer.learning_rate": 0.001,
    "optimizer.weight_decay": 0.02,
    "train.batch_size": 128,
    "train.patience": 10,
}


def _transfer(backbone: str) -> dict[str, Any]:
    """What all presets with a pretrained backbone have in common."""
    return {
        "model.architecture": "transfer",
        "model.backbone": backbone,
        "model.input_size": 96,
        "model.dropout": 0.2,
        "optimizer.name": "adam",
        "optimizer.learning_rate": 0.001,
    }


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
    Preset(
        name="fashion-1conv",
        label=N_("Fashion-MNIST, 1 convolution"),
        help=N_("One convolution, one pooling, two dense layers: the least that sees shapes."),
        group="projects",
        settings={
            "model.architecture": "cnn",
            "model.blocks": 1,
            "model.filters": 32,
            "model.batch_norm": False,
            "model.conv_dropout": 0.2,
            "model.dense_units": 128,
            "model.dropout": 0,
            "train.epochs": 50,
            "train.batch_size": 256,
        },
    ),
    Preset(
        name="fashion-4conv",
        label=N_("Fashion-MNIST, 4 convolutions"),
        help=N_("Four convolutions in two blocks, three dense layers, five times dropout."),
        group="projects",
        settings={
            "model.architecture": "cnn",
            "model.blocks": 2,
            "model.convs_per_block": 2,
            "model.filters": 32,
            "model.conv_dropout": 0.25,
            "model.conv_dropout_after": "convolution",
            "model.dense_layers": 2,
            "model.dense_units": 512,
            "model.dense_factor": 0.25,
            "model.dropout": 0.5,
            "train.epochs": 50,
            "train.batch_size": 256,
            "train.patience": 10,
        },
    ),
    Preset(
        name="animals",
        label=N_("Animals"),
        help=N_("Two convolutions with pooling, two dense layers, much dropout, RMSprop."),
        group="projects",
        settings={
            "model.architecture": "cnn",
            "model.blocks": 2,
            "model.filters": 32,
            "model.dense_units": 128,
            "model.dropout": 0.5,
            "optimizer.name": "rmsprop",
            "optimizer.learning_rate": 0.001,
            "train.epochs": 30,
        },
    ),
    Preset(
        name="cifar100-mlp",
        label=N_("CIFAR-100, MLP"),
        help=N_("Dense layers with dropout and L2, stochastic gradient descent with Nesterov."),
        group="projects",
        settings={
            "model.architecture": "mlp",
            "model.layers": 3,
            "model.units": 512,
            "model.unit_factor": 0.5,
            "model.dropout": 0.2,
            "model.l2": 0.0001,
            "optimizer.name": "sgd",
            "optimizer.learning_rate": 0.01,
            "optimizer.momentum": 0.9,
            "optimizer.nesterov": True,
            "optimizer.schedule": "exponential",
            "optimizer.decay_factor": 0.96,
            "train.epochs": 60,
            "train.batch_size": 128,
        },
    ),
    Preset(
        name="tiny-cnn",
        label=N_("Tiny images, CNN"),
        help=N_("Four blocks of two convolutions and a global mean, for many classes; Adam."),
        group="projects",
        settings={
            "model.architecture": "cnn",
            "model.blocks": 4,
            "model.convs_per_block": 2,
            "model.filters": 32,
            "model.head": "global_average",
            "model.dense_units": 256,
            "model.dropout": 0.4,
            "augment.flip": "horizontal",
            "optimizer.learning_rate": 0.001,
            "optimizer.schedule": "plateau",
            "optimizer.plateau_patience": 3,
            "train.epochs": 40,
            "train.batch_size": 128,
            "train.patience": 8,
        },
    ),
    Preset(
        name="resnet20",
        label="ResNet-20",
        help=N_("The residual network of the CIFAR experiments, with 270,000 parameters."),
        group="modern",
        settings={
            "model.architecture": "resnet",
            "model.depth": 20,
            "model.dropout": 0,
            "model.l2": 0.0001,
            **_FLIP_AND_SHIFT,
            **_NESTEROV,
            "train.epochs": 60,
        },
    ),
    Preset(
        name="wrn-16-4",
        label="WRN-16-4",
        help=N_("A wide residual network with 2.7 million parameters; wants a GPU."),
        group="modern",
        settings={
            "model.architecture": "wide_resnet",
            "model.depth": 16,
            "model.widen": 4,
            "model.dropout": 0,
            "model.l2": 0.0005,
            **_FLIP_AND_SHIFT,
            **_NESTEROV,
            "train.epochs": 60,
        },
    ),
    Preset(
        name="fast32",
        label="Fast32",
        help=N_("Few wide convolutions and long steps: the most accuracy in a few minutes."),
        group="modern",
        settings={
            "model.architecture": "fast32",
            "model.fast_width": 32,
            "model.dropout": 0,
            "model.activation": "gelu",
            "model.l2": 0.0001,
            **_FLIP_AND_SHIFT,
            **_NESTEROV,
            "optimizer.schedule": "one_cycle",
            "optimizer.learning_rate": 0.1,
            "train.label_smoothing": 0.1,
            "train.epochs": 15,
        },
    ),
    Preset(
        name="convnext-small",
        label="ConvNeXt",
        help=N_("A small network with the building plan of 2022; learns slowly at first."),
        group="modern",
        settings={
            "model.architecture": "convnext",
            "model.dropout": 0.1,
            "model.activation": "gelu",
            **_FLIP_AND_SHIFT,
            **_ADAMW,
            "train.epochs": 60,
        },
    ),
    Preset(
        name="mixer",
        label="MLP-Mixer",
        help=N_("No convolutions: what dense layers can do when they see patches."),
        group="modern",
        settings={
            "model.architecture": "mixer",
            "model.dropout": 0.1,
            "model.activation": "gelu",
            **_FLIP_AND_SHIFT,
            **_ADAMW,
            "train.epochs": 60,
        },
    ),
    Preset(
        name="mobilenet-features",
        label=N_("MobileNetV2, features"),
        help=N_("A new head on features that are computed once: minutes, also without a GPU."),
        group="transfer",
        settings={
            **_transfer("mobilenet_v2"),
            "model.frozen_epochs": 30,
            "train.epochs": 30,
            "train.batch_size": 64,
        },
    ),
    Preset(
        name="mobilenet-transfer",
        label=N_("MobileNetV2, fine-tuned"),
        help=N_("First a new head on ImageNet features, then the whole network with small steps."),
        group="transfer",
        settings={
            **_transfer("mobilenet_v2"),
            "model.frozen_epochs": 6,
            "model.fine_rate": 0.2,
            "train.epochs": 14,
            "train.batch_size": 32,
            # The loss turns up, from mere certainty, while the accuracy still rises by 5 points.
            "train.early_stopping": False,
            "train.restore_best": False,
        },
    ),
    Preset(
        name="resnet34-transfer",
        label=N_("ResNet34, fine-tuned"),
        help=N_("The same with a larger backbone and its last blocks only; wants a GPU."),
        group="transfer",
        settings={
            **_transfer("resnet34"),
            "model.unfreeze_blocks": 3,
            "model.frozen_epochs": 5,
            "train.epochs": 15,
            "train.batch_size": 64,
        },
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
    adapt = _ADAPT.get(config.model.architecture)
    return config.with_values(adapt(config.model, image_shape)) if adapt and image_shape else config


def _as_many_blocks(model: CNNConfig, image_shape: ImageShape) -> dict[str, object]:
    return {"model.blocks": max(1, min(model.blocks, max_blocks(image_shape)))}


def _largest_patch(model: MixerConfig, image_shape: ImageShape) -> dict[str, object]:
    fitting = [patch for patch in fitting_patches(image_shape) if patch <= model.patch]
    return {"model.patch": max(fitting)}


_ADAPT: dict[str, Callable[[Any, ImageShape], dict[str, object]]] = {
    "cnn": _as_many_blocks,
    "mixer": _largest_patch,
}
"""How presets of an architecture follow the size of the images."""
