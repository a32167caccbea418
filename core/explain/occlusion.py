"""Occlusion (Zeiler & Fergus 2014): cover a part of the picture and see what the logit loses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from core.explain.places import affordable, answers, batch_size, in_batches

PARTS = 5
"""The window is so many times smaller than the picture, each way."""
STEPS = 9
"""Windows in a row and in a column at most: 81 pictures for one heat map."""
LARGE, LARGE_STEPS = 48, 7
"""From this side on a picture takes long, and seven windows still overlap."""
LEAST_STEPS = 4
"""However slow a network is."""


class Windows(NamedTuple):
    """Rectangles of ``size`` (height, width) around each of ``rows`` × ``columns``, cut at the
    border."""

    size: tuple[int, int]
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]


def windows(height: int, width: int, most: int = STEPS**2) -> Windows:
    """A fifth of each side, or as much as it takes for at most ``most`` windows to cover all;
    centres from border to border, so that the corners are covered."""
    steps = min(STEPS if max(height, width) < LARGE else LARGE_STEPS, math.isqrt(most))
    high, wide = (
        max(1, round(n / PARTS), math.ceil((n - 1) / (steps - 1))) for n in (height, width)
    )
    rows, columns = (
        np.unique(np.rint(np.linspace(0, n - 1, min(n, steps))).astype(np.int64))
        for n in (height, width)
    )
    return Windows((high, wide), rows, columns)


def occlusion(
    model: keras.Model, image: npt.NDArray[np.uint8], labels: Sequence[int]
) -> npt.NDArray[np.float64]:
    """What the logits of some classes lose where the picture is covered, (classes asked, h, w).

    Windows as :func:`windows`, filled with the mean colour of the picture: black would be ink to a
    network that knows digits. A pixel has the mean over the windows that cover it; a negative value
    says that the class gains when the pixel is hidden.
    """
    height, width = image.shape[:2]
    most = affordable(model, LEAST_STEPS**2, STEPS**2)
    covered = masks(windows(height, width, most), height, width)
    mean = image.mean(axis=(0, 1))
    pictures = np.concatenate([image[None], np.where(covered[..., None], mean, image)])
    # All classes are in one answer: a second one costs nothing.
    scores = in_batches(answers(model), pictures, batch_size(model))
    lost = (scores[:1] - scores[1:])[:, list(labels)].astype(np.float64)
    times = np.maximum(covered.sum(axis=0), 1)
    mean_lost: npt.NDArray[np.float64] = np.tensordot(lost.T, covered, axes=1) / times
    return mean_lost


def masks(found: Windows, height: int, width: int) -> npt.NDArray[np.bool_]:
    """(windows, h, w): the pixels that each covers."""
    down, across = (
        (np.arange(n) >= centres[:, None] - (size - 1) // 2)
        & (np.arange(n) <= centres[:, None] + size // 2)
        for n, size, centres in zip(
            (height, width), found.size, (found.rows, found.columns), strict=True
        )
    )
    return (down[:, None, :, None] & across[None, :, None, :]).reshape(-1, height, width)
