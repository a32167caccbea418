"""Which picture goes into which split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.datasets.containers.entries import Entry, taken
from core.datasets.dataset import STORED_SPLITS, UNLABELLED, split_name
from core.datasets.formats.base import NOT_TOLD, Found
from core.datasets.options import ImportOptions
from core.datasets.report import shortened
from core.datasets.splitting import SMALLEST_CLASS, stratified
from core.errors import N_, Text, text

_UNLABELLED = STORED_SPLITS.index(UNLABELLED)


@dataclass
class Plan:
    """What was found, and the split (int8 (n,), an index into STORED_SPLITS) of every picture."""

    found: Found
    parts: NDArray[np.int8]
    warnings: list[Text]
    capped: list[str] = field(default_factory=list)
    """The names of pictures left out for the cap per class."""

    @property
    def entries(self) -> Sequence[Entry]:
        return self.found.entries

    @property
    def class_names(self) -> list[str]:
        return self.found.class_names

    @property
    def labels(self) -> NDArray[np.int32]:
        return self.found.labels


def make_plan(found: Found, options: ImportOptions) -> Plan:
    """Divide what was found as the source or the user says; what has no label is never learned."""
    parts = np.full(len(found.entries), _UNLABELLED, np.int8)
    known = found.labels >= 0
    given = found.given[known]
    if options.splits == "anew":
        given = np.full_like(given, NOT_TOLD)
    parts[known], warnings = divide(
        found.labels[known], given, found.class_names, options.fractions, options.seed
    )
    plan = Plan(found, parts, [*found.warnings, *warnings])
    return plan if options.per_class is None else _capped(plan, options.per_class, options.seed)


def divide(
    labels: NDArray[np.int32],
    given: NDArray[np.int8],
    class_names: Sequence[str],
    fractions: Sequence[float],
    seed: int,
) -> tuple[NDArray[np.int8], list[Text]]:
    """The split of every row: as ``given`` (-1: not at all), missing ones taken out of train."""
    warnings = []
    parts = given.copy()
    present = set(np.unique(given).tolist()) - {NOT_TOLD}
    if present and 0 not in present:
        warnings.append(text(N_("There is no train folder: all pictures were divided anew.")))
        present = set()
    parts[given < 0] = 0
    if not present:
        parts[:] = 0
    train = np.flatnonzero(parts == 0)
    missing = [f if i == 0 or i not in present else 0.0 for i, f in enumerate(fractions)]
    parts[train] = stratified(labels[train], missing, seed)
    sizes = np.bincount(labels[train], minlength=len(class_names))
    small = [name for name, n in zip(class_names, sizes, strict=True) if 0 < n < SMALLEST_CLASS]
    if small and any(missing[1:]):
        warnings.append(
            text(
                N_(
                    "Classes of fewer than {smallest} pictures are too small to be divided and "
                    "stay whole in “{train}”: {names} ({n})."
                ),
                train=split_name("train"),
                n=len(small),
                smallest=SMALLEST_CLASS,
                names=shortened(small),
            )
        )
    return parts, warnings


def _capped(plan: Plan, most: int, seed: int) -> Plan:
    """The plan with at most ``most`` pictures of each class, drawn by ``seed``; the splits keep
    their proportions. Of pictures without label so many remain as of all classes together."""
    kept = np.zeros(len(plan.parts), np.bool_)
    order = np.argsort(plan.labels, kind="stable")
    labels, starts, lengths = np.unique(plan.labels[order], return_index=True, return_counts=True)
    for label, start, length in zip(labels, starts, lengths, strict=True):
        members = order[start : start + length]
        room = most if label >= 0 else most * len(plan.class_names)
        shuffled = np.random.default_rng([seed, int(label) + 1]).permutation(members)
        kept[_drawn(shuffled, plan.parts, room)] = True
    left = np.flatnonzero(kept)
    found = replace(
        plan.found,
        entries=taken(plan.entries, left),
        labels=plan.labels[left],
        given=plan.found.given[left],
    )
    capped = [plan.entries[int(i)].name for i in np.flatnonzero(~kept)]
    return Plan(found, plan.parts[left], plan.warnings, capped)


def _drawn(members: NDArray[np.int64], parts: NDArray[np.int8], room: int) -> NDArray[np.int64]:
    """The first ``room`` of ``members``, in turn from all splits as their sizes are."""
    turn = np.zeros(len(members))
    for part in np.unique(parts[members]):
        mine = parts[members] == part
        turn[mine] = np.arange(mine.sum()) / mine.sum()
    # What is in turn at the same time goes to train first.
    return members[np.lexsort((parts[members], turn))[:room]]


def missing_in_splits(
    class_names: Sequence[str], counts: Mapping[str, Sequence[int]]
) -> list[Text]:
    """A warning for every split in use that lacks some classes."""
    warnings = []
    for split, rows in counts.items():
        lacking = [name for name, n in zip(class_names, rows, strict=True) if not n]
        if lacking and sum(rows):
            warnings.append(
                text(
                    N_("Classes without pictures in the split “{split}”: {names} ({n})."),
                    n=len(lacking),
                    split=split_name(split),
                    names=shortened(lacking),
                )
            )
    return warnings
