"""Progress of work on prepared datasets: told a few times a second, and ended when asked."""

from __future__ import annotations

import time

from core.datasets.options import ImportProgress, OnProgress, Phase, ShouldStop
from core.errors import N_, DatasetError

REPORT_SECONDS = 0.25


class WorkCancelledError(DatasetError):
    """The user has cancelled the work."""

    def __init__(self) -> None:
        super().__init__(N_("It was cancelled; nothing was kept."))


class Ticker:
    """Counts rows. Phases are those of an import: "listing", "probing" (comparing rows),
    "decoding" (copying them, of which the time left is told), "writing"."""

    def __init__(
        self, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
    ) -> None:
        self._on_progress = on_progress or (lambda progress: None)
        self._should_stop = should_stop or (lambda: False)
        self._progress = ImportProgress()
        self._reported = 0.0

    def begin(self, phase: Phase, total: int) -> None:
        self._progress = ImportProgress(phase=phase, total=total, started=time.time())
        self._reported = 0.0
        self.advance(0)

    def advance(self, done: int) -> None:
        """Count ``done`` more; WorkCancelledError if nobody wants the rest."""
        progress = self._progress.model_copy(update={"done": self._progress.done + done})
        self._progress = progress
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS or progress.done == progress.total:
            if self._should_stop():
                raise WorkCancelledError
            self._reported = now
            self._on_progress(progress)
