"""Class activation maps: which places of the last maps speak for a class.

Both weigh the maps A_k of the last layer that still has places by how the logit of the class
follows them, and keep what speaks for it.
"""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from core.backends import slope
from core.explain.places import Halves, halves

Pixels = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]


def grad_cam(model: keras.Model, image: Pixels, label: int) -> Map:
    """Grad-CAM (Selvaraju et al. 2017): ReLU(Σ_k w_k · A_k), w_k the mean gradient of map k.

    Args:
        image: (h, w, c) uint8.
        label: the class that is asked for.

    Returns:
        (h, w) float32 in [0, 1], its largest value 1; all 0 if nothing speaks for the class.

    Raises:
        ConfigError: see :func:`core.explain.places.halves`.
    """
    maps, gradient, parts = _maps_and_gradient(model, image, label)
    return _spread(_positive(maps, gradient.mean(axis=(0, 1))), parts, image)


def grad_cam_pp(model: keras.Model, image: Pixels, label: int) -> Map:
    """Grad-CAM++ (Chattopadhay et al. 2018), for several objects of a class in a picture.

    w_k = Σ α · ReLU(g) with α = g² / (2 g² + Σ A_k · g³) at every place. The paper takes the
    exponential of the logit for the score: all its derivatives then are powers of the gradient g
    of the logit, and the factor that they share falls out of a map whose maximum is 1. The weights
    are never negative, so that maps which are bright everywhere lift the whole picture: the
    smallest value, which tells no places apart, is taken off.

    Arguments, result and errors as :func:`grad_cam`.
    """
    maps, gradient, parts = _maps_and_gradient(model, image, label)
    below = 2 * gradient**2 + maps.sum(axis=(0, 1)) * gradient**3
    alpha = np.divide(gradient**2, below, out=np.zeros_like(below), where=below != 0)
    found = _positive(maps, (alpha * np.maximum(gradient, 0)).sum(axis=(0, 1)))
    return _spread(found - found.min(), parts, image)


def _maps_and_gradient(model: keras.Model, image: Pixels, label: int) -> tuple[Map, Map, Halves]:
    """The maps (h', w', k), float64, and the gradient of the logit in them."""
    parts = halves(model)
    # One picture, once: to compile it would take longer than many of them.
    front = parts.front(image[None].astype(np.float32), training=False)
    gradient = slope(lambda x: ops.sum(parts.back(x, training=False)[:, label]), front).gradient
    shape = (*parts.place.grid, parts.place.channels)
    found = [ops.convert_to_numpy(x).astype(np.float64).reshape(shape) for x in (front, gradient)]
    return found[0], found[1], parts


def _positive(maps: Map, weights: Map) -> Map:
    speaking: Map = np.maximum(maps @ weights, 0)
    return speaking


def _spread(small: Map, parts: Halves, image: Pixels) -> Map:
    """As large as the picture, 1 at its largest."""
    tensor = ops.convert_to_tensor(small[..., None].astype(np.float32))
    resized = ops.image.resize(tensor, image.shape[:2], interpolation="bilinear")
    heat = np.maximum(ops.convert_to_numpy(resized)[..., 0], 0)
    scaled: Map = (heat / (heat.max() or 1.0)).astype(np.float32)
    return scaled
