"""Which picture goes into which split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.containers.listing import Entry
from core.datasets.dataset import STORED_SPLITS, UNLABELLED
from core.datasets.formats.base import Found
from core.datasets.options import ImportOptions
from core.datasets.report import shortened
from core.datasets.splitting import SMALLEST_CLASS, stratified
from core.errors import N_, Text, text


@dataclass
class Plan:
    """What was found, and the split (int8 (n,), an index into STORED_SPLITS) of every picture."""

    found: Found
    parts: NDArray[np.int8]
    warnings: list[Text]

    @property
    def entries(self) -> list[Entry]:
        return self.found.entries

    @property
    def class_names(self) -> list[str]:
        return self.found.class_names

    @property
    def labels(self) -> NDArray[np.int32]:
        return self.found.labels


def make_plan(found: Found, options: ImportOptions) -> Plan:
    """Divide what was found as the source or the user says; what has no label is never learned."""
    parts = np.full(len(found.entries), STORED_SPLITS.index(UNLABELLED), np.int8)
    known = found.labels >= 0
    parts[known], warnings = divide(
        found.labels[known], found.given[known], options.fractions, options.seed
    )
    return Plan(found, parts, [*found.warnings, *warnings])


def divide(
    labels: NDArray[np.int32], given: NDArray[np.int8], fractions: Sequence[float], seed: int
) -> tuple[NDArray[np.int8], list[Text]]:
    """The split of every row: as ``given`` (-1: not at all), missing ones taken out of train."""
    warnings = []
    parts = given.copy()
    present = set(np.unique(given).tolist()) - {-1}
    if present and 0 not in present:
        warnings.append(text(N_("There is no train folder: all pictures were divided anew.")))
        present = set()
    parts[given < 0] = 0
    if not present:
        parts[:] = 0
    train = np.flatnonzero(parts == 0)
    missing = [f if i == 0 or i not in present else 0.0 for i, f in enumerate(fractions)]
    parts[train] = stratified(labels[train], missing, seed)
    sizes = np.bincount(labels[train])
    small = int(((sizes > 0) & (sizes < SMALLEST_CLASS)).sum())
    if small and any(missing[1:]):
        warnings.append(
            text(
                N_("Classes of fewer than {smallest} pictures stay whole in “train”: {n}."),
                n=small,
                smallest=SMALLEST_CLASS,
            )
        )
    return parts, warnings


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
                    split=split,
                    names=shortened(lacking),
                )
            )
    return warnings
