"""The full, frozen description of one training: what the form makes and the worker reads.

Every field carries a label and a one-sentence explanation (both translatable), its limits and
its default, so that the form, the command line, the validation and the documentation all come
from this table. Importing this module loads neither Keras nor Streamlit.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Le
from pydantic import Field, ValidationError, model_validator

from core.config_augment import AugmentConfig as AugmentConfig
from core.config_models import ARCHITECTURES as ARCHITECTURES
from core.config_models import Activation as Activation
from core.config_models import CNNConfig as CNNConfig
from core.config_models import MLPConfig as MLPConfig
from core.config_models import ModelConfig as ModelConfig
from core.config_models import TransferConfig as TransferConfig
from core.config_models import same_setting
from core.config_training import OptimizerConfig as OptimizerConfig
from core.config_training import TrainConfig as TrainConfig
from core.errors import N_, ConfigError, Text, Value
from core.knobs import Section, knob

FOLDS = tuple(range(2, 21))
"""Parts that a cross-validation may have."""
MIN_VALIDATION = 1000
"""A limit on the training images cuts the validation images down to no fewer than so many."""


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
    with_validation: bool = knob(
        False,
        N_("Learn from validation, too"),
        N_(
            "Adds the validation images to those that are learned from, for a last training whose "
            "settings are decided: nothing judges the epochs then, only the test at the end."
        ),
    )
    folds: Annotated[int, Ge(2), Le(20)] | None = knob(
        None,
        N_("Folds"),
        N_(
            "Cross-validation: training and validation images together are dealt into so many "
            "parts, and each is judged by the training on all others. Empty: as imported."
        ),
    )
    fold: Annotated[int, Ge(0)] | None = knob(
        None,
        N_("Fold"),
        N_("Which part is judged, from 0 on, through all repeats; the others are learned from."),
        when=("folds", FOLDS),
    )
    repeats: Annotated[int, Ge(1), Le(10)] = knob(
        1,
        N_("Repeats"),
        N_("How often the images are dealt anew, every time into as many folds."),
        when=("folds", FOLDS),
    )
    grouping: Literal["none", "copies", "prefix", "stem", "folder"] = knob(
        "none",
        N_("Images that stay together"),
        N_(
            "Images of the same scene or person, or copies of one another, all go into the same "
            "fold, so that none is judged by a network that has learned its sister."
        ),
        when=("folds", FOLDS),
    )
    fold_seed: Annotated[int, Ge(0)] = knob(
        0,
        N_("Seed of the folds"),
        N_("Another number deals the images into other folds."),
        when=("folds", FOLDS),
    )

    @property
    def judging_limit(self) -> int | None:
        """Validation images at most: with a handful early stopping and the best epoch would be a
        matter of luck."""
        return self.limit and max(self.limit, MIN_VALIDATION)

    @property
    def all_folds(self) -> int:
        """Trainings of the whole cross-validation; 0 if it is none."""
        return (self.folds or 0) * self.repeats


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
            raise config_error(error) from None

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
    before, after = ARCHITECTURES[str(model["architecture"])], ARCHITECTURES.get(architecture)
    shared = {k: v for k, v in model.items() if after and same_setting(k, before, after)}
    return shared | {"architecture": architecture}


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


def config_error(error: ValidationError) -> ConfigError:
    """The first thing that pydantic found, in the user's words."""
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
