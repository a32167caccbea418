"""Which runs can be combined, and rules that choose among them by their validation results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from core.ensembles.votes import MOST_MEMBERS
from core.parts import Member
from core.paths import RunPaths
from core.records import RunRecord
from core.store import Store


class Rule(NamedTuple):
    """All runs of a validation accuracy of ``at_least`` (in [0, 1]; none if ``None``), and the
    best ``per_architecture`` of each architecture, however good they are."""

    at_least: float | None = None
    per_architecture: int = 1


def candidates(store: Store) -> list[RunRecord]:
    """Runs whose answers to validation images can be combined, newest first."""
    return [
        record
        for record in store.runs()
        if record.status.has_shown()
        and not record.is_composed
        and record.dataset_fingerprint
        and accuracy_of(record) is not None
    ]


def accuracy_of(record: RunRecord) -> float | None:
    """On all validation images that the run has judged."""
    return record.summary.val_accuracy if record.summary else None


def chosen_by(rule: Rule, records: Sequence[RunRecord]) -> list[RunRecord]:
    """Those that a rule chooses, best first; no more than can be combined, of which the best of
    each architecture are the last to be left out. No folds: each is measured on images of its
    own, and two of one cross-validation have judged none in common. No soups: what they are the
    mean of is among the runs itself."""
    whole = [r for r in records if r.kind == "training" and r.config.data.fold is None]
    best_first = sorted(whole, key=lambda r: -(accuracy_of(r) or 0))
    per: dict[str, list[RunRecord]] = {}
    for record in best_first:
        per.setdefault(record.config.model.architecture, []).append(record)
    kept = [record.id for group in per.values() for record in group[: rule.per_architecture]]
    if rule.at_least is not None:
        kept += [r.id for r in best_first if (accuracy_of(r) or 0) >= rule.at_least]
    allowed = set(list(dict.fromkeys(kept))[:MOST_MEMBERS])
    return [record for record in best_first if record.id in allowed]


def snapshots_of(files: RunPaths) -> list[int]:
    """The epochs, from 1, after which a run has kept its network and its answers."""
    found = []
    for file in files.snapshots.glob("predictions-*.npz"):
        match = re.fullmatch(r"predictions-(\d+)\.npz", file.name)
        if match and files.snapshot(int(match[1])).is_file():
            found.append(int(match[1]))
    return sorted(found)


def snapshot_members(run_id: str, epochs: Sequence[int]) -> list[Member]:
    return [Member(run=run_id, snapshot=epoch) for epoch in epochs]


def made_of(store: Store, run_ids: Sequence[str]) -> list[RunRecord]:
    """The ensembles that ask one of these runs (of a cross-validation, one of its folds, which go
    when it goes), but for those that are among them."""
    records, doomed = store.runs(), set(run_ids)
    doomed |= {
        record.id
        for record in records
        if record.part and record.part.kind == "crossval" and record.part.of in doomed
    }
    return [
        record
        for record in records
        if record.is_composed
        and record.composition
        and record.id not in doomed
        and doomed & {member.run for member in record.composition.members}
    ]
