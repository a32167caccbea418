"""The runner for tests and notebooks: ``submit`` returns when the training has ended."""

from __future__ import annotations

from collections.abc import Callable

from core.caps import check_caps
from core.config import RunConfig
from core.errors import N_, RunError
from core.parts import Part, Start
from core.records import RunStatus
from core.store import Store


class InlineRunner:
    """Trains in this thread, with the very function that a worker runs.

    Args:
        store: where the runs are.
        train: ``core.training.run_training`` bound to the paths; handed in, so that this module
            loads no Keras.
    """

    def __init__(self, store: Store, train: Callable[[str], object]) -> None:
        self._store = store
        self._train = train

    def submit(
        self,
        config: RunConfig,
        preset: str | None = None,
        *,
        by: str = "",
        start: Start | None = None,
        part: Part | None = None,
    ) -> str:
        check_caps(config)
        record = self._store.create(
            config, owner="server", preset=preset, by=by, start=start, part=part
        )
        run_id = record.id
        self._train(run_id)
        self._store.refresh(run_id)
        return run_id

    def stop(self, run_id: str) -> None:
        raise RunError(N_("Run {run} is over: there is nothing to stop."), run=run_id)

    def resume(self, run_id: str) -> None:
        record = self._store.read(run_id)
        if record.status is not RunStatus.INTERRUPTED:
            raise RunError(N_("Run {run} cannot go on."), run=run_id)
        self._train(run_id)
        self._store.refresh(run_id)
