"""What the workers have found → the splits and the report of the finished dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import SPLITS, STORED_SPLITS, split_name
from core.datasets.decoding import EMPTY_FILE, TOO_MANY_PIXELS
from core.datasets.planning import Plan, missing_in_splits
from core.datasets.report import (
    REPAIR_EXAMPLES,
    ImportReport,
    Reason,
    Repair,
    Repaired,
    Sizes,
    Skipped,
    shortened,
)
from core.datasets.workers import Outcome
from core.datasets.writer import DIGEST_BYTES, RowFile, SplitRows, class_counts
from core.errors import N_, DatasetError, Text, text

_REASONS: Mapping[str, Reason] = {
    EMPTY_FILE: Reason.EMPTY_FILE,
    TOO_MANY_PIXELS: Reason.TOO_LARGE,
}

LEAK = N_(
    "Pictures of the split “{split}” that are also in “{train}”, pixel for pixel: {n}. "
    "The accuracy measured on it will look better than it is."
)
"""The warning for which a page can show the pictures."""


class Gathered:
    """The outcomes of all chunks; arrays have a row for every picture of the plan."""

    def __init__(self, count: int) -> None:
        self.good = np.zeros(count, np.bool_)
        self.digests = np.zeros((count, DIGEST_BYTES), np.uint8)
        self.failures: dict[int, Skipped] = {}
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.repaired_names: defaultdict[Repair, list[str]] = defaultdict(list)

    def add(self, outcome: Outcome, plan: Plan) -> None:
        for number, digest in outcome.digests:
            self.good[number] = True
            self.digests[number] = np.frombuffer(digest, np.uint8)
        for number, why in outcome.failures:
            reason = _REASONS.get(why.msgid, Reason.DAMAGED)
            name = plan.entries[number].name
            self.failures[number] = Skipped(name=name, reason=reason, detail=why)
        for number, repair in outcome.repairs:
            self.repaired_names[repair].append(plan.entries[number].name)
        self.sizes += outcome.sizes

    @property
    def skipped(self) -> list[Skipped]:
        """In the order of the plan, whichever worker was quicker."""
        return [self.failures[number] for number in sorted(self.failures)]

    @property
    def repaired(self) -> list[Repaired]:
        return [
            Repaired(repair=repair, count=len(names), examples=sorted(names)[:REPAIR_EXAMPLES])
            for repair, names in sorted(self.repaired_names.items(), key=lambda r: -len(r[1]))
        ]


@dataclass
class Result:
    """A dataset but for its name."""

    class_names: list[str]
    splits: dict[str, SplitRows]
    gathered: Gathered
    warnings: list[Text] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def report(
        self, origin: str, skipped: Sequence[Skipped], capped: Sequence[str]
    ) -> ImportReport:
        return ImportReport(
            origin=origin,
            imported=int(self.gathered.good.sum()),
            skipped=[*skipped, *self.gathered.skipped],
            capped=list(capped),
            repaired=self.gathered.repaired,
            warnings=self.warnings,
            sizes=Sizes.of(self.gathered.sizes),
        )


def finish(
    plan: Plan, rows: NDArray[np.int64], gathered: Gathered, files: Mapping[str, RowFile]
) -> Result:
    """Close the gaps that unreadable pictures have left, in ``files`` and among the classes.

    DatasetError if fewer than two classes have a readable picture, or "train" has none.
    """
    kept, labels, lost = _remaining_classes(plan, gathered)
    names = [plan.class_names[i] for i in kept]
    splits = {}
    for part, split in enumerate(STORED_SPLITS):
        members = np.flatnonzero(plan.parts == part)
        by_row = np.empty_like(members)
        by_row[rows[members]] = members
        by_row = by_row[files[split].compact(gathered.good[by_row])]
        if len(by_row):
            splits[split] = SplitRows(
                labels[by_row],
                [plan.entries[int(i)].name for i in by_row],
                gathered.digests[by_row].tobytes(),
            )
        else:
            files[split].close()
            files[split].file.unlink()
    if "train" not in splits:
        raise _nothing_to_learn(plan, gathered)
    counts = class_counts(splits, len(names))
    warnings = [*plan.warnings, *lost, *missing_in_splits(names, counts), *leaks(splits)]
    groups = [plan.found.groups[i] for i in kept] if plan.found.groups else []
    return Result(names, splits, gathered, warnings, groups)


def _remaining_classes(
    plan: Plan, gathered: Gathered
) -> tuple[NDArray[np.int64], NDArray[np.int32], list[Text]]:
    """The classes that have a picture left, labels int32 (n,) in terms of them."""
    known = plan.labels[gathered.good & (plan.labels >= 0)]
    counts = np.bincount(known, minlength=len(plan.class_names))
    kept = np.flatnonzero(counts)
    names = [plan.class_names[i] for i in kept]
    if not names:
        raise _unreadable(gathered)
    lost = [plan.class_names[i] for i in np.flatnonzero(counts == 0)]
    if len(names) < 2:
        raise DatasetError(
            N_("Only the class “{name}” has readable pictures, not {lost}; two are needed."),
            name=names[0],
            lost=shortened(lost),
        )
    # One longer than the classes, so that -1 (no label) stays what it is.
    labels = np.full(len(plan.class_names) + 1, -1, np.int32)
    labels[kept] = np.arange(len(kept))
    return kept, labels[plan.labels], [_lost(lost)] if lost else []


def _lost(names: Sequence[str]) -> Text:
    return text(
        N_("Classes left out, as none of their pictures can be read: {names} ({n})."),
        n=len(names),
        names=shortened(names),
    )


def _unreadable(gathered: Gathered) -> DatasetError:
    first = gathered.skipped[0]
    return DatasetError(
        N_("None of the {n} pictures can be read. The first is “{name}”."),
        n=len(gathered.failures),
        name=first.name,
        remedy=first.text,
    )


def _nothing_to_learn(plan: Plan, gathered: Gathered) -> DatasetError:
    first = next(i for i in sorted(gathered.failures) if plan.parts[i] == 0)
    return DatasetError(
        N_("No picture of the split “{split}” can be read. The first is “{name}”."),
        split=split_name("train"),
        name=gathered.failures[first].name,
        remedy=gathered.failures[first].text,
    )


def leaks(splits: Mapping[str, SplitRows]) -> list[Text]:
    """Warnings of pictures that a network would be tested on after having learned them."""
    if "train" not in splits:
        return []
    # Half of each digest: enough to tell a thousand million pictures apart, and a plain number.
    learned, *others = (
        np.frombuffer(splits[s].digests, np.uint64)[::2] for s in SPLITS if s in splits
    )
    warnings = []
    for split, digests in zip([s for s in SPLITS[1:] if s in splits], others, strict=True):
        doubled = int(np.isin(digests, learned).sum())
        if doubled:
            warnings.append(
                text(LEAK, n=doubled, split=split_name(split), train=split_name("train"))
            )
    return warnings
