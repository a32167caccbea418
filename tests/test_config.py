"""What a training can be told, and what it answers to nonsense."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.config import (
    ARCHITECTURES,
    SECTIONS,
    AugmentConfig,
    CNNConfig,
    InvalidValueError,
    MLPConfig,
    RunConfig,
)
from core.errors import ConfigError, NotFoundError
from core.knobs import Section
from core.presets import PRESETS, ImageShape, check_fits, get_preset, max_blocks, preset_config

NAMES = ", ".join(map(repr, ARCHITECTURES))
ALL_SECTIONS: list[type[Section]] = [*SECTIONS.values(), *ARCHITECTURES.values()]
SHAPES: list[ImageShape] = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (128, 96, 3), (4, 4, 1)]
BY_NAME: dict[str, type[Section]] = {**SECTIONS, "model": CNNConfig}
DOTTED = [f"{name}.{field}" for name, fields in BY_NAME.items() for field in fields.model_fields]


@pytest.mark.parametrize(
    ("field", "value", "expected", "received"),
    [
        ("optimizer.learning_rate", "-1", "a number greater than 0.0", "-1"),
        ("optimizer.learning_rate", "0", "a number greater than 0.0", "0"),
        ("optimizer.learning_rate", "nan", "a finite number", "'nan'"),
        ("optimizer.learning_rate", "NaN", "a finite number", "nan"),
        ("optimizer.learning_rate", "1e999", "a finite number", "inf"),
        ("optimizer.learning_rate", "11", "a number of at most 10.0", "11"),
        ("optimizer.learning_rate", "fast", "a number", "'fast'"),
        (
            "optimizer.name",
            "best",
            "one of 'sgd', 'rmsprop', 'adam', 'adamw', 'nadam', 'lion', 'muon' or 'adagrad'",
            "'best'",
        ),
        ("optimizer.momentum", "1", "a number less than 1.0", "1"),
        ("optimizer.nesterov", "perhaps", "true or false", "'perhaps'"),
        ("train.epochs", "0", "a number of at least 1", "0"),
        ("train.epochs", "2.5", "a whole number", "2.5"),
        ("train.epochs", "many", "a whole number", "'many'"),
        ("train.epochs", "null", "a whole number", "None"),
        ("train.seed", "-1", "a number of at least 0", "-1"),
        ("train.seed", str(2**31), f"a number of at most {2**31 - 1}", str(2**31)),
        ("data.limit", "0", "a number of at least 1", "0"),
        ("data.dataset", "", "a name", "''"),
        ("augment.rotation", "181", "a number of at most 180.0", "181"),
        ("augment.flip", "sideways", "one of 'none', 'horizontal', 'vertical' or 'both'", None),
        ("model.kernel", "4", "one of 1, 3, 5 or 7", "4"),
        ("model.architecture", "vit", f"one of {NAMES}", "'vit'"),
        ("model.architecture", "5", f"one of {NAMES}", "5"),
        ("model.dropout", "[1]", "a number", "[1]"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected_and_received(
    field: str, value: str, expected: str, received: str | None
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        RunConfig().with_values({field: value})
    gaps = caught.value.text.params
    assert (gaps["field"], str(gaps["expected"])) == (field, expected)
    end = f"received {received}." if received else "."
    assert str(caught.value).startswith(f"{field}: expected {expected}")
    assert str(caught.value).endswith(end)


def test_on_a_screen_a_setting_is_called_as_in_the_form() -> None:
    """… in the reader's language, as is what was expected."""
    with pytest.raises(InvalidValueError) as caught:
        RunConfig().with_values({"optimizer.learning_rate": 0})
    upside_down = {"Learning rate": "ɹɐʇǝ", "a number greater than {gt}": "> {gt}"}
    shown = caught.value.on_screen.render(lambda message: upside_down.get(message, message))
    assert shown == "ɹɐʇǝ: expected > 0.0, received 0."


@pytest.mark.parametrize("dotted", ["train.epoch", "training.epochs", "epochs", "train.", "", "."])
def test_an_unknown_setting_names_those_that_exist(dotted: str) -> None:
    with pytest.raises(ConfigError, match="There is no setting") as caught:
        RunConfig().with_values({dotted: "3"})
    known = "train.epochs" if dotted.startswith("train.") else "train.…"
    assert known in str(caught.value)


def test_a_setting_of_another_architecture_is_unknown() -> None:
    with pytest.raises(ConfigError, match=r"no setting model\.units.*model\.blocks"):
        RunConfig().with_values({"model.units": "64"})


@pytest.mark.parametrize("values", [None, [], "cnn", 3, {"model": 5}, {"train": None}, {"x": {}}])
def test_what_is_not_a_config_at_all_is_refused_as_one(values: object) -> None:
    with pytest.raises(ConfigError):
        RunConfig.parse(values)


NUMBERS = st.integers() | st.floats()
VALUES = st.text() | NUMBERS.map(str) | NUMBERS | st.none() | st.booleans() | st.lists(NUMBERS)


@given(field=st.sampled_from(DOTTED) | st.text(), value=VALUES)
def test_whatever_is_set_gives_a_config_or_a_sentence(field: str, value: object) -> None:
    try:
        config = RunConfig().with_values({field: value})
    except ConfigError as refused:
        sentence = str(refused)  # also: all its gaps can be filled
        assert sentence.endswith(".")
    else:
        assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_json_round_trip_keeps_everything() -> None:
    config = RunConfig().with_values(
        {"model.architecture": "mlp", "model.units": 7, "augment.zoom": 0.1, "data.limit": 30}
    )
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    assert isinstance(config.model, MLPConfig)
    assert (config.model.units, config.data.limit) == (7, 30)


def test_a_run_from_before_most_augmentations_is_read_as_it_was() -> None:
    old = {
        "flip": "none",
        "rotation": 10.0,
        "translation": 0.1,
        "zoom": 0,
        "crop": 0,
        "contrast": 0,
    }
    config = RunConfig.model_validate({"augment": old})
    assert config.augment == AugmentConfig(rotation=10, translation=0.1)
    assert not config.augment.mixes


def test_the_command_line_sets_every_kind_of_augmentation() -> None:
    settings = {"shear": "0.2", "rand_augment": "2", "augmix": "true", "mixing": "cutmix"}
    config = RunConfig().with_values({f"augment.{k}": v for k, v in settings.items()})
    expected = AugmentConfig(shear=0.2, rand_augment=2, augmix=True, mixing="cutmix")
    assert config.augment == expected


def test_text_is_read_as_the_type_of_its_field() -> None:
    config = RunConfig().with_values(
        {
            "train.epochs": "3",
            "data.limit": "null",
            "train.early_stopping": "false",
            "data.dataset": "42",
        }
    )
    assert (config.train.epochs, config.data.limit) == (3, None)
    assert (config.train.early_stopping, config.data.dataset) == (False, "42")


def test_another_architecture_takes_over_what_it_understands() -> None:
    cnn = RunConfig().with_values({"model.dropout": 0.15, "model.blocks": 2, "model.l2": 0.01})
    mlp = cnn.with_values({"model.architecture": "mlp", "model.layers": "4"}).model
    assert mlp == MLPConfig(dropout=0.15, l2=0.01, layers=4, batch_norm=True)


def test_the_original_is_never_changed() -> None:
    config = RunConfig()
    config.with_values({"train.epochs": 3})
    assert config == RunConfig()
    with pytest.raises(ValidationError):
        config.train = config.train


@pytest.mark.parametrize("section", ALL_SECTIONS, ids=lambda s: s.__name__)
def test_every_field_explains_itself(section: type[Section]) -> None:
    knobs = section.knobs()
    assert set(knobs) == set(section.model_fields) - {"architecture"}
    for name, knob in knobs.items():
        assert knob.label, name
        assert knob.help.endswith("."), name
        if knob.when:
            sibling, values = knob.when
            allowed = get_args(section.model_fields[sibling].annotation)
            if type(values[0]) is int:  # numbers have limits instead of options
                default = section.model_validate({sibling: values[0]})
                assert getattr(default, sibling) == values[0], name
                continue
            assert set(values) <= set(allowed or (True, False)), name


def test_defaults_are_valid() -> None:
    assert RunConfig.parse({}) == RunConfig()
    for section in ALL_SECTIONS:
        section.model_validate(section().model_dump())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", PRESETS)
def test_presets_fit_images_of_every_size(name: str, shape: ImageShape) -> None:
    config = preset_config(name, "mine", shape)
    check_fits(config.model, shape)
    assert config.data.dataset == "mine"


def test_a_preset_keeps_its_blocks_where_they_fit() -> None:
    blocks = [preset_config("cnn", "mine", shape).model for shape in SHAPES]
    assert [b.blocks for b in blocks if isinstance(b, CNNConfig)] == [3, 3, 3, 3, 2]


def test_a_preset_for_any_dataset_asks_for_one() -> None:
    assert preset_config("digits-quick", None, None).data.dataset == "digits"
    with pytest.raises(ConfigError, match="name one"):
        preset_config("cnn", None, None)


def test_an_unknown_preset_names_those_that_exist() -> None:
    with pytest.raises(NotFoundError, match=r"no preset resnet.*digits-quick, mlp, cnn"):
        get_preset("resnet")


@pytest.mark.parametrize(
    ("shape", "most"),
    [((8, 8, 1), 3), ((28, 28, 1), 4), ((128, 96, 3), 6), ((1, 9, 3), 0), ((2, 2, 1), 1)],
)
def test_max_blocks_by_hand(shape: ImageShape, most: int) -> None:
    assert max_blocks(shape) == most


def test_too_many_blocks_are_refused_saying_what_would_fit() -> None:
    check_fits(CNNConfig(blocks=3), (8, 8, 1))
    with pytest.raises(ConfigError, match=r"^5 blocks do not fit.*8×8.*At most 3 blocks"):
        check_fits(CNNConfig(blocks=5), (8, 8, 1))
    with pytest.raises(ConfigError, match="An MLP would fit"):
        check_fits(CNNConfig(blocks=1), (1, 9, 3))
    check_fits(MLPConfig(), (1, 9, 3))
