"""Averaging the weights of networks, for the app: a task (:mod:`core.tasks`) in a process of its
own, whose result is a run. This side asks and reads; :mod:`core.souping` works.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field

from core import tasks
from core.ensembles.votes import checked
from core.errors import N_, RunError, StoreError, Text, text
from core.evaluation.predictions import UNREADABLE
from core.fields import SETTINGS, effective
from core.jobs.workers import worker_environment
from core.parts import Id, Member
from core.paths import Paths, write_atomic
from core.records import RunRecord, read_record, short_id
from core.task_paths import TaskPaths
from core.tasks import TaskState

Recipe = Literal["uniform", "greedy"]
TASK = "soup"
ONLY_LEARNING = {
    *("dropout", "input_dropout", "conv_dropout", "block_dropout"),
    *("conv_dropout_after", "spatial_dropout", "l1", "l2"),
    *("weights", "frozen_epochs", "unfreeze_blocks", "fine_rate", "tune_norm"),
}
"""Settings of a model that say how it learns; a network that has learned is the same without."""


class Order(BaseModel, frozen=True):
    """What is to be averaged: all of the members, or (``greedy``) one after the other, the best
    first, those that do not make the average worse on validation images."""

    members: Annotated[tuple[Member, ...], Field(min_length=2)]
    recipe: Recipe = "greedy"
    by: str = ""
    owner: Literal["server", "cli"] = "server"

    @property
    def key(self) -> str:
        """The same for the same members, in whatever order."""
        named = sorted(f"{m.run}.{m.snapshot}" for m in self.members)
        return blake2b(f"{self.recipe} {named}".encode(), digest_size=12).hexdigest()


class Soup(BaseModel, frozen=True):
    """What came of it: the new ``run`` and its accuracy on validation images; ``members`` with
    ``accuracies`` of their own, and the numbers of those that went in."""

    run: Id
    accuracy: float
    members: tuple[Member, ...]
    accuracies: tuple[float, ...]
    used: tuple[int, ...]


def check_soup(paths: Paths, members: Sequence[Member]) -> list[RunRecord]:
    """The records of networks whose weights can be averaged, as far as can be told without them.

    Raises:
        RunError: naming the run that does not fit, and in what.
        NotFoundError: if there is no such run.
    """
    records = checked(paths, members)
    first = records[0].config.model
    for record in records:
        model = record.config.model
        if model.architecture != first.architecture:
            raise RunError(
                N_(
                    "The weights of a {one} (run {run}) and a {other} (run {first}) have nothing "
                    "to do with each other: only networks of one architecture can be averaged."
                ),
                one=model.title,
                run=short_id(record.id),
                other=first.title,
                first=short_id(records[0].id),
            )
        if other := _differing(record, records[0]):
            raise RunError(
                N_(
                    "The networks of run {run} and run {first} compute differently ({setting}): "
                    "the mean of their weights would fit neither of them."
                ),
                run=short_id(record.id),
                first=short_id(records[0].id),
                setting=other,
            )
    return records


def _differing(record: RunRecord, first: RunRecord) -> Text | None:
    """The first setting of the model that makes another network of the same weights, where two
    differ: an activation or a way to pool has no weights by which it could be told."""
    for field, *values in zip(
        SETTINGS, effective(record.config), effective(first.config), strict=True
    ):
        section, _dot, name = field.key.partition(".")
        if section == "model" and name not in ONLY_LEARNING and values[0] != values[1]:
            return text(field.label)
    return None


def caution(records: Sequence[RunRecord]) -> Text | None:
    """What to expect of networks that did not begin at the same place."""
    if len({_beginning(record) for record in records}) == 1:
        return None
    return text(
        N_(
            "These networks began from different random weights. The mean of their weights is "
            "usually no better than chance, because each has found its own order of units; that "
            "works for networks with a common start: snapshots of one run, runs continued from "
            "one, or fine-tuned from the same pretrained backbone."
        )
    )


def _beginning(record: RunRecord) -> str:
    """Where a network comes from, in a word that is the same for those with a common start."""
    if record.start is not None:
        return record.start.run
    model = record.config.model
    backbone = getattr(model, "backbone", None)
    if backbone is not None and getattr(model, "pretrained", False):
        return f"{backbone}"
    return record.id


def _files(paths: Paths, order: Order) -> TaskPaths:
    return paths.soup(order.key)


def start_soup(paths: Paths, order: Order, *, again: bool = False) -> None:
    """Begin to average unless that is under way or done; ``again`` drops what came of it.

    Raises:
        RunError, NotFoundError: as :func:`check_soup`.
    """
    check_soup(paths, order.members)
    files = _files(paths, order)
    files.folder.mkdir(parents=True, exist_ok=True)
    write_atomic(files.folder / "order.json", order.model_dump_json())
    words = ["core.souping", str(paths.root.resolve()), order.key]
    begin = functools.partial(tasks.launch, files, TASK, words, worker_environment("-1"))
    tasks.start(files, TASK, begin, lock=paths.inspection_lock("start"), again=again)


def read_soup(paths: Paths, order: Order) -> TaskState:
    return tasks.read_state(_files(paths, order), TASK)


def cancel_soup(paths: Paths, order: Order) -> None:
    tasks.cancel(_files(paths, order), TASK)


def load_order(paths: Paths, key: str) -> Order:
    """What the process is asked for."""
    return Order.model_validate_json((paths.soup(key).folder / "order.json").read_bytes())


def save_soup(files: TaskPaths, soup: Soup) -> None:
    """As the result of the task: an array of the JSON, because results are ``.npz``."""
    with (files.folder / ".soup.tmp.npz").open("wb") as file:
        np.savez(file, soup=np.frombuffer(soup.model_dump_json().encode(), np.uint8))
    (files.folder / ".soup.tmp.npz").replace(files.result(TASK))


def load_soup(paths: Paths, order: Order) -> Soup:
    """What came of a finished task.

    Raises:
        StoreError: if that is damaged.
        NotFoundError: if the run was deleted since.
    """
    file = _files(paths, order).result(TASK)
    try:
        with np.load(file, allow_pickle=False) as saved:
            soup = Soup.model_validate_json(saved["soup"].tobytes())
    except UNREADABLE as error:
        raise StoreError(
            N_("What came of averaging the weights in {file} is missing or damaged."),
            remedy=text(N_("Compute it again.")),
            file=str(file),
        ) from error
    read_record(paths, soup.run)
    return soup
