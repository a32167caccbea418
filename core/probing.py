"""How long an epoch takes on this machine, from a few batches."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras

from core.config import RunConfig
from core.datasets.dataset import Dataset
from core.evaluating import EVAL_BATCH, evaluated_rows
from core.feeding import Batches, training_batches
from core.jobs.probes import SpeedResult
from core.trainer import Trainer
from core.transfer import Told, build_trainer

AIM_SECONDS = 2.0
"""Measured for about so long: fewer steps would tell little on a machine that does other things."""
MAX_STEPS = 50
Watch = Callable[[float], None]


class _Beat(keras.callbacks.Callback):  # type: ignore[misc]
    """A word after every batch, so that somebody can stop it; looks at no figure."""

    def __init__(self, watch: Watch, done: float) -> None:
        super().__init__()
        self._watch = watch
        self._done = done

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self._watch(self._done)


def measure_speed(
    config: RunConfig,
    dataset: Dataset,
    watch: Watch = lambda _done: None,
    tell: Told | None = None,
) -> SpeedResult:
    """Train some batches through ``fit``, as a run does, and validate some.

    ``tell`` hears of a download of pretrained weights.

    Raises:
        ConfigError: if the network does not fit the images.
    """
    # The last stage: with a pretrained backbone the one that takes nearly all of the time.
    trainer = build_trainer(config, dataset, stage=-1, tell=tell)
    images = len(training_batches(config, dataset).rows)

    def fit(steps: int, done: float) -> float:
        batches = training_batches(config, dataset)
        batches.rows = batches.rows[: steps * config.train.batch_size]
        begun = time.monotonic()
        trainer.model.fit(batches, shuffle=False, verbose=0, callbacks=[_Beat(watch, done)])
        return (time.monotonic() - begun) / len(batches)

    fit(2, 0.1)  # compiles
    step = fit(2, 0.4)
    step = fit(max(2, min(round(AIM_SECONDS / step), MAX_STEPS)), 0.5)
    steps = len(training_batches(config, dataset))
    validation, validation_steps = _validation(trainer, config, dataset)
    watch(1.0)
    return SpeedResult(
        seconds_per_step=step,
        seconds_per_validation_step=validation,
        seconds_per_epoch=steps * step + validation_steps * validation,
        images_per_second=images / steps / step,
    )


def _validation(trainer: Trainer, config: RunConfig, dataset: Dataset) -> tuple[float, int]:
    """(seconds of a batch, number of batches); the first batch compiles."""
    if not dataset.info.splits.get("val"):
        return 0.0, 0
    rows = evaluated_rows(dataset, "val", config)
    some, mixes = rows[: 3 * EVAL_BATCH], config.augment.mixes
    batches = Batches(dataset.split("val"), some, EVAL_BATCH, labels_too=mixes)
    trainer.model.evaluate(batches, verbose=0)
    begun = time.monotonic()
    trainer.model.evaluate(batches, verbose=0)
    return (time.monotonic() - begun) / len(batches), -(-len(rows) // EVAL_BATCH)
