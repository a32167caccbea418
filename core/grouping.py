"""The same settings with several seeds as one: how much of a figure is luck."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from core.fields import SEED, SETTINGS, RunRow
from core.records import RunStatus

_SEED_PLACE = [field.key for field in SETTINGS].index(SEED)


class Spread(NamedTuple):
    """A figure over ``n`` runs: mean and sample standard deviation (``None`` for fewer than 2)."""

    n: int
    mean: float | None
    deviation: float | None


class SeedGroup(NamedTuple):
    """Runs that differ in nothing but the seed, newest first, one of each seed."""

    rows: tuple[RunRow, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted(row[SEED] for row in self.rows))

    def spread(self, key: str) -> Spread:
        """Of a figure, over the runs that have it."""
        return spread([row[key] for row in self.rows if row[key] is not None])


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation (n - 1)."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return Spread(0, None, None)
    # Not statistics.stdev: its exact fractions take a hundred times as long.
    n, mean = len(finite), math.fsum(finite) / len(finite)
    if n == 1:
        return Spread(1, mean, None)
    return Spread(n, mean, math.sqrt(math.fsum((v - mean) ** 2 for v in finite) / (n - 1)))


def seed_groups(rows: Iterable[RunRow], least: int = 2) -> list[SeedGroup]:
    """Runs with the same settings, dataset and start and at least ``least`` different seeds.

    Only finished runs count: what has failed says nothing of the settings' luck, and what was
    stopped half-way has not had the training that the settings promise. Of several
    with the same seed the newest counts, since a repetition shows no other luck. The order is
    that of the rows (newest first), by the newest run of every group.
    """
    groups: dict[object, dict[int, RunRow]] = {}
    for row in rows:
        if row["status"] is not RunStatus.FINISHED or not row["epochs"]:
            continue
        settings = list(row.settings)
        seed = settings.pop(_SEED_PLACE)
        key = (row.known, row["start"], tuple(settings))
        groups.setdefault(key, {}).setdefault(int(str(seed)), row)
    return [SeedGroup(tuple(g.values())) for g in groups.values() if len(g) >= least]
