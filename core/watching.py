"""The confusion matrix and the samples of every validation, gathered while it is validated.

A metric sees every batch of a validation that takes place anyway, so nothing is predicted twice.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from core.callbacks import Logs
from core.config import RunConfig
from core.datasets.dataset import Dataset
from core.evaluating import EVAL_BATCH, evaluated_rows, softmax
from core.evaluation.watched import MOST_CLASSES, read_watched, save_watched, watched
from core.feeding import Rows, balanced_rows
from core.paths import RunPaths

SAMPLES = 20
"""Images that are looked at in every epoch."""


class Watcher(keras.metrics.Metric):  # type: ignore[misc]
    """Counts (true, predicted) pairs, and keeps the logits at some places of the first batch.

    Adds nothing to the logs. It is part of the compiled validation only: ``awake`` is read when a
    step is traced, so a training step without it costs nothing.
    """

    def __init__(self, classes: int, places: Rows) -> None:
        """``places`` (s,): within the first batch of the validation."""
        super().__init__(name="watched")
        self.awake = False
        self._places = places.tolist()
        self.counted = classes if classes <= MOST_CLASSES else 0
        self.cells = self.add_variable((self.counted**2,), "zeros", name="cells")
        self.logits = self.add_variable((len(places), classes), "zeros", name="logits")
        self.begun = self.add_variable((), "zeros", name="begun")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if not self.awake:
            return
        # Where images are mixed, the labels stand beside the logits.
        logits = ops.cast(y_pred[:, 0] if len(y_pred.shape) == 3 else y_pred, "float32")
        if self.counted:
            true = ops.cast(ops.reshape(y_true, (-1,)), "int32")
            pairs = true * self.counted + ops.cast(ops.argmax(logits, axis=-1), "int32")
            ones = ops.ones_like(pairs, dtype="float32")
            self.cells.assign_add(ops.segment_sum(ones, pairs, self.counted**2))
        # A batch that is not the first may be shorter.
        places = ops.minimum(ops.convert_to_tensor(self._places), ops.shape(logits)[0] - 1)
        first = ops.take(logits, places, axis=0)
        # Converted: JAX takes no variable for an operand.
        kept, begun = ops.convert_to_tensor(self.logits), ops.convert_to_tensor(self.begun)
        self.logits.assign(ops.where(ops.equal(begun, 0), first, kept))
        self.begun.assign(ops.ones(()))

    def result(self) -> dict[str, float]:
        return {}


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Wakes the metric for every validation, and writes down what it has seen."""

    def __init__(self, files: RunPaths, watcher: Watcher, rows: Rows, labels: Rows) -> None:
        """``rows`` (s,) of the validation split and their ``labels``."""
        super().__init__()
        self._files = files
        self._watcher = watcher
        self._samples = {"rows": rows, "y_true": labels}

    def on_test_begin(self, logs: Logs = None) -> None:
        self._watcher.awake = True

    def on_test_end(self, logs: Logs = None) -> None:
        self._watcher.awake = False

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        to_numpy = keras.ops.convert_to_numpy
        counted = self._watcher.counted
        matrix = to_numpy(self._watcher.cells).reshape(counted, counted).astype(np.int64)
        proba = softmax(to_numpy(self._watcher.logits))
        found = watched(epoch + 1, matrix, {**self._samples, "proba": proba})
        save_watched(self._files.watched, found.after(read_watched(self._files.watched)))


class Watching:
    """Which images of a dataset are looked at in every epoch of a run."""

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        """The dataset has validation images."""
        labels = dataset.split("val").labels
        rows = evaluated_rows(dataset, "val", config)[:EVAL_BATCH]
        places = balanced_rows(labels[rows], SAMPLES, config.train.seed)
        self._places = places[np.argsort(labels[rows[places]], kind="stable")]
        self._rows = rows[self._places]
        self._labels = labels[self._rows].astype(np.int64)
        self._classes = len(dataset.info.class_names)

    def metric(self) -> Watcher:
        """For one network; every stage of a training has another."""
        return Watcher(self._classes, self._places)

    def callback(self, files: RunPaths, watcher: Watcher) -> Watch:
        return Watch(files, watcher, self._rows, self._labels)
