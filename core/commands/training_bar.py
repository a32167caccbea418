"""The progress bar of a training in the foreground. Loads Keras: imported when that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

import keras
from tqdm import tqdm

Logs = dict[str, float] | None


class TrainingBar(keras.callbacks.Callback):  # type: ignore[misc]
    """One step per batch of all epochs; says epoch, loss and the last validation accuracy."""

    def __init__(self, stream: TextIO, epochs: int, begun: Callable[[], None]) -> None:
        """``epochs`` are those of all stages; ``begun`` is called once the first batch is about
        to come."""
        super().__init__()
        self._stream = stream
        self._epochs = epochs
        self._begun = begun
        self._bar: tqdm[Any] | None = None
        self._shown: dict[str, str] = {}

    def on_train_begin(self, logs: Logs = None) -> None:
        self._begun()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        steps = self.params["steps"]
        description = f"epoch {epoch + 1}/{self._epochs}"
        if self._bar is None:
            self._bar = tqdm(
                desc=description,
                total=self._epochs * steps,
                initial=epoch * steps,
                file=self._stream,
                unit=" steps",
                dynamic_ncols=True,
                # A log file is not a screen: a line every ten seconds is enough there.
                mininterval=0.1 if self._stream.isatty() else 10,
            )
        self._bar.set_description(description, refresh=False)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._bar is not None:
            self._show(loss=(logs or {}).get("loss"))
            self._bar.update()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        values = logs or {}
        self._show(loss=values.get("loss"), val_accuracy=values.get("val_accuracy"))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _show(self, **figures: float | None) -> None:
        self._shown |= {name: f"{v:.3f}" for name, v in figures.items() if v is not None}
        if self._bar is not None:
            self._bar.set_postfix(self._shown, refresh=False)
