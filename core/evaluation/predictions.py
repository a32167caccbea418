"""The predictions of a run, saved once so that no page ever needs the model."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.errors import N_, NotFoundError, StoreError, text
from core.paths import write_atomic

UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    MemoryError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What zipfile and NumPy raise on bytes that are not what they say they are."""
_FIELDS: dict[str, np.dtype[np.generic]] = {
    "y_true": np.dtype(np.int32),
    "proba": np.dtype(np.float32),
    "rows": np.dtype(np.int64),
}


class Predictions(NamedTuple):
    """One split as one run sees it.

    ``y_true`` (n,) int32, class indices in [0, classes); ``proba`` (n, classes) float32, rows
    that sum to 1; ``rows`` (n,) int64, the image's row in the dataset's split.
    """

    y_true: npt.NDArray[np.int32]
    proba: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]

    @property
    def y_pred(self) -> npt.NDArray[np.int64]:
        """The likeliest class of every image, (n,); of equals the first, as Keras decides."""
        chosen: npt.NDArray[np.int64] = self.proba.argmax(axis=1)
        return chosen

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """The probability of the predicted class, (n,) in [1/classes, 1]."""
        highest: npt.NDArray[np.float32] = self.proba.max(axis=1)
        return highest


def save_predictions(path: Path, splits: Mapping[str, Predictions]) -> None:
    """Write the splits (named ``val``, ``test``, …) to one ``.npz``, replacing it atomically.

    Uncompressed: probabilities hardly compress, and a page opens the file on every visit.
    Raises ValueError when the arrays of a split do not fit together.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for split, predictions in splits.items():
        problem = _problem(predictions)
        if problem:
            raise ValueError(f"{split}: {problem}")
        for (field, dtype), array in zip(_FIELDS.items(), predictions, strict=True):
            arrays[f"{split}.{field}"] = np.asarray(array).astype(dtype, copy=False)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomic(path, buffer.getvalue())


def load_predictions(path: Path) -> dict[str, Predictions]:
    """Every split of the file. 10,000 × 100 float32 take about 5 ms.

    Raises NotFoundError when there is no such file, StoreError when it is damaged or foreign.
    """
    return {name: load_split(path, name) for name in saved_splits(path)}


def load_split(path: Path, split: str) -> Predictions:
    """One split of the file; the others are not read. Raises as :func:`load_predictions`."""
    if split not in saved_splits(path):
        raise NotFoundError(
            N_("There are no predictions for the split “{split}” in {path}."),
            split=split,
            path=str(path),
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = Predictions(**{field: archive[f"{split}.{field}"] for field in _FIELDS})
    except UNREADABLE as error:
        raise _damaged(path, str(error)) from error
    problem = _problem(found, exact=True)
    if problem:
        raise _damaged(path, f"{split}: {problem}")
    return found


def saved_splits(path: Path) -> list[str]:
    """The names of the splits in the file, in the order they were saved; reads no array."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except FileNotFoundError as error:
        raise NotFoundError(N_("There are no predictions at {path}."), path=str(path)) from error
    except UNREADABLE as error:
        raise _damaged(path, str(error)) from error
    splits = list(dict.fromkeys(name.rpartition(".npy")[0].rpartition(".")[0] for name in members))
    if sorted(members) != sorted(f"{s}.{field}.npy" for s in splits for field in _FIELDS):
        raise _damaged(path, ", ".join(members[:6]))
    return splits


def _problem(predictions: Predictions, *, exact: bool = False) -> str:
    """What does not fit together, or ``""``. ``exact`` also asks for the saved types."""
    y_true, proba, rows = (np.asarray(array) for array in predictions)
    if y_true.ndim != 1 or rows.shape != y_true.shape or proba.ndim != 2:
        return f"y_true {y_true.shape}, proba {proba.shape}, rows {rows.shape}"
    if len(proba) != len(y_true) or proba.shape[1] == 0:
        return f"{len(y_true)} labels for {proba.shape} probabilities"
    if exact and (y_true.dtype, proba.dtype, rows.dtype) != tuple(_FIELDS.values()):
        return f"types {y_true.dtype}, {proba.dtype}, {rows.dtype}"
    if len(y_true) and not 0 <= y_true.min() <= y_true.max() < proba.shape[1]:
        return f"class {y_true.min()} to {y_true.max()} of {proba.shape[1]}"
    return ""


def _damaged(path: Path, details: str) -> StoreError:
    return StoreError(
        N_(
            "The predictions in {path} cannot be read: expected y_true, proba and rows of every "
            "split, found {details}."
        ),
        path=str(path),
        details=details,
        remedy=text(N_("The file is damaged or not Lienzo's; train the run again.")),
    )
