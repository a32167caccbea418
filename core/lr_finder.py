"""The learning-rate finder (Smith 2015): raise the rate at every step, see where the loss falls.

Rates below the useful ones change nothing, useful ones make the loss fall, too great ones make it
jump. Nothing of the network that is tried out is kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from core.checkpoint import Array, variables_of
from core.config import RunConfig
from core.datasets.dataset import Dataset
from core.feeding import Batches, training_batches
from core.jobs.probes import RateResult
from core.trainer import Trainer
from core.transfer import Told, build_trainer

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 120
"""Some 17 per decade."""
DIVERGED = 4.0
"""So many times its lowest value, the loss will not come back."""
KEPT = 0.9
"""Part of the smoothed loss that is kept at every step: it looks back over some ten batches."""
SKIPPED = 10
"""Steps at the beginning in which the smoothed loss has hardly anything to look back on."""

Losses = npt.NDArray[np.float64]
Watch = Callable[[float], None]
"""Told how much is done, in [0, 1]; may raise to end it."""


class Sweep(NamedTuple):
    """``rates`` and the loss of one batch at each, both (steps,); shorter if the loss diverged."""

    rates: Losses
    losses: Losses
    seconds: float
    """Of all steps but the first, which compiles."""


def find_rate(
    config: RunConfig,
    dataset: Dataset,
    watch: Watch = lambda _done: None,
    tell: Told | None = None,
) -> RateResult:
    """Try the rates between :data:`LOWEST` and :data:`HIGHEST` on a new network of this config.

    ``tell`` hears of a download of pretrained weights.

    Raises:
        ConfigError: if the network does not fit the images.
    """
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    keras.utils.set_random_seed(config.train.seed)
    # Rates are set here, and an average of them all would be of no use.
    plain = config.with_values({"optimizer.schedule": "constant", "optimizer.warmup_epochs": 0})
    trainer = build_trainer(plain.with_values({"optimizer.ema": False}), dataset, tell=tell)
    swept = sweep(trainer, endless(training_batches(config, dataset)), rates, watch)
    smooth = smoothed(swept.losses)
    return RateResult(
        rates=swept.rates.tolist(),
        losses=swept.losses.tolist(),
        smoothed=smooth.tolist(),
        valley=valley(swept.rates, smooth),
        steepest=steepest(swept.rates, smooth),
        seconds=swept.seconds,
    )


def endless(batches: Batches) -> Iterator[tuple[Any, Any]]:
    """Epoch after epoch, each in its own order.

    Without the smaller batch at the end of each: a backend compiles once more for it.
    """
    full = max(1, len(batches.rows) // batches.batch_size)
    while True:
        for index in range(full):
            yield batches[index]
        batches.epoch += 1


def sweep(
    trainer: Trainer, batches: Iterator[tuple[Any, Any]], rates: Losses, watch: Watch
) -> Sweep:
    """Train one step with each of the rates, ascending; weights and optimizer are put back."""
    variables = variables_of(trainer.model)
    before = [keras.ops.convert_to_numpy(v).copy() for v in variables]
    try:
        return _sweep(trainer.model, batches, rates, watch)
    finally:
        _put_back(variables, before)


def _sweep(
    model: keras.Model, batches: Iterator[tuple[Any, Any]], rates: Losses, watch: Watch
) -> Sweep:
    losses: list[float] = []
    lowest, begun, smooth = math.inf, time.monotonic(), 0.0
    for step, rate in enumerate(rates):
        model.optimizer.learning_rate = float(rate)
        images, labels = next(batches)
        # A batch's own loss: Keras gives the mean since the last reset.
        model.reset_metrics()
        loss = float(model.train_on_batch(images, labels, return_dict=True)["loss"])
        begun = time.monotonic() if step == 0 else begun
        smooth = KEPT * smooth + (1 - KEPT) * loss
        unbiased = smooth / (1 - KEPT ** (step + 1))
        if not math.isfinite(loss) or (step >= SKIPPED and unbiased > DIVERGED * lowest):
            break
        lowest = min(lowest, unbiased)
        losses.append(loss)
        watch((step + 1) / len(rates))
    return Sweep(rates[: len(losses)], np.array(losses), time.monotonic() - begun)


def _put_back(variables: list[Any], values: list[Array]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def smoothed(losses: Losses) -> Losses:
    """The exponential moving average, corrected for its beginning at 0."""
    found, kept = [], 0.0
    for step, loss in enumerate(losses, start=1):
        kept = KEPT * kept + (1 - KEPT) * float(loss)
        found.append(kept / (1 - KEPT**step))
    return np.array(found)


def steepest(rates: Losses, losses: Losses) -> float | None:
    """The rate at which the loss falls fastest over the logarithm of the rate.

    ``losses`` (steps,), smoothed. None if it never falls.
    """
    slopes = _slopes(rates, losses)
    if not len(slopes) or slopes.min() >= 0:
        return None
    return float(rates[SKIPPED + int(np.argmin(slopes))])


def valley(rates: Losses, losses: Losses) -> float | None:
    """The steepest place about two thirds down the longest valley: fastai's default rule.

    The valley is the longest series of ever lower losses, which may leave out single bumps. A
    rate so far down the slope still learns quickly, and the edge behind it is not near.
    """
    series = _longest_fall(losses[SKIPPED:])
    if len(series) < 3:
        return None
    first, last = series[0], series[-1]
    low = first + (last - first) // 2
    high = max(low + 1, first + 5 * (last - first) // 6)
    slopes = _slopes(rates, losses)[low:high]
    return float(rates[SKIPPED + low + int(np.argmin(slopes))])


def _slopes(rates: Losses, losses: Losses) -> Losses:
    if len(losses) < SKIPPED + 2:
        return np.empty(0)
    return np.gradient(losses[SKIPPED:], np.log(rates[SKIPPED : len(losses)]))


def _longest_fall(values: Losses) -> list[int]:
    """Places of the longest strictly decreasing series within ``values``, ascending."""
    length = np.ones(len(values), dtype=int)
    before = np.full(len(values), -1)
    for place, value in enumerate(values):
        # The latest of equals first: a flat stretch before the fall is no part of it.
        earlier = np.flatnonzero(values[:place] > value)[::-1]
        if len(earlier):
            best = earlier[np.argmax(length[earlier])]
            length[place], before[place] = length[best] + 1, best
    series = [int(np.argmax(length))] if len(values) else []
    while series and before[series[-1]] >= 0:
        series.append(int(before[series[-1]]))
    return series[::-1]
