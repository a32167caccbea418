"""Optimizers: one row per name in :class:`~core.config.OptimizerConfig`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from core.config import OptimizerConfig
from core.config_training import DECAYING
from core.schedules import Rates

Fields = Callable[[OptimizerConfig], Mapping[str, Any]]

OPTIMIZERS: dict[str, tuple[type[keras.Optimizer], Fields]] = {
    "sgd": (
        keras.optimizers.SGD,
        lambda c: {"momentum": c.momentum, "nesterov": c.nesterov and c.momentum > 0},
    ),
    "rmsprop": (keras.optimizers.RMSprop, lambda c: {"rho": c.rho, "epsilon": c.epsilon}),
    "adam": (keras.optimizers.Adam, lambda c: _betas(c)),
    "adamw": (keras.optimizers.AdamW, lambda c: _betas(c)),
    "nadam": (keras.optimizers.Nadam, lambda c: _betas(c)),
    "lion": (keras.optimizers.Lion, lambda c: {"beta_1": c.beta_1, "beta_2": c.lion_beta_2}),
    # Its own rule is for hidden dense layers; Keras gives the last layer to Adam if told so.
    "muon": (keras.optimizers.Muon, lambda c: {"exclude_layers": ["logits"]}),
    "adagrad": (keras.optimizers.Adagrad, lambda c: {"epsilon": c.epsilon}),
}
CLIPPING = {"norm": "clipnorm", "value": "clipvalue", "global_norm": "global_clipnorm"}


def build_optimizer(config: OptimizerConfig, rates: Rates | None = None) -> keras.Optimizer:
    """The optimizer, whose learning rate follows ``rates`` (steps,) or stays as configured."""
    cls, fields = OPTIMIZERS[config.name]
    decay = config.weight_decay if config.name in DECAYING else config.added_decay
    shared: dict[str, Any] = {
        # Adam with decay is AdamW: it has no field of its own for it.
        "weight_decay": None if config.name == "adam" else decay or None,
        "use_ema": config.ema,
        "ema_momentum": config.ema_momentum,
    }
    if config.clipping != "none":
        shared[CLIPPING[config.clipping]] = config.clip_at
    rate = config.learning_rate if rates is None else PlannedRates(rates)
    kind = type(cls.__name__, (RisingAverage, cls), {}) if config.ema else cls
    return kind(rate, **shared, **fields(config))


def _betas(config: OptimizerConfig) -> Mapping[str, Any]:
    return {"beta_1": config.beta_1, "beta_2": config.beta_2, "epsilon": config.epsilon}


class RisingAverage:
    """An optimizer whose average of the weights looks back over a part of the steps so far.

    After t steps its momentum is (1 + t) / (10 + t), up to ``ema_momentum``: else a short training
    would end with an average that is still near the random weights of its beginning. It follows
    from the optimizer's own counter, which is in every checkpoint.
    """

    iterations: Any

    @property
    def ema_momentum(self) -> Any:
        steps = ops.cast(self.iterations, "float32")
        return ops.minimum(self._most, (1 + steps) / (10 + steps))

    @ema_momentum.setter
    def ema_momentum(self, most: float) -> None:
        self._most = most


class PlannedRates(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A learning rate looked up by step; the last one for all steps behind the end.

    The step is the optimizer's own counter, which is in every checkpoint.
    """

    def __init__(self, rates: Rates) -> None:
        super().__init__()
        self.rates = rates
        # A variable, or the whole table would be written into the compiled step.
        self._table = keras.Variable(rates, trainable=False, dtype="float32", name="rates")

    def __call__(self, step: Any) -> Any:
        return ops.take(self._table, ops.clip(step, 0, len(self.rates) - 1))

    def get_config(self) -> dict[str, Any]:
        return {"rates": self.rates.tolist()}


def last_rate(optimizer: keras.Optimizer) -> float:
    """The learning rate of the last step that was taken."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    planned = getattr(inner, "_learning_rate", None)
    if isinstance(planned, PlannedRates):
        taken = int(keras.ops.convert_to_numpy(inner.iterations))
        return float(planned.rates[min(max(taken - 1, 0), len(planned.rates) - 1)])
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))
