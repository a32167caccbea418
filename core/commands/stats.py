"""``data stats``: what an analysis finds in a dataset, computed here if nobody has yet."""

from __future__ import annotations

import sys
import threading
from contextlib import closing, suppress
from typing import Any, TextIO

import numpy as np
from tqdm import tqdm

from core.analysis.groups import DROPPING, Groups, across_splits, contradictory
from core.analysis.job import compute
from core.analysis.result import Analysis, load_analysis
from core.analysis.rows import Rows
from core.analysis.service import analysis_paths
from core.analysis.stats import class_brightness
from core.commands.context import Answer, Context, interruptible
from core.commands.formats import amount, facts, number, table
from core.datasets.dataset import Dataset
from core.errors import DatasetError
from core.tasks import TaskProgress

MOST_UNLIKE = 20
MOST_GROUPS = 100


def stats(context: Context) -> Answer:
    dataset = context.dataset(context.options.name)
    document = _document(dataset, _found(context, dataset))
    return Answer(document, _text(dataset, document))


def _found(context: Context, dataset: Dataset) -> Analysis:
    """What is kept, or computed now; what is damaged is computed anew."""
    file = analysis_paths(context.paths, dataset.info).result("basic")
    if file.is_file():
        with suppress(DatasetError):
            return load_analysis(file)
    cancelled = threading.Event()
    notice = "Cancelling the analysis… (Ctrl-C again aborts at once)"
    with interruptible(cancelled.set, notice), closing(ProgressBar()) as on_progress:
        compute(context.paths, dataset, "basic", on_progress, cancelled.is_set)
    return load_analysis(file)


def _document(dataset: Dataset, found: Analysis) -> dict[str, Any]:
    rows, info = Rows.of(dataset), dataset.info
    levels = class_brightness(found.stats.brightness)
    return {
        "name": info.name,
        "class_counts": dict(info.class_counts),
        "sizes": dataset.report().sizes.model_dump(mode="json"),
        "mean_brightness": {
            name: None if np.isnan(level) else round(float(level), 2)
            for name, level in zip(info.class_names, levels, strict=True)
        },
        "unlike_their_class": [
            {**_picture(dataset, rows, int(row)), "times": round(float(score), 3)}
            for row, score in zip(
                found.outliers.row[:MOST_UNLIKE], found.outliers.score, strict=False
            )
        ],
        "duplicates": {
            "complete": found.duplicates.complete,
            "identical": _groups(dataset, rows, found.duplicates.exact),
            "similar": _groups(dataset, rows, found.duplicates.similar),
        },
    }


def _picture(dataset: Dataset, rows: Rows, row: int) -> dict[str, object]:
    place, label = rows.place(row), int(rows.labels[row])
    return {
        "name": rows.name(row),
        "split": place.split,
        "row": place.row,
        "class": dataset.info.class_names[label] if label >= 0 else None,
    }


def _groups(dataset: Dataset, rows: Rows, groups: Groups) -> dict[str, Any]:
    return {
        "groups": groups.number,
        "images": len(groups.row),
        "in_several_splits": int(across_splits(groups, rows).sum()),
        "with_different_labels": int(contradictory(groups, rows).sum()),
        "to_drop": {name: choose(groups, rows) for name, choose in DROPPING.items()},
        "first": [
            [_picture(dataset, rows, int(row)) for row in groups.members(group)]
            for group in range(min(groups.number, MOST_GROUPS))
        ],
    }


def _text(dataset: Dataset, document: dict[str, Any]) -> str:
    found = document["duplicates"]
    pairs = [("name", dataset.info.name)]
    for kind, label in (("identical", "identical"), ("similar", "identical or nearly so")):
        part = found[kind]
        pairs.append(
            (
                label,
                f"{amount(part['images'])} images in {amount(part['groups'])} groups, "
                f"{amount(part['in_several_splits'])} in several splits, "
                f"{amount(part['with_different_labels'])} with different labels",
            )
        )
    levels = document["mean_brightness"].items()
    bright = table(
        ("class", "mean grey level"),
        [(name, number(level, 1)) for name, level in levels],
        right=("mean grey level",),
    )
    unlike = table(
        ("unlike its class", "class", "split", "times as far"),
        [
            (u["name"], u["class"] or "", u["split"], number(u["times"], 1))
            for u in document["unlike_their_class"]
        ],
        right=("times as far",),
    )
    return "\n\n".join([facts(pairs), bright, unlike])


class ProgressBar:
    """One bar for the whole of a task, on the terminal of the ``person`` waiting."""

    def __init__(self, person: TextIO | None = None) -> None:
        self._person = person or sys.stderr
        self._bar: tqdm[Any] | None = None

    def __call__(self, progress: TaskProgress) -> None:
        if progress.phase in ("starting", "waiting"):
            return
        if self._bar is None:
            self._bar = tqdm(
                total=1.0,
                file=self._person,
                bar_format="{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]",
                dynamic_ncols=True,
                mininterval=0.1 if self._person.isatty() else 10,
            )
        self._bar.set_description_str(progress.phase, refresh=False)
        self._bar.update(progress.share - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
