"""What the layers of a network look for, and what they find in a picture."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from core.errors import N_, NotFoundError
from core.explain.places import KEPT, Place, places

STRONGEST = 24
"""So many maps of a layer are shown."""
MOST_FILTERS = 64
_MIDDLE = 127.5


class Activations(NamedTuple):
    """The strongest maps of a layer: ``maps`` (k, h', w') uint8, black 0 and white the largest
    value of all of them; ``channels`` (k,) their numbers and ``means`` (k,) float32 their mean
    magnitudes, the largest first."""

    maps: npt.NDArray[np.uint8]
    channels: npt.NDArray[np.int64]
    means: npt.NDArray[np.float32]


def activations(model: keras.Model, image: npt.NDArray[np.uint8], layer: str) -> Activations:
    """What a layer makes of a picture (h, w, c) uint8.

    Values below zero, which only layers before an activation have, count by their magnitude.

    Raises:
        NotFoundError: if no layer of that name has places.
    """
    place = next((p for p in places(model) if p.layer.name == layer), None)
    if place is None:
        raise NotFoundError(N_("There is no layer “{received}” with maps."), received=layer)
    out = ops.convert_to_numpy(_up_to(model, layer)(image[None].astype(np.float32), training=False))
    maps = np.abs(np.moveaxis(_on_grid(out, place), -1, 0))
    means = maps.mean(axis=(1, 2))
    best = np.argsort(-means, kind="stable")[:STRONGEST]
    top = maps[best].max() or 1.0
    shades = np.rint(255 * maps[best] / top).astype(np.uint8)
    return Activations(shades, best.astype(np.int64), means[best].astype(np.float32))


@lru_cache(maxsize=4 * KEPT)
def _up_to(model: keras.Model, layer: str) -> keras.Model:
    return keras.Model(model.input, model.get_layer(layer).output)


def _on_grid(out: npt.NDArray[np.float32], place: Place) -> npt.NDArray[np.float32]:
    return np.reshape(out, (*place.grid, place.channels))


def first_filters(model: keras.Model) -> tuple[str, npt.NDArray[np.uint8]]:
    """The name of the first layer with weights, and what each of its units looks for, as pictures
    (n, h', w', c) uint8, c 1 or 3: grey is a weight of zero, the units share one scale.

    A convolution's filters, or a dense layer's weights laid out as the picture is.

    Raises:
        NotFoundError: if the first layer with weights sees something else than the picture.
    """
    for layer in model.layers:
        weights = [w for w in layer.weights if w.path.rsplit("/", 1)[-1] == "kernel"]
        if weights:
            kernel = _as_pictures(ops.convert_to_numpy(weights[0]), model.input_shape[1:])
            if kernel is not None:
                return layer.name, _shades(kernel[:MOST_FILTERS])
            break
    raise NotFoundError(N_("The first layer of this network has no weights that make a picture."))


def _as_pictures(
    kernel: npt.NDArray[np.float32], shape: tuple[int, int, int]
) -> npt.NDArray[np.float32] | None:
    if kernel.ndim == 4 and kernel.shape[2] in (1, 3):
        return np.moveaxis(kernel, -1, 0)
    if kernel.ndim == 2 and len(kernel) == int(np.prod(shape)):
        return kernel.T.reshape(-1, *shape)
    return None


def _shades(kernel: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    # A few weights of a dense layer are far from all others, which would be one grey.
    top = np.quantile(np.abs(kernel), 0.995) or 1.0
    return np.clip(np.rint(_MIDDLE + _MIDDLE * kernel / top), 0, 255).astype(np.uint8)
