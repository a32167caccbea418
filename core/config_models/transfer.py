"""Transfer learning: a network that has already seen a million photographs, and a new head."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, NamedTuple

from annotated_types import Interval
from pydantic import BeforeValidator

from core.config_models.base import DROPOUT, ModelSection, RateOfDropout
from core.errors import N_
from core.knobs import knob

Alpha = Annotated[Literal["0.35", "0.5", "0.75", "1.0", "1.3", "1.4"], BeforeValidator(str)]
"""As text, because a choice is known by its name; 0.35 as a number is understood too."""


class Backbone(NamedTuple):
    """One pretrained network; ``parameters`` without its top, ``file`` as Keras names it."""

    title: str
    about: str
    parameters: int
    channels: int
    """Length of its feature vector."""
    file: str
    block: str
    """A regular expression whose match in a layer's name is the block that it belongs to."""
    min_size: int = 32


_KERNELS = "weights_tf_dim_ordering_tf_kernels"
BACKBONES: dict[str, Backbone] = {
    "mobilenet_v2": Backbone(
        "MobileNetV2",
        N_("Small and quick, also without a GPU; its width can be chosen."),
        2_257_984,
        1280,
        f"mobilenet_v2_{_KERNELS}_{{alpha}}_224_no_top.h5",
        r"block_\d+|expanded_conv",
    ),
    "efficientnet_b0": Backbone(
        "EfficientNetB0",
        N_("Much accuracy for few parameters."),
        4_049_571,
        1280,
        "efficientnetb0_notop.h5",
        r"block\d[a-z]",
    ),
    "efficientnet_v2_b0": Backbone(
        "EfficientNetV2B0",
        N_("The successor of EfficientNetB0, quicker to train."),
        5_919_312,
        1280,
        "efficientnetv2-b0_notop.h5",
        r"block\d[a-z]",
    ),
    "densenet121": Backbone(
        "DenseNet121",
        N_("Every layer sees the output of all before it."),
        7_037_504,
        1024,
        f"densenet121_{_KERNELS}_notop.h5",
        r"conv\d_block\d+",
    ),
    "resnet34": Backbone(
        "ResNet34",
        N_("The classic residual network with plain blocks; its weights come from PyTorch."),
        21_301_696,
        512,
        "resnet34.safetensors",
        r"layer\d_\d",
    ),
    "resnet50": Backbone(
        "ResNet50",
        N_("The most used network of all, with bottleneck blocks."),
        23_587_712,
        2048,
        f"resnet50_{_KERNELS}_notop.h5",
        r"conv\d_block\d+",
    ),
    "vgg19": Backbone(
        "VGG19",
        N_("Plain stacked convolutions: large and slow, easy to look into."),
        20_024_384,
        512,
        f"vgg19_{_KERNELS}_notop.h5",
        r"block\d",
    ),
    "convnext_tiny": Backbone(
        "ConvNeXtTiny",
        N_("The strongest and the most expensive one of this list."),
        27_820_128,
        768,
        "convnext_tiny_notop.h5",
        r"stage\d_block\d",
    ),
}
MOBILENET_PARAMETERS = {
    "0.35": 410_208,
    "0.5": 706_224,
    "0.75": 1_382_064,
    "1.0": 2_257_984,
    "1.3": 3_766_048,
    "1.4": 4_363_712,
}
"""Of MobileNetV2 by its width."""


class TransferConfig(ModelSection):
    """A backbone of :data:`BACKBONES` with a new head."""

    title: ClassVar = N_("Transfer learning")
    about: ClassVar = N_(
        "A network that has learned from a million photographs, with a new head for these classes."
    )
    architecture: Literal["transfer"] = "transfer"
    backbone: Literal[
        "mobilenet_v2",
        "efficientnet_b0",
        "efficientnet_v2_b0",
        "densenet121",
        "resnet34",
        "resnet50",
        "vgg19",
        "convnext_tiny",
    ] = knob("mobilenet_v2", N_("Backbone"), N_("The network whose features are used."), basic=True)
    alpha: Alpha = knob(
        "0.35",
        N_("Width factor"),
        N_("Share of MobileNetV2's channels: less is quicker, more is more accurate."),
        basic=True,
        when=("backbone", ("mobilenet_v2",)),
    )
    weights: Literal["imagenet", "none"] = knob(
        "imagenet",
        N_("Weights"),
        N_(
            "ImageNet: what it has learned from photographs, from the server's folder of weights "
            "or downloaded once. None: it starts from random weights."
        ),
        basic=True,
    )
    input_size: Annotated[int, Interval(ge=0, le=512)] = knob(
        96,
        N_("Input size"),
        N_(
            "The network enlarges or shrinks the images to this side, because backbones see "
            "little in small ones; the time grows with its square. 0: as they are."
        ),
        basic=True,
        step=32,
        unit="px",
    )
    frozen_epochs: Annotated[int, Interval(ge=0, le=1000)] = knob(
        5,
        N_("Frozen epochs"),
        N_("Epochs in which only the new head learns; the backbone joins in after them."),
        basic=True,
        when=("weights", ("imagenet",)),
    )
    unfreeze_blocks: Annotated[int, Interval(ge=0, le=60)] = knob(
        0,
        N_("Blocks to unfreeze"),
        N_("How many of the backbone's last blocks learn after the frozen epochs; 0 for all."),
        when=("weights", ("imagenet",)),
    )
    fine_rate: Annotated[float, Interval(ge=0.01, le=1)] = knob(
        0.1,
        N_("Fine-tuning rate"),
        N_("The learning rate after the frozen epochs, as a part of the one before."),
        step=0.01,
        when=("weights", ("imagenet",)),
    )
    tune_norm: bool = knob(
        False,
        N_("Adapt normalisation"),
        N_("Lets batch normalisation adapt after the frozen epochs instead of keeping its means."),
        when=("weights", ("imagenet",)),
    )
    feature_pooling: Literal["average", "max"] = knob(
        "average",
        N_("Feature pooling"),
        N_("Takes the mean or the maximum of every feature over the image."),
    )
    head_units: Annotated[int, Interval(ge=0, le=4096)] = knob(
        0,
        N_("Head units"),
        N_("Neurons of a dense layer between features and output; 0 for none."),
        step=16,
    )
    dropout: RateOfDropout = knob(0.2, *DROPOUT, basic=True, step=0.05)

    @property
    def row(self) -> Backbone:
        return BACKBONES[self.backbone]

    @property
    def short_name(self) -> str:
        return self.row.title

    @property
    def pretrained(self) -> bool:
        return self.weights == "imagenet"

    @property
    def file_name(self) -> str:
        """The usual name of the file with its weights."""
        return self.row.file.format(alpha=self.alpha)
