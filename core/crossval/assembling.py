"""The result of a cross-validation as that of one run: its folds' predictions and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from core.crossval.standing import finished
from core.errors import N_, StoreError
from core.evaluation.metrics import summary
from core.evaluation.pooling import pooled
from core.evaluation.predictions import Predictions, load_predictions, save_predictions
from core.parts import Composition, Member
from core.paths import Paths
from core.records import RunRecord, RunSummary

_SEEN = (
    *("dataset_fingerprint", "class_names", "vocabulary", "image_shape"),
    *("resize", "background", "versions"),
)
"""What a run has learned about its dataset and machine, the same in all folds."""


def assemble(paths: Paths, parent: RunRecord, folds: Mapping[int, RunRecord]) -> RunRecord:
    """Write the predictions of the whole; returns its record with summary and composition.

    ``val`` has every image of the pool as the fold saw it that had not learned from it (over
    several repeats the mean of these), ``test`` the mean of all folds. At least one is finished.

    Raises:
        NotFoundError, StoreError: if the predictions of a fold are gone, damaged or of others.
    """
    done = list(finished(folds).values())
    found = [load_predictions(paths.run(record.id).predictions) for record in done]
    try:
        if len({record.dataset_fingerprint for record in done}) > 1:
            raise ValueError("they are about different images")
        splits = {
            name: pooled([each[name] for each in found if name in each])
            for name in ("val", "test")
            if any(name in each for each in found)
        }
    except ValueError as error:
        raise StoreError(
            N_("The predictions of the folds do not fit together: {error}."), error=str(error)
        ) from error
    save_predictions(paths.run(parent.id).predictions, splits)
    return parent.changed(
        **{name: getattr(done[0], name) for name in _SEEN},
        summary=_summary([r.summary for r in done if r.summary], splits),
        composition=Composition(method="mean", members=tuple(Member(run=r.id) for r in done)),
    )


def _summary(parts: Sequence[RunSummary], splits: Mapping[str, Predictions]) -> RunSummary:
    """On the validation the mean of what each fold says of its own images; on the test images,
    which all folds have judged, what they say together, as the run itself would if it is asked."""
    test = summary(splits["test"]) if "test" in splits else None
    return RunSummary(
        epochs=round(fmean(part.epochs for part in parts)),
        best_val_accuracy=_mean([part.best_val_accuracy for part in parts]),
        parameters=parts[0].parameters,
        seconds=sum(part.seconds for part in parts),
        images_per_second=_mean([part.images_per_second for part in parts]),
        val_accuracy=_mean([part.val_accuracy for part in parts]),
        val_loss=_mean([part.val_loss for part in parts]),
        test_accuracy=test.accuracy if test else None,
        test_loss=test.loss if test else None,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
