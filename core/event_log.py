"""TensorBoard's logs of a run, on every backend.

``keras.callbacks.TensorBoard`` writes through TensorFlow only, counts steps anew after a resume and
writes the epochs behind the checkpoint twice. Here the records are TensorBoard's own and the epochs
those of the run's folder, so that both always tell the same.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from core.records import Epoch

Logs = dict[str, float] | None
VERSION = "brain.Event:2"
"""First record of every event file."""


class EventLog(keras.callbacks.Callback):  # type: ignore[misc]
    """One record per epoch, in ``train/`` and ``validation/`` as Keras calls them."""

    def __init__(self, folder: Path, history: Sequence[Epoch], before: int = 0) -> None:
        """``history`` is the training's own list, to which every epoch is added before this
        callback has its say; its epochs are numbered from the one after ``before``."""
        super().__init__()
        self._before = before
        self._folder = folder
        self._history = history
        self._written = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Anew: epochs that a kill has undone must not be seen twice."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._written = 0
        self._catch_up()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._catch_up()

    def _catch_up(self) -> None:
        for epoch in self._history[self._written :]:
            for name, values in _scalars(epoch).items():
                _append(self._folder / name, self._before + epoch.epoch, values)
        self._written = len(self._history)


def _scalars(epoch: Epoch) -> dict[str, dict[str, float]]:
    """Folder → tag → value; tags as ``keras.callbacks.TensorBoard`` has them."""
    training = {
        "epoch_loss": epoch.loss,
        "epoch_accuracy": epoch.accuracy,
        "epoch_learning_rate": epoch.learning_rate,
        "epoch_seconds": epoch.seconds,
        "images_per_second": epoch.images_per_second,
    }
    validation = {"epoch_loss": epoch.val_loss, "epoch_accuracy": epoch.val_accuracy}
    measured = {tag: value for tag, value in validation.items() if value is not None}
    return {"train": training, "validation": measured} if measured else {"train": training}


def _append(folder: Path, step: int, values: Mapping[str, float]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "events.out.tfevents.lienzo"
    fresh = not file.exists()
    value = [Summary.Value(tag=tag, simple_value=number) for tag, number in values.items()]
    # Unbuffered, one record at a time: whoever reads meanwhile sees whole epochs.
    with file.open("ab", buffering=0) as stream:
        writer = RecordWriter(stream)
        if fresh:
            writer.write(Event(wall_time=time.time(), file_version=VERSION).SerializeToString())
        event = Event(wall_time=time.time(), step=step, summary=Summary(value=value))
        writer.write(event.SerializeToString())
