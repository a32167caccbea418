"""What several networks say of the very same images, from their saved predictions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.errors import N_, NotFoundError, RunError, text
from core.evaluation.predictions import Predictions, load_split, saved_splits
from core.networks import network_file
from core.parts import Member
from core.paths import Paths
from core.records import RunRecord, read_record, short_id

LEAST_IMAGES = 20
"""Of fewer images nothing can be said about who is better."""
MOST_MEMBERS = 30
"""Networks that answer as one: each of them is asked about every picture."""


class Votes(NamedTuple):
    """What members say of ``n`` images: ``proba`` float32 (m, n, classes), ``y_true`` int32 (n,),
    ``rows`` int64 (n,) of the split; ``left`` (m,): how many further images each has judged."""

    proba: npt.NDArray[np.float32]
    y_true: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int64]
    left: tuple[int, ...]

    @property
    def accuracies(self) -> list[float]:
        """Of each member, in [0, 1]."""
        right = self.proba.argmax(axis=2) == self.y_true
        accuracies: list[float] = right.mean(axis=1).tolist()
        return accuracies

    def only(self, members: Sequence[int]) -> Votes:
        """The same images, judged by some of the members."""
        chosen = list(members)
        return self._replace(proba=self.proba[chosen], left=tuple(self.left[i] for i in chosen))

    def predictions(self, proba: npt.NDArray[np.float32]) -> Predictions:
        """Somebody's answers (n, classes) to these images."""
        return Predictions(self.y_true, proba, self.rows)


def aligned(predictions: Sequence[Predictions]) -> Votes:
    """The images that all have judged, in the order of their rows.

    Raises:
        ValueError: if they disagree about the classes, or about what an image truly is.
    """
    if len({p.proba.shape[1] for p in predictions}) != 1:
        raise ValueError("the members know different numbers of classes")
    rows = reduce(np.intersect1d, [p.rows for p in predictions])
    places = []
    for p in predictions:
        order = np.argsort(p.rows)
        places.append(order[np.searchsorted(p.rows, rows, sorter=order)])
    y_true = predictions[0].y_true[places[0]]
    pairs = list(zip(predictions, places, strict=True))
    if any(not np.array_equal(p.y_true[place], y_true) for p, place in pairs):
        raise ValueError("the members do not have the same true classes")
    left = tuple(len(p.rows) - len(rows) for p in predictions)
    return Votes(np.stack([p.proba[place] for p, place in pairs]), y_true, rows, left)


def predictions_file(paths: Paths, member: Member) -> Path:
    """Where a member's answers are saved."""
    files = paths.run(member.run)
    if member.snapshot is not None:
        return files.snapshot_predictions(member.snapshot)
    return files.inspection.varied if member.varied else files.predictions


def has_varied(paths: Paths, run_id: str) -> bool:
    """Whether a run's answers to several versions of every image have been computed."""
    return paths.run(run_id).inspection.varied.is_file()


def gathered(
    paths: Paths, members: Sequence[Member], split: str, least: int = LEAST_IMAGES
) -> Votes:
    """What the members say of a split, of which all must have judged ``least`` images.

    Raises:
        RunError: if they share too few images, or do not fit together.
        NotFoundError, StoreError: if predictions are missing or damaged.
    """
    found = [_load(paths, member, split) for member in members]
    try:
        votes = aligned(found)
    except ValueError as error:
        raise RunError(
            N_("The predictions of the runs do not fit together: {error}."), error=str(error)
        ) from error
    if len(votes.rows) < least:
        raise RunError(
            N_(
                "All of these runs together have judged {n} images of the split “{split}”; at "
                "least {least} are needed to combine them."
            ),
            remedy=text(N_("Runs with different limits or folds share few images: choose others.")),
            n=len(votes.rows),
            split=split,
            least=least,
        )
    return votes


def shared_splits(paths: Paths, members: Sequence[Member]) -> list[str]:
    """The splits that all members have answers for, in the order of the first one's."""
    each = [saved_splits(predictions_file(paths, member)) for member in members]
    return [split for split in each[0] if all(split in splits for splits in each)]


def checked(paths: Paths, members: Sequence[Member]) -> list[RunRecord]:
    """The records of runs that can be combined.

    Raises:
        RunError: naming the run that does not fit, and why.
        NotFoundError: if there is no such run.
    """
    if not 2 <= len(set(members)) == len(members) <= MOST_MEMBERS:
        raise RunError(
            N_("An ensemble has 2 to {most} different members; received {n}."),
            most=MOST_MEMBERS,
            n=len(set(members)),
        )
    records = [read_record(paths, member.run) for member in members]
    for record in records:
        _check_one(record, records[0])
    for member in members:
        _check_answers(paths, member)
    return records


def _check_one(record: RunRecord, first: RunRecord) -> None:
    if record.is_composed:
        raise RunError(
            N_("Run {run} is made of several networks itself: choose its members instead."),
            run=short_id(record.id),
        )
    if record.dataset_fingerprint is None:
        raise _nothing_to_combine(record)
    if record.dataset_fingerprint != first.dataset_fingerprint:
        raise RunError(
            N_(
                "Run {run} is of another dataset (“{other}”) than run {first} (“{name}”), or of "
                "another state of it: only runs on the very same images can be combined."
            ),
            run=short_id(record.id),
            other=record.config.data.dataset,
            first=short_id(first.id),
            name=first.config.data.dataset,
        )


def _check_answers(paths: Paths, member: Member) -> None:
    file = predictions_file(paths, member)
    kept = member.snapshot is None or network_file(paths, member).is_file()
    if kept and file.is_file() and "val" in saved_splits(file):
        return
    record = read_record(paths, member.run)
    if member.snapshot is not None:
        raise RunError(
            N_("Run {run} has kept no network after epoch {epoch}."),
            run=short_id(record.id),
            epoch=member.snapshot,
        )
    if member.varied:
        raise RunError(
            N_("The answers of run {run} to several versions of each image are not computed yet."),
            remedy=text(
                N_("On the command line: python -m core inspect {id} --task varied."), id=record.id
            ),
            run=short_id(record.id),
        )
    raise _nothing_to_combine(record)


def _nothing_to_combine(record: RunRecord) -> RunError:
    return RunError(
        N_("Run {run} ({status}) has no predictions of validation images to combine."),
        run=short_id(record.id),
        status=record.status.text,
    )


def _load(paths: Paths, member: Member, split: str) -> Predictions:
    try:
        return load_split(predictions_file(paths, member), split)
    except NotFoundError:
        if split != "val":
            raise
        _check_answers(paths, member)
        raise
