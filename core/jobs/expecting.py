"""How long runs will take, from what was measured: nothing is made up where nothing is known."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from statistics import fmean

from core.caps import longest_seconds, max_epochs
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
        running = record.status is RunStatus.RUNNING
        now = read_progress(self._paths.run(record.id)) if running else None
        if now is None or now.eta_seconds is None:
            return self._planned(record)
        if now.phase == "features":  # all epochs come after them
            return now.eta_seconds + self._planned(record)
        return now.eta_seconds + (0 if now.phase == "evaluating" else OVERHEAD_SECONDS)

    def _planned(self, record: RunRecord) -> float:
        history = read_history(self._paths.run(record.id))
        if history:
            per_epoch = fmean(epoch.seconds for epoch in history[-RECENT_EPOCHS:])
        else:
            per_epoch = self._seconds.get(_cost(record.config), inf)
        train = record.config.train
        epochs = min(train.epochs, max_epochs() or train.epochs) - len(history)
        if per_epoch == inf:
            return inf
        left = longest_seconds(record.config) - sum(epoch.seconds for epoch in history)
        return max(min(epochs * per_epoch, left), 0) + OVERHEAD_SECONDS

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
    data = config.data.model_copy(update={"fold": None})  # one fold takes as long as another
    same = (data, config.augment, config.model, config.optimizer.name)
    return hash((*same, train.batch_size, train.precision))
