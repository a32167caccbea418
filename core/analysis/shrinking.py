"""Pictures made smaller by averaging areas: every pixel counts, and the same picture stored with
other noise looks the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def shrink(images: NDArray[np.uint8], side: int) -> FloatArray:
    """``images`` (n, h, w, c) at most ``side`` pixels high and wide, float32 in [0, 255].

    A picture that is no larger stays as it is; proportions are not kept.
    """
    n, height, width, channels = images.shape
    down, across = _weights(height, side), _weights(width, side)
    pixels = images.astype(np.float32)
    if len(down) < height:
        pixels = np.matmul(down, pixels.reshape(n, height, width * channels))
    if len(across) < width:
        # All channels in one product: each column of it picks its own.
        both = np.kron(across.T, np.eye(channels, dtype=np.float32))
        pixels = pixels.reshape(n * len(down), width * channels) @ both
    return pixels.reshape(n, len(down), len(across), channels)


def _weights(pixels: int, side: int) -> FloatArray:
    """(m, pixels): row i averages the i-th of m equal stretches, pixels cut by its ends in part."""
    count = min(pixels, side)
    edges = np.linspace(0, pixels, count + 1)
    starts = np.arange(pixels)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    return np.asarray(np.clip(overlap, 0, None) * count / pixels, np.float32)
