"""A whole life of a run on the backend of this process, told as one JSON line.

``KERAS_BACKEND=… python -m tests.training.on_backend ARTIFACTS``: trained in two lives,
saved, loaded by plain Keras, and its predictions made again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import core  # noqa: F401 - before Keras, as in every process of ours

# isort: split
import keras
import numpy as np

from core.evaluating import softmax
from core.evaluation.predictions import load_split
from core.paths import Paths
from core.records import read_history
from core.signals import StopSignal
from core.store import Store
from core.training import run_training
from tests.training.helpers import QUICK, make_stripes

CONFIG = QUICK.with_values(
    {
        "model.architecture": "cnn",
        "model.blocks": 2,
        "model.filters": 8,
        "augment.flip": "horizontal",
        "augment.rotation": 5,
        "augment.mixing": "mixup",
        "optimizer.schedule": "cosine",
        "optimizer.ema": True,
        "train.label_smoothing": 0.1,
    }
)
"""Normalisation, dropout, changed and mixed images, a planned rate and averages: all that keeps a
state."""


class GoneAfter(keras.callbacks.Callback):  # type: ignore[misc]
    """The server is gone as soon as an epoch has begun."""

    def __init__(self, signal: StopSignal, epoch: int) -> None:
        super().__init__()
        self._signal = signal
        self._epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if epoch == self._epoch:
            self._signal.set("server")


def main() -> None:
    paths = Paths(Path(sys.argv[1])).create()
    make_stripes(paths)
    store = Store(paths)
    whole, broken = (store.create(CONFIG, owner="cli").id for _ in range(2))
    run_training(paths, whole)
    signal = StopSignal()
    first = run_training(paths, broken, signal, [GoneAfter(signal, 1)])
    second = run_training(paths, broken)
    files = paths.run(broken)
    images = np.load(paths.dataset("stripes").images("test"))
    model = keras.saving.load_model(files.model)
    logits = keras.ops.convert_to_numpy(model(images.astype("float32")))
    told = {
        "backend": keras.backend.backend(),
        "sklearn": "sklearn" in sys.modules,
        "statuses": [first.status.value, second.status.value],
        "failure": second.failure and second.failure.model_dump(mode="json"),
        "losses": [
            [epoch.loss for epoch in read_history(paths.run(run))] for run in (whole, broken)
        ],
        "off": float(np.abs(softmax(logits) - load_split(files.predictions, "test").proba).max()),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
