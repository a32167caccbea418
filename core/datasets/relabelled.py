"""Which images of a derived dataset were given another class by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from core.datasets.dataset import STORED_SPLITS, Dataset
from core.datasets.recipe import Recipe
from core.datasets.selecting import Selection

TITLES = ("dataset", "split", "row", "file", "old", "new")


def list_relabelled(
    file: Path,
    datasets: Sequence[Dataset],
    recipe: Recipe,
    selection: Selection,
    names: Sequence[str],
) -> None:
    """A line for every kept image that the recipe gave another class; no file if there is none.

    ``names`` are the file names of all rows of ``selection``.
    """
    lines = list(_lines(datasets, recipe, selection, names))
    if lines:
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows([TITLES, *lines])


def _lines(
    datasets: Sequence[Dataset], recipe: Recipe, selection: Selection, names: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    for number, (dataset, origin) in enumerate(zip(datasets, recipe.origins, strict=True)):
        for split, rows in origin.relabel.items():
            labels = dataset.split(split).labels
            here = (selection.origin == number) & (selection.source == STORED_SPLITS.index(split))
            places = np.flatnonzero(here)
            for row in sorted(rows):
                place = int(places[row])
                old = dataset.info.class_names[int(labels[row])]
                if selection.kept[place] and old != rows[row]:
                    new = selection.class_names[int(selection.label[place])]
                    yield dataset.info.name, split, str(row), names[place], old, new
