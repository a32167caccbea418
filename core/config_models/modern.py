"""Small networks of later years, sized for images of some 32 pixels."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from core.config_models.base import ACTIVATION, DROPOUT, Activation, ModelSection, RateOfDropout
from core.errors import N_
from core.knobs import knob


class ResNetConfig(ModelSection):
    """Residual network in the form of the CIFAR experiments of its paper (He et al. 2015)."""

    title: ClassVar = "ResNet"
    about: ClassVar = N_("Convolutions with short cuts around them, so that depth does no harm.")
    architecture: Literal["resnet"] = "resnet"
    depth: Literal[8, 14, 20, 26, 32, 38, 44, 50, 56] = knob(
        20,
        N_("Depth"),
        N_("Layers with weights: three stages of (depth − 2) / 6 residual blocks."),
        basic=True,
    )
    stem_filters: Annotated[int, Interval(ge=1, le=256)] = knob(
        16,
        N_("Filters"),
        N_("Filters of the first stage; the second has twice, the third four times as many."),
        basic=True,
        step=8,
    )
    dropout: RateOfDropout = knob(0.0, *DROPOUT, basic=True, step=0.05)

    @property
    def short_name(self) -> str:
        return f"ResNet-{self.depth}"


class WideResNetConfig(ModelSection):
    """Wide residual network with the activations first (Zagoruyko and Komodakis 2016)."""

    title: ClassVar = "WideResNet"
    about: ClassVar = N_("A residual network with fewer, wider layers: quicker for its accuracy.")
    architecture: Literal["wide_resnet"] = "wide_resnet"
    depth: Literal[10, 16, 22, 28, 40] = knob(
        16,
        N_("Depth"),
        N_("Layers with weights: three stages of (depth − 4) / 6 wide residual blocks."),
        basic=True,
    )
    widen: Annotated[int, Interval(ge=1, le=12)] = knob(
        4, N_("Width"), N_("So many times the filters of a ResNet: 16, 32 and 64."), basic=True
    )
    block_dropout: RateOfDropout = knob(
        0.0,
        N_("Dropout in blocks"),
        N_("Dropout between the two convolutions of every residual block."),
        step=0.05,
    )
    dropout: RateOfDropout = knob(0.0, *DROPOUT, basic=True, step=0.05)

    @property
    def short_name(self) -> str:
        return f"WRN-{self.depth}-{self.widen}"


class FastConfig(ModelSection):
    """A few wide convolutions, of the family that holds the speed records on CIFAR-10."""

    title: ClassVar = "Fast32"
    about: ClassVar = N_("A few wide convolutions: the most accuracy per second on small images.")
    architecture: Literal["fast32"] = "fast32"
    fast_width: Annotated[int, Interval(ge=8, le=256)] = knob(
        32,
        N_("Width"),
        N_("Filters of the first group; the other two groups have four times as many."),
        basic=True,
        step=8,
    )
    fast_residual: bool = knob(
        False,
        N_("Residual convolutions"),
        N_("A third convolution with a short cut in every group: slower, more accurate."),
    )
    logit_scale: Annotated[float, Interval(ge=0.01, le=1)] = knob(
        0.125,
        N_("Logit scale"),
        N_("Shrinks the features before the output, so that high learning rates stay stable."),
        step=0.005,
    )
    dropout: RateOfDropout = knob(0.0, *DROPOUT, basic=True, step=0.05)
    activation: Activation = knob("gelu", *ACTIVATION)


class ConvNeXtConfig(ModelSection):
    """A small ConvNeXt (Liu et al. 2022): depthwise convolutions between dense layers."""

    title: ClassVar = "ConvNeXt"
    about: ClassVar = N_("A convolutional network with the building plan of a vision transformer.")
    architecture: Literal["convnext"] = "convnext"
    stem_patch: Literal[1, 2, 4] = knob(
        2, N_("Stem patch"), N_("Pixels per side that the first layer joins into one position.")
    )
    stages: Annotated[int, Interval(ge=1, le=4)] = knob(
        3,
        N_("Stages"),
        N_("Every further stage has half the height and width and twice the channels."),
        basic=True,
    )
    blocks_per_stage: Annotated[int, Interval(ge=1, le=9)] = knob(
        2, N_("Blocks per stage"), N_("Residual blocks in each stage."), basic=True
    )
    channels: Annotated[int, Interval(ge=4, le=256)] = knob(
        48, N_("Channels"), N_("Channels of the first stage."), basic=True, step=8
    )
    depthwise_kernel: Literal[3, 5, 7] = knob(
        7, N_("Depthwise kernel"), N_("Side of the window that every channel is filtered with.")
    )
    dropout: RateOfDropout = knob(0.1, *DROPOUT, basic=True, step=0.05)
    activation: Activation = knob("gelu", *ACTIVATION)


class MixerConfig(ModelSection):
    """MLP-Mixer (Tolstikhin et al. 2021): dense layers over patches, then over channels."""

    title: ClassVar = "MLP-Mixer"
    about: ClassVar = N_("Dense layers only, by turns across patches of the image and within them.")
    PATCHES: ClassVar = (1, 2, 4, 7, 8, 16)
    architecture: Literal["mixer"] = "mixer"
    patch: Literal[1, 2, 4, 7, 8, 16] = knob(
        4, N_("Patch"), N_("Side of a patch in pixels; it must divide the image."), basic=True
    )
    mixer_blocks: Annotated[int, Interval(ge=1, le=16)] = knob(
        6,
        N_("Mixer blocks"),
        N_("Pairs of mixing across patches and mixing across channels."),
        basic=True,
    )
    mixer_width: Annotated[int, Interval(ge=8, le=1024)] = knob(
        128, N_("Patch width"), N_("Numbers that describe each patch."), basic=True, step=16
    )
    token_units: Annotated[int, Interval(ge=4, le=2048)] = knob(
        64, N_("Units across patches"), N_("Hidden neurons that mix the patches."), step=16
    )
    channel_units: Annotated[int, Interval(ge=4, le=4096)] = knob(
        256, N_("Units across channels"), N_("Hidden neurons that mix the channels."), step=32
    )
    dropout: RateOfDropout = knob(0.1, *DROPOUT, basic=True, step=0.05)
    activation: Activation = knob("gelu", *ACTIVATION)
