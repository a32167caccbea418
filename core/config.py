"""The full, frozen description of one training: what the form makes and the worker reads.

Every field carries a label and a one-sentence explanation (both translatable), its limits and
its default, so that the form, the command line, the validation and the documentation all come
from this table. Importing this module loads neither Keras nor Streamlit.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Interval
from pydantic import Field, ValidationError, model_validator

from core.config_augment import AugmentConfig as AugmentConfig
from core.config_training import OptimizerConfig as OptimizerConfig
from core.config_training import TrainConfig as TrainConfig
from core.errors import N_, ConfigError, Text, Value
from core.knobs import Knob, Section, knob

Activation = Literal["relu", "gelu", "swish", "tanh", "elu"]


class DataConfig(Section):
    """Which images."""

    dataset: Annotated[str, Field(min_length=1)] = knob(
        "digits", N_("Dataset"), N_("The images to learn from."), basic=True
    )
    limit: Annotated[int, Ge(1)] | None = knob(
        None,
        N_("Training images at most"),
        N_(
            "Uses a balanced part of the training images, and of the validation images above "
            "1,000, for a quicker lesson. Empty: all."
        ),
        step=500,
    )


class ModelSection(Section):
    """What all architectures share."""

    dropout: Annotated[float, Interval(ge=0, le=0.9)] = knob(
        0.3,
        N_("Dropout"),
        N_("Part of the activations switched off at random while training; against overfitting."),
        basic=True,
        step=0.05,
    )
    l2: Annotated[float, Interval(ge=0, le=1)] = knob(
        0.0,
        N_("L2 penalty"),
        N_("Pulls the weights towards zero; against overfitting. Usual: 0.0001 to 0.001."),
        step=0.0001,
    )
    activation: Activation = knob(
        "relu", N_("Activation"), N_("The non-linear function after every layer.")
    )

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """The architecture's own settings first, then those that all share."""
        found = super().knobs()
        own = {name: knob for name, knob in found.items() if name not in ModelSection.model_fields}
        return own | found


class MLPConfig(ModelSection):
    """Multi-layer perceptron: dense layers over the flattened pixels."""

    architecture: Literal["mlp"] = "mlp"
    layers: Annotated[int, Interval(ge=1, le=8)] = knob(
        2, N_("Layers"), N_("Number of hidden dense layers."), basic=True
    )
    units: Annotated[int, Interval(ge=1, le=4096)] = knob(
        128, N_("Units"), N_("Neurons in each hidden layer."), basic=True, step=16
    )
    batch_norm: bool = knob(
        False,
        N_("Batch normalisation"),
        N_("Re-centres activations after every layer; steadier, faster training."),
        basic=True,
    )


class CNNConfig(ModelSection):
    """Convolutional network: blocks of convolution and pooling, then a dense head."""

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
        32,
        N_("Filters"),
        N_("Filters of the first block; every further block has twice as many."),
        basic=True,
        step=8,
    )
    kernel: Literal[1, 3, 5, 7] = knob(
        3, N_("Kernel"), N_("Side of the convolution window, in pixels.")
    )
    pooling: Literal["max", "average"] = knob(
        "max", N_("Pooling"), N_("Keeps the largest or the mean value of each 2×2 window.")
    )
    batch_norm: bool = knob(
        True,
        N_("Batch normalisation"),
        N_("Re-centres activations after every layer; steadier, faster training."),
        basic=True,
    )
    head: Literal["flatten", "global_average"] = knob(
        "flatten",
        N_("Head input"),
        N_("Gives the dense head every position (flatten) or one mean per filter."),
    )
    dense_units: Annotated[int, Interval(ge=0, le=4096)] = knob(
        128,
        N_("Dense units"),
        N_("Neurons of the dense layer before the output; 0 for none."),
        basic=True,
        step=16,
    )


ModelConfig = Annotated[MLPConfig | CNNConfig, Field(discriminator="architecture")]
ARCHITECTURES: dict[str, type[MLPConfig] | type[CNNConfig]] = {"mlp": MLPConfig, "cnn": CNNConfig}


class RunConfig(Section):
    """Everything that determines a training. Equal configs give, on a CPU, equal runs."""

    data: DataConfig = DataConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = CNNConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    train: TrainConfig = TrainConfig()

    @model_validator(mode="before")
    @classmethod
    def _default_architecture(cls, values: Any) -> Any:
        """A model section that names no architecture means the CNN."""
        if isinstance(values, dict) and isinstance(values.get("model"), dict):
            model = {"architecture": "cnn", **values["model"]}
            return {**values, "model": model}
        return values

    @classmethod
    def parse(cls, values: object) -> Self:
        """Validate plain data.

        Raises:
            ConfigError: naming the field, what was expected and what was received.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _config_error(error) from None

    def with_values(self, values: dict[str, object]) -> Self:
        """A copy with dotted fields replaced, e.g. ``{"train.epochs": "3"}``; text is parsed.

        Raises:
            ConfigError: for an unknown field or an impossible value.
        """
        data = self.model_dump()
        architecture = values.get("model.architecture", data["model"]["architecture"])
        if architecture != data["model"]["architecture"]:
            data["model"] = _shared_fields(data["model"], str(architecture))
        for dotted, value in values.items():
            section, _, field = dotted.partition(".")
            if field not in _fields_of(section, str(architecture)):
                raise _unknown_field(dotted, str(architecture))
            data[section][field] = _parsed(value) if dotted != "data.dataset" else value
        return self.parse(data)


SECTIONS: dict[str, type[Section]] = {
    "data": DataConfig,
    "augment": AugmentConfig,
    "optimizer": OptimizerConfig,
    "train": TrainConfig,
}
SECTION_NAMES = ("data", "augment", "model", "optimizer", "train")


def _fields_of(section: str, architecture: str) -> set[str]:
    if section == "model":
        cls: type[Section] | None = ARCHITECTURES.get(architecture)
        return set(cls.model_fields) if cls else {"architecture"}
    cls = SECTIONS.get(section)
    return set(cls.model_fields) if cls else set()


def _parsed(value: object) -> object:
    """Text as it comes from a command line, read as JSON where it is JSON (3, true, null)."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _shared_fields(model: dict[str, object], architecture: str) -> dict[str, object]:
    """What of one architecture's settings another one understands as well."""
    known = _fields_of("model", architecture)
    return {k: v for k, v in model.items() if k in known} | {"architecture": architecture}


def _unknown_field(dotted: str, architecture: str) -> ConfigError:
    section = dotted.partition(".")[0]
    known = sorted(_fields_of(section, architecture))
    expected = [f"{section}.{field}" for field in known] or [f"{s}.…" for s in SECTION_NAMES]
    return ConfigError(
        N_("There is no setting {received}. Expected one of: {expected}."),
        received=dotted,
        expected=", ".join(expected),
    )


_EXPECTED: dict[str, str] = {
    "greater_than": N_("a number greater than {gt}"),
    "greater_than_equal": N_("a number of at least {ge}"),
    "less_than": N_("a number less than {lt}"),
    "less_than_equal": N_("a number of at most {le}"),
    "finite_number": N_("a finite number"),
    "int_parsing": N_("a whole number"),
    "int_type": N_("a whole number"),
    "int_from_float": N_("a whole number"),
    "float_parsing": N_("a number"),
    "float_type": N_("a number"),
    "bool_parsing": N_("true or false"),
    "bool_type": N_("true or false"),
    "literal_error": N_("one of {expected}"),
    "union_tag_invalid": N_("one of {expected_tags}"),
    "string_too_short": N_("a name"),
    "string_type": N_("a name"),
    "extra_forbidden": N_("the name of a setting"),
    "missing": N_("a value"),
}
"""pydantic's error types in the user's words; the gaps are pydantic's own context names."""


class InvalidValueError(ConfigError):
    """One setting has an impossible value; on a screen it is called as in the form."""

    def __init__(self, field: str, expected: Text, received: object) -> None:
        super().__init__(
            N_("{field}: expected {expected}, received {received}."),
            field=field,
            expected=expected,
            received=_shown(received),
        )
        label = _label(field)
        if label is not None:
            self.on_screen = self.text.model_copy(
                update={"params": {**self.text.params, "field": Text(msgid=label)}}
            )


def _label(dotted: str) -> str | None:
    """What the form calls a setting; None for what is not in the form."""
    section, _, field = dotted.partition(".")
    sections = ARCHITECTURES.values() if section == "model" else (SECTIONS.get(section, Section),)
    labels = (cls.knobs()[field].label for cls in sections if field in cls.knobs())
    return next(labels, None)


def _shown(value: object) -> str:
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 80 else shown[:77] + "…"


def _config_error(error: ValidationError) -> ConfigError:
    first = error.errors(include_url=False)[0]
    tags = set(ARCHITECTURES)
    where = ".".join(str(p) for p in first["loc"] if p not in tags) or "config"
    received = first["input"]
    if first["type"] == "union_tag_invalid":
        where, received = "model.architecture", received["architecture"]
    known = first.get("ctx", {}).items()
    context: dict[str, Value | Text] = {k: v for k, v in known if isinstance(v, Value)}
    msgid = _EXPECTED.get(first["type"])
    expected = Text(msgid=msgid, params=context) if msgid else Text(msgid=first["msg"])
    return InvalidValueError(where, expected, received)
