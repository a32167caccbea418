"""Which two runs can be compared, and on which split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import RunError
from core.evaluation.predictions import Predictions, save_predictions
from core.pairing import common_splits, load_pair, offered_splits
from core.paths import Paths
from core.records import RunRecord
from core.store import Store
from tests.commands.driving import finished_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Paths(tmp_path / "lab"))


def judged(store: Store, *splits: str, rows: int = 0) -> RunRecord:
    """A run over two images per split, whose rows begin at ``rows``."""
    record = finished_run(store, dataset_fingerprint="seen")
    proba = np.eye(2, dtype=np.float32)
    split = Predictions(np.array([0, 1], np.int32), proba, np.array([rows, rows + 1]))
    save_predictions(store.paths.run(record.id).predictions, dict.fromkeys(splits, split))
    return record


def test_validation_comes_first(store: Store) -> None:
    run = judged(store, "test", "val")
    assert offered_splits(store.paths, run.id) == ["val", "test"]
    assert common_splits(store.paths, run, judged(store, "test")) == ["test"]
    store.paths.run(run.id).predictions.unlink()
    assert offered_splits(store.paths, run.id) == []


def test_no_split_in_common(store: Store) -> None:
    with pytest.raises(RunError, match=r"has test, run .* has val"):
        common_splits(store.paths, judged(store, "test"), judged(store, "val"))


def test_images_are_matched_or_there_is_nothing_to_say(store: Store) -> None:
    a = judged(store, "val")
    assert load_pair(store.paths, a, judged(store, "val"), "val").n == 2
    with pytest.raises(RunError, match="true classes"):  # row 1 is of class 1, and of class 0
        load_pair(store.paths, a, judged(store, "val", rows=1), "val")
    with pytest.raises(RunError, match="no image that both"):
        load_pair(store.paths, a, judged(store, "val", rows=7), "val")
