"""A study conducted by this process alone, one training after the other: for the command line."""

from __future__ import annotations

import time
from collections.abc import Callable

from core.config import RunConfig
from core.errors import N_, RunError
from core.parts import Part, Start
from core.search.conductor import Conductor
from core.search.spec import read_state, study_paths
from core.search.study import is_conducted
from core.store import Store

RETRY_SECONDS = 0.5
Train = Callable[[str, Callable[[], None]], object]
"""Trains a run to its end, and calls the second argument now and then, so that a trial that
promises little is ended early."""


class Waiting:
    """The runner of a process that trains by hand: what is submitted waits for it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def submit(
        self,
        config: RunConfig,
        preset: str | None = None,
        *,
        by: str = "",
        start: Start | None = None,
        part: Part | None = None,
    ) -> str:
        record = self._store.create(
            config, owner="cli", preset=preset, by=by, start=start, part=part
        )
        return record.id

    def stop(self, run_id: str) -> None:
        self._store.ask_to_stop(run_id)

    def resume(self, run_id: str) -> None:
        """An interrupted run is trained on as it is."""


def conduct_here(store: Store, study_id: str, train: Train) -> None:
    """Work on a study of the command line until it is over.

    Raises:
        RunError: if another process conducts it.
    """
    files = study_paths(store.paths, study_id)
    conductor = Conductor(store, Waiting(store), 1, owner="cli", only=study_id)
    try:
        while not read_state(files).settled and not conductor.has_given_up(study_id):
            conductor()
            work = conductor.conducting(study_id)
            run_id = work.next_run() if work else None
            if run_id is not None:
                train(run_id, conductor)
            elif work is None and not read_state(files).settled:
                if is_conducted(files):
                    raise RunError(
                        N_("Study {study} is conducted by another process."), study=study_id
                    )
                time.sleep(RETRY_SECONDS)
    finally:
        conductor.close()
