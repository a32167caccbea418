"""Plans for runs that follow another one, on the images that it has seen."""

from __future__ import annotations

from core.caps import within_minutes
from core.config import RunConfig
from core.continuing import (
    Next,
    check_trained,
    continued,
    epochs_before,
    retrained,
    same_start,
)
from core.datasets.joining import learned_info
from core.datasets.registry import open_dataset
from core.datasets.retiring import open_for_run, open_seen
from core.errors import N_, DatasetError, RunError
from core.paths import Paths
from core.records import RunRecord, read_history, read_record, run_paths
from core.schedules import steps_per_epoch
from core.store import Store


def plan_continuation(store: Store, record: RunRecord, epochs: int) -> Next:
    """See :func:`core.continuing.continued`; DatasetError if the images are not the same."""
    history = read_history(store.paths.run(record.id))
    plan = continued(record, history, epochs)
    return plan._replace(config=on_its_images(store, record, plan.config))


def plan_retraining(store: Store, record: RunRecord) -> Next:
    """See :func:`core.continuing.retrained`; DatasetError if the images are not the same, or there
    are none to add or to measure with."""
    plan = retrained(record)
    return plan._replace(config=on_its_images(store, record, plan.config))


def plan_on(store: Store, record: RunRecord, dataset: str) -> Next:
    """The same training on another dataset, such as the next version of its own.

    Raises:
        RunError: if the run was not trained itself, or is a fold that went on from a network that
            has learned from images which other folds would judge.
        NotFoundError: if there is no such dataset.
        DatasetError: if it has not the splits that are wanted, or other classes than those of the
            network that the run went on from.
    """
    check_trained(record)
    info = open_dataset(store.paths, dataset).info
    config = within_minutes(record.config).with_values({"data.dataset": info.name})
    learned_info(info, config.data)
    start = same_start(record)
    if start is not None and record.config.data.folds:
        raise RunError(
            N_(
                "Run {run} is a fold and went on from another run's network. “{name}” is dealt "
                "into other folds, so that this network has learned from some of the images that "
                "would judge it: put the settings into the form and train from the beginning."
            ),
            run=record.id,
            name=info.name,
        )
    if start is not None and record.class_names != info.class_names:
        raise DatasetError(
            N_(
                "Run {run} went on from a network with other classes than those of “{name}”: "
                "put its settings into the form and train from the beginning."
            ),
            run=record.id,
            name=info.name,
        )
    return Next(config, start)


def steps_of_epochs(paths: Paths, record: RunRecord) -> list[int]:
    """The steps of every epoch of :func:`core.continuing.whole_history`: those of the runs that it
    goes on from may have had other batches or another dataset.

    Raises:
        LabError: if they are not known of every epoch, as a run or dataset is gone.
    """
    data, files = record.config.data, run_paths(paths, record.id)
    info = open_seen(paths, data.dataset, record.dataset_fingerprint).info
    # Counted by classes: what is kept of a deleted dataset still says how many there were.
    counts = learned_info(info, data).class_counts if data.folds else info.class_counts
    images = sum(counts["train"]) + (sum(counts["val"]) if data.with_validation else 0)
    own = [steps_per_epoch(record.config, images)] * len(read_history(files))
    earlier = len(epochs_before(files))
    if not earlier:
        return own
    if record.start is None or record.start.run >= record.id:  # of a folder made by hand
        raise RunError(N_("The epochs of run {run} cannot be read."), run=record.id)
    before = steps_of_epochs(paths, read_record(paths, record.start.run))
    if len(before) < earlier:
        raise RunError(N_("The epochs of run {run} cannot be read."), run=record.start.run)
    return before[:earlier] + own


def on_its_images(store: Store, record: RunRecord, config: RunConfig) -> RunConfig:
    """The config with the dataset that the run has seen, by the name that it has now, and with no
    more minutes than are allowed by now.

    Raises:
        NotFoundError: if it is gone.
        DatasetError: if another one has its name, or it has not the splits that are wanted.
    """
    name = config.data.dataset
    info = open_for_run(store.paths, name, record.dataset_fingerprint).info
    if record.dataset_fingerprint not in (None, info.fingerprint):
        raise DatasetError(
            N_("The dataset “{name}” is not the one that this run has seen: it was replaced."),
            name=name,
        )
    learned_info(info, config.data)
    return within_minutes(config).with_values({"data.dataset": info.name})
