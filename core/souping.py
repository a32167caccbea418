"""Model soups (Wortsman and others 2022): one network whose weights are the mean of several.

``python -m core.souping ARTIFACTS KEY`` is the process of a task (:mod:`core.ensembles.soups`).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from core import tasks
from core.checkpoint import Array
from core.datasets.dataset import Dataset
from core.datasets.joining import as_seen, learned_from
from core.datasets.retiring import open_seen
from core.ensembles.making import summary_of
from core.ensembles.soups import TASK, Order, Soup, check_soup, load_order, save_soup
from core.ensembles.votes import Votes, gathered, shared_splits
from core.errors import N_, RunError
from core.evaluating import EVAL_BATCH, predict_rows
from core.evaluation.metrics import accuracy
from core.evaluation.predictions import Predictions, save_predictions
from core.feeding import Batches, chosen_rows
from core.parts import Composition, Member
from core.paths import Paths
from core.prediction import network_of
from core.records import RunRecord, RunStatus, lab_id, new_run_id, now, short_id, write_record
from core.signals import give_way
from core.tasks import OnProgress, ShouldStop, TaskCancelledError, TaskProgress, TaskState

RENEWED_WITH = 5_000
"""Training images by which the statistics of batch normalisation are measured anew."""
Weights = list[Array]


class _Kitchen(NamedTuple):
    """What every tasting needs: a ``network`` to put weights into, and images to judge by."""

    network: keras.Model
    dataset: Dataset
    training: Batches
    val: Predictions

    def tasted(self, weights: Weights) -> float:
        """The accuracy on validation images of these weights, whose statistics are renewed."""
        self.network.set_weights(weights)
        renew_statistics(self.network, self.training)
        return accuracy(self.val.y_true, self.answers("val", self.val).proba) or 0.0

    def answers(self, name: str, asked: Predictions) -> Predictions:
        return predict_rows(self.network, self.dataset.split(name), asked.rows, [])


class _Told(NamedTuple):
    """Who hears how far the work is, and says whether it is still wanted."""

    on_progress: OnProgress
    should_stop: ShouldStop
    started: float

    def __call__(self, done: int, whole: int) -> None:
        if self.should_stop():
            raise TaskCancelledError
        progress = TaskProgress(phase="tasting", share=done / whole, started=self.started)
        self.on_progress(progress)


def make_soup(
    paths: Paths,
    order: Order,
    on_progress: OnProgress = tasks.unheard,
    should_stop: ShouldStop = tasks.never,
) -> Soup:
    """Average networks, and leave the result as a run of its own with network and predictions;
    whoever keeps the index has to look at it.

    Raises:
        RunError: if their weights cannot be averaged.
        NotFoundError, StoreError, DatasetError: if something is missing or damaged.
        TaskCancelledError: soon after ``should_stop`` says so.
    """
    told = _Told(on_progress, should_stop, time.time())
    records = check_soup(paths, order.members)
    # Only images that all have judged: of two folds one has learned from what the other judges.
    votes = gathered(paths, order.members, "val")
    kitchen = _kitchen(paths, order.members[0], records[0], votes)
    best_first = sorted(range(len(records)), key=lambda i: -votes.accuracies[i])
    used = best_first
    if order.recipe == "greedy":
        used = _greedily(kitchen, paths, order.members, best_first, told)
    told(len(records), len(records) + 1)
    pot = _Pot()
    for i in used:
        pot = pot.added(paths, order.members[i])
    kitchen.tasted(pot.mean())
    run, worth = _serve(paths, order, kitchen, [(order.members[i], records[i]) for i in used])
    return Soup(
        run=run,
        accuracy=worth,
        members=order.members,
        accuracies=tuple(votes.accuracies),
        used=tuple(used),
    )


def _greedily(
    kitchen: _Kitchen,
    paths: Paths,
    members: Sequence[Member],
    best_first: Sequence[int],
    told: _Told,
) -> list[int]:
    """The members, best first, that do not make the mean of those before them worse."""
    used, best, pot = list[int](), -1.0, _Pot()
    for number, i in enumerate(best_first):
        told(number, len(members) + 1)
        fuller = pot.added(paths, members[i])
        worth = kitchen.tasted(fuller.mean())
        if worth >= best:
            used.append(i)
            best, pot = worth, fuller
    return used


class _Pot(NamedTuple):
    """The sum, in double precision, of the weights that went in so far: of thirty large networks
    no more than one is held beside it."""

    total: tuple[npt.NDArray[np.float64], ...] = ()
    members: tuple[Member, ...] = ()
    types: tuple[np.dtype[Any], ...] = ()

    def added(self, paths: Paths, member: Member) -> _Pot:
        """With one more network; RunError if its layers have other sizes."""
        weights = network_of(paths, member).get_weights()
        total = self.total or tuple(np.zeros(w.shape) for w in weights)
        if [w.shape for w in weights] != [t.shape for t in total]:
            raise RunError(
                N_(
                    "The networks of run {run} and run {first} have layers of different sizes: "
                    "only weights of the same shapes can be averaged."
                ),
                run=short_id(member.run),
                first=short_id(self.members[0].run),
            )
        summed = tuple(t + w for t, w in zip(total, weights, strict=True))
        return _Pot(summed, (*self.members, member), tuple(w.dtype for w in weights))

    def mean(self) -> Weights:
        """Layer by layer."""
        n = len(self.members)
        return [(t / n).astype(kind) for t, kind in zip(self.total, self.types, strict=True)]


def _kitchen(paths: Paths, member: Member, record: RunRecord, votes: Votes) -> _Kitchen:
    data = record.config.data
    dataset = open_seen(paths, data.dataset, record.dataset_fingerprint)
    learned = learned_from(dataset, data)
    rows = chosen_rows(learned, "train", RENEWED_WITH, record.config.train.seed)
    train = learned.split("train")
    # A network of its own: others may ask the kept one.
    network = keras.models.clone_model(network_of(paths, member))
    # Shuffled: sorted by class, a batch would have the statistics of one class.
    training = Batches(train, rows, EVAL_BATCH, record.config.train.seed)
    val = votes.predictions(votes.proba[0])
    return _Kitchen(network, as_seen(dataset, data), training, val)


def renew_statistics(network: keras.Model, training: Batches) -> None:
    """Measure mean and variance of every batch normalisation anew on training images (Izmailov and
    others 2018): those of averaged weights are not the average of those before."""
    layers = [
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    with _without_dropout(network):
        for number in range(len(training)):
            for layer in layers:
                layer.momentum = number / (number + 1)  # then they hold the mean of all batches
            network(training[number][0], training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


@contextmanager
def _without_dropout(network: keras.Model) -> Iterator[None]:
    """Inside, nothing is dropped: the statistics are those of the whole network."""
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Dropout)]
    rates = [layer.rate for layer in layers]
    for layer in layers:
        layer.rate = 0
    try:
        yield
    finally:
        for layer, rate in zip(layers, rates, strict=True):
            layer.rate = rate


def _serve(
    paths: Paths, order: Order, kitchen: _Kitchen, used: Sequence[tuple[Member, RunRecord]]
) -> tuple[str, float]:
    """The soup as a run: its id, and its accuracy on validation images. The record is written
    last: until then there is no run."""
    asked = {"val": kitchen.val}
    if "test" in shared_splits(paths, order.members):
        votes = gathered(paths, order.members, "test")
        asked["test"] = votes.predictions(votes.proba[0])
    splits = {name: kitchen.answers(name, split) for name, split in asked.items()}
    run_id, moment = new_run_id(), now()
    files = paths.run(run_id)
    files.folder.mkdir()
    with tempfile.TemporaryDirectory(dir=files.folder) as scratch:
        partial = Path(scratch) / files.model.name
        kitchen.network.save(partial)
        partial.replace(files.model)
    save_predictions(files.predictions, splits)
    share = 1 / len(used)
    members = tuple(member.model_copy(update={"weight": share}) for member, _record in used)
    nothing = ("preset", "start", "part", "host", "pid", "pid_started", "note", "failure")
    changes: dict[str, Any] = {
        "id": run_id,
        "status": RunStatus.FINISHED,
        "kind": "soup",
        "composition": Composition(method="mean", members=members),
        "owner": order.owner,
        "by": order.by,
        "lab_id": lab_id(paths),
        "created": moment,
        "started": moment,
        "ended": moment,
        "resumes": 0,
        "summary": summary_of([record for _member, record in used], splits, networks=1),
        **dict.fromkeys(nothing),
    }
    write_record(paths, used[0][1].changed(**changes))
    return run_id, accuracy(splits["val"].y_true, splits["val"].proba) or 0.0


def run_job(paths: Paths, key: str) -> TaskState:
    """Work on what is asked for, and return the last word about it."""
    files = paths.soup(key)

    def work(on_progress: OnProgress) -> None:
        on_progress(TaskProgress())
        stop = files.cancel(TASK).exists
        turn = tasks.take_turn(paths.inspection_lock("turn"), on_progress, stop)
        try:
            save_soup(files, make_soup(paths, load_order(paths, key), on_progress, stop))
        finally:
            turn.release()

    return tasks.last_word_of(files, TASK, work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("key")
    options = parser.parse_args()
    give_way()
    tasks.leave(run_job(Paths(options.artifacts), options.key))


if __name__ == "__main__":
    main()
