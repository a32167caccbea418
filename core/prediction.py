"""A finished run's model at work on new pictures."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from core.alive import come_on
from core.errors import N_, RunError
from core.evaluating import EVAL_BATCH, softmax
from core.evaluation.varying import average_over, variants
from core.paths import Paths
from core.records import read_record, run_paths

KEPT_MODELS = 4
"""Models that stay in memory; a class mostly looks at a few."""


def load_model(paths: Paths, run_id: str) -> keras.Model:
    """The saved model of a run.

    Raises:
        NotFoundError: if there is no such run.
        RunError: if the run has saved no model (it failed, or is still training).
    """
    file = run_paths(paths, run_id).model
    try:
        return _cached_model(file, file.stat().st_mtime_ns)
    except FileNotFoundError:
        raise RunError(
            N_("Run {run} has no model: it has not finished an epoch."), run=run_id
        ) from None


@functools.lru_cache(maxsize=KEPT_MODELS)
def _cached_model(file: Path, _version: int) -> keras.Model:
    # Our own files, written by core.training; no Lambda layers, no code inside.
    return keras.saving.load_model(file, compile=False, safe_mode=True)


def predict(
    paths: Paths, run_id: str, images: npt.NDArray[np.uint8], varied: bool = False
) -> npt.NDArray[np.float32]:
    """Probabilities (n, classes) for pictures (n, h, w, c) uint8 of the run's image shape.

    ``varied``: the mean over the versions of every picture that the run's augmentation allows
    (:mod:`core.evaluation.varying`).

    Raises:
        NotFoundError, RunError: as :func:`load_model`.
    """
    model = load_model(paths, run_id)
    if not varied:
        return _proba(model, images)
    versions = variants(read_record(paths, run_id).config.augment, images.shape[1:3])
    return average_over(images, versions, functools.partial(_proba, model))


def _proba(model: keras.Model, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    logits = []
    for start in range(0, len(images), EVAL_BATCH):
        batch = images[start : start + EVAL_BATCH]
        logits.append(keras.ops.convert_to_numpy(model(batch, training=False)))
        come_on()
    return softmax(np.concatenate(logits))
