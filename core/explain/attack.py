"""Adversarial examples by the fast gradient sign method (Goodfellow et al. 2015)."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from core.backends import slope
from core.evaluating import softmax
from core.explain.places import batch_size, in_batches

LEVELS = 16
"""The strongest change of a pixel, in grey levels of 255."""
_FAR = 1e9


class Attack(NamedTuple):
    """The picture with every pixel changed by 0, 1, … :data:`LEVELS` grey levels:
    ``images`` (levels + 1, h, w, c) uint8, and their ``proba`` (levels + 1, classes) float32."""

    images: npt.NDArray[np.uint8]
    proba: npt.NDArray[np.float32]


def fast_gradient_sign(
    model: keras.Model, image: npt.NDArray[np.uint8], label: int
) -> npt.NDArray[np.int8]:
    """The sign of the gradient of the cross-entropy of a class, (h, w, c) in -1, 0, 1.

    The gradient is taken of log Σ exp(other logits) - logit: the cross-entropy rises with it, so
    that the signs are the same, but it does not vanish where the network is sure to the last bit.
    """

    one_hot = np.eye(int(model.output_shape[-1]), dtype=np.float32)[label]

    def margin(pictures: Any) -> Any:
        scores = model(pictures, training=False)
        others = ops.logsumexp(ops.subtract(scores, _FAR * one_hot), axis=1)
        return ops.sum(others - scores[:, label])

    gradient = slope(margin, image[None].astype(np.float32)).gradient
    signs: npt.NDArray[np.int8] = np.sign(ops.convert_to_numpy(gradient)[0]).astype(np.int8)
    return signs


def attack(model: keras.Model, image: npt.NDArray[np.uint8], label: int) -> Attack:
    """x + ε · sign(∂loss/∂x), kept within 0…255, for every ε from 0 to :data:`LEVELS`.

    Args:
        image: (h, w, c) uint8.
        label: the class that the change drives away from.
    """
    signs = fast_gradient_sign(model, image, label).astype(np.int16)
    changes = np.arange(LEVELS + 1, dtype=np.int16)[:, None, None, None] * signs
    images = np.clip(image + changes, 0, 255).astype(np.uint8)
    scores = in_batches(partial(model, training=False), images, batch_size(model))
    return Attack(images, softmax(scores))
