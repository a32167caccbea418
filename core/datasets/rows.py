"""The rows of a prepared dataset read block by block, in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Dataset, damaged
from core.datasets.writer import DIGEST_BYTES

BLOCK_BYTES = 8 << 20


class Block(NamedTuple):
    """Neighbouring rows uint8 (n, h, w, c) of a split, the first of them row ``start``."""

    start: int
    images: NDArray[np.uint8]


def row_blocks(dataset: Dataset, split: str, becomes: int = 0) -> Iterator[Block]:
    """All rows in order; DatasetError if the file is damaged.

    A block has about BLOCK_BYTES, also if every row ``becomes`` so many bytes.

    Read instead of mapped: mapped pages would count as memory of the process.
    """
    file = dataset.files.images(split)
    shape, rows = dataset.info.image_shape, dataset.info.splits.get(split, 0)
    row_bytes = int(np.prod(shape))
    each = max(1, BLOCK_BYTES // max(row_bytes, becomes))
    try:
        with file.open("rb") as handle:
            np.lib.format.read_magic(handle)
            np.lib.format.read_array_header_1_0(handle)
            for start in range(0, rows, each):
                count = min(each, rows - start)
                data = handle.read(count * row_bytes)
                yield Block(start, np.frombuffer(data, np.uint8).reshape(count, *shape))
    except (OSError, ValueError) as error:
        raise damaged(dataset.info.name, Path(file).name) from error


def digests(images: NDArray[np.uint8]) -> NDArray[np.void]:
    """Of images uint8 (n, h, w, c): V16 (n,), equal for equal pixels and never else."""
    hashes = (hashlib.blake2b(row.data, digest_size=DIGEST_BYTES).digest() for row in images)
    return np.frombuffer(b"".join(hashes), f"V{DIGEST_BYTES}")
