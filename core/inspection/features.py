"""What a network makes of pictures on its way: the features of its last hidden layer as unit
vectors, and traces of several layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
TRACED_LAYERS = 6
"""Layers whose activity is looked at, evenly over the depth."""
MOST_TRACES = 128
"""Numbers per layer: their covariance stays small enough to be found and kept."""
_FOLDING = 0x4C69656E7A6F03


class Answer(NamedTuple):
    """Of pictures: unit vectors float32 (n, d), d ≤ :data:`WIDEST`, logits (n, classes), and the
    traces (n, t) of :mod:`core.inspection.unknown`."""

    features: Vectors
    logits: NDArray[np.float32]
    traces: NDArray[np.float32]


def with_features(model: keras.Model, run_id: str) -> keras.Model:
    """The same network with more outputs: what goes into its last dense layer, the logits, and the
    mean activity of the channels of several layers.

    Raises:
        RunError: if it has no dense layer.
    """
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    if not dense:
        raise RunError(N_("The network of run {run} has no dense layer to look into."), run=run_id)
    activity = [_channels(layer.output) for layer in _traced(model)]
    return keras.Model(model.inputs[0], [dense[-1].input, model.outputs[0], *activity])


def _traced(model: keras.Model) -> list[keras.Layer]:
    """Layers that leave traces, from the first to the last: those with a non-linearity."""
    active = [layer for layer in model.layers if _bends(layer)]
    chosen = np.linspace(0, len(active) - 1, TRACED_LAYERS).round().astype(int)
    return [active[place] for place in dict.fromkeys(chosen.tolist())] if active else []


def _bends(layer: keras.Layer) -> bool:
    own = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.ReLU) or own not in (None, keras.activations.linear)


def _channels(x: keras.KerasTensor) -> keras.KerasTensor:
    """(n, …, channels) → (n, channels)."""
    between = tuple(range(1, len(x.shape) - 1))
    return keras.ops.mean(x, axis=between) if between else x


def answer(model: keras.Model, images: NDArray[np.uint8]) -> Answer:
    """That of :func:`with_features` about a few pictures (n, h, w, c), at once."""
    return _answer(keras.ops.convert_to_numpy(part) for part in model(images, training=False))


def answers(
    model: keras.Model, read: Callable[[slice], NDArray[np.uint8]], n: int
) -> Iterator[Answer]:
    """Those about n pictures, batch by batch, in their order; compiled first."""
    for start in range(0, n, EVAL_BATCH):
        images = read(slice(start, min(n, start + EVAL_BATCH)))
        yield _answer(model.predict_on_batch(images))


def _answer(outputs: Iterable[NDArray[np.floating]]) -> Answer:
    features, logits, *activity = outputs
    last = features.reshape(len(features), -1)
    # A network without any layer between has its features only.
    traces = [folded(part, MOST_TRACES) for part in activity or [last]]
    return Answer(
        unit(folded(last, WIDEST)),
        logits.astype(np.float32),
        np.concatenate(traces, axis=1).astype(np.float32),
    )


def folded(values: NDArray[np.floating], width: int) -> NDArray[np.floating]:
    """(n, d) as they are if d ≤ ``width``, else (n, width).

    Every number is added, with a sign of its own, to one of the places: angles between vectors
    stay what they were but for some hundredths (Weinberger and others 2009, feature hashing).
    """
    if values.shape[1] <= width:
        return values
    order, signs, starts = _folding(values.shape[1], width)
    sums: NDArray[np.floating] = np.add.reduceat((values * signs)[:, order], starts, axis=1)
    return sums


@lru_cache(maxsize=16)
def _folding(
    wide: int, narrow: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """The same for all pictures: an order of the numbers, their signs, where places begin."""
    rng = np.random.default_rng((_FOLDING, wide))
    signs = rng.choice(np.array([-1, 1], np.float32), wide)
    return rng.permutation(wide), signs, np.arange(narrow) * wide // narrow
