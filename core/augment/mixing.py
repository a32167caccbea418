"""MixUp and CutMix: two images become one, and their labels are shared in the same measure.

Mixing comes after all other changes, inside the network that is trained: it takes the labels
as a second input and hands them on beside the logits, so that the loss sees the shares with
which the images were really mixed. Batches, validation and evaluation know nothing of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from core.augment.layers import PerImage
from core.losses import smoothed

SHARE_OF_CUTMIX = {"mixup": 0.0, "cutmix": 1.0, "either": 0.5}


class Mixed(NamedTuple):
    """``images`` (n, h, w, c) and ``labels`` (n, classes), shares that sum to 1."""

    images: Any
    labels: Any


class Mixing(PerImage):
    """Mix each image with its partner, the one as far from the batch's end as itself from the
    beginning: batches are in random order already. ``amount`` is alpha of the Beta distribution
    from which the image's own share is drawn.

    Takes (images, labels (n, classes)) and gives :class:`Mixed`.
    """

    def __init__(self, kind: str, alpha: float, probability: float, seed: int) -> None:
        super().__init__(alpha, seed)
        self.cutmix = SHARE_OF_CUTMIX[kind]
        self.probability = probability

    def call(self, inputs: tuple[Any, Any], training: bool = False) -> tuple[Any, Any]:
        images, labels = inputs
        return self.mix(images, labels) if training else Mixed(images, labels)

    def mix(self, images: Any, labels: Any) -> Mixed:
        own = self._own_share(images)
        # Where nothing is pasted in, the mask is the share itself, alike for every pixel.
        pasted = self.per_pixel(images, 0, 1) < self.cutmix
        mask = ops.where(pasted, self._window(images, own), own)
        mask = ops.where(self.per_pixel(images, 0, 1) < self.probability, mask, 1.0)
        # The window is cut at whole pixels: what counts is what is really left of the image.
        share = ops.mean(mask, axis=(1, 2))
        return Mixed(_blend(images, mask), _blend(labels, share))

    def _own_share(self, images: Any) -> Any:
        """(n, 1, 1, 1) from Beta(alpha, alpha)."""
        shape = (ops.shape(images)[0], 1, 1, 1)
        share = keras.random.beta(shape, self.amount, self.amount, seed=self.seed_generator)
        # 0/0 in float32, once in some ten million draws with a small alpha.
        return ops.where(ops.isfinite(share), share, ops.ones_like(share))

    def _window(self, images: Any, own: Any) -> Any:
        """(n, h, w, 1): 0 in a window of the image's own shape and about ``1 - own`` of its area
        that lies wholly inside it, 1 elsewhere."""
        height, width = images.shape[1:3]
        side = ops.sqrt(1 - own)
        rows = self._outside(images, height, side)
        columns = self._outside(images, width, side)
        outside = ops.maximum(
            ops.reshape(rows, (-1, height, 1, 1)), ops.reshape(columns, (-1, 1, width, 1))
        )
        return outside

    def _outside(self, images: Any, length: int, side: Any) -> Any:
        """(n, length): 0 on a stretch of ``side`` of the length, 1 elsewhere."""
        cut = ops.round(ops.reshape(side, (-1, 1)) * length)
        start = ops.floor(self.draw(images, 0, 1, 1) * (length - cut + 1))
        place = ops.reshape(ops.arange(length, dtype=cut.dtype), (1, length))
        return ops.cast((place < start) | (place >= start + cut), cut.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        images, labels = input_shape
        return Mixed(images, labels)


def _blend(values: Any, share: Any) -> Any:
    """``share`` of each row, and the rest of its partner's."""
    return share * values + (1 - share) * ops.flip(values, axis=0)


class LabelsBeside(keras.layers.Layer):  # type: ignore[misc]
    """(logits, labels), both (n, classes) → (n, 2, classes)."""

    def call(self, inputs: tuple[Any, Any]) -> Any:
        return ops.stack(inputs, axis=1)


class MixedCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy with the labels that stand beside the logits: for a label that was not mixed
    the same number as the sparse one's."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.categorical_crossentropy(y_pred[:, 1], y_pred[:, 0], from_logits=True)


class MixedAccuracy(keras.metrics.MeanMetricWrapper):  # type: ignore[misc]
    """How often the class of the larger share is found; without mixing the usual accuracy."""

    def __init__(self) -> None:
        super().__init__(_found, name="accuracy")


def _found(y_true: Any, y_pred: Any) -> Any:
    return keras.metrics.categorical_accuracy(y_pred[:, 1], y_pred[:, 0])


def mixing_model(
    pixels: keras.KerasTensor,
    changed: keras.KerasTensor,
    base: keras.Model,
    layers: tuple[Mixing, Smoothing],
) -> keras.Model:
    """The network to be trained: from {"raw_pixels", "labels" (n,)} to logits and mixed labels.

    ``changed`` are the pixels after all other changes, ``base`` is what is kept.
    """
    labels = keras.Input((), dtype="int32", name="labels")
    shares = OneHot(base.output_shape[-1])(labels)
    mixing, smoothing = layers
    images, shares = mixing((changed, shares))
    shares = smoothing(shares)
    beside = LabelsBeside()((base(images), shares))
    return keras.Model({"raw_pixels": pixels, "labels": labels}, beside, name="training")


class Smoothing(keras.layers.Layer):  # type: ignore[misc]
    """Shares (n, classes) with a part of each spread over all classes, in training only."""

    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing

    def call(self, shares: Any, training: bool = False) -> Any:
        return smoothed(shares, self.smoothing) if training else shares


class OneHot(keras.layers.Layer):  # type: ignore[misc]
    """(n,) class numbers → (n, classes) ones and zeros."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def call(self, labels: Any) -> Any:
        return ops.one_hot(labels, self.classes)
