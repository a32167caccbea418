"""What a training in the same process does for its study: it gives it a turn now and then.

Loads Keras: imported where a training is about to begin.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import keras

Logs = dict[str, float] | None
EVERY_SECONDS = 1.0


class Ticking(keras.callbacks.Callback):  # type: ignore[misc]
    """A turn after every epoch, in which the trial may be given up, and one a second meanwhile."""

    def __init__(self, tick: Callable[[], None]) -> None:
        super().__init__()
        self._tick = tick
        self._last = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if time.monotonic() - self._last >= EVERY_SECONDS:
            self._turn()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._turn()

    def _turn(self) -> None:
        self._tick()
        self._last = time.monotonic()
