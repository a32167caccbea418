"""What a training makes small: cross-entropy, with smoothed labels and weighted classes if wanted.

Validation is never smoothed or weighted, so that the losses of different runs can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

Counts = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]


class SmoothedModel(keras.Model):  # type: ignore[misc]
    """A network that gives logits and whose training labels are smoothed.

    Made of a finished network's inputs and outputs; takes class numbers (n,) as labels. Compile
    it with :data:`SHARES_LOSS`.
    """

    smoothing = 0.0
    """Part of every training label that is spread over all classes."""

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        shares = ops.one_hot(y, y_pred.shape[-1], dtype=y_pred.dtype)
        if training:
            shares = smoothed(shares, self.smoothing)
        return super().compute_loss(x, shares, y_pred, sample_weight, training)


def smoothed(shares: Any, smoothing: float) -> Any:
    """Labels (n, classes) that sum to 1 → the same with a part of each spread over all classes."""
    return (1 - smoothing) * shares + smoothing / shares.shape[-1]


def smoothed_model(model: keras.Model, smoothing: float) -> keras.Model:
    """The same layers and weights; what it is trained with is smoothed."""
    made = SmoothedModel(model.inputs[0], model.outputs[0], name="smoothed")
    made.smoothing = smoothing
    return made


def loss_for(smoothing: float) -> keras.losses.Loss:
    """Cross-entropy of logits with class numbers, or with shares where labels are smoothed."""
    if smoothing:
        return keras.losses.CategoricalCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


CLASS_WEIGHTS: dict[str, Callable[[Weights], Weights]] = {
    "balanced": lambda counts: 1 / counts,
    "sqrt": lambda counts: 1 / np.sqrt(counts),
}


def class_weights(
    kind: str, labels: npt.NDArray[np.int32], classes: int
) -> dict[int, float] | None:
    """What an image of each class counts in the loss, as ``fit`` takes it; None for all alike.

    The mean over all images is 1, so that the learning rate keeps its meaning. ``kind``:
    ``none``, or a row of :data:`CLASS_WEIGHTS`.
    """
    if kind == "none":
        return None
    counts = np.bincount(labels, minlength=classes)
    raw = CLASS_WEIGHTS[kind](np.maximum(counts, 1).astype(float))
    return dict(enumerate((raw * len(labels) / (raw * counts).sum()).tolist()))
