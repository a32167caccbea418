"""Attacks, filters and activations of networks whose answer can be worked out by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from core.errors import NotFoundError
from core.explain.attack import LEVELS, attack, fast_gradient_sign
from core.explain.inside import activations, first_filters

IMAGE = np.array([[[10], [250]]], np.uint8)


def two_pixels(scale: float) -> keras.Model:
    """Class 0 likes the left pixel, class 1 the right one."""
    pixels = keras.Input((1, 2, 1))
    model = keras.Model(pixels, layers.Dense(2)(layers.Flatten()(pixels)))
    model.layers[-1].set_weights([scale * np.eye(2), np.zeros(2)])
    return model


@pytest.mark.parametrize("scale", [0.01, 10.0])
def test_the_sign_drives_away_from_the_class(scale: float) -> None:
    """At a scale of 10 the softmax is exactly 1, and its own gradient 0."""
    model = two_pixels(scale)
    assert fast_gradient_sign(model, IMAGE, 1).ravel().tolist() == [1, -1]
    assert fast_gradient_sign(model, IMAGE, 0).ravel().tolist() == [-1, 1]


def test_an_attack_by_hand() -> None:
    found = attack(two_pixels(0.01), IMAGE, 1)
    assert found.images.shape == (LEVELS + 1, 1, 2, 1)
    assert found.images[0].tolist() == IMAGE.tolist()
    assert found.images[16].ravel().tolist() == [26, 234]
    # The logits are 0.26 and 2.34 by now.
    np.testing.assert_allclose(found.proba[16, 0], 1 / (1 + np.exp(2.08)), atol=1e-6)
    assert (np.diff(found.proba[:, 1]) < 0).all()


def test_an_attack_stays_within_the_grey_levels() -> None:
    found = attack(two_pixels(0.01), IMAGE, 0)
    assert found.images[16].ravel().tolist() == [0, 255]
    assert found.images[3].ravel().tolist() == [7, 253]


def test_activations_the_strongest_first() -> None:
    pixels = keras.Input((1, 2, 1))
    maps = layers.Conv2D(3, 1, name="maps")(pixels)
    model = keras.Model(pixels, layers.Dense(2)(layers.Flatten()(maps)))
    model.get_layer("maps").set_weights([np.array([[[[0.0, 2.0, -1.0]]]]), np.zeros(3)])
    found = activations(model, IMAGE, "maps")
    assert found.channels.tolist() == [1, 2, 0]
    assert found.means.tolist() == [260, 130, 0]
    assert found.maps[:, 0].tolist() == [[10, 255], [5, 128], [0, 0]]
    with pytest.raises(NotFoundError, match="dense"):
        activations(model, IMAGE, model.layers[-1].name)


def test_filters_of_a_convolution_and_of_a_dense_layer() -> None:
    pixels = keras.Input((1, 2, 1))
    maps = layers.Conv2D(2, 1, use_bias=False, name="first")(pixels)
    model = keras.Model(pixels, layers.Dense(2)(layers.Flatten()(maps)))
    model.get_layer("first").set_weights([np.array([[[[0.0, -3.0]]]])])
    name, filters = first_filters(model)
    assert (name, filters.shape) == ("first", (2, 1, 1, 1))
    assert filters.ravel().tolist() == [128, 0]
    name, filters = first_filters(two_pixels(1.0))
    assert filters.shape == (2, 1, 2, 1)
    assert filters[0].ravel().tolist() == [255, 128]


def test_no_filters_where_the_first_layer_sees_something_else() -> None:
    pixels = keras.Input((1, 2, 1))
    pooled = layers.GlobalAveragePooling2D()(pixels)
    with pytest.raises(NotFoundError, match="no weights that make a picture"):
        first_filters(keras.Model(pixels, layers.Dense(2)(pooled)))
