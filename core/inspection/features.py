"""What the last hidden layer of a network makes of pictures: its features, as unit vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from core.errors import N_, RunError
from core.evaluating import EVAL_BATCH
from core.inspection.neighbours import Vectors, unit

WIDEST = 512
"""Features of more numbers are folded into so many: 20,000 pictures then take 20 MB."""
_FOLDING = 0x4C69656E7A6F03


class Answer(NamedTuple):
    """Of pictures: unit vectors float32 (n, d), d ≤ :data:`WIDEST`, and logits (n, classes)."""

    features: Vectors
    logits: NDArray[np.float32]


def with_features(model: keras.Model, run_id: str) -> keras.Model:
    """The same network with two outputs: what goes into its last dense layer, and the logits.

    Raises:
        RunError: if it has no dense layer.
    """
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    if not dense:
        raise RunError(N_("The network of run {run} has no dense layer to look into."), run=run_id)
    return keras.Model(model.inputs, [dense[-1].input, model.outputs[0]])


def answers(
    model: keras.Model, read: Callable[[slice], NDArray[np.uint8]], n: int
) -> Iterator[Answer]:
    """Those of :func:`with_features` about n pictures, batch by batch, in their order."""
    for start in range(0, n, EVAL_BATCH):
        images = read(slice(start, min(n, start + EVAL_BATCH)))
        features, logits = model.predict_on_batch(images)
        yield Answer(unit(folded(np.asarray(features))), np.asarray(logits, np.float32))


def folded(features: NDArray[np.floating]) -> NDArray[np.floating]:
    """(n, d) as they are if d ≤ :data:`WIDEST`, else (n, WIDEST).

    Every number is added, with a sign of its own, to one of the places: angles between vectors
    stay what they were but for some hundredths (Weinberger and others 2009, feature hashing).
    """
    flat = features.reshape(len(features), -1)
    if flat.shape[1] <= WIDEST:
        return flat
    order, signs, starts = _folding(flat.shape[1])
    sums: NDArray[np.floating] = np.add.reduceat((flat * signs)[:, order], starts, axis=1)
    return sums


@lru_cache(maxsize=4)
def _folding(width: int) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """The same for all pictures: an order of the numbers, their signs, where places begin."""
    rng = np.random.default_rng((_FOLDING, width))
    signs = rng.choice(np.array([-1, 1], np.float32), width)
    return rng.permutation(width), signs, np.arange(WIDEST) * width // WIDEST
