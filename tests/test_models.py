"""Architectures and optimizers: what they are made of, and that they survive a file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest

from core.config import (
    ARCHITECTURES,
    Activation,
    CNNConfig,
    MLPConfig,
    ModelConfig,
    OptimizerConfig,
)
from core.errors import ConfigError
from core.models import BUILDERS, build_model
from core.models.cnn import HEADS, POOLINGS
from core.models.summary import layer_table
from core.optimizers import OPTIMIZERS, build_optimizer
from core.presets import PRESETS, preset_config

# Inside Keras, and for Keras to mend.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONFIGS: list[ModelConfig] = [
    MLPConfig(layers=1, units=4),
    MLPConfig(layers=3, units=4, batch_norm=True, l2=0.01, dropout=0, activation="gelu"),
    CNNConfig(blocks=1, filters=2),
    CNNConfig(blocks=2, convs_per_block=2, filters=2, batch_norm=False, pooling="average"),
    CNNConfig(blocks=3, filters=2, kernel=5, head="global_average", dense_units=0),
    CNNConfig(blocks=2, filters=2, kernel=1, dense_units=0, dropout=0, l2=0.1, activation="elu"),
    CNNConfig(blocks=2, filters=2, kernel=7, batch_norm=False, dense_units=3, activation="swish"),
]


def allowed(section: type[Any], field: str) -> set[object]:
    return set(get_args(section.model_fields[field].annotation))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.architecture)
def test_every_network_is_flat_and_gives_logits(config: ModelConfig, tmp_path: Path) -> None:
    model = build_model(config, (8, 8, 3), 5)
    assert model.output_shape == (None, 5)
    assert model.output.dtype == "float32"
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert model.layers[-1].activation is keras.activations.linear
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)
    expected = model.predict(pixels, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(again.predict(pixels, verbose=0), expected)
    # The file takes raw uint8: it scales by itself.
    as_floats = again.predict(pixels.astype(np.float32), verbose=0)
    np.testing.assert_array_equal(as_floats, expected)


def test_parameters_of_an_mlp_by_hand() -> None:
    # 8·8·1 = 64 inputs → 10 → 10 → 3 classes, a bias each.
    model = build_model(MLPConfig(layers=2, units=10), (8, 8, 1), 3)
    assert model.count_params() == (64 * 10 + 10) + (10 * 10 + 10) + (10 * 3 + 3)


def test_parameters_of_a_cnn_by_hand() -> None:
    config = CNNConfig(blocks=2, convs_per_block=2, filters=4, dense_units=6, batch_norm=True)
    model = build_model(config, (8, 8, 3), 5)
    # Without a bias where a normalisation follows, which has four figures per channel.
    block1 = (3 * 3 * 3 * 4) + 4 * 4 + (3 * 3 * 4 * 4) + 4 * 4
    block2 = (3 * 3 * 4 * 8) + 4 * 8 + (3 * 3 * 8 * 8) + 4 * 8
    head = (2 * 2 * 8 * 6) + 4 * 6 + (6 * 5 + 5)
    assert model.count_params() == block1 + block2 + head


def test_blocks_halve_the_image_and_double_the_filters() -> None:
    model = build_model(CNNConfig(blocks=3, filters=4), (32, 24, 3), 2)
    pooled = [layer.output.shape[1:] for layer in model.layers if layer.name.startswith("pool")]
    assert pooled == [(16, 12, 4), (8, 6, 8), (4, 3, 16)]


def test_the_layer_table_is_the_network() -> None:
    config = CNNConfig(blocks=1, filters=4, dense_units=0, dropout=0)
    rows = layer_table(config, (8, 8, 1), 10)
    assert [(row.kind, row.output, row.parameters) for row in rows] == [
        ("InputLayer", (8, 8, 1), 0),
        ("Rescaling", (8, 8, 1), 0),
        ("Conv2D", (8, 8, 4), 36),
        ("BatchNormalization", (8, 8, 4), 16),
        ("Activation", (8, 8, 4), 0),
        ("MaxPooling2D", (4, 4, 4), 0),
        ("Flatten", (64,), 0),
        ("Dense", (10,), 650),
    ]
    assert sum(r.parameters for r in rows) == build_model(config, (8, 8, 1), 10).count_params()
    # 64 places times a kernel of 3×3×1×4; the dense layer uses each of its weights once.
    adds = {row.kind: row.multiply_adds for row in rows if row.multiply_adds}
    assert adds == {"Conv2D": 64 * 36, "Dense": 640}


@pytest.mark.parametrize("config", [MLPConfig(dropout=0.25), CNNConfig(dropout=0.25)])
def test_dropout_reaches_the_layers(config: ModelConfig) -> None:
    model = build_model(config, (8, 8, 1), 2)
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates
    assert set(rates) == {0.25}


@pytest.mark.parametrize("architecture", [MLPConfig, CNNConfig])
def test_l2_reaches_every_kernel_but_the_last(
    architecture: type[MLPConfig] | type[CNNConfig],
) -> None:
    for l2, expected in ((0.5, True), (0.0, False)):
        model = build_model(architecture(l2=l2), (8, 8, 1), 2)
        layers = [layer for layer in model.layers if hasattr(layer, "kernel_regularizer")][:-1]
        assert layers
        assert all((layer.kernel_regularizer is not None) is expected for layer in layers)


def test_what_does_not_fit_is_refused_before_it_is_built() -> None:
    with pytest.raises(ConfigError, match="At most 3 blocks would fit"):
        build_model(CNNConfig(blocks=5), (8, 8, 1), 10)


@pytest.mark.parametrize("shape", [(8, 8, 1), (4, 4, 1), (128, 96, 3), (32, 32, 3)])
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_built(name: str, shape: tuple[int, int, int]) -> None:
    config = preset_config(name, "mine", shape)
    assert build_model(config.model, shape, 4).output_shape == (None, 4)


def test_the_tables_offer_what_the_config_does() -> None:
    assert set(BUILDERS) == set(ARCHITECTURES)
    assert set(POOLINGS) == allowed(CNNConfig, "pooling")
    assert set(HEADS) == allowed(CNNConfig, "head")
    assert set(OPTIMIZERS) == allowed(OptimizerConfig, "name")
    for activation in get_args(Activation):
        assert callable(keras.activations.get(activation))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_take_their_settings(name: str) -> None:
    config = OptimizerConfig.model_validate(
        {"name": name, "learning_rate": 0.25, "momentum": 0.5, "weight_decay": 0.125}
    )
    built = build_optimizer(config)
    assert type(built).__name__.lower() == name
    assert float(built.learning_rate) == 0.25
    if name == "sgd":
        assert (built.momentum, built.nesterov) == (0.5, True)
    if name == "adamw":
        assert built.weight_decay == 0.125


def test_sgd_without_momentum_has_nothing_to_look_ahead_with() -> None:
    built = build_optimizer(OptimizerConfig(name="sgd", momentum=0, nesterov=True))
    assert (built.momentum, built.nesterov) == (0, False)


def test_layer_names_are_unique_in_every_network() -> None:
    for config in CONFIGS:
        names = sorted(layer.name for layer in build_model(config, (8, 8, 1), 2).layers)
        assert all(a != b for a, b in pairwise(names))
