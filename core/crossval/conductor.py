"""Whoever brings the cross-validations of a server forward: in every tick of its supervisor."""

from __future__ import annotations

from core.crossval.assembling import assemble
from core.crossval.parent import fold_config, part_of
from core.crossval.standing import finished, folds_of, is_live, missing, standing
from core.errors import LabError
from core.jobs.runner import Runner
from core.records import Failure, RunRecord, RunStatus, now
from core.store import Stamp, Store

_OPEN = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.INTERRUPTED)


class FoldConductor:
    """Makes the folds, and in the end one result of them.

    Everything it needs to know lies in the folders: a killed server goes on where it was. Folds are
    made here and nowhere else, by one thread, and only under numbers that have none: so there is
    never one too many. It looks only when a run has changed, or somebody wants an end.
    """

    def __init__(self, store: Store, runner: Runner) -> None:
        self._store = store
        self._runner = runner
        self._seen: Stamp | None = None
        self._open: list[str] = []

    def __call__(self) -> None:
        before = self._store.stamp()
        if before == self._seen and not any(map(self._is_stopping, self._open)):
            return
        parents = [record for record in self._store.runs(*_OPEN) if self._is_mine(record)]
        self._open = [parent.id for parent in parents]
        for parent in parents:
            self.advance(parent.id)
        self._seen = before  # what has changed meanwhile is looked at in the next tick

    def _is_mine(self, record: RunRecord) -> bool:
        here = record.owner == "server" and record.lab_id == self._store.lab_id
        return here and record.kind == "crossval"

    def _is_stopping(self, run_id: str) -> bool:
        return self._store.paths.run(run_id).stop.exists()

    def advance(self, run_id: str) -> None:
        """One cross-validation, as far as it can go by now."""
        if self._is_gone(run_id):
            return
        parent = self._store.refresh(run_id)
        if parent.status not in _OPEN:
            return
        try:
            self._advance(parent)
        except LabError as error:  # a fold's files were damaged or removed by hand
            if self._is_gone(run_id):
                return
            failure = Failure(what=error.text, remedy=error.remedy)
            failed = parent.changed(status=RunStatus.FAILED, failure=failure, ended=now())
            self._store.save(failed)

    def _advance(self, parent: RunRecord) -> None:
        stopping = self._is_stopping(parent.id)
        folds = folds_of(self._store, parent.id)
        if stopping:
            for fold in folds.values():
                if is_live(fold) and not self._is_stopping(fold.id):
                    self._stop(fold)
        elif numbers := missing(parent, folds):
            for number in numbers:
                self._make(parent, number)
            folds = folds_of(self._store, parent.id)
            if self._is_gone(parent.id):
                # Deleted meanwhile, when these did not exist yet: nobody else would delete them.
                for fold in folds.values():
                    self._store.delete(fold.id)
                return
        move_on(self._store, parent, folds, stopping=stopping)

    def _make(self, parent: RunRecord, number: int) -> None:
        config = fold_config(parent.config, number)
        self._runner.submit(config, parent.preset, by=parent.by, part=part_of(parent, number))

    def _is_gone(self, run_id: str) -> bool:
        return not self._store.paths.run(run_id).record.is_file()

    def _stop(self, fold: RunRecord) -> None:
        # The index may lag behind: it may have ended in this moment.
        if is_live(self._store.read(fold.id)):
            self._runner.stop(fold.id)


def move_on(
    store: Store, parent: RunRecord, folds: dict[int, RunRecord], *, stopping: bool
) -> RunRecord:
    """Write where a cross-validation stands, if that has changed, and at its end the result.

    Raises:
        NotFoundError, StoreError: if the result of a fold cannot be read.
    """
    found = standing(parent, folds, stopping=stopping)
    if found.over and finished(folds):
        parent = assemble(store.paths, parent, folds)
    begun = [fold.started for fold in folds.values() if fold.started]
    by = "worker" if found.status is RunStatus.INTERRUPTED else None
    after = parent.changed(
        status=found.status,
        started=min(begun, default=None),
        ended=(parent.ended or now()) if found.status.is_over() else None,
        note=found.note,
        failure=found.failure,
        interrupted_by=by,
    )
    if after != store.read(parent.id):
        store.save(after)
    if found.over:
        store.paths.run(parent.id).stop.unlink(missing_ok=True)
    return after
