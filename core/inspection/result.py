"""What was found out about a run's network, on the disk beside the run.

``inspection/features.npz`` is written last: where it is, the other files of that task are whole.
Features lie in files of their own, to be mapped instead of read.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import N_, StoreError, text
from core.evaluation.predictions import UNREADABLE
from core.inspection.neighbours import Vectors
from core.inspection.robustness import Robustness
from core.inspection.unknown import Familiar
from core.paths import write_atomic
from core.task_paths import InspectionPaths

SPLITS = ("val", "test", "train")
"""In the order in which :class:`FeatureMap` numbers them."""


def unlearned_split(files: InspectionPaths) -> str:
    """The split of known, but not learned pictures by which strange ones are told: of the
    validation, where there is one."""
    return "val" if files.features("val").is_file() else "test"


class FeatureMap(NamedTuple):
    """Some pictures of every split as points: ``split`` int8 (m,) numbers :data:`SPLITS`,
    ``position`` int64 (m,) is the place in that split's predictions; ``pca`` and ``tsne`` are
    float32 (m, 2)."""

    split: NDArray[np.int8]
    position: NDArray[np.int64]
    pca: NDArray[np.float32]
    tsne: NDArray[np.float32]


class Features(NamedTuple):
    """The result of the task ``features`` but for the features: the map, and what is known of
    the training pictures, to tell strange ones (:mod:`core.inspection.unknown`)."""

    map: FeatureMap
    familiar: Familiar


def save_vectors(file: Path, vectors: Vectors) -> None:
    """Unit vectors (n, d), in half precision: a thousandth is enough to compare them."""
    out = io.BytesIO()
    np.save(out, vectors.astype(np.float16), allow_pickle=False)
    write_atomic(file, out.getvalue())


def load_vectors(file: Path) -> NDArray[np.float16]:
    """The unit vectors (n, d) of a split's predictions, mapped. StoreError if there are none."""
    try:
        vectors: NDArray[np.float16] = np.load(file, mmap_mode="r", allow_pickle=False)
    except UNREADABLE as error:
        raise _damaged(file) from error
    if vectors.ndim != 2 or vectors.dtype != np.float16:
        raise _damaged(file)
    return vectors


def save_features(files: InspectionPaths, found: Features) -> None:
    arrays = {f"map.{name}": array for name, array in found.map._asdict().items()}
    arrays |= {f"familiar.{name}": np.asarray(v) for name, v in found.familiar._asdict().items()}
    _save(files.result("features"), arrays)


def load_features(files: InspectionPaths) -> Features:
    """StoreError if it is missing or damaged."""
    file = files.result("features")
    arrays = _load(file)
    try:
        found = FeatureMap(**{name: arrays[f"map.{name}"] for name in FeatureMap._fields})
        mean, scale, precision, threshold = (
            arrays[f"familiar.{name}"] for name in Familiar._fields
        )
        return Features(found, Familiar(mean, scale, precision, float(threshold)))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(file) from error


def save_robustness(files: InspectionPaths, found: Robustness) -> None:
    arrays = {"rows": found.rows, "right": found.right}
    words = {"split": np.array(found.split), "names": np.array(found.names)}
    _save(files.result("robustness"), arrays | words)


def load_robustness(files: InspectionPaths) -> Robustness:
    """StoreError if it is missing or damaged."""
    file = files.result("robustness")
    arrays = _load(file)
    try:
        names = tuple(str(name) for name in arrays["names"])
        return Robustness(str(arrays["split"]), arrays["rows"], names, arrays["right"])
    except (KeyError, TypeError) as error:
        raise _damaged(file) from error


def _save(file: Path, arrays: dict[str, NDArray[Any]]) -> None:
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **arrays)
    write_atomic(file, out.getvalue())


def _load(file: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except UNREADABLE as error:
        raise _damaged(file) from error


def _damaged(file: Path) -> StoreError:
    return StoreError(
        N_("What was found out about this run in {file} is missing or damaged."),
        remedy=text(N_("Compute it again.")),
        file=str(file),
    )
