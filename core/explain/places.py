"""Where in a network the picture can still be seen: the layer that class activation maps read."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import keras

from core.errors import N_, ConfigError

KEPT = 4
"""Networks whose parts stay in memory; as many as core.prediction keeps."""
BATCH_BYTES = 256 * 2**20
"""Of activations, so that a picture of 224×224 and a deep network stay within a laptop."""
LARGEST_BATCH = 64

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
# They only make the map coarser or thin it out: the layer before says the same more finely.
_PASSED_OVER = (
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.Dropout,
    keras.layers.SpatialDropout2D,
)


class Place(NamedTuple):
    """A layer whose values have places: a grid (height, width) of ``channels`` numbers each."""

    layer: keras.Layer
    grid: tuple[int, int]
    channels: int


class Halves(NamedTuple):
    """A network in two: pixels → maps of the last place, maps → logits."""

    front: keras.Model
    back: keras.Model
    place: Place


def places(model: keras.Model) -> list[Place]:
    """Every layer from the first convolution on that still has places, in order.

    (n, h, w, c) has a grid of h × w; (n, t, c) has that of the picture's t patches (MLP-Mixer).
    None in a network that begins by laying all pixels in a row.
    """
    found: list[Place] = []
    grid: tuple[int, int] | None = None
    for layer in model.layers:
        shape = layer.output.shape[1:]
        if len(shape) == 3 and (grid or isinstance(layer, _CONVOLUTIONS)):
            grid = (int(shape[0]), int(shape[1]))
            found.append(Place(layer, grid, int(shape[2])))
        elif len(shape) == 2 and grid and shape[0] == math.prod(grid):
            found.append(Place(layer, grid, int(shape[1])))
    return found


@lru_cache(maxsize=KEPT)
def halves(model: keras.Model) -> Halves:
    """The network cut behind the last layer with places.

    Raises:
        ConfigError: if it has none, or a single one.
    """
    seen = [p for p in places(model) if not isinstance(p.layer, _PASSED_OVER)]
    if not seen:
        raise ConfigError(
            N_(
                "Class activation maps need a layer that still knows where in the picture it "
                "looks, as convolutions do. This network ({name}) lays all pixels in a row at "
                "once: integrated gradients and occlusion work for it."
            ),
            name=model.name,
        )
    last = seen[-1]
    if math.prod(last.grid) == 1:
        raise ConfigError(
            N_(
                "The last convolution of this network sees the picture as a single place, so that "
                "a class activation map would have one colour. Integrated gradients and occlusion "
                "work for it."
            )
        )
    maps = last.layer.output
    return Halves(keras.Model(model.input, maps), keras.Model(maps, model.output), last)


@lru_cache(maxsize=KEPT)
def batch_size(model: keras.Model) -> int:
    """How many pictures may pass at once, from 1 to :data:`LARGEST_BATCH`."""
    numbers = sum(math.prod(int(n) for n in layer.output.shape[1:]) for layer in model.layers)
    return max(1, min(LARGEST_BATCH, BATCH_BYTES // (4 * numbers)))


def logits(model: keras.Model, pictures: Any) -> Any:
    """(n, classes) of a network in inference."""
    return model(pictures, training=False)
