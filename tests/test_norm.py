"""Batch normalisation: whatever kernel does it, it is Keras' own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from core.backends import norm_kernel
from core.models.norm import BatchNormalization


def learnt(layer: keras.Layer, shape: tuple[int, ...]) -> list[np.ndarray]:
    """What a network around the layer says and has become after two steps on given numbers."""
    rng = np.random.default_rng(0)
    inputs = keras.Input(shape)
    x = keras.layers.Dense(3, kernel_initializer="ones")(inputs)
    outputs = keras.layers.Dense(1, kernel_initializer="ones")(layer(x))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    for _ in range(2):
        values = rng.normal(3, 2, (5, *shape)).astype(np.float32)
        model.train_on_batch(values, rng.normal(size=(5, *shape[:-1], 1)).astype(np.float32))
    said = keras.ops.convert_to_numpy(model(values))
    return [said, *model.get_weights()]


@pytest.mark.parametrize("shape", [(4, 4, 2), (2,)], ids=["images", "numbers"])
def test_it_learns_what_keras_own_does(shape: tuple[int, ...]) -> None:
    ours = learnt(BatchNormalization(momentum=0.9), shape)
    for found, expected in zip(
        ours, learnt(keras.layers.BatchNormalization(momentum=0.9), shape), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(norm_kernel() is None, reason="no kernel for this backend and device")
def test_the_kernel_by_hand() -> None:
    """Two values, 1 and 3: mean 2, variance 1."""
    chosen = norm_kernel()
    assert chosen is not None
    values = np.array([1, 3], np.float32).reshape(2, 1, 1, 1)
    found = chosen(values, np.full(1, 10.0, np.float32), np.full(1, 5.0, np.float32), 0.0)
    to_numpy = keras.ops.convert_to_numpy
    np.testing.assert_allclose(to_numpy(found.values).ravel(), [-5, 15], rtol=1e-5)
    np.testing.assert_allclose([to_numpy(found.mean)[0], to_numpy(found.variance)[0]], [2, 1])


def test_while_frozen_it_keeps_its_means() -> None:
    layer = BatchNormalization()
    layer.trainable = False
    values = np.ones((2, 3, 3, 1), np.float32)
    layer(values, training=True)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.moving_mean), 0)
