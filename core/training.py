"""One training: id in, folder out.

``python -m core.training RUN_ID --artifacts DIR`` is the worker process; :func:`run_training` is
the same in this process, for the command line, notebooks and tests.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import keras
from filelock import FileLock, Timeout

from core.augment import augmentation_layers
from core.callbacks import (
    Checkpoint,
    EpochOrder,
    Halt,
    Halted,
    NaNGuard,
    Reporter,
)
from core.checkpoint import Array, TrainingState, load_checkpoint, saved_state
from core.config import RunConfig, TrainConfig
from core.datasets.dataset import Dataset
from core.datasets.registry import open_dataset
from core.errors import N_, DatasetError, RunError
from core.evaluating import EVAL_BATCH, evaluate, evaluated_rows
from core.failures import explain
from core.feeding import Batches, balanced_rows
from core.models import build_model
from core.optimizers import build_optimizer
from core.paths import Paths, RunPaths
from core.records import (
    Failure,
    Progress,
    RunRecord,
    RunStatus,
    RunSummary,
    now,
    read_record,
    run_paths,
    write_history,
    write_progress,
    write_record,
)
from core.signals import StopSignal, give_way
from core.transfer import Course, forget_features

LOCK_SECONDS = 60.0
_VERSIONED = ("keras", "tensorflow", "jax", "torch", "numpy")


class Trainer(NamedTuple):
    """A network on its way: ``model`` is compiled and trained, ``base`` is what is kept.

    They are one and the same without augmentation; with it, ``model`` is the augmentation
    followed by ``base``, and they share their weights.
    """

    model: keras.Model
    base: keras.Model


def build_trainer(config: RunConfig, dataset: Dataset) -> Trainer:
    """Build and compile.

    Raises:
        ConfigError: if the architecture does not fit the images.
    """
    info = dataset.info
    base = build_model(config.model, info.image_shape, len(info.class_names))
    model = base
    if config.augment.active:
        pixels = keras.Input(info.image_shape, name="raw_pixels")
        x = pixels
        for layer in augmentation_layers(config.augment, config.train.seed):
            x = layer(x)
        model = keras.Model(pixels, base(x), name="training")
    return Trainer(compile_model(model, config), base)


def compile_model(model: keras.Model, config: RunConfig) -> keras.Model:
    """The network ready for ``fit``."""
    model.compile(
        optimizer=build_optimizer(config.optimizer),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    # All variables are there before the first step (hence no metric by its mere name): those made
    # in it would have TensorFlow trace it twice, and every launch wait some seconds longer.
    model.optimizer.build(model.trainable_variables)
    return model


def run_training(
    paths: Paths,
    run_id: str,
    signal: StopSignal | None = None,
    extra: Sequence[keras.callbacks.Callback] = (),
) -> RunRecord:
    """Train a queued or interrupted run from where it stands, and write how it ended.

    Never raises for what goes wrong in the training itself: that is the record's ``failure``.
    A run that is over is returned as it is.

    Raises:
        NotFoundError: if there is no such run.
        StoreError: if its record cannot be read.
        RunError: if another process goes on training it.
    """
    try:
        # A worker that a dead server left behind may still be about to save and end.
        with FileLock(run_paths(paths, run_id).lock, timeout=LOCK_SECONDS):
            record = read_record(paths, run_id)
            if record.status.is_over() and not record.status.can_resume():
                return record
            return _own(paths, record, signal or StopSignal(), extra)
    except Timeout:
        raise RunError(N_("Run {run} is being trained by another process."), run=run_id) from None


def _own(
    paths: Paths, record: RunRecord, signal: StopSignal, extra: Sequence[keras.callbacks.Callback]
) -> RunRecord:
    """From the first word of the process that owns the run to its last."""
    record = record.taken_by_this_process().changed(versions=_versions())
    write_record(paths, record)
    files = paths.run(record.id)
    try:
        with _scratch(files), signal.watching(files.stop):
            write_progress(files, Progress(epochs=record.config.train.epochs))
            dataset = open_dataset(paths, record.config.data.dataset)
            record = _describe(record, dataset)
            write_record(paths, record)
            record = _train(record, dataset, files, signal, extra)
    except Halted as halt:
        record = _halted(record, halt)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is written down
        traceback.print_exc()
        record = _ended(record, RunStatus.FAILED, failure=explain(error, record.config))
    _close(paths, record)
    return record


def _train(
    record: RunRecord,
    dataset: Dataset,
    files: RunPaths,
    signal: StopSignal,
    extra: Sequence[keras.callbacks.Callback],
) -> RunRecord:
    config = record.config
    keras.utils.set_random_seed(config.train.seed)
    trainer = build_trainer(config, dataset)
    course = Course(trainer, config, files, compile_model)
    course.begin(saved_state(files.checkpoint))
    fresh = TrainingState(stage=course.stage.name)
    state, best = load_checkpoint(files.checkpoint, course.model) or (fresh, [])
    write_history(files, state.history)
    life = _Life(files, state, best, signal, extra)
    stopped = False
    try:
        _train_stage(course, dataset, life)
        while (before := course.advance(state)) is not None:
            _train_stage(course, dataset, life._replace(best=before))
    except Halted as halt:
        if halt.reason == "server" or not state.history:
            raise  # before its first epoch has ended, a network has nothing to show
        stopped = True
    summary = evaluate(trainer.base, config, dataset, files, state=state, signal=signal)
    status = RunStatus.STOPPED if stopped else RunStatus.FINISHED
    return _ended(record, status, summary=summary)


class _Life(NamedTuple):
    """From one start of a run's process to its end: what it found, and what it listens to."""

    files: RunPaths
    state: TrainingState
    best: list[Array]
    signal: StopSignal
    extra: Sequence[keras.callbacks.Callback]


def _train_stage(course: Course, dataset: Dataset, life: _Life) -> None:
    if not life.state.complete:
        _fit(course, dataset, life)
    elif life.best:
        course.model.set_weights(life.best)


def _fit(course: Course, dataset: Dataset, life: _Life) -> None:
    config, model = course.config, course.model
    train, seed = config.train, config.train.seed
    rows = balanced_rows(dataset.split("train").labels, config.data.limit, seed)
    batches = Batches(dataset.split("train"), rows, train.batch_size, seed)
    batches = course.feed(batches, "train", life.signal)
    validation = None
    if dataset.info.splits.get("val"):
        rows_of_val = evaluated_rows(dataset, "val", config)
        validation = Batches(dataset.split("val"), rows_of_val, EVAL_BATCH)
        validation = course.feed(validation, "val", life.signal)
    stopping = _early_stopping(train, "val_loss" if validation else "loss")
    callbacks = [
        Halt(life.signal),
        NaNGuard(config.optimizer.learning_rate),
        EpochOrder(batches),
        *([stopping] if stopping else []),
        Reporter(life.files, life.state, train.epochs, len(rows)),
        *life.extra,
        Checkpoint(life.files, life.state, stopping, life.best),
    ]
    try:
        model.fit(
            batches,
            validation_data=validation,
            epochs=course.stage.until,
            initial_epoch=life.state.epoch,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
    except Halted:
        # ``fit`` was left before EarlyStopping could put the best weights back.
        if stopping is not None and stopping.best_weights is not None:
            model.set_weights(stopping.best_weights)
        raise


def _early_stopping(config: TrainConfig, monitor: str) -> keras.callbacks.EarlyStopping | None:
    """Keras' own callback also when only the best epoch is wanted, then with endless patience."""
    if not config.early_stopping and not config.restore_best:
        return None
    patience = config.patience if config.early_stopping else config.epochs + 1
    return keras.callbacks.EarlyStopping(
        monitor=monitor, mode="min", patience=patience, restore_best_weights=config.restore_best
    )


def _describe(record: RunRecord, dataset: Dataset) -> RunRecord:
    """Enough of the dataset to understand the run when the dataset is gone.

    Raises:
        DatasetError: if an interrupted run would go on with other images than it began with.
    """
    info = dataset.info
    before = record.dataset_fingerprint
    if before is not None and before != info.fingerprint:
        raise DatasetError(
            N_("The dataset {name} has changed since this run began."), name=info.name
        )
    return record.changed(
        dataset_fingerprint=info.fingerprint,
        class_names=info.class_names,
        image_shape=info.image_shape,
        resize=info.resize,
    )


def _halted(record: RunRecord, halt: Halted) -> RunRecord:
    if halt.reason == "server":
        return record.changed(status=RunStatus.INTERRUPTED, interrupted_by="server", ended=now())
    return _ended(record, RunStatus.STOPPED)


def _ended(
    record: RunRecord,
    status: RunStatus,
    *,
    summary: RunSummary | None = None,
    failure: Failure | None = None,
) -> RunRecord:
    return record.changed(status=status, ended=now(), summary=summary, failure=failure)


def _close(paths: Paths, record: RunRecord) -> None:
    """The last word, after which the worker touches nothing of the run any more."""
    files = paths.run(record.id)
    write_record(paths, record)
    if record.status is not RunStatus.INTERRUPTED:
        files.stop.unlink(missing_ok=True)
        files.checkpoint.unlink(missing_ok=True)
        forget_features(files)


@contextmanager
def _scratch(files: RunPaths) -> Iterator[None]:
    """A temporary directory of the run's own, because Keras leaves files there when killed."""
    _sweep(files)
    files.scratch.mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(files.scratch)
    try:
        yield
    finally:
        tempfile.tempdir = before
        _sweep(files)


def _sweep(files: RunPaths) -> None:
    """Remove what a kill or a full disk has left half written, by Keras or by ourselves."""
    shutil.rmtree(files.scratch, ignore_errors=True)
    for partial in files.folder.glob(".*.tmp"):
        partial.unlink(missing_ok=True)


def _versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0], "backend": keras.backend.backend()}
    for package in _VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The worker process: lives as long as the other end of its standard input."""
    parser = argparse.ArgumentParser(prog="python -m core.training")
    parser.add_argument("run_id")
    parser.add_argument("--artifacts", type=Path, required=True)
    options = parser.parse_args(arguments)
    give_way()
    signal = StopSignal()
    signal.watch_lifeline()
    record = run_training(Paths(options.artifacts), options.run_id, signal)
    print(f"{record.id}: {record.status.value}", flush=True)
    return 0 if record.status in (RunStatus.FINISHED, RunStatus.STOPPED) else 1


if __name__ == "__main__":
    # Nothing is left to do at this point; the interpreter's own tidying of a backend with
    # running threads takes up to a second.
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
