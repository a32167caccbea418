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

from core.averaging import Averages, HideAverages, ShowAverages
from core.backends import has_gpu
from core.callbacks import (
    Checkpoint,
    EpochCap,
    EpochOrder,
    Halt,
    Halted,
    NaNGuard,
    Reporter,
    TimeLimit,
)
from core.caps import longest_seconds, max_epochs, max_minutes
from core.checkpoint import Array, TrainingState, load_checkpoint, saved_state
from core.config import RunConfig
from core.datasets.dataset import Dataset
from core.datasets.joining import learned_from
from core.datasets.retiring import open_for_run
from core.errors import N_, DatasetError, RunError, Text, text
from core.evaluating import EVAL_BATCH, evaluate, evaluated_rows
from core.event_log import EventLog
from core.failures import explain
from core.feeding import Batches, training_batches
from core.judging import Judges, judges_of
from core.losses import class_weights
from core.paths import Paths, RunPaths
from core.precision import to_keep
from core.records import (
    Failure,
    Progress,
    RunRecord,
    RunStatus,
    RunSummary,
    check_is_training,
    now,
    read_history,
    read_record,
    run_paths,
    write_history,
    write_progress,
    write_record,
)
from core.signals import StopSignal, give_way
from core.snapshots import judge_snapshots, snapshot_keepers
from core.trainer import build_network
from core.transfer import Course, forget_features
from core.watching import Watching

LOCK_SECONDS = 60.0
_STATUS_OF: dict[str | None, RunStatus] = {
    "user": RunStatus.STOPPED,
    "pruned": RunStatus.PRUNED,
}
"""How a run ends that was asked to, by the reason."""
_VERSIONED = ("keras", "tensorflow", "jax", "torch", "numpy")


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
        RunError: if another process goes on training it, or it is no training of its own.
    """
    try:
        # A worker that a dead server left behind may still be about to save and end.
        with FileLock(run_paths(paths, run_id).lock, timeout=LOCK_SECONDS):
            record = read_record(paths, run_id)
            if record.status.is_over() and not record.status.can_resume():
                return record
            check_is_training(record)
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
        with _scratch(files), signal.watching(files.stop, _seconds_allowed(files)):
            write_progress(files, Progress(epochs=record.config.train.epochs))
            dataset = open_for_run(paths, record.config.data.dataset, record.dataset_fingerprint)
            record = _describe(record, dataset)
            write_record(paths, record)
            dataset = learned_from(dataset, record.config.data)
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
    before = record.start.epochs if record.start else 0
    keras.utils.set_random_seed(config.train.seed + before)
    trainer = build_network(config, dataset)
    watching = Watching(config, dataset) if dataset.info.splits.get("val") else None
    course = Course(trainer, config, files, dataset.info.splits["train"], watching)
    course.begin(saved_state(files.checkpoint))
    fresh = TrainingState(stage=course.stage.name)
    state, best = load_checkpoint(files.checkpoint, course.model) or (fresh, [])
    write_history(files, state.history)
    life = _Life(files, state, best, signal, extra, before)
    reason = None
    try:
        _train_stage(course, dataset, life)
        while (best_so_far := course.advance(state)) is not None:
            _train_stage(course, dataset, life._replace(best=best_so_far))
    except Halted as halt:
        if halt.reason == "server" or not state.history:
            raise  # before its first epoch has ended, a network has nothing to show
        reason = halt.reason
    record = record.changed(note=_note(config, reason))
    kept = to_keep(trainer.base)
    summary = evaluate(kept, config, dataset, files, state=state, signal=signal)
    judge_snapshots(files, kept, state, dataset, signal)
    return _ended(record, _STATUS_OF.get(reason, RunStatus.FINISHED), summary=summary)


def _seconds_allowed(files: RunPaths) -> float | None:
    """What is left of the server's limit after the epochs of former lives."""
    most = max_minutes()
    return None if most is None else 60 * most - sum(e.seconds for e in read_history(files))


def _note(config: RunConfig, reason: str | None) -> Text | None:
    """What there is to say about an end that nobody asked for."""
    notes = {
        "time": text(
            N_("Ended by its time limit of {minutes} min."), minutes=config.train.time_limit
        ),
        "minutes": text(
            N_("Ended by this server's limit of {minutes} min per run."),
            minutes=max_minutes() or 0,
        ),
        "epochs": text(
            N_("Ended by this server's limit of epochs per run: {epochs}."),
            epochs=max_epochs() or 0,
        ),
    }
    return notes.get(reason or "")


class _Life(NamedTuple):
    """From one start of a run's process to its end: what it found, and what it listens to."""

    files: RunPaths
    state: TrainingState
    best: list[Array]
    signal: StopSignal
    extra: Sequence[keras.callbacks.Callback]
    before: int
    """Epochs of other runs that have led to where it starts."""


def _train_stage(course: Course, dataset: Dataset, life: _Life) -> None:
    if life.state.complete:
        _put_kept_weights(course, life.best, Averages(course.model))
    else:
        _fit(course, dataset, life)


def _put_kept_weights(course: Course, best: list[Array] | None, averages: Averages) -> None:
    """Those of the best epoch, otherwise the last ones, averaged if that is wanted."""
    if best:
        course.model.set_weights(best)
    elif course.config.optimizer.ema:
        averages.show()


def _fit(course: Course, dataset: Dataset, life: _Life) -> None:
    config, images = course.config, training_batches(course.config, dataset)
    weights = class_weights(
        config.train.class_weights,
        dataset.split("train").labels[images.rows],
        len(dataset.info.class_names),
    )
    batches = course.feed(images, "train", life.signal)
    validation = _validation(course, dataset, life)
    judges = judges_of(config, validated=validation is not None)
    averages = Averages(course.model)
    keepers = snapshot_keepers(course, life.files, life.state, dataset.info.splits["train"])
    life = life._replace(extra=[*course.watchers(), *keepers, *life.extra])
    try:
        course.model.fit(
            batches,
            validation_data=validation,
            epochs=course.stage.until,
            initial_epoch=life.state.epoch,
            callbacks=_callbacks(config, batches, life, judges, averages),
            class_weight=weights,
            shuffle=False,
            verbose=0,
        )
    except Halted:
        # ``fit`` was left before EarlyStopping could put the best weights back.
        best = judges.stopping.best_weights if judges.stopping else None
        _put_kept_weights(course, best, averages)
        raise


def _validation(course: Course, dataset: Dataset, life: _Life) -> Batches | None:
    if not dataset.info.splits.get("val"):
        return None
    rows, mixes = evaluated_rows(dataset, "val", course.config), course.config.augment.mixes
    batches = Batches(dataset.split("val"), rows, EVAL_BATCH, labels_too=mixes)
    return course.feed(batches, "val", life.signal)


def _callbacks(
    config: RunConfig, batches: Batches, life: _Life, judges: Judges, averages: Averages
) -> list[keras.callbacks.Callback]:
    """In the order in which they have their say at the end of an epoch."""
    train, state = config.train, life.state
    ema = config.optimizer.ema
    return [
        Halt(life.signal),
        NaNGuard(config.optimizer.learning_rate),
        EpochOrder(batches, train.seed, life.before),
        *([ShowAverages(averages)] if ema else []),
        *([judges.stopping] if judges.stopping else []),
        Reporter(
            *(life.files, state, train.epochs, len(batches.rows)), longest=longest_seconds(config)
        ),
        *([judges.plateau] if judges.plateau else []),  # adds to the logs that Reporter writes
        *([EpochCap(most)] if (most := max_epochs()) else []),
        *([TimeLimit(60 * train.time_limit, state)] if train.time_limit else []),
        *life.extra,
        *([HideAverages(averages)] if ema else []),
        EventLog(life.files.tensorboard, state.history, life.before),
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
        background=info.background,
    )


def _halted(record: RunRecord, halt: Halted) -> RunRecord:
    if halt.reason == "server":
        return record.changed(status=RunStatus.INTERRUPTED, interrupted_by="server", ended=now())
    noted = record.changed(note=_note(record.config, halt.reason))
    return _ended(noted, _STATUS_OF.get(halt.reason, RunStatus.STOPPED))


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
    device = "gpu" if has_gpu() else "cpu"
    found = {"python": sys.version.split()[0], "backend": keras.backend.backend(), "device": device}
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
    return 0 if record.status.has_shown() else 1


if __name__ == "__main__":
    # Nothing is left to do at this point; the interpreter's own tidying of a backend with
    # running threads takes up to a second.
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
