"""A network as it stood after some epochs of its training, to be members of an ensemble (Huang
and others 2017, snapshot ensembles).

Every snapshot is a file of weights in the run's folder, replaced as a whole; a resumed training
writes those that it comes to once more, the same.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from core.callbacks import EvaluationReporter, Halt
from core.checkpoint import DAMAGED, Array, TrainingState
from core.datasets.dataset import Dataset
from core.errors import N_, StoreError, text
from core.evaluating import EVAL_BATCH, predict_rows
from core.evaluation.predictions import load_predictions, save_predictions
from core.paths import RunPaths, write_atomic
from core.schedules import ends_of_cycles, steps_per_epoch
from core.signals import StopSignal
from core.transfer import Course

MOST_SNAPSHOTS = 10
"""Kept per run, the latest ones: those of the first epochs know least."""
_FILE = re.compile(r"epoch-(\d+)\.npz")
Logs = dict[str, float] | None


class Snapshots(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the weights of ``network`` after some epochs, numbered from 1; stands where the
    network is what was validated."""

    def __init__(self, files: RunPaths, network: keras.Model, due: Callable[[int], bool]) -> None:
        super().__init__()
        self._files, self._network, self._due = files, network, due

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self._due(epoch + 1):
            save_snapshot(self._files, epoch + 1, self._network.get_weights())


def save_snapshot(files: RunPaths, epoch: int, weights: list[Array]) -> None:
    """Keep these weights, and of all only the latest :data:`MOST_SNAPSHOTS`."""
    files.snapshots.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{f"w{i}": np.asarray(w) for i, w in enumerate(weights)})
    write_atomic(files.snapshot(epoch), buffer.getvalue())
    for old in kept_epochs(files)[:-MOST_SNAPSHOTS]:
        files.snapshot(old).unlink()


def kept_epochs(files: RunPaths) -> list[int]:
    """The epochs, from 1, whose weights are there."""
    found = (_FILE.fullmatch(file.name) for file in files.snapshots.glob("*.npz"))
    return sorted(int(match[1]) for match in found if match)


def load_snapshot(file: Path) -> list[Array]:
    """The weights in a file.

    Raises:
        StoreError: if it is damaged.
    """
    try:
        with np.load(file, allow_pickle=False) as saved:
            return [saved[f"w{i}"] for i in range(len(saved.files))]
    except DAMAGED as error:
        raise StoreError(
            N_("The network after an epoch in {file} cannot be read: {error}."),
            remedy=text(N_("Choose other epochs, or train the run again.")),
            file=str(file),
            error=str(error),
        ) from error


def snapshot_keepers(
    course: Course, files: RunPaths, state: TrainingState, images: int
) -> list[Snapshots]:
    """Who keeps the network of a training's present stage after some epochs, if that is wanted;
    an epoch has so many ``images`` before any limit."""
    train = course.config.train
    if train.snapshots == "none":
        return []
    if train.snapshots == "every":
        return [Snapshots(files, course.base, lambda epoch: not epoch % train.snapshot_epochs)]
    before = sum(epoch.stage != course.stage.name for epoch in state.history)
    steps = steps_per_epoch(course.config, images)
    ends = ends_of_cycles(course.config.optimizer, steps, course.stage.until - before)
    return [Snapshots(files, course.base, lambda epoch: epoch - before in ends)]


def judge_snapshots(
    files: RunPaths,
    network: keras.Model,
    state: TrainingState,
    dataset: Dataset,
    signal: StopSignal,
) -> None:
    """Save what the network says after every kept epoch, about the images of the run's own
    predictions. Changes the weights of ``network``.

    Raises:
        Halted: when the server has gone.
    """
    for epoch in kept_epochs(files):
        if epoch > state.epoch:  # of a life that was killed before it wrote its checkpoint
            files.snapshot(epoch).unlink()
    kept = kept_epochs(files)
    if not kept:
        return
    asked = load_predictions(files.predictions)
    steps = len(kept) * sum(-(-len(split.rows) // EVAL_BATCH) for split in asked.values())
    # Says where it is: of a run that was stopped, the server ends whatever is silent.
    callbacks = [Halt(signal), EvaluationReporter(files, steps)]
    for epoch in kept:
        network.set_weights(load_snapshot(files.snapshot(epoch)))
        answers = {
            name: predict_rows(network, dataset.split(name), split.rows, callbacks)
            for name, split in asked.items()
        }
        save_predictions(files.snapshot_predictions(epoch), answers)
