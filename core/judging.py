"""Keras' callbacks that judge epochs, and what of them has to survive a kill."""

from __future__ import annotations

import json
from dataclasses import dataclass

import keras

from core.checkpoint import Array
from core.config import RunConfig

State = dict[str, float | int | None]
_REMEMBERED = {
    "stopping": ("wait", "best", "best_epoch", "stopped_epoch"),
    "plateau": ("wait", "best", "cooldown_counter"),
}
_PATIENCE: State = {"wait": 0, "stopped_epoch": 0, "cooldown_counter": 0}


def patient_again(state: dict[str, State]) -> dict[str, State]:
    """The state of judges whose patience begins anew; what was best so far stays."""
    return {
        judge: {name: _PATIENCE.get(name, value) for name, value in values.items()}
        for judge, values in state.items()
    }


@dataclass(frozen=True)
class Judges:
    """Whoever looks at the monitored measure after every epoch."""

    stopping: keras.callbacks.EarlyStopping | None
    plateau: keras.callbacks.ReduceLROnPlateau | None

    def best(self) -> list[Array]:
        """The weights of the best epoch, if they are kept."""
        return (self.stopping.best_weights if self.stopping else None) or []

    def state(self) -> dict[str, State]:
        """By judge, what a checkpoint has to hold besides the best weights."""
        found = {}
        for judge, names in _REMEMBERED.items():
            callback = getattr(self, judge)
            if callback is not None:
                values = {name: getattr(callback, name) for name in names}
                found[judge] = json.loads(json.dumps(values, default=float))
        return found

    def restore(self, state: dict[str, State], best: list[Array]) -> None:
        """After ``on_train_begin``, which wipes the callbacks."""
        for judge, values in state.items():
            for name, value in values.items():
                setattr(getattr(self, judge), name, value)
        if self.stopping is not None:
            self.stopping.best_weights = best or None


def judges_of(config: RunConfig, *, validated: bool) -> Judges:
    """Those that a training needs; without validation images they look at the training itself."""
    train, optimizer = config.train, config.optimizer
    monitor = train.monitor if validated else train.monitor.removeprefix("val_")
    mode = "max" if "accuracy" in monitor else "min"
    stopping = plateau = None
    if train.early_stopping or train.restore_best:
        stopping = keras.callbacks.EarlyStopping(
            monitor,
            mode=mode,
            min_delta=train.min_delta,
            # Also when only the best epoch is wanted, then with endless patience.
            patience=train.patience if train.early_stopping else train.epochs + 1,
            restore_best_weights=train.restore_best,
        )
    if optimizer.schedule == "plateau":
        plateau = keras.callbacks.ReduceLROnPlateau(
            monitor,
            mode=mode,
            min_delta=train.min_delta,
            factor=optimizer.plateau_factor,
            patience=optimizer.plateau_patience,
            min_lr=optimizer.plateau_floor,
        )
    return Judges(stopping, plateau)
