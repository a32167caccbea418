"""What the end of a run means for its trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from core.errors import N_, Text, text
from core.jobs.runner import MAX_RESUMES
from core.paths import RunPaths
from core.records import RunRecord, RunStatus, read_history
from core.search.spec import Objective

Outcome = Literal["open", "complete", "pruned", "failed"]


class Ending(NamedTuple):
    """What there is to tell about a trial."""

    outcome: Outcome
    value: float | None = None
    why: Text | None = None


OPEN = Ending("open")


def values_by_epoch(files: RunPaths, objective: Objective) -> dict[int, float]:
    """Epoch (from 1) → the measure after it, of those epochs that have been validated.

    A loss is without what L1 and L2 add to it: trials that differ in them could not be compared,
    and the kept network is judged without it, too.
    """
    values = ((e, getattr(e, objective)) for e in read_history(files))
    known = ((e, float(value)) for e, value in values if value is not None)
    if objective == "val_loss":
        return {e.epoch: value - (e.penalty or 0.0) for e, value in known}
    return {e.epoch: value for e, value in known}


def ending(record: RunRecord, objective: Objective, epochs: Mapping[int, float]) -> Ending:
    """How the trial of this run stands; ``epochs`` as in :func:`values_by_epoch`."""
    if record.status is RunStatus.FINISHED:
        return _finished(record, objective)
    if record.status in (RunStatus.STOPPED, RunStatus.PRUNED):
        return Ending("pruned", epochs[max(epochs)] if epochs else None)
    if record.status is RunStatus.FAILED:
        return Ending("failed", why=_reason(record))
    if record.status is RunStatus.INTERRUPTED and not can_go_on(record):
        return Ending("failed", why=_reason(record))
    return OPEN


def can_go_on(record: RunRecord) -> bool:
    """Whether an interrupted run is still the same trial: its server or command line has ended,
    not it."""
    return record.interrupted_by != "worker" and record.resumes < MAX_RESUMES


def _finished(record: RunRecord, objective: Objective) -> Ending:
    value: float | None = getattr(record.summary, objective, None)
    if value is None:
        return Ending("failed", why=text(N_("There were no validation images to judge it by.")))
    return Ending("complete", value)


def _reason(record: RunRecord) -> Text:
    if record.failure is not None:
        return record.failure.what
    return text(N_("Its training was interrupted."))
