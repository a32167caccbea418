"""What a look into a run leaves behind, made without a network."""

from __future__ import annotations

import numpy as np

from core.evaluation.predictions import Predictions, load_predictions, save_predictions
from core.inspection.distortions import DISTORTIONS, SEVERITIES
from core.inspection.neighbours import unit
from core.inspection.result import (
    SPLITS,
    FeatureMap,
    Features,
    save_features,
    save_robustness,
    save_vectors,
)
from core.inspection.robustness import Robustness
from core.inspection.unknown import Familiar
from core.paths import Paths

TRAIN = 6


def leave_features(paths: Paths, run_id: str, classes: int = 3) -> None:
    """Training images 0, 1, … of the classes 0, 1, …, all judged right; the features of every
    image point along the axis of its true class, a little turned."""
    files = paths.run(run_id)
    truth = (np.arange(TRAIN) % classes).astype(np.int32)
    proba = (0.1 / classes + 0.9 * np.eye(classes)[truth]).astype(np.float32)
    train = Predictions(truth, proba, np.arange(TRAIN))
    saved = {**load_predictions(files.predictions), "train": train}
    files.inspection.folder.mkdir()
    save_predictions(files.inspection.train_predictions, {"train": train})
    for split, predictions in saved.items():
        turned = 0.01 * np.arange(len(predictions.y_true))[:, None]
        vectors = unit(np.eye(classes)[predictions.y_true] + turned)
        save_vectors(files.inspection.features(split), vectors)
    sizes = [len(saved[split].y_true) if split in saved else 0 for split in SPLITS]
    position = np.concatenate([np.arange(size) for size in sizes])
    points = np.random.default_rng(0).normal(size=(len(position), 2)).astype(np.float32)
    number = np.repeat(np.arange(len(SPLITS)), sizes).astype(np.int8)
    chart = FeatureMap(number, position, points, points[::-1])
    one = np.ones(1, np.float32)
    save_features(files.inspection, Features(chart, Familiar(one, one, one[None], 2.5)))


def leave_robustness(paths: Paths, run_id: str, n: int = 10, split: str = "val") -> None:
    """Nothing hurts but noise, which leaves half of the images at once."""
    right = np.ones((len(DISTORTIONS), len(SEVERITIES), n), np.bool_)
    right[list(DISTORTIONS).index("noise"), 1:, : n - n // 2] = False
    files = paths.run(run_id).inspection
    files.folder.mkdir(exist_ok=True)
    save_robustness(files, Robustness(split, np.arange(n), tuple(DISTORTIONS), right))
