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

from core.augment import augmentation_layers, mixing_layer
from core.augment.mixing import MixedAccuracy, MixedCrossentropy, Smoothing, mixing_model
from core.averaging import Averages, HideAverages, ShowAverages
from core.callbacks import (
    Checkpoint,
    EpochOrder,
    Halt,
    Halted,
    NaNGuard,
    Reporter,
    TimeLimit,
)
from core.checkpoint import Array, TrainingState, load_checkpoint
from core.config import RunConfig
from core.datasets.dataset import Dataset
from core.datasets.retiring import open_for_run
from core.errors import N_, DatasetError, RunError, text
from core.evaluating import EVAL_BATCH, evaluate, evaluated_rows
from core.failures import explain
from core.feeding import Batches, training_batches
from core.judging import Judges, judges_of
from core.losses import class_weights, loss_for, smoothed_model
from core.models import build_model
from core.optimizers import build_optimizer
from core.paths import Paths, RunPaths
from core.precision import precision, to_keep
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
from core.schedules import Rates, is_flat, schedule_values, steps_per_epoch
from core.signals import StopSignal, give_way

LOCK_SECONDS = 60.0
ENDED_BY_TIME = N_("Ended by its time limit of {minutes} min.")
_VERSIONED = ("keras", "tensorflow", "jax", "torch", "numpy")


class Trainer(NamedTuple):
    """A network on its way: ``model`` is compiled and trained, ``base`` is what is kept.

    They are one and the same without augmentation; with it, ``model`` is the augmentation
    followed by ``base``, and they share their weights. Where images are mixed, ``model`` takes the
    labels too (:mod:`core.augment.mixing`).
    """

    model: keras.Model
    base: keras.Model


def build_trainer(config: RunConfig, dataset: Dataset) -> Trainer:
    """Build and compile.

    Raises:
        ConfigError: if the architecture does not fit the images.
    """
    with precision(config):
        return _built(config, dataset)


def _built(config: RunConfig, dataset: Dataset) -> Trainer:
    info = dataset.info
    base = build_model(config.model, info.image_shape, len(info.class_names))
    model = _with_augmentation(base, config) if config.augment.active else base
    smoothing, mixes = config.train.label_smoothing, config.augment.mixes
    if smoothing and not mixes:
        model = smoothed_model(model, smoothing)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    model.compile(
        optimizer=build_optimizer(config.optimizer, _rates(config, info.splits["train"])),
        loss=MixedCrossentropy() if mixes else loss_for(smoothing),
        metrics=[MixedAccuracy() if mixes else accuracy],
    )
    # All variables are there before the first step (hence no metric by its mere name): those made
    # in it would have TensorFlow trace it twice, and every launch wait some seconds longer.
    model.optimizer.build(model.trainable_variables)
    return Trainer(model, base)


def _with_augmentation(base: keras.Model, config: RunConfig) -> keras.Model:
    pixels = keras.Input(base.input_shape[1:], name="raw_pixels")
    x = pixels
    for layer in augmentation_layers(config.augment, pixels.shape[-1], config.train.seed):
        x = layer(x)
    mixing = mixing_layer(config.augment, config.train.seed)
    if mixing is not None:
        return mixing_model(pixels, x, base, (mixing, Smoothing(config.train.label_smoothing)))
    return keras.Model(pixels, base(x), name="training")


def _rates(config: RunConfig, images: int) -> Rates | None:
    """The learning rate of every step, where it changes as planned."""
    if is_flat(config.optimizer):
        return None
    steps = steps_per_epoch(config, images)
    return schedule_values(config.optimizer, steps, config.train.epochs)


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
            dataset = open_for_run(paths, record.config.data.dataset, record.dataset_fingerprint)
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
    state, best = load_checkpoint(files.checkpoint, trainer.model) or (TrainingState(), [])
    write_history(files, state.history)
    life = _Life(files, state, best, signal, extra)
    reason = None
    try:
        if not state.complete:
            _fit(trainer, config, dataset, life)
        else:
            _put_kept_weights(trainer.model, best, Averages(trainer.model), config)
    except Halted as halt:
        if halt.reason == "server" or not state.history:
            raise  # before its first epoch has ended, a network has nothing to show
        reason = halt.reason
    if reason == "time":
        record = record.changed(note=text(ENDED_BY_TIME, minutes=config.train.time_limit))
    kept = to_keep(trainer.base)
    summary = evaluate(kept, config, dataset, files, state=state, signal=signal)
    status = RunStatus.STOPPED if reason == "user" else RunStatus.FINISHED
    return _ended(record, status, summary=summary)


def _put_kept_weights(
    model: keras.Model, best: list[Array] | None, averages: Averages, config: RunConfig
) -> None:
    """Those of the best epoch, otherwise the last ones, averaged if that is wanted."""
    if best:
        model.set_weights(best)
    elif config.optimizer.ema:
        averages.show()


class _Life(NamedTuple):
    """From one start of a run's process to its end: what it found, and what it listens to."""

    files: RunPaths
    state: TrainingState
    best: list[Array]
    signal: StopSignal
    extra: Sequence[keras.callbacks.Callback]


def _fit(trainer: Trainer, config: RunConfig, dataset: Dataset, life: _Life) -> None:
    train, batches = config.train, training_batches(config, dataset)
    mixes = config.augment.mixes
    validation = None
    if dataset.info.splits.get("val"):
        rows_of_val = evaluated_rows(dataset, "val", config)
        validation = Batches(dataset.split("val"), rows_of_val, EVAL_BATCH, labels_too=mixes)
    judges = judges_of(config, validated=validation is not None)
    averages = Averages(trainer.model)
    try:
        trainer.model.fit(
            batches,
            validation_data=validation,
            epochs=train.epochs,
            initial_epoch=life.state.epoch,
            callbacks=_callbacks(config, batches, life, judges, averages),
            class_weight=class_weights(
                train.class_weights,
                dataset.split("train").labels[batches.rows],
                len(dataset.info.class_names),
            ),
            shuffle=False,
            verbose=0,
        )
    except Halted:
        # ``fit`` was left before EarlyStopping could put the best weights back.
        best = judges.stopping.best_weights if judges.stopping else None
        _put_kept_weights(trainer.model, best, averages, config)
        raise


def _callbacks(
    config: RunConfig, batches: Batches, life: _Life, judges: Judges, averages: Averages
) -> list[keras.callbacks.Callback]:
    """In the order in which they have their say at the end of an epoch."""
    train, state = config.train, life.state
    ema = config.optimizer.ema
    return [
        Halt(life.signal),
        NaNGuard(config.optimizer.learning_rate),
        EpochOrder(batches),
        *([ShowAverages(averages)] if ema else []),
        *([judges.stopping] if judges.stopping else []),
        Reporter(life.files, state, train.epochs, len(batches.rows)),
        *([judges.plateau] if judges.plateau else []),  # adds to the logs that Reporter writes
        *([TimeLimit(60 * train.time_limit, state)] if train.time_limit else []),
        *life.extra,
        *([HideAverages(averages)] if ema else []),
        Checkpoint(life.files, state, judges, life.best),
    ]


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
        vocabulary=info.vocabulary,
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
