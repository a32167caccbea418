"""Weight averaging (EMA): the optimizer keeps the average, validation and the kept model use it.

Keras' ``SwapEMAWeights`` swaps by adding and subtracting, which changes the weights by rounding at
every validation, and a training that it lets end early keeps the weights that were not averaged.
"""

from __future__ import annotations

import keras

Logs = dict[str, float] | None


class Averages:
    """The weights of a network and their averages, which can change places without a rounding."""

    def __init__(self, model: keras.Model) -> None:
        self._optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        self.shown = False
        """Whether the network has the averages at present."""

    def swap(self) -> None:
        to_numpy = keras.ops.convert_to_numpy
        for variable, average in zip(
            self._optimizer._trainable_variables,  # Keras' own callback reaches for both as well
            self._optimizer._model_variables_moving_average,
            strict=True,
        ):
            kept = to_numpy(variable).copy()
            variable.assign(average)
            average.assign(kept)
        self.shown = not self.shown

    def show(self) -> None:
        """Put the averages into the network."""
        if not self.shown:
            self.swap()

    def hide(self) -> None:
        """Put the weights that are trained back."""
        if self.shown:
            self.swap()


class ShowAverages(keras.callbacks.Callback):  # type: ignore[misc]
    """From the validation on the network is its average: stands before whoever judges or keeps
    the weights of an epoch."""

    def __init__(self, averages: Averages) -> None:
        super().__init__()
        self._averages = averages

    def on_test_begin(self, logs: Logs = None) -> None:
        self._averages.show()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._averages.show()


class HideAverages(keras.callbacks.Callback):  # type: ignore[misc]
    """Back to the weights that are trained: stands before the checkpoint."""

    def __init__(self, averages: Averages) -> None:
        super().__init__()
        self._averages = averages

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._averages.hide()
