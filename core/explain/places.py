"""Where in a network the picture can still be seen: the layer that class activation maps read."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from core.alive import come_on
from core.backends import compiled, slope
from core.errors import N_, ConfigError

Floats = npt.NDArray[np.float32]
KEPT = 4
"""Networks whose parts stay in memory; as many as core.prediction keeps."""
BATCH_BYTES = 256 * 2**20
"""Of activations, so that a picture of 224×224 and a deep network stay within a laptop."""
LARGEST_BATCH = 64
SLOW_SECONDS = 0.3
"""From so long a picture on, a few of them are done before a program would be made."""
BUDGET_SECONDS = 20.0
"""One heat map: everybody waits for the same process, which is ended after a minute
(:mod:`core.jobs.service`)."""

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


@lru_cache(maxsize=KEPT)
def pace(model: keras.Model) -> float:
    """Seconds for one picture, layer by layer, on this machine and as busy as it is."""
    picture = np.zeros((1, *model.input_shape[1:]), np.float32)
    model(picture, training=False)  # the first is never as quick as the others
    began = time.perf_counter()
    ops.convert_to_numpy(model(picture, training=False))
    return time.perf_counter() - began


def affordable(model: keras.Model, least: int, most: int) -> int:
    """How many pictures a heat map may ask about."""
    return max(least, min(most, int(BUDGET_SECONDS / pace(model))))


def program_of(model: keras.Model, function: Callable[..., Any]) -> Callable[..., Any]:
    """As one program, where that is worth it: ResNet50's takes half a minute to be made."""
    return function if pace(model) > SLOW_SECONDS else compiled(function)


@lru_cache(maxsize=KEPT)
def answers(model: keras.Model) -> Callable[..., Any]:
    """Pictures (n, h, w, c) float32 → what the network says in inference, as one program: layer by
    layer MobileNetV2 takes three times as long."""
    return program_of(model, lambda pictures: model(pictures, training=False))


@lru_cache(maxsize=KEPT)
def class_slopes(model: keras.Model) -> Callable[..., Any]:
    """(pictures, :func:`chosen` class) → the gradient of its logit in each of the pictures."""

    def program(pictures: Any, one_hot: Any) -> Any:
        # A picture's logit depends on no other: one gradient of the sum has all of them. The class
        # is a tensor, or every class would be a program of its own.
        def score(x: Any) -> Any:
            return ops.sum(ops.multiply(model(x, training=False), one_hot))

        return slope(score, pictures).gradient

    return program_of(model, program)


def chosen(model: keras.Model, label: int) -> Floats:
    """(classes,) float32: one at this class, else zero."""
    one_hot: Floats = np.eye(int(model.output_shape[-1]), dtype=np.float32)[label]
    return one_hot


def in_batches(
    program: Callable[..., Any], pictures: npt.NDArray[Any], size: int, *more: Any
) -> Floats:
    """The program's answers to all pictures (n, h, w, c), at most ``size`` at once.

    All batches have one size, since every other one would be compiled anew: the last is filled up
    with its last picture.
    """
    n = len(pictures)
    size = -(-n // -(-n // size))
    filled = np.concatenate([pictures, *[pictures[-1:]] * (-n % size)]).astype(np.float32)
    parts = []
    for start in range(0, len(filled), size):
        parts.append(ops.convert_to_numpy(program(filled[start : start + size], *more)))
        come_on()
    found: Floats = np.concatenate(parts)[:n]
    return found
