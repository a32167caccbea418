"""Where a cross-validation stands, by its folds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from core.errors import N_, Text, text
from core.records import Failure, RunRecord, RunStatus
from core.store import Store

Folds = Mapping[int, RunRecord]
"""The folds that there are, by number."""


_FEWER = N_(
    "Only {done} of {wanted} folds have come to an end; left out: {gone}. The images that "
    "they would have judged are missing here."
)
_FEWER_REPEATED = N_("Only {done} of {wanted} folds have come to an end; left out: {gone}.")


class Standing(NamedTuple):
    """What a cross-validation's record is to say; ``over``: nothing more comes by itself."""

    status: RunStatus
    over: bool = False
    note: Text | None = None
    failure: Failure | None = None


def folds_of(store: Store, parent_id: str) -> dict[int, RunRecord]:
    """Its folds in their order; of two with one number the newer."""
    parts = store.runs(part_of=parent_id)
    found = {r.part.number: r for r in reversed(parts) if r.part and r.part.kind == "crossval"}
    return dict(sorted(found.items()))


def finished(folds: Folds) -> dict[int, RunRecord]:
    """Those that count: trained to the end."""
    return {n: r for n, r in folds.items() if r.status is RunStatus.FINISHED and r.summary}


def is_live(record: RunRecord) -> bool:
    return not record.status.is_over()


def missing(parent: RunRecord, folds: Folds) -> list[int]:
    """The numbers of the folds that were never made."""
    return [n for n in range(parent.config.data.all_folds) if n not in folds]


def standing(parent: RunRecord, folds: Folds, *, stopping: bool) -> Standing:
    """Where it stands; ``stopping``: somebody has asked for its end."""
    live = [r for r in folds.values() if is_live(r)]
    if live or (missing(parent, folds) and not stopping):
        begun = any(r.status is not RunStatus.QUEUED for r in folds.values())
        return Standing(RunStatus.RUNNING if begun else RunStatus.QUEUED)
    done, wanted = len(finished(folds)), parent.config.data.all_folds
    note = _left_out(parent, folds) if 0 < done < wanted else None
    if done == wanted:
        return Standing(RunStatus.FINISHED, over=True)
    if stopping:
        return Standing(RunStatus.STOPPED, over=True, note=note)
    if any(r.status is RunStatus.INTERRUPTED for r in folds.values()):
        return Standing(RunStatus.INTERRUPTED)
    if done:
        return Standing(RunStatus.FINISHED, over=True, note=note)
    if all(r.status in (RunStatus.STOPPED, RunStatus.PRUNED) for r in folds.values()):
        return Standing(RunStatus.STOPPED, over=True)
    return Standing(RunStatus.FAILED, over=True, failure=_failure(folds.values()))


def _left_out(parent: RunRecord, folds: Folds) -> Text:
    """People count folds from 1."""
    done, data = finished(folds), parent.config.data
    gone = [n + 1 for n in range(data.all_folds) if n not in done]
    # In another repeat others may have judged the same images.
    sentence = _FEWER if data.repeats == 1 else _FEWER_REPEATED
    return text(
        sentence,
        done=len(done),
        wanted=data.all_folds,
        gone=", ".join(map(str, gone)),
    )


def _failure(folds: Iterable[RunRecord]) -> Failure:
    """What the first of them that failed has said."""
    why = next((r.failure for r in folds if r.failure), None)
    what = text(N_("None of the folds has come to its end."))
    if why is not None:
        what = text(N_("None of the folds has come to its end. {why}"), why=why.what)
    return Failure(what=what, remedy=why.remedy if why else None)
