"""Batch normalisation whose training step is the backend's own kernel, where it has one.

Keras 3 puts it together from a dozen operations, each of which walks over all values: on a CPU with
TensorFlow they took as long as the convolutions (docs/decisions.md).
"""

from __future__ import annotations

from typing import Any

import keras

from core.backends import norm_kernel


class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras' own in all but speed; for training only (:func:`quickened`)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kernel = norm_kernel()

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        learns = training and self.trainable and mask is None
        if self._kernel is None or not learns or len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        found = self._kernel(inputs, self.gamma, self.beta, self.epsilon)
        for kept, seen in (
            (self.moving_mean, found.mean),
            (self.moving_variance, found.variance),
        ):
            kept.assign(kept * self.momentum + seen * (1 - self.momentum))
        return found.values


def quickened(model: keras.Model) -> keras.Model:
    """The same network with new random weights, for training: with the backend's kernel if it has
    one. What is kept of it is Keras' own again (:func:`core.precision.to_keep`)."""
    plain = keras.layers.BatchNormalization
    if norm_kernel() is None or not any(isinstance(layer, plain) for layer in model.layers):
        return model

    def exchanged(layer: keras.Layer) -> keras.Layer:
        cls = BatchNormalization if type(layer) is plain else type(layer)
        return cls.from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=exchanged)
