"""The network of a run as it is trained: augmentation, mixing, smoothing, optimizer, rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras

from core.augment import augmentation_layers, mixing_layer
from core.augment.mixing import MixedAccuracy, MixedCrossentropy, Smoothing, mixing_model
from core.config import RunConfig
from core.datasets.dataset import Dataset
from core.losses import loss_for, smoothed_model
from core.models import build_model
from core.models.norm import quickened
from core.optimizers import build_optimizer
from core.precision import precision
from core.schedules import Rates, is_flat, schedule_values, steps_per_epoch


class Trainer(NamedTuple):
    """A network on its way: ``model`` is trained, ``base`` is what is kept.

    They are one and the same without augmentation; with it, ``model`` is the augmentation
    followed by ``base``, and they share their weights. Where images are mixed, ``model`` takes the
    labels too (:mod:`core.augment.mixing`).
    """

    model: keras.Model
    base: keras.Model


def build_network(config: RunConfig, dataset: Dataset) -> Trainer:
    """Build, with random weights; to be compiled by :func:`compile_model`.

    Raises:
        ConfigError: if the architecture does not fit the images.
    """
    info = dataset.info
    with precision(config):
        built = build_model(config.model, info.image_shape, len(info.class_names))
        base = quickened(built)
        return Trainer(_with_augmentation(base, config) if config.augment.active else base, base)


def compile_model(
    model: keras.Model,
    config: RunConfig,
    images: int,
    epochs: int,
    metrics: Sequence[keras.metrics.Metric] = (),
) -> keras.Model:
    """The network ready for ``fit``; what comes back may be another that shares its weights.

    Args:
        images: of the training split, before any limit.
        epochs: that the plan of the learning rate is made for.
        metrics: besides the accuracy.
    """
    smoothing, mixes = config.train.label_smoothing, config.augment.mixes
    if smoothing and not mixes:
        model = smoothed_model(model, smoothing)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(
        optimizer=build_optimizer(config.optimizer, _rates(config, images, epochs)),
        loss=MixedCrossentropy() if mixes else loss_for(smoothing),
        metrics=[MixedAccuracy() if mixes else accuracy, *metrics],
    )
    # All variables are there before the first step (hence no metric by its mere name): those made
    # in it would have TensorFlow trace it twice, and every launch wait some seconds longer.
    model.optimizer.build(model.trainable_variables)
    return model


def _with_augmentation(base: keras.Model, config: RunConfig) -> keras.Model:
    pixels = keras.Input(base.input_shape[1:], name="raw_pixels")
    x = pixels
    for layer in augmentation_layers(config.augment, pixels.shape[-1], config.train.seed):
        x = layer(x)
    mixing = mixing_layer(config.augment, config.train.seed)
    if mixing is not None:
        return mixing_model(pixels, x, base, (mixing, Smoothing(config.train.label_smoothing)))
    return keras.Model(pixels, base(x), name="training")


def _rates(config: RunConfig, images: int, epochs: int) -> Rates | None:
    """The learning rate of every step, where it changes as planned."""
    if is_flat(config.optimizer):
        return None
    return schedule_values(config.optimizer, steps_per_epoch(config, images), epochs)
