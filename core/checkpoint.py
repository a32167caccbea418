"""Crash-safe resume: everything a training is, in one file that is replaced as a whole.

Keras' own ``BackupAndRestore`` can be left unloadable by a kill and restores neither the random
state of dropout and augmentation, nor EarlyStopping, nor the history (docs/decisions.md).
"""

from __future__ import annotations

import io
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from pydantic import BaseModel

from core.errors import N_, StoreError
from core.evaluation.decimate import Decimator
from core.paths import write_atomic
from core.records import Epoch, StageName

Array = np.ndarray[Any, np.dtype[Any]]
DAMAGED = (
    *(ValueError, KeyError, EOFError, zipfile.BadZipFile),
    tokenize.TokenError,  # in an array's header
    RuntimeError,  # a compression that there is not, or a password
)
"""What NumPy raises for a file whose bytes have been changed."""


class TrainingState(BaseModel):
    """What a checkpoint holds beside the arrays."""

    history: list[Epoch] = []
    stage: StageName | None = None
    """Of a training in several stages, the one under way."""
    complete: bool = False
    """The last epoch of the stage has been trained: only what comes after it is left."""
    judges: dict[str, dict[str, float | int | None]] = {}
    """What early stopping and the like remember: see :mod:`core.judging`."""
    seconds: float = 0.0
    """Time spent training, in all lives of the run together."""
    steps: str = Decimator().to_json()

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return len(self.history)


def save_checkpoint(
    path: Path, model: keras.Model, best: list[Array], state: TrainingState
) -> None:
    """Replace the checkpoint: weights, optimizer, random states, ``best`` weights, ``state``.

    Raises:
        OSError: if the disk is full; the former checkpoint is still there then.
    """
    to_numpy = keras.ops.convert_to_numpy
    arrays = {f"v{i}": to_numpy(v) for i, v in enumerate(variables_of(model))}
    arrays |= {f"best{i}": np.asarray(w) for i, w in enumerate(best)}
    arrays["state"] = np.frombuffer(state.model_dump_json().encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomic(path, buffer.getvalue())


def load_checkpoint(path: Path, model: keras.Model) -> tuple[TrainingState, list[Array]] | None:
    """Put the saved values into a freshly built, compiled model; None if there is no checkpoint.

    Returns:
        The state, and the weights of the best epoch (empty if none were kept).

    Raises:
        StoreError: if the file is damaged or belongs to another network.
    """
    try:
        with np.load(path, allow_pickle=False) as saved:
            state = TrainingState.model_validate_json(saved["state"].tobytes())
            values = [saved[f"v{i}"] for i in range(_count(saved, "v"))]
            best = [saved[f"best{i}"] for i in range(_count(saved, "best"))]
    except FileNotFoundError:
        return None
    except (*DAMAGED, OSError) as error:
        raise StoreError(
            N_("The checkpoint {file} cannot be read: {error}."), file=str(path), error=str(error)
        ) from error
    _assign(path, model, values)
    return state, best


def saved_state(path: Path) -> TrainingState | None:
    """What a checkpoint says beside the arrays, before there is a model; None without one.

    A damaged one is reported by :func:`load_checkpoint`, to which this is a look ahead.
    """
    try:
        with np.load(path, allow_pickle=False) as saved:
            return TrainingState.model_validate_json(saved["state"].tobytes())
    except (*DAMAGED, OSError):
        return None


def variables_of(model: keras.Model) -> list[Any]:
    """Weights and random states, then the optimizer's moments, counters and learning rate."""
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _count(saved: Any, prefix: str) -> int:
    return sum(name.removeprefix(prefix).isdigit() for name in saved.files if prefix in name[:4])


def _assign(path: Path, model: keras.Model, values: list[Array]) -> None:
    variables = variables_of(model)
    expected = [tuple(v.shape) for v in variables]
    received = [tuple(v.shape) for v in values]
    if expected != received:
        raise StoreError(
            N_("The checkpoint {file} belongs to another network or optimizer."), file=str(path)
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
