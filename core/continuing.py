"""What can be done with a run that is over: go on from its network, or learn from more images.

A run that is over never changes: both are runs of their own, whose folders hold all they need.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import NamedTuple

from core.config import RunConfig, TransferConfig
from core.errors import N_, LabError, RunError
from core.parts import Start
from core.paths import Paths, RunPaths, write_atomic
from core.records import Epoch, RunRecord, parse_history, read_history, run_paths

LEAST_SHARE = 0.1
"""A plan that has ended near 0 would teach nothing more: the new one begins no lower than this
part of the former rate."""


NO_FOLD: dict[str, object] = {
    "data.folds": None,
    "data.fold": None,
    "data.repeats": 1,
    "data.grouping": "none",
    "data.fold_seed": 0,
}
"""Values of a config that is no part of a cross-validation: nothing of how it was dealt is left."""


class Next(NamedTuple):
    """A run that is to follow another one."""

    config: RunConfig
    start: Start | None = None


def whole_history(files: RunPaths) -> list[Epoch]:
    """The epochs of a run behind those that had led to its first network, numbered throughout."""
    return epochs_before(files) + own_epochs(files)


def own_epochs(files: RunPaths) -> list[Epoch]:
    """The epochs of a run, numbered behind those that had led to its first network."""
    before = len(epochs_before(files))
    return [e.model_copy(update={"epoch": e.epoch + before}) for e in read_history(files)]


def epochs_before(files: RunPaths) -> list[Epoch]:
    """Those of the runs that a run goes on from, numbered from 1; usually none."""
    return parse_history(files.before)


def continued(record: RunRecord, history: list[Epoch], epochs: int) -> Next:
    """``epochs`` more, from the network that a run has kept.

    ``history`` are the run's own epochs. The optimizer begins anew, and so does the plan of the
    rate over the new epochs, at the rate where the run has ended but at least at a
    :data:`LEAST_SHARE` of its own; without a warm-up. With a backbone the stage is the last one.

    Raises:
        RunError: if the run is not over or has kept no network.
        ConfigError: for an impossible number of epochs.
    """
    kept = kept_epochs(record)
    if len(history) < kept:
        raise RunError(N_("The epochs of run {run} cannot be read."), run=record.id)
    last = history[kept - 1]
    config = record.config
    values: dict[str, object] = {"train.epochs": epochs, "optimizer.warmup_epochs": 0}
    full = config.optimizer.learning_rate
    if isinstance(config.model, TransferConfig) and config.model.pretrained:
        tuned = last.stage == "fine-tuning"
        full *= config.model.fine_rate if tuned and config.model.frozen_epochs else 1
        values["model.frozen_epochs"] = 0 if tuned else epochs
    rate = max(last.learning_rate, LEAST_SHARE * full)
    values |= {"optimizer.learning_rate": float(f"{rate:.3g}")}
    before = record.start.epochs if record.start else 0
    return Next(config.with_values(values), Start(run=record.id, epochs=before + kept))


def retrained(record: RunRecord) -> Next:
    """The same again on training and validation images, for as many epochs as were best.

    Nothing judges the epochs any more: no early stopping, and the last epoch is kept.

    Raises:
        RunError: if the run is not over, has kept no network, or has learned from them already.
    """
    _check_over(record)
    if record.config.data.with_validation:
        raise RunError(
            N_("Run {run} has learned from the validation images already."), run=record.id
        )
    assert record.summary is not None
    values: dict[str, object] = {
        **NO_FOLD,
        "data.with_validation": True,
        "train.epochs": record.summary.best_epoch or record.summary.epochs,
        "train.early_stopping": False,
        "train.restore_best": False,
    }
    return Next(record.config.with_values(values), same_start(record))


def same_start(record: RunRecord) -> Start | None:
    """For a run that is to begin from the very network from which this one began, which it still
    holds; None if it began from a new one."""
    return record.start and record.start.model_copy(update={"kept_in": record.id})


def kept_epochs(record: RunRecord) -> int:
    """How many epochs of a run have led to the network that it has kept; raises RunError."""
    _check_over(record)
    assert record.summary is not None
    best = record.summary.best_epoch
    return best if best and record.config.train.restore_best else record.summary.epochs


def check_trained(record: RunRecord) -> None:
    """Raises RunError for a run that is made of others: it has no training to be repeated."""
    if record.kind != "training":
        raise RunError(
            N_("Run {run} was not trained itself: follow one of the runs that it is made of."),
            run=record.id,
        )


def _check_over(record: RunRecord) -> None:
    check_trained(record)
    if record.status.is_over() and record.summary is not None and record.summary.epochs:
        return
    raise RunError(
        N_("Run {run} is {status}: only a run that has ended with a network can be followed."),
        run=record.id,
        status=record.status.text,
    )


def lay_out_start(paths: Paths, run_id: str, start: Start) -> None:
    """Put into a new run's folder what it goes on from: it must not need the other run's.

    Raises:
        NotFoundError: if that run is gone.
        RunError: if it has no network. Either way the new folder is gone again.
    """
    try:
        _lay_out(paths, run_id, start)
    except (LabError, OSError):
        shutil.rmtree(paths.run(run_id).folder)
        raise


def _lay_out(paths: Paths, run_id: str, start: Start) -> None:
    source, target = run_paths(paths, start.kept_in or start.run), paths.run(run_id)
    network = source.start if start.kept_in else source.model
    if not network.is_file():
        raise RunError(N_("Run {run} has no network to go on from."), run=start.run)
    # Nothing ever changes a saved network: a second name takes no room.
    with suppress(OSError):
        os.link(network, target.start)
    if not target.start.is_file():
        shutil.copyfile(network, target.start)
    epochs = whole_history(source)[: start.epochs]
    write_atomic(target.before, "".join(epoch.model_dump_json() + "\n" for epoch in epochs))
