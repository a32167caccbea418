"""Which rows of which datasets a recipe takes, and where they go, by their labels alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import SPLITS, STORED_SPLITS, UNLABELLED, Dataset
from core.datasets.dropped import Dropped, DropReason
from core.datasets.recipe import Origin, Recipe
from core.datasets.report import shortened
from core.datasets.splitting import stratified
from core.errors import N_, DatasetError, Text, text

_REASONS = tuple(DropReason)
_KEPT = -1


@dataclass
class Selection:
    """All rows of all origins, (n,) each, in the order of origins, splits and rows.

    ``origin`` and ``row`` say where a row is, ``source`` (into STORED_SPLITS) in which split;
    ``before`` is its label in terms of ``known``, ``label`` in terms of ``class_names``, -1 for
    none. ``reason`` is -1 for a row that is kept, otherwise it points into DropReason. Kept rows
    go to ``place`` of the split ``target``.
    """

    origin: NDArray[np.int16]
    source: NDArray[np.int8]
    row: NDArray[np.int64]
    before: NDArray[np.int32]
    known: list[str]
    label: NDArray[np.int32]
    class_names: list[str]
    reason: NDArray[np.int8]
    target: NDArray[np.int8]
    place: NDArray[np.int64]
    warnings: list[Text] = field(default_factory=list)

    @property
    def kept(self) -> NDArray[np.bool_]:
        kept: NDArray[np.bool_] = self.reason == _KEPT
        return kept

    def drop(self, reason: DropReason, rows: NDArray[np.int64] | NDArray[np.bool_]) -> None:
        """Leave out ``rows``, those that are not left out already."""
        chosen = np.zeros(len(self.row), np.bool_)
        chosen[rows] = True
        self.reason[chosen & self.kept] = _REASONS.index(reason)

    def dropped(self) -> list[Dropped]:
        """How many rows were left out for each reason that occurs."""
        counts = np.bincount(self.reason[~self.kept], minlength=len(_REASONS)).tolist()
        return [Dropped(reason=r, count=n) for r, n in zip(_REASONS, counts, strict=True) if n]

    def why(self, index: int) -> DropReason:
        return _REASONS[int(self.reason[index])]

    def members(self, origin: int, source: str) -> NDArray[np.int64]:
        """The kept rows of a split of an origin, in their order there."""
        here = (self.origin == origin) & (self.source == STORED_SPLITS.index(source))
        return np.flatnonzero(here & self.kept)

    def counts(self) -> dict[str, list[int]]:
        """Kept rows of every class in every target split that has any."""
        found = {}
        for part, split in enumerate(STORED_SPLITS):
            labels = self.label[self.kept & (self.target == part)]
            if len(labels):
                counted = np.bincount(labels[labels >= 0], minlength=len(self.class_names))
                found[split] = counted.tolist()
        return found

    def rows(self, split: str) -> int:
        """How many rows a target split gets."""
        return int((self.kept & (self.target == STORED_SPLITS.index(split))).sum())


def select(datasets: Sequence[Dataset], recipe: Recipe) -> Selection:
    """The rows after excluding, relabelling, choosing and renaming classes."""
    known = list(dict.fromkeys(name for d in datasets for name in d.info.class_names))
    known = list(dict.fromkeys([*known, *_new_classes(recipe)]))
    parts = [
        (number, split, _labels(dataset, split, origin, known))
        for number, (dataset, origin) in enumerate(zip(datasets, recipe.origins, strict=True))
        for split in STORED_SPLITS
        if dataset.info.splits.get(split)
    ]
    before = np.concatenate([labels for _, _, labels in parts])
    lengths = [len(labels) for _, _, labels in parts]
    source = np.repeat([STORED_SPLITS.index(s) for _, s, _ in parts], lengths).astype(np.int8)
    mapping, names = _classes(known, recipe)
    selection = Selection(
        origin=np.repeat([number for number, _, _ in parts], lengths).astype(np.int16),
        source=source,
        row=np.concatenate([np.arange(n) for n in lengths]),
        before=before,
        known=known,
        # The last element answers for -1: without a label before, without one after.
        label=mapping[before],
        class_names=names,
        reason=np.full(len(before), _KEPT, np.int8),
        target=source.copy(),
        place=np.zeros(len(before), np.int64),
    )
    _exclude(selection, recipe)
    unwanted = (selection.label < 0) & (source != STORED_SPLITS.index(UNLABELLED))
    selection.drop(DropReason.CLASS, unwanted)
    return selection


def _new_classes(recipe: Recipe) -> list[str]:
    return [name for o in recipe.origins for rows in o.relabel.values() for name in rows.values()]


def _labels(
    dataset: Dataset, split: str, origin: Origin, known: Sequence[str]
) -> NDArray[np.int32]:
    """Labels of a split in terms of ``known``, relabelled."""
    mapping = np.array([*(known.index(name) for name in dataset.info.class_names), -1], np.int32)
    labels = mapping[dataset.split(split).labels]
    for row, name in origin.relabel.get(split, {}).items():
        labels[row] = known.index(name)
    return labels


def _classes(known: Sequence[str], recipe: Recipe) -> tuple[NDArray[np.int32], list[str]]:
    """(label after of every label before and -1, names): classes of one name become one."""
    chosen = set(known if recipe.classes is None else recipe.classes)
    renamed = [recipe.rename.get(name, name).strip() if name in chosen else None for name in known]
    names = list(dict.fromkeys(name for name in renamed if name is not None))
    mapping = [names.index(name) if name is not None else -1 for name in renamed]
    return np.array([*mapping, -1], np.int32), names


def _exclude(selection: Selection, recipe: Recipe) -> None:
    for number, origin in enumerate(recipe.origins):
        for split, rows in origin.exclude.items():
            here = (selection.origin == number) & (selection.source == STORED_SPLITS.index(split))
            selection.drop(DropReason.EXCLUDED, np.flatnonzero(here)[list(rows)])


def arrange(selection: Selection, recipe: Recipe) -> None:
    """Cap the classes, divide, number the rows, and close the gaps among the classes.

    DatasetError if fewer than two classes, or no image for training, would remain.
    """
    if recipe.per_class is not None:
        _cap(selection, recipe.per_class, recipe.seed)
    _close_gaps(selection)
    if recipe.fractions is not None:
        labelled = np.flatnonzero(selection.kept & (selection.label >= 0))
        labels = selection.label[labelled]
        selection.target[labelled] = stratified(labels, recipe.fractions, recipe.seed)
    if not selection.rows("train"):
        raise DatasetError(
            N_("No image would be left for training. Choose more classes, or divide anew.")
        )
    for part in range(len(STORED_SPLITS)):
        here = np.flatnonzero(selection.kept & (selection.target == part))
        # Rows of one dataset that stay in their split are shuffled already.
        mixed = len(recipe.origins) > 1 or recipe.fractions is not None
        order = np.random.default_rng([recipe.seed, part]).permutation(len(here))
        selection.place[here] = order if mixed else np.arange(len(here))


def _cap(selection: Selection, most: int, seed: int) -> None:
    """Of every class at most ``most`` rows, in each split in proportion to its rows there."""
    for label in range(len(selection.class_names)):
        here = np.flatnonzero(selection.kept & (selection.label == label))
        parts = [here[selection.source[here] == part] for part in range(len(SPLITS))]
        for part, left in zip(parts, shares([len(p) for p in parts], most), strict=True):
            order = np.random.default_rng([seed, label]).permutation(part)
            selection.drop(DropReason.CAP, order[left:])


def shares(counts: Sequence[int], most: int) -> list[int]:
    """``most`` divided in the proportions of ``counts``, none more than it has."""
    total = sum(counts)
    if total <= most:
        return list(counts)
    exact = [most * n / total for n in counts]
    whole = [int(n) for n in exact]
    by_rest = sorted(range(len(counts)), key=lambda i: whole[i] - exact[i])
    for i in by_rest[: most - sum(whole)]:
        whole[i] += 1
    return whole


def _close_gaps(selection: Selection) -> None:
    labels = selection.label[selection.kept]
    counts = np.bincount(labels[labels >= 0], minlength=len(selection.class_names))
    names = selection.class_names
    if (counts > 0).sum() < 2:
        raise DatasetError(
            N_("A dataset needs images of at least two classes; there would be {have}."),
            have=shortened(n for n, count in zip(names, counts, strict=True) if count) or "0",
        )
    empty = [name for name, count in zip(names, counts, strict=True) if not count]
    if not empty:
        return
    mapping = np.append(np.where(counts > 0, np.cumsum(counts > 0) - 1, -1), -1).astype(np.int32)
    selection.label = mapping[selection.label]
    selection.class_names = [name for name in names if name not in set(empty)]
    selection.warnings.append(
        text(
            N_("Classes left out, as no image of them remains: {names} ({n})."),
            n=len(empty),
            names=shortened(empty),
        )
    )


def preview(datasets: Sequence[Dataset], recipe: Recipe) -> Mapping[str, Mapping[str, int]]:
    """Images of every class in every split as they would be, duplicates not yet left out."""
    selection = select(datasets, recipe)
    arrange(selection, recipe)
    return {
        split: dict(zip(selection.class_names, counts, strict=True))
        for split, counts in selection.counts().items()
    }
