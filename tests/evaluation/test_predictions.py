from __future__ import annotations

import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import NotFoundError, StoreError
from core.evaluation.predictions import (
    Predictions,
    load_predictions,
    load_split,
    save_predictions,
    saved_splits,
)


def make(n: int = 3, classes: int = 2, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    return Predictions(
        rng.integers(0, classes, n).astype(np.int32),
        rng.dirichlet(np.ones(classes), n).astype(np.float32),
        np.arange(100, 100 + n, dtype=np.int64),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "predictions.npz"


def test_what_is_saved_comes_back(path: Path) -> None:
    splits = {"val": make(3), "test": make(5, seed=1), "empty": make(0)}
    save_predictions(path, splits)
    loaded = load_predictions(path)
    assert list(loaded) == ["val", "test", "empty"]
    for name, found in loaded.items():
        for field, wanted in splits[name]._asdict().items():
            array = getattr(found, field)
            assert array.dtype == wanted.dtype
            np.testing.assert_array_equal(array, wanted)
    assert list(path.parent.iterdir()) == [path], "a temporary file was left"


def test_other_number_types_are_saved_as_the_documented_ones(path: Path) -> None:
    wide = Predictions(*(np.asarray(a, dtype=float) for a in make()))
    save_predictions(path, {"val": wide})
    assert [a.dtype.name for a in load_split(path, "val")] == ["int32", "float32", "int64"]


def test_no_split_at_all(path: Path) -> None:
    save_predictions(path, {})
    assert load_predictions(path) == {}


def test_predicted_class_and_confidence() -> None:
    proba = np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32)
    predictions = Predictions(np.zeros(2, np.int32), proba, np.arange(2))
    assert predictions.y_pred.tolist() == [1, 0]
    assert predictions.confidence.tolist() == [0.75, 0.5]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": np.arange(2)},
        {"proba": np.ones((2, 2), np.float32)},
        {"proba": np.ones(3, np.float32)},
        {"proba": np.ones((3, 0), np.float32)},
        {"y_true": np.array([0, 1, 2], np.int32)},
        {"y_true": np.array([0, 1, -1], np.int32)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(path: Path, wrong: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="val"):
        save_predictions(path, {"val": make()._replace(**wrong)})
    assert not path.exists()


def test_missing_file_and_missing_split(path: Path) -> None:
    with pytest.raises(NotFoundError):
        load_predictions(path)
    save_predictions(path, {"val": make()})
    with pytest.raises(NotFoundError, match="test"):
        load_split(path, "test")


@pytest.mark.parametrize("keep", [0, 2, 30, 200, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_an_error_and_not_half_the_data(path: Path, keep: float) -> None:
    save_predictions(path, {"val": make(50)})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep if keep > 1 else keep * len(whole))])
    with pytest.raises(StoreError, match="cannot be read"):
        load_predictions(path)


def test_a_flipped_bit_in_the_data_is_noticed(path: Path) -> None:
    predictions = make(50)
    save_predictions(path, {"val": predictions})
    content = bytearray(path.read_bytes())
    content[content.index(predictions.proba.tobytes()) + 7] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError):
        load_split(path, "val")


class Trap:
    """Unpickling it is noticed."""

    sprung = False

    def __setstate__(self, state: object) -> None:
        Trap.sprung = True


def foreign_object(path: Path) -> None:
    trap = Trap()
    trap.__dict__["x"] = 1
    foreign: dict[str, Any] = {f"val.{f}": np.array([trap]) for f in Predictions._fields}
    np.savez(path, **foreign)


def foreign_names(path: Path) -> None:
    np.savez(path, images=np.zeros(3))


def foreign_types(path: Path) -> None:
    y_true, proba, rows = make()
    arrays: dict[str, Any] = {"y_true": y_true, "proba": proba.astype(float), "rows": rows}
    np.savez(path, **{f"val.{field}": array for field, array in arrays.items()})


def foreign_bytes(path: Path) -> None:
    path.write_bytes(pickle.dumps({"val": 1}))


@pytest.mark.parametrize("write", [foreign_object, foreign_names, foreign_types, foreign_bytes])
def test_foreign_files_are_refused_and_nothing_is_unpickled(path: Path, write: object) -> None:
    assert callable(write)
    write(path)
    with pytest.raises(StoreError, match=r"predictions\.npz"):
        load_predictions(path)
    assert not Trap.sprung


def test_a_hundred_classes_load_at_once(path: Path) -> None:
    save_predictions(path, {"test": make(10_000, 100)})
    started = time.perf_counter()
    assert saved_splits(path) == ["test"]
    load_split(path, "test")
    assert time.perf_counter() - started < 0.5  # about 5 ms; the rest is for a busy machine
