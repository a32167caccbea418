"""The learning rate of every step, worked out before the training: what is drawn is what is used.

A rate depends on its step alone, so a resumed training goes on where it was. The one schedule that
listens to the training, ``plateau``, begins as a constant and is lowered by Keras' own callback.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.config import OptimizerConfig, RunConfig
from core.stages import stage_config, stages_of

Array = npt.NDArray[np.float64]
Rates = npt.NDArray[np.float32]


class Steps(NamedTuple):
    """Where a schedule is evaluated: ``at`` counts steps from the end of the warm-up."""

    at: Array
    total: int
    """Steps after the warm-up."""
    per_epoch: int
    warmup: int


JUMP = 1.01
"""How many times as high a rate is that has jumped."""
Shape = Callable[[OptimizerConfig, Steps], Array]
"""(config, steps) → rates as parts of the full height."""


def schedule_values(config: OptimizerConfig, steps_per_epoch: int, epochs: int) -> Rates:
    """The learning rate of every step.

    Returns:
        float32 (epochs × steps_per_epoch,), each at most ``config.learning_rate``.
    """
    n = steps_per_epoch * epochs
    warmup = min(_warmup_epochs(config) * steps_per_epoch, n)
    steps = Steps(np.arange(n - warmup, dtype=float), n - warmup, steps_per_epoch, warmup)
    rising = (np.arange(warmup) + 1) / max(warmup, 1)
    shares = np.concatenate([rising, SHAPES[config.schedule](config, steps)])
    return (config.learning_rate * shares).astype(np.float32)


def planned_rates(config: RunConfig, train_images: int) -> Rates:
    """The learning rate of every step of a run; each of its stages has a plan of its own.

    Where patience ends the first stage early, the plan of the second one is stretched.
    """
    steps, rates, before = steps_per_epoch(config, train_images), [], 0
    for stage in stages_of(config):
        optimizer = stage_config(config, stage).optimizer
        rates.append(schedule_values(optimizer, steps, stage.until - before))
        before = stage.until
    return np.concatenate(rates)


def ends_of_cycles(config: OptimizerConfig, steps_per_epoch: int, epochs: int) -> list[int]:
    """The epochs, from 1, after which the rate jumps back to its full height, and the last one."""
    if config.schedule != "restarts":
        return [epochs]
    rates = schedule_values(config, steps_per_epoch, epochs)
    last, first = rates[steps_per_epoch - 1 :: steps_per_epoch], rates[::steps_per_epoch]
    # The warm-up rises, too.
    begin = max(1, _warmup_epochs(config))
    return [e for e in range(begin, epochs) if first[e] > JUMP * last[e - 1]] + [epochs]


def is_flat(config: OptimizerConfig) -> bool:
    """Whether the plan is one and the same rate throughout."""
    return config.schedule in ("constant", "plateau") and not _warmup_epochs(config)


def steps_per_epoch(config: RunConfig, train_images: int) -> int:
    """Steps of an epoch on a dataset with so many training images."""
    images = min(config.data.limit or train_images, train_images)
    return math.ceil(images / config.train.batch_size)


def _warmup_epochs(config: OptimizerConfig) -> int:
    """One cycle has a rise of its own, and a plateau could not be told from a warm-up."""
    return 0 if config.schedule in ("one_cycle", "plateau") else config.warmup_epochs


def _constant(_config: OptimizerConfig, steps: Steps) -> Array:
    return np.ones_like(steps.at)


def _step(config: OptimizerConfig, steps: Steps) -> Array:
    """By epochs of the training, warm-up included: "every 10" drops after epochs 10, 20, …"""
    epoch = (steps.at + steps.warmup) // steps.per_epoch
    return np.power(config.step_factor, epoch // config.step_epochs)


def _exponential(config: OptimizerConfig, steps: Steps) -> Array:
    return np.power(config.decay_factor, steps.at / steps.per_epoch)


def _cosine(config: OptimizerConfig, steps: Steps) -> Array:
    return _falling(steps.at / max(steps.total, 1), config.final_share)


def _restarts(config: OptimizerConfig, steps: Steps) -> Array:
    length = float(config.restart_epochs * steps.per_epoch)
    starts = [0.0]
    while starts[-1] + length < steps.total:
        starts.append(starts[-1] + length)
        length *= config.restart_growth
    begin = np.array(starts)
    cycle = np.searchsorted(begin, steps.at, side="right") - 1
    first = config.restart_epochs * steps.per_epoch
    lengths = first * np.power(config.restart_growth, cycle)
    return _falling((steps.at - begin[cycle]) / lengths, config.final_share)


def _one_cycle(config: OptimizerConfig, steps: Steps) -> Array:
    """Smith 2018 with cosine slopes: up to the peak, then down to the end."""
    peak = config.rise * steps.total
    rising = 1 - _falling(np.minimum(steps.at / peak, 1), 0)
    up = config.start_share + (1 - config.start_share) * rising
    down = _falling((steps.at - peak) / max(steps.total - peak, 1), config.final_share)
    return np.where(steps.at < peak, up, down)


def _falling(done: Array, final: float) -> Array:
    """Half a cosine from 1 (``done`` 0) to ``final`` (``done`` 1)."""
    return final + (1 - final) * (1 + np.cos(np.pi * done)) / 2


SHAPES: dict[str, Shape] = {
    "constant": _constant,
    "step": _step,
    "exponential": _exponential,
    "cosine": _cosine,
    "restarts": _restarts,
    "one_cycle": _one_cycle,
    "plateau": _constant,
}
