"""What several networks say of images, as one: each about its own, or their mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core.evaluation.metrics import confusion_matrix, per_class
from core.evaluation.predictions import Predictions


def pooled(parts: Sequence[Predictions]) -> Predictions:
    """Every row that occurs in ``parts`` (at least one) once, ascending, with the mean of the
    probabilities that it was given.

    Folds have no row in common and come out side by side; networks that have judged the same
    images come out as their mean. Raises ValueError if they disagree about what an image truly is,
    or about the number of classes.
    """
    if len({part.proba.shape[1] for part in parts}) != 1:
        raise ValueError("the parts do not have the same classes")
    rows = np.concatenate([part.rows for part in parts])
    truth = np.concatenate([part.y_true for part in parts])
    found, first, place = np.unique(rows, return_index=True, return_inverse=True)
    if (truth[first][place] != truth).any():
        raise ValueError("the parts do not have the same true classes")
    total = np.zeros((len(found), parts[0].proba.shape[1]))
    np.add.at(total, place, np.concatenate([part.proba for part in parts]).astype(np.float64))
    mean = total / np.bincount(place)[:, None]
    return Predictions(truth[first], mean.astype(np.float32), found)


def recalls(parts: Sequence[Predictions]) -> npt.NDArray[np.float64]:
    """The recall (parts, classes) of every class in every part; NaN where it has no image."""
    found = [
        [score.recall for score in per_class(confusion_matrix(p.y_true, p.y_pred, classes))]
        for p in parts
        for classes in [p.proba.shape[1]]
    ]
    return np.array(found, np.float64)
