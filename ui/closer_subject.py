"""The picture that the dialog of :mod:`ui.closer` and its tabs are about."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.records import RunRecord


class Subject(NamedTuple):
    """A picture as a run's network takes it, and what is known of it.

    ``pixels`` uint8 (h, w, c); ``proba`` float32 (classes,); ``truth`` its true class, where that
    is known; ``split`` and ``row`` its place in the run's dataset, ``None`` for a picture from
    elsewhere.
    """

    record: RunRecord
    name: str
    pixels: NDArray[np.uint8]
    proba: NDArray[np.float32]
    truth: int | None = None
    split: str | None = None
    row: int | None = None

    @property
    def pred(self) -> int:
        return int(self.proba.argmax())
