"""Integrated gradients (Sundararajan et al. 2017): what every pixel adds to the logit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from core.explain.places import affordable, answers, batch_size, chosen, class_slopes, in_batches

BLACK_AND_WHITE = (0.0, 255.0)
"""From black alone, black pixels would never count: (x - baseline) is nothing there. The mean of
both paths sees ink on paper as it sees stars at night."""
NODES = 12
"""Pictures on each path. The gradient is summed by Gauss and Legendre's rule, which is exact for
polynomials up to degree 23."""
LEAST_NODES = 4
GRADIENT = 2
"""A picture and its gradient take so many times as long as the picture, at least."""


class Attribution(NamedTuple):
    """``pixels`` (h, w, c) float64: what each adds to the logit; together, by the completeness
    axiom, ``difference``: the logit of the picture less the mean of those of the baselines."""

    pixels: npt.NDArray[np.float64]
    difference: float


def nodes_for(model: keras.Model) -> int:
    """:data:`NODES`, or fewer for a slow network: the sum of all pixels tells how far they go."""
    share = len(BLACK_AND_WHITE) * GRADIENT
    return affordable(model, share * LEAST_NODES, share * NODES) // share


def integrated_gradients(
    model: keras.Model,
    image: npt.NDArray[np.uint8],
    label: int,
    *,
    baselines: Sequence[float] = BLACK_AND_WHITE,
    nodes: int = NODES,
) -> Attribution:
    """(x - x₀) · ∫₀¹ ∂logit/∂x (x₀ + α (x - x₀)) dα, the mean over the baselines x₀.

    Args:
        image: (h, w, c) uint8.
        label: the class that is asked for.
        baselines: grey levels of the pictures of one colour at which the paths begin.
        nodes: pictures on each path.
    """
    picture = image.astype(np.float64)
    places, weights = np.polynomial.legendre.leggauss(nodes)
    program, size = class_slopes(model), batch_size(model)
    pixels = np.zeros_like(picture)
    for level in baselines:
        way = picture - level
        path = level + ((places + 1) / 2)[:, None, None, None] * way
        gradients = in_batches(program, path, size, chosen(model, label)).astype(np.float64)
        pixels += way * np.tensordot(weights / 2, gradients, axes=1)
    ends = np.stack([picture, *(np.full_like(picture, level) for level in baselines)])
    reached, *begun = in_batches(answers(model), ends, size)[:, label]
    return Attribution(pixels / len(baselines), float(reached - np.mean(begun)))
