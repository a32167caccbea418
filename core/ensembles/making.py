"""An ensemble as a run: its folder, its predictions, its figures."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.ensembles.appraisal import CrossFit
from core.ensembles.combine import (
    Recipe,
    Stacking,
    combined,
    cross_fitted,
    equal_weights,
    learned,
)
from core.ensembles.votes import checked, gathered, shared_splits
from core.errors import N_, StoreError, text
from core.evaluation.metrics import summary
from core.evaluation.predictions import UNREADABLE, Predictions, save_predictions
from core.parts import Composition, Member, Method
from core.paths import RunPaths, write_atomic
from core.records import RunRecord, RunStatus, RunSummary, new_run_id, now
from core.store import Store

Learn = Callable[[Method, npt.NDArray[np.float32], npt.NDArray[np.int32]], Recipe]


class Cooks(NamedTuple):
    """Who learns what methods learn: here, or another process where scikit-learn may be loaded."""

    learn: Learn = learned
    cross_fit: CrossFit = cross_fitted


class Asked(NamedTuple):
    """What an ensemble is to be."""

    members: tuple[Member, ...]
    method: Method = "mean"
    owner: str = "server"
    by: str = ""


HERE = Cooks()


def make_ensemble(store: Store, asked: Asked, cooks: Cooks = HERE) -> RunRecord:
    """A finished run that answers for its members; what it is worth on validation images is
    measured on images from which the method has not learned.

    Raises:
        RunError: if the members cannot be combined.
        NotFoundError, StoreError: if a run or its predictions are missing or damaged.
    """
    paths = store.paths
    records = checked(paths, asked.members)
    votes = gathered(paths, asked.members, "val")
    recipe = cooks.learn(asked.method, votes.proba, votes.y_true)
    honest = cooks.cross_fit(asked.method, votes.proba, votes.y_true)
    splits = {"val": votes.predictions(honest)}
    if "test" in shared_splits(paths, asked.members):
        # However few there are: nothing is chosen or learned by them.
        votes = gathered(paths, asked.members, "test", least=1)
        splits["test"] = votes.predictions(combined(asked.method, votes.proba, recipe))
    members = tuple(
        member.model_copy(update={"weight": float(weight)})
        for member, weight in zip(asked.members, recipe.weights, strict=True)
    )
    composition = Composition(method=asked.method, members=members)
    run_id = new_run_id()
    files = paths.run(run_id)
    files.folder.mkdir()
    if recipe.stacking is not None:
        save_stacking(files, recipe.stacking)
    save_predictions(files.predictions, splits)
    record = _record(store, records, asked, splits)
    record = record.changed(id=run_id, composition=composition)
    store.save(record)
    return record


def _record(
    store: Store, records: Sequence[RunRecord], asked: Asked, splits: dict[str, Predictions]
) -> RunRecord:
    """Like that of its first member in all that is about the images."""
    moment = now()
    changes = {
        "status": RunStatus.FINISHED,
        "kind": "ensemble",
        "owner": asked.owner,
        "by": asked.by,
        "lab_id": store.lab_id,
        "created": moment,
        "started": moment,
        "ended": moment,
        "summary": summary_of(records, splits),
        "versions": {},
        "resumes": 0,
    }
    nothing = ("preset", "start", "part", "host", "pid", "pid_started", "note", "failure")
    return records[0].changed(**changes, **dict.fromkeys(nothing))


def summary_of(
    records: Sequence[RunRecord], splits: dict[str, Predictions], *, networks: int | None = None
) -> RunSummary:
    """The figures of a run that is made of others: parameters of all their networks (of the first
    ``networks`` if given), the time that all of their trainings took."""
    worth = {name: summary(predictions) for name, predictions in splits.items()}
    val, test = worth.get("val"), worth.get("test")
    trained = {record.id: record.summary for record in records if record.summary}
    counted = [record.summary for record in records[:networks] if record.summary]
    return RunSummary(
        epochs=0,
        best_val_accuracy=val.accuracy if val else None,
        parameters=sum(each.parameters for each in counted),
        seconds=sum(each.seconds for each in trained.values()),
        val_accuracy=val.accuracy if val else None,
        val_loss=val.loss if val else None,
        test_accuracy=test.accuracy if test else None,
        test_loss=test.loss if test else None,
    )


def save_stacking(files: RunPaths, stacking: Stacking) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **stacking._asdict())
    write_atomic(files.stacking, buffer.getvalue())


def load_recipe(files: RunPaths, composition: Composition) -> Recipe:
    """What a composed run has learned.

    Raises:
        StoreError: if its file is missing or damaged.
    """
    weights = np.array([member.weight for member in composition.members], np.float64)
    total = float(weights.sum())
    weights = weights / total if total > 0 else equal_weights(len(weights))
    if composition.method != "stacking":
        return Recipe(weights)
    try:
        with np.load(files.stacking, allow_pickle=False) as saved:
            return Recipe(weights, Stacking(saved["coefficients"], saved["intercept"]))
    except UNREADABLE as error:
        raise StoreError(
            N_("What the ensemble has learned in {file} is missing or damaged."),
            remedy=text(N_("Make the ensemble again from the same members.")),
            file=str(files.stacking),
        ) from error


def answer(
    files: RunPaths, composition: Composition, proba: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """What a composed run makes of its members' answers (m, n, classes): (n, classes).

    Raises:
        StoreError: as :func:`load_recipe`.
    """
    return combined(composition.method, proba, load_recipe(files, composition))
