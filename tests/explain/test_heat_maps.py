"""Heat maps of networks so small that the answer can be worked out by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from core.config import RunConfig
from core.errors import ConfigError
from core.explain import METHODS, heat_maps, signed
from core.explain.cams import grad_cam, grad_cam_pp
from core.explain.integrated import integrated_gradients
from core.explain.occlusion import masks, occlusion, windows
from core.explain.places import batch_size, halves, places
from core.models import build_model

IMAGE = np.array([[[10], [20]], [[30], [0]]], np.uint8)
"""2×2, grey."""


def two_maps(*, relu: bool = True) -> keras.Model:
    """Maps A₀ = x and A₁ = 40 - x, both by 1×1 convolutions, then the mean of each; class 0 likes
    the first twice, class 1 the second once and the first not at all."""
    pixels = keras.Input((2, 2, 1))
    maps = layers.Conv2D(2, 1, activation="relu" if relu else None, name="maps")(pixels)
    features = layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(pixels, layers.Dense(3, name="logits")(features))
    model.get_layer("maps").set_weights([np.array([[[[1.0, -1.0]]]]), np.array([0.0, 40.0])])
    model.get_layer("logits").set_weights(
        [np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), np.zeros(3)]
    )
    return model


def linear(weights: np.ndarray) -> keras.Model:
    """A logit per column: the weighted sum of the four pixels."""
    pixels = keras.Input((2, 2, 1), name="pixels")
    model = keras.Model(pixels, layers.Dense(weights.shape[1])(layers.Flatten()(pixels)))
    model.layers[-1].set_weights([weights, np.zeros(weights.shape[1])])
    return model


def test_grad_cam_by_hand() -> None:
    model = two_maps()
    # Class 0: gradient 2/4 in the first map everywhere: the map is x itself, its top 30.
    np.testing.assert_allclose(grad_cam(model, IMAGE, 0), IMAGE[..., 0] / 30, atol=1e-6)
    # Class 1: the second map, 40 - x, its top 40.
    np.testing.assert_allclose(grad_cam(model, IMAGE, 1), (40 - IMAGE[..., 0]) / 40, atol=1e-6)


def test_grad_cam_is_empty_where_nothing_speaks_for_the_class() -> None:
    assert grad_cam(two_maps(), IMAGE, 2).tolist() == [[0, 0], [0, 0]]


def test_grad_cam_pp_by_hand() -> None:
    """Gradients g = 1/2 of map A₀ (sum 60): α = g²/(2g² + 60 g³) is the same everywhere, so that
    one map alone is as in Grad-CAM. Negative gradients (class 2) count for nothing, and what the
    map has everywhere (class 1: 40 - x, at least 10) is taken off."""
    np.testing.assert_allclose(grad_cam_pp(two_maps(), IMAGE, 0), IMAGE[..., 0] / 30, atol=1e-6)
    np.testing.assert_allclose(
        grad_cam_pp(two_maps(), IMAGE, 1), (30 - IMAGE[..., 0]) / 30, atol=1e-6
    )
    assert grad_cam_pp(two_maps(), IMAGE, 2).max() == 0


def test_grad_cam_pp_weighs_maps_by_alpha() -> None:
    """Both maps have gradients, 1/2 and 1/4: w₀ = 4·(1/4)/(1/2 + 60/8)·(1/2), w₁ = the like."""
    model = two_maps()
    model.get_layer("logits").set_weights([np.array([[2.0, 0, 0], [1.0, 0, 0]]), np.zeros(3)])
    w0 = 4 * 0.25 / (0.5 + 60 / 8) * 0.5
    w1 = 4 * 0.0625 / (0.125 + 100 / 64) * 0.25
    found = w0 * IMAGE[..., 0] + w1 * (40.0 - IMAGE[..., 0])
    found -= found.min()
    np.testing.assert_allclose(grad_cam_pp(model, IMAGE, 0), found / found.max(), atol=1e-5)


def test_a_map_is_spread_over_the_picture() -> None:
    pixels = keras.Input((8, 4, 1))
    maps = layers.Conv2D(1, 2, strides=2, use_bias=False)(pixels)
    model = keras.Model(pixels, layers.Dense(1)(layers.Flatten()(layers.MaxPooling2D(2)(maps))))
    model.layers[1].set_weights([np.ones((2, 2, 1, 1))])
    model.layers[-1].set_weights([np.array([[1.0], [0.0]]), np.zeros(1)])
    image = np.zeros((8, 4, 1), np.uint8)
    image[:2, :2] = 200
    heat = grad_cam(model, image, 0)
    assert heat.shape == (8, 4)
    assert heat.max() == 1
    assert heat[0, 0] == 1
    assert heat[6:].max() == 0
    assert halves(model).place.grid == (4, 2)  # before the pooling, which is coarser


def test_integrated_gradients_of_a_linear_network_are_weights_times_pixels() -> None:
    weights = np.array([[1.0, -2.0], [3.0, 0.5], [0.0, 1.0], [2.0, 4.0]])
    for label in (0, 1):
        found = integrated_gradients(linear(weights), IMAGE, label, baselines=[0])
        wanted = weights[:, label].reshape(2, 2) * IMAGE[..., 0]
        np.testing.assert_allclose(found.pixels[..., 0], wanted, atol=1e-4)
        assert found.difference == pytest.approx(wanted.sum(), abs=1e-4)
    both = integrated_gradients(linear(weights), IMAGE, 0)
    wanted = weights[:, 0].reshape(2, 2) * (IMAGE[..., 0] - 127.5)
    np.testing.assert_allclose(both.pixels[..., 0], wanted, atol=1e-3)


def test_integrated_gradients_are_complete_where_the_network_is_not_linear() -> None:
    """logit = x₀ · x₁ / 100 from black: each of the two has half of it."""
    pixels = keras.Input((1, 2, 1))
    flat = layers.Flatten()(pixels)
    product = layers.Multiply()([layers.Dense(1, use_bias=False)(flat) for _ in range(2)])
    model = keras.Model(pixels, product)
    denses = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    denses[0].set_weights([np.array([[0.1], [0.0]])])
    denses[1].set_weights([np.array([[0.0], [0.1]])])
    found = integrated_gradients(model, np.array([[[30], [50]]], np.uint8), 0, baselines=[0])
    np.testing.assert_allclose(found.pixels.ravel(), [7.5, 7.5], atol=1e-4)
    assert found.difference == pytest.approx(15.0, abs=1e-4)


def test_occlusion_of_a_linear_network() -> None:
    """A window is one pixel here (a fifth of 2): the logit loses w · (x - mean)."""
    weights = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 9.0], [-2.0, 0.0]])
    wanted = weights[:, 0].reshape(2, 2) * (IMAGE[..., 0] - 15.0)
    np.testing.assert_allclose(occlusion(linear(weights), IMAGE, [1, 0])[1], wanted, atol=1e-4)


@pytest.mark.parametrize("most", [81, 30, 16])
@pytest.mark.parametrize(("height", "width"), [(1, 3), (2, 2), (8, 8), (32, 32), (10, 224)])
def test_windows_cover_every_pixel(height: int, width: int, most: int) -> None:
    found = windows(height, width, most)
    covered = masks(found, height, width)
    assert len(covered) <= most
    assert covered.any(axis=0).all()
    assert covered.sum(axis=(1, 2)).max() == found.size[0] * found.size[1]


def test_signed_keeps_signs_and_forgets_one_giant() -> None:
    values = np.zeros((20, 20))
    values[0, 0], values[1] = 1000, -2
    found = signed(values)
    assert found.dtype == np.float32
    assert (found[0, 0], found[1, 3], found[5, 5]) == (1, -1, 0)
    assert signed(np.zeros((2, 2))).max() == 0


def test_only_methods_that_apply_and_words_for_the_others() -> None:
    model = linear(np.eye(4))
    assert places(model) == []
    for method in METHODS:
        if "cam" in method:
            with pytest.raises(ConfigError, match="lays all pixels in a row"):
                heat_maps(model, IMAGE, method, [0])
        else:
            assert heat_maps(model, IMAGE, method, [0])[0].heat.shape == (2, 2)
    with pytest.raises(ConfigError, match="There is no method"):
        heat_maps(model, IMAGE, "saliency", [0])
    with pytest.raises(ConfigError, match="2×2×1"):
        heat_maps(model, IMAGE[:1], "occlusion", [0])
    with pytest.raises(ConfigError, match="0 to 3, received 4"):
        heat_maps(model, IMAGE, "occlusion", [4])


def test_no_class_activation_map_of_a_single_place() -> None:
    pixels = keras.Input((2, 2, 1))
    maps = layers.Conv2D(1, 2)(pixels)
    model = keras.Model(pixels, layers.Dense(1)(layers.Flatten()(maps)))
    with pytest.raises(ConfigError, match="a single place"):
        heat_maps(model, IMAGE, "grad_cam", [0])


SMALL: dict[str, dict[str, object]] = {
    "mlp": {"model.layers": 1, "model.units": 4},
    "cnn": {"model.filters": 4},
    "fast32": {},
    "convnext": {"model.stages": 2, "model.blocks_per_stage": 1},
    "mixer": {"model.mixer_blocks": 1},
    "resnet": {"model.depth": 8},
    "transfer": {"model.backbone": "mobilenet_v2", "model.weights": "none"},
}


@pytest.mark.parametrize("architecture", SMALL)
def test_every_architecture_can_be_looked_into(architecture: str) -> None:
    settings: dict[str, object] = {"model.architecture": architecture, **SMALL[architecture]}
    config = RunConfig().with_values(settings)
    model = build_model(config.model, (32, 32, 3), 3)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    # The last two know nothing of layers: to compile them for a large network proves nothing.
    methods = ["grad_cam", "grad_cam_pp"] if architecture == "transfer" else list(METHODS)
    for method in methods[2:] if architecture == "mlp" else methods:
        heat = heat_maps(model, image, method, [1])[0]
        assert heat.heat.shape == (32, 32)
        assert heat.heat.dtype == np.float32
        assert (heat.grid is not None) == ("cam" in method)
        assert -1 <= heat.heat.min() <= heat.heat.max() <= 1
    assert 1 <= batch_size(model) <= 64
