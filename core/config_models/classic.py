"""The two textbook architectures, with every knob that a course asks for."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from annotated_types import Interval

from core.config_models.base import ModelSection, RateOfDropout
from core.errors import N_
from core.knobs import knob

_NORM = (
    N_("Batch normalisation"),
    N_("Re-centres activations after every layer; steadier, faster training."),
)


class MLPConfig(ModelSection):
    """Multi-layer perceptron: dense layers over the flattened pixels."""

    title: ClassVar = "MLP"
    about: ClassVar = N_("Dense layers over the pixels, blind to where a pixel is.")
    architecture: Literal["mlp"] = "mlp"
    layers: Annotated[int, Interval(ge=1, le=8)] = knob(
        2, N_("Layers"), N_("Number of hidden dense layers."), basic=True
    )
    units: Annotated[int, Interval(ge=1, le=4096)] = knob(
        128, N_("Units"), N_("Neurons in each hidden layer."), basic=True, step=16
    )
    unit_factor: Annotated[float, Interval(ge=0.25, le=2)] = knob(
        1.0,
        N_("Units factor"),
        N_("Every further layer has so many times the units; below 1 the network narrows."),
        step=0.25,
    )
    input_dropout: RateOfDropout = knob(
        0.0,
        N_("Input dropout"),
        N_("Part of the pixels switched off at random while training."),
        step=0.05,
    )
    batch_norm: bool = knob(False, *_NORM, basic=True)

    def widths(self) -> list[int]:
        """Units of every hidden layer."""
        return tapered(self.units, self.unit_factor, self.layers)


class CNNConfig(ModelSection):
    """Convolutional network: blocks of convolution and pooling, then a dense head."""

    title: ClassVar = "CNN"
    about: ClassVar = N_("Blocks of convolution and pooling, which look at neighbourhoods.")
    architecture: Literal["cnn"] = "cnn"
    blocks: Annotated[int, Interval(ge=1, le=6)] = knob(
        3,
        N_("Blocks"),
        N_("Convolution blocks; each ends with a pooling that halves height and width."),
        basic=True,
    )
    convs_per_block: Annotated[int, Interval(ge=1, le=4)] = knob(
        1, N_("Convolutions per block"), N_("Convolution layers before each pooling.")
    )
    filters: Annotated[int, Interval(ge=1, le=512)] = knob(
        32, N_("Filters"), N_("Filters of the first block."), basic=True, step=8
    )
    growth: Annotated[float, Interval(ge=1, le=4)] = knob(
        2.0,
        N_("Growth"),
        N_("Every further block has so many times the filters; 1 keeps their number."),
        step=0.25,
    )
    kernel: Literal[1, 3, 5, 7] = knob(
        3, N_("Kernel"), N_("Side of the convolution window, in pixels.")
    )
    pooling: Literal["max", "average", "stride"] = knob(
        "max",
        N_("Pooling"),
        N_(
            "Keeps the largest or the mean value of each 2×2 window; a stride lets the last "
            "convolution of the block take every second pixel instead."
        ),
    )
    batch_norm: bool = knob(True, *_NORM, basic=True)
    conv_dropout: RateOfDropout = knob(
        0.0,
        N_("Convolution dropout"),
        N_("Dropout between the convolutions; the other one is for the dense layers."),
        step=0.05,
    )
    conv_dropout_after: Literal["block", "convolution"] = knob(
        "block",
        N_("Convolution dropout after"),
        N_("Every block, or every convolution but the first of the network."),
    )
    spatial_dropout: bool = knob(
        False,
        N_("Spatial dropout"),
        N_("Convolution dropout switches off whole feature maps instead of single values."),
    )
    head: Literal["flatten", "global_average", "global_max"] = knob(
        "flatten",
        N_("Head input"),
        N_("Gives the dense head every position (flatten), or one mean or maximum per filter."),
    )
    dense_units: Annotated[int, Interval(ge=0, le=4096)] = knob(
        128,
        N_("Dense units"),
        N_("Neurons of the dense layer before the output; 0 for none."),
        basic=True,
        step=16,
    )
    dense_layers: Annotated[int, Interval(ge=1, le=4)] = knob(
        1, N_("Dense layers"), N_("Number of dense layers before the output.")
    )
    dense_factor: Annotated[float, Interval(ge=0.25, le=2)] = knob(
        1.0,
        N_("Dense factor"),
        N_("Every further dense layer has so many times the units."),
        step=0.25,
    )

    def block_filters(self) -> list[int]:
        """Filters of every block."""
        return tapered(self.filters, self.growth, self.blocks)

    def dense_widths(self) -> list[int]:
        """Units of every hidden layer of the head."""
        return tapered(
            self.dense_units, self.dense_factor, self.dense_layers if self.dense_units else 0
        )


def tapered(first: int, factor: float, count: int) -> list[int]:
    """``first``, and every further one ``factor`` times the one before, at least 1."""
    return [max(1, round(first * factor**i)) for i in range(count)]
