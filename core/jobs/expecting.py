"""How long runs will take, from what was measured: nothing is made up where nothing is known."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from statistics import fmean

from core.caps import max_epochs, max_minutes
from core.config import RunConfig
from core.paths import Paths
from core.records import RunRecord, RunStatus, read_history, read_progress

OVERHEAD_SECONDS = 5.0
"""From the start of a process to its first step, and the evaluation of a small test split."""
RECENT_EPOCHS = 5


class Experience:
    """Seconds per epoch of trainings seen lately, by everything that an epoch's length hangs on."""

    def __init__(self, paths: Paths, seen: Iterable[RunRecord]) -> None:
        self._paths = paths
        self._seconds: dict[int, float] = {}
        for record in sorted(seen, key=lambda run: run.id):  # the latest has the last word
            seconds = self._measured(record)
            if seconds is not None:
                self._seconds[_cost(record.config)] = seconds

    def of_run(self, record: RunRecord) -> float:
        """Seconds that a queued or running run still takes; infinite if nobody knows."""
        if record.status is RunStatus.RUNNING:
            now = read_progress(self._paths.run(record.id))
            if now is not None and now.eta_seconds is not None:
                return now.eta_seconds + (0 if now.phase == "evaluating" else OVERHEAD_SECONDS)
        return self._planned(record)

    def _planned(self, record: RunRecord) -> float:
        history = read_history(self._paths.run(record.id))
        if history:
            per_epoch = fmean(epoch.seconds for epoch in history[-RECENT_EPOCHS:])
        else:
            per_epoch = self._seconds.get(_cost(record.config), inf)
        train = record.config.train
        epochs = min(train.epochs, max_epochs() or train.epochs) - len(history)
        longest = min(train.time_limit or inf, max_minutes() or inf) * 60
        if per_epoch == inf:
            return inf
        return min(max(epochs, 0) * per_epoch, longest) + OVERHEAD_SECONDS

    def _measured(self, record: RunRecord) -> float | None:
        summary = record.summary
        if summary is not None:
            return summary.seconds / summary.epochs if summary.epochs else None
        if record.status is not RunStatus.RUNNING:
            return None
        history = read_history(self._paths.run(record.id))
        return fmean(e.seconds for e in history[-RECENT_EPOCHS:]) if history else None


def _cost(config: RunConfig) -> int:
    """Equal where an epoch takes equally long."""
    train = config.train
    same = (config.data, config.augment, config.model, config.optimizer.name)
    return hash((*same, train.batch_size, train.precision))
