"""Reads ``.safetensors`` files: a length, a JSON header, and the raw numbers.

The format's own package would be a dependency for these few lines.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import N_, StoreError

Array = np.ndarray[Any, np.dtype[Any]]
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4"}
_MAX_HEADER = 100_000_000


def read_safetensors(path: Path) -> dict[str, Array]:
    """Every tensor by its name; floating ones as float32.

    Raises:
        StoreError: if the file is damaged or of another kind.
    """
    try:
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        if len(content) < 8 + length or length > _MAX_HEADER:
            raise ValueError("the header does not fit the file")
        header = json.loads(content[8 : 8 + length])
        header.pop("__metadata__", None)
        body = memoryview(content)[8 + length :]
        return {name: _tensor(body, entry) for name, entry in header.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            N_("{file} cannot be read as safetensors: {error}."), file=str(path), error=str(error)
        ) from error


def _tensor(body: memoryview, entry: dict[str, Any]) -> Array:
    begin, end = entry["data_offsets"]
    values = np.frombuffer(body[begin:end], dtype=_TYPES[entry["dtype"]])
    if values.size != math.prod(entry["shape"]):
        raise ValueError("a tensor does not fit its shape")
    if entry["dtype"] == "BF16":  # the upper half of a float32
        values = (values.astype(np.uint32) << 16).view(np.float32)
    kind = np.float32 if values.dtype.kind == "f" else values.dtype
    return values.astype(kind).reshape(entry["shape"])
