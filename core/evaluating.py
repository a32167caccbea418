"""What a trained network is worth: the model saved, its predictions, its figures."""

from __future__ import annotations

import statistics

import keras
import numpy as np
import numpy.typing as npt

from core.callbacks import EvaluationReporter, Halt
from core.checkpoint import Array, TrainingState
from core.config import RunConfig
from core.datasets.dataset import Dataset, Split
from core.evaluation.metrics import summary
from core.evaluation.predictions import Predictions, save_predictions
from core.feeding import Batches, Rows, chosen_rows
from core.paths import RunPaths
from core.records import RunSummary
from core.signals import StopSignal

EVAL_BATCH = 256


def evaluate(
    model: keras.Model,
    config: RunConfig,
    dataset: Dataset,
    files: RunPaths,
    *,
    state: TrainingState,
    signal: StopSignal,
) -> RunSummary:
    """Save the model and what it says about validation and test images; the run's figures."""
    # The model first: it is what must not be lost if somebody loses patience with the rest.
    _save_model(model, files)
    rows = {name: evaluated_rows(dataset, name, config) for name in _evaluated(dataset)}
    steps = sum(-(-len(chosen) // EVAL_BATCH) for chosen in rows.values())
    callbacks = [Halt(signal), EvaluationReporter(files, steps)]
    splits = {
        name: predict_rows(model, dataset.split(name), chosen, callbacks)
        for name, chosen in rows.items()
    }
    save_predictions(files.predictions, splits)
    return _summary(model, state, splits, config.train.monitor)


def _evaluated(dataset: Dataset) -> list[str]:
    return [name for name in ("val", "test") if dataset.info.splits.get(name)]


def evaluated_rows(dataset: Dataset, name: str, config: RunConfig) -> Rows:
    """Which rows of a split are evaluated: all, but for validation images under a limit."""
    limit = config.data.judging_limit if name == "val" else None
    return chosen_rows(dataset, name, limit, config.train.seed)


def predict_rows(
    model: keras.Model, split: Split, rows: Rows, callbacks: list[keras.callbacks.Callback]
) -> Predictions:
    """Probabilities of some rows of a split."""
    logits = model.predict(Batches(split, rows, EVAL_BATCH), verbose=0, callbacks=callbacks)
    return Predictions(split.labels[rows], softmax(logits), rows)


def softmax(logits: Array) -> npt.NDArray[np.float32]:
    """(n, classes) logits → probabilities float32 that sum to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    proba: npt.NDArray[np.float32] = (shifted / shifted.sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    return proba


def _save_model(model: keras.Model, files: RunPaths) -> None:
    partial = files.scratch / files.model.name
    model.save(partial)
    partial.replace(files.model)


def _summary(
    model: keras.Model, state: TrainingState, splits: dict[str, Predictions], monitor: str
) -> RunSummary:
    figures: dict[str, float | None] = {}
    for name, predictions in splits.items():
        result = summary(predictions)
        figures |= {f"{name}_accuracy": result.accuracy, f"{name}_loss": result.loss}
    history = state.history
    accuracies = [e.val_accuracy for e in history if e.val_accuracy is not None]
    # The first epoch compiles: it says nothing about the speed of the others.
    speeds = [e.images_per_second for e in history[1:] or history]
    return RunSummary(
        epochs=state.epoch,
        best_epoch=_best_epoch(state, monitor),
        best_val_accuracy=max(accuracies, default=None),
        parameters=int(model.count_params()),
        seconds=state.seconds,
        images_per_second=statistics.median(speeds) if speeds else None,
        **figures,
    )


def _best_epoch(state: TrainingState, monitor: str) -> int | None:
    """The one that was kept as the best, from 1; what nobody judged while it was trained is judged
    by the same measure now."""
    judged = state.judges.get("stopping", {}).get("best_epoch")
    if judged is not None:
        return int(judged) + 1
    better = max if "accuracy" in monitor else min
    trained = monitor.removeprefix("val_")
    values: dict[int, float] = {}
    for line in state.history:
        measured = getattr(line, monitor)
        values[line.epoch] = getattr(line, trained) if measured is None else measured
    return better(values, key=values.__getitem__) if values else None
