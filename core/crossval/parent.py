"""A cross-validation as a whole: planned, begun, resumed, deleted."""

from __future__ import annotations

from typing import NamedTuple

from filelock import FileLock

from core.caps import check_caps
from core.config import RunConfig
from core.continuing import NO_FOLD
from core.crossval.standing import finished, folds_of, is_live
from core.datasets.folding import (
    GroupCounts,
    Grouping,
    check_deal,
    check_fold,
    count_groups,
    group_rows,
)
from core.datasets.joining import pool_of
from core.datasets.registry import open_dataset
from core.errors import N_, RunError
from core.following import on_its_images
from core.jobs.runner import Runner
from core.parts import Part
from core.paths import Paths
from core.presets import check_fits
from core.records import RunRecord, RunStatus
from core.store import Store

FIXED_EPOCHS: dict[str, object] = {"train.early_stopping": False, "train.restore_best": False}
"""Values of a config in which no epoch is chosen by the images that judge it."""


class Folding(NamedTuple):
    """How the images are dealt."""

    folds: int = 5
    repeats: int = 1
    grouping: Grouping = "none"
    seed: int = 0


def whole(config: RunConfig, how: Folding) -> RunConfig:
    """The config of a cross-validation, as its record keeps it; ConfigError for impossible ones."""
    return config.with_values(
        {
            **NO_FOLD,
            "data.folds": how.folds,
            "data.repeats": how.repeats,
            "data.grouping": how.grouping,
            "data.fold_seed": how.seed,
        }
    )


def fold_config(config: RunConfig, number: int) -> RunConfig:
    """The config of one fold of it, from 0 on."""
    return config.with_values({"data.fold": number})


def chooses_epochs(config: RunConfig) -> bool:
    """Whether something is chosen by the very fold that judges: the figures are then a little
    better than the network would be on other images."""
    train, plateau = config.train, config.optimizer.schedule == "plateau"
    return train.early_stopping or train.restore_best or plateau


def check(paths: Paths, config: RunConfig) -> GroupCounts:
    """What its folds are dealt from, after a look for everything that can be known to go wrong
    before the first one begins.

    Raises:
        ConfigError, DatasetError, NotFoundError: saying what.
    """
    check_caps(config)
    pool = pool_of(open_dataset(paths, config.data.dataset))
    check_fold(pool.info.name, config.data)
    check_fits(config.model, pool.info.image_shape)
    images = pool.split("val")
    groups = group_rows(images, config.data.grouping)
    check_deal(pool.info, images, groups, config.data.folds or 0)
    return count_groups(len(images), groups)


def launch(
    store: Store,
    config: RunConfig,
    *,
    owner: str = "server",
    preset: str | None = None,
    by: str = "",
) -> RunRecord:
    """A new cross-validation of a config made by :func:`whole`. Of a server it waits in the list
    of runs, and the supervising thread makes its folds; a command line trains them itself.

    Raises:
        ConfigError, DatasetError, NotFoundError: as :func:`check`.
    """
    check(store.paths, config)
    return store.create(
        config, owner=owner, preset=preset, by=by, taken=owner == "cli", kind="crossval"
    )


def part_of(parent: RunRecord, number: int) -> Part:
    return Part(kind="crossval", of=parent.id, number=number)


def can_go_on(store: Store, parent: RunRecord) -> bool:
    """Whether it has ended without all of its folds."""
    over = parent.kind == "crossval" and parent.status.is_over()
    return over and len(finished(folds_of(store, parent.id))) < parent.config.data.all_folds


def resume(store: Store, runner: Runner, parent_id: str) -> None:
    """Have a server make what is missing: interrupted folds go on, others begin anew.

    Raises:
        RunError: if nothing is missing, or it has not ended.
        NotFoundError, DatasetError: if the images of its folds are gone, or others have their name.
    """
    with FileLock(store.paths.index_lock):
        parent = prepare_resume(store, parent_id)
    for fold in folds_of(store, parent_id).values():
        if fold.status.can_resume():
            runner.resume(fold.id)
    asked = {"owner": "server", "lab_id": store.lab_id, "pid": None, "status": RunStatus.QUEUED}
    store.save(parent.changed(**asked))


def prepare_resume(store: Store, parent_id: str) -> RunRecord:
    """What has failed or was stopped is no fold any more, so that another one takes its place; it
    stays a run. Returns the record without what its end has left in it. Under the index's lock.

    Raises:
        RunError, DatasetError: as :func:`resume`.
    """
    parent = store.read(parent_id)
    if not can_go_on(store, parent):
        raise RunError(
            N_("The cross-validation {run} is {status}, and none of its folds is missing."),
            run=parent_id,
            status=parent.status.text,
        )
    config = _on_the_same_images(store, parent)
    for fold in folds_of(store, parent_id).values():
        lost = fold.status.is_over() and not fold.status.can_resume()
        if lost and fold.status is not RunStatus.FINISHED:
            store.save(store.read(fold.id).changed(part=None))
    store.paths.run(parent_id).stop.unlink(missing_ok=True)
    empty = {"failure": None, "note": None, "ended": None, "summary": None}
    return parent.changed(**empty, config=config, resumes=parent.resumes + 1)


def _on_the_same_images(store: Store, parent: RunRecord) -> RunConfig:
    """Its settings, with the name by which the images of those folds are called now that stay:
    dealt from others, a new fold would judge what these have learned from."""
    folds = folds_of(store, parent.id).values()
    kept = (f for f in folds if f.status is RunStatus.FINISHED or f.status.can_resume())
    seen = next((fold for fold in kept if fold.dataset_fingerprint), None)
    if seen is None:
        return parent.config
    name = on_its_images(store, seen, seen.config).data.dataset
    return parent.config.with_values({"data.dataset": name})


def delete_run(store: Store, run_id: str) -> list[str]:
    """Remove a run, of a cross-validation with all its folds; returns the ids of what is gone.

    Raises:
        NotFoundError: if there is none.
        RunError: if it is running.
    """
    record = store.read(run_id)
    folds = list(folds_of(store, run_id).values()) if record.kind == "crossval" else []
    if any(is_live(fold) for fold in folds):
        raise RunError(N_("Run {run} is running: stop it before deleting it."), run=run_id)
    # First the whole: nobody makes folds for what is gone.
    for doomed in (run_id, *(fold.id for fold in folds)):
        store.delete(doomed)
    return [run_id, *(fold.id for fold in folds)]
