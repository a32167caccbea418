"""Which two runs can be compared image by image, and on which split."""

from __future__ import annotations

from core.errors import N_, NotFoundError, RunError
from core.evaluation.comparison import Pair, pair
from core.evaluation.predictions import load_split, saved_splits
from core.paths import Paths
from core.records import RunRecord, run_paths, short_id


def offered_splits(paths: Paths, run_id: str) -> list[str]:
    """The splits whose predictions may be looked at, validation first; none without predictions.

    Raises:
        StoreError: if the predictions are damaged.
    """
    try:
        saved = saved_splits(run_paths(paths, run_id).predictions)
    except NotFoundError:
        return []
    return sorted(saved, key=lambda split: (split != "val", split))


def common_splits(paths: Paths, a: RunRecord, b: RunRecord) -> list[str]:
    """The splits on which the two can be compared, validation first; at least one.

    Raises:
        RunError: with the reason, if there is none.
        StoreError: if predictions are damaged.
    """
    check_same_images(a, b)
    of_a, of_b = offered_splits(paths, a.id), offered_splits(paths, b.id)
    for record, splits in ((a, of_a), (b, of_b)):
        if not splits:
            raise RunError(
                N_("Run {run} is {status}: it has no predictions to compare."),
                run=short_id(record.id),
                status=record.status.text,
            )
    if both := [split for split in of_a if split in of_b]:
        return both
    raise RunError(
        N_("The two runs have no split in common: run {a} has {splits_a}, run {b} has {splits_b}."),
        a=short_id(a.id),
        b=short_id(b.id),
        splits_a=", ".join(of_a),
        splits_b=", ".join(of_b),
    )


def check_same_images(a: RunRecord, b: RunRecord) -> None:
    """Raises RunError, with the reason, if two runs cannot have judged the same images."""
    if a.id == b.id:
        raise RunError(N_("These are not two runs: choose another one."))
    if a.dataset_fingerprint and a.dataset_fingerprint == b.dataset_fingerprint:
        return
    one, other = a.config.data.dataset, b.config.data.dataset
    for record in (a, b):
        if record.dataset_fingerprint is None:
            raise RunError(
                N_("Run {run} is {status}: it has no predictions to compare."),
                run=short_id(record.id),
                status=record.status.text,
            )
    if one == other:
        raise RunError(
            N_(
                "Both runs learned from “{name}”, but it is not the same any more: images or "
                "classes have changed in between, so they cannot be compared image by image."
            ),
            name=one,
        )
    raise RunError(
        N_(
            "The runs are of different datasets, “{one}” and “{other}”: there is no image that "
            "both have judged."
        ),
        one=one,
        other=other,
    )


def load_pair(paths: Paths, a: RunRecord, b: RunRecord, split: str) -> Pair:
    """What both say of the images of a split that both have judged.

    Raises:
        RunError: if there is none.
        NotFoundError, StoreError: if predictions are gone or damaged.
    """
    one, other = (load_split(run_paths(paths, r.id).predictions, split) for r in (a, b))
    try:
        both = pair(one, other)
    except ValueError as error:
        raise RunError(
            N_("The predictions of the two runs do not fit together: {error}."), error=str(error)
        ) from error
    if not both.n:
        raise RunError(N_("There is no image that both runs have judged."))
    return both
