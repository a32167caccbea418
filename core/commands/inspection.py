"""``inspect``: what a run's network makes of its images, computed here if nobody has yet."""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from typing import TextIO, get_args

from core.commands.context import Answer, Context, chatter_to, interruptible
from core.commands.formats import amount, facts, number, percent, table
from core.commands.parser import Command, add_run_id
from core.commands.stats import ProgressBar
from core.evaluation.metrics import accuracy
from core.evaluation.predictions import load_split
from core.inspection.distortions import DISTORTIONS
from core.inspection.job import inspect as work
from core.inspection.result import load_features, load_robustness
from core.inspection.robustness import Robustness, read_robustness
from core.inspection.service import Task
from core.records import RunRecord


def inspect(context: Context) -> Answer:
    record = context.store.read(context.options.run_id)
    task: Task = context.options.task
    if not context.paths.run(record.id).inspection.result(task).is_file():
        with tempfile.TemporaryFile("w", encoding="utf-8") as log, chatter_to(log) as person:
            compute(context, record.id, task, person)
    return ANSWERS[task](context, record)


def compute(context: Context, run_id: str, task: Task, person: TextIO) -> None:
    """Do a task here; ``person`` hears how far it is."""
    cancelled = threading.Event()
    notice = "Cancelling… (Ctrl-C again aborts at once)"
    with interruptible(cancelled.set, notice), closing(ProgressBar(person)) as on_progress:
        work(context.paths, run_id, task, on_progress, cancelled.is_set)


def _features(context: Context, record: RunRecord) -> Answer:
    files = context.paths.run(record.id).inspection
    familiar = load_features(files).familiar
    train = load_split(files.train_predictions, "train")
    document = {
        "run_id": record.id,
        "train_images": len(train.y_true),
        "train_accuracy": accuracy(train.y_true, train.proba),
        "unknown_threshold": familiar.threshold,
    }
    text = facts(
        [
            ("run", record.id),
            ("training images looked at", amount(len(train.y_true))),
            ("accuracy on them", percent(accuracy(train.y_true, train.proba))),
            ("strange above a score of", number(familiar.threshold, 1)),
        ]
    )
    return Answer(document, text)


def _robustness(context: Context, record: RunRecord) -> Answer:
    found = load_robustness(context.paths.run(record.id).inspection)
    readings = read_robustness(found, record.config.augment)
    document = {
        "run_id": record.id,
        "split": found.split,
        "images": len(found.rows),
        "distortions": [
            {
                "name": name,
                "unit": DISTORTIONS[name].unit,
                "values": list(DISTORTIONS[name].levels),
                "accuracy": [round(share, 6) for share in shares],
            }
            for name, shares in zip(found.names, found.accuracy.tolist(), strict=True)
        ],
        "readings": {r.name: " ".join(map(str, filter(None, (r.what, r.why)))) for r in readings},
    }
    said = [f"{DISTORTIONS[r.name].label}: {r.what} {r.why or ''}".rstrip() for r in readings]
    return Answer(document, "\n\n".join([*_tables(found), "\n".join(said)]))


def _varied(context: Context, record: RunRecord) -> Answer:
    """What averaging over several versions gains on the validation images; the test's stay
    sealed."""
    files = context.paths.run(record.id)
    before, after = (load_split(f, "val") for f in (files.predictions, files.inspection.varied))
    alone, averaged = (accuracy(p.y_true, p.proba) for p in (before, after))
    document = {
        "run_id": record.id,
        "images": len(after.rows),
        "val_accuracy": alone,
        "varied_val_accuracy": averaged,
    }
    rows = [
        ("validation images", amount(len(after.rows))),
        ("as they are", percent(alone)),
        ("over several versions", percent(averaged)),
    ]
    return Answer(document, facts(rows))


ANSWERS: dict[Task, Callable[[Context, RunRecord], Answer]] = {
    "features": _features,
    "robustness": _robustness,
    "varied": _varied,
}


def _tables(found: Robustness) -> list[str]:
    """One per distortion: each has values of its own."""
    tables = []
    for name, shares in zip(found.names, found.accuracy.tolist(), strict=True):
        row = DISTORTIONS[name]
        title, values = row.label.lower(), [str(row.said(value)) for value in row.levels]
        pairs = zip(values, map(percent, shares), strict=True)
        tables.append(table((title, "accuracy"), list(pairs), right=("accuracy",)))
    return tables


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_run_id(parser)
    parser.add_argument(
        "--task",
        choices=get_args(Task),
        default="features",
        help="features: of all splits, for neighbours, map and strange pictures (default); "
        "robustness: accuracy on pictures that get worse; varied: the mean over several versions "
        "of each picture (test-time augmentation), for ensembles",
    )


INSPECT = Command("inspect", "Look into a run's network; the result is kept.", inspect, _arguments)
