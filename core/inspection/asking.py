"""Short questions about pictures from anywhere, for the computing process behind the pages."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from core.inspection.features import answer, with_features
from core.inspection.neighbours import Vectors
from core.inspection.result import load_features
from core.inspection.unknown import Familiar, Scores, strangeness
from core.paths import Paths
from core.prediction import KEPT_MODELS, load_model


class Judgement(NamedTuple):
    """How strange pictures are: ``score`` (n,), and the ``threshold`` above which one is called
    unknown."""

    score: Scores
    threshold: float


def features_of(paths: Paths, run_id: str, images: NDArray[np.uint8]) -> Vectors:
    """Unit vectors (n, d) of a few pictures (n, h, w, c), to be compared with those of the task
    ``features``.

    Raises:
        NotFoundError, RunError: as :func:`core.prediction.load_model`.
    """
    return answer(_model(paths, run_id), images).features


def judge_unknown(paths: Paths, run_id: str, images: NDArray[np.uint8]) -> Judgement:
    """Whether a few pictures (n, h, w, c) are like those that the run was trained on.

    Raises:
        NotFoundError, RunError: as :func:`core.prediction.load_model`.
        StoreError: if the task ``features`` has not been done for the run.
    """
    file = paths.run(run_id).inspection.result("features")
    familiar = _familiar(paths, run_id, file.stat().st_mtime_ns if file.is_file() else 0)
    model = _model(paths, run_id)
    scores = strangeness(answer(model, images).traces, familiar)
    return Judgement(scores, familiar.threshold)


def _model(paths: Paths, run_id: str) -> keras.Model:
    load_model(paths, run_id)  # says what is wrong, if anything is
    file = paths.run(run_id).model
    return _with_features(paths, run_id, file, file.stat().st_mtime_ns)


@lru_cache(maxsize=KEPT_MODELS)
def _with_features(paths: Paths, run_id: str, _file: Path, _version: int) -> keras.Model:
    return with_features(load_model(paths, run_id), run_id)


@lru_cache(maxsize=KEPT_MODELS)
def _familiar(paths: Paths, run_id: str, _version: int) -> Familiar:
    return load_features(paths.run(run_id).inspection).familiar
