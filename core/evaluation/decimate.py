"""A curve of any length in bounded memory: the lowest, highest and last value of each stretch."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import NamedTuple, Self

from core.errors import N_, StoreError


class Bucket(NamedTuple):
    """A stretch of a curve. ``last`` was measured at ``step``, the stretch's last one."""

    step: int
    low: float
    high: float
    last: float


class Decimator:
    """Thins a curve while it is written, to at most ``limit`` buckets.

    Every bucket covers the same number of values (the last one perhaps fewer). When all are
    full and a value comes, neighbours are merged in pairs: half as many buckets, twice as wide.
    So an append costs O(1) on average, memory does not grow, and no extreme value is ever lost.
    """

    def __init__(self, limit: int = 120) -> None:
        """Raises ValueError unless ``limit`` is even and at least 2: pairs must come out even."""
        if limit < 2 or limit % 2:
            raise ValueError(f"limit must be even and at least 2, got {limit}")
        self.limit = limit
        self._width = 1  # values in a full bucket
        self._fill = 0  # values in the last bucket
        self._buckets: list[Bucket] = []

    @property
    def buckets(self) -> list[Bucket]:
        """The curve so far, steps strictly increasing. A copy: later values do not change it."""
        return list(self._buckets)

    def __len__(self) -> int:
        """How many values were recorded."""
        return (len(self._buckets) - 1) * self._width + self._fill if self._buckets else 0

    def add(self, step: int, value: float) -> None:
        """Record ``value`` at ``step``; NaN and infinity have no place on a curve: left out.

        Raises ValueError unless the steps increase.
        """
        if self._buckets and step <= self._buckets[-1].step:
            raise ValueError(f"step {step} does not follow step {self._buckets[-1].step}")
        if not math.isfinite(value):
            return
        value = float(value)
        new = Bucket(int(step), value, value, value)
        if self._buckets and self._fill < self._width:
            self._buckets[-1] = _merged(self._buckets[-1], new)
            self._fill += 1
            return
        if len(self._buckets) == self.limit:
            self._halve()
        self._buckets.append(new)
        self._fill = 1

    def _halve(self) -> None:
        pairs = zip(self._buckets[::2], self._buckets[1::2], strict=True)
        self._buckets = [_merged(left, right) for left, right in pairs]
        self._width *= 2

    def to_json(self) -> str:
        """The whole state as one JSON document, for a checkpoint; floats survive exactly."""
        return json.dumps(
            {
                "limit": self.limit,
                "width": self._width,
                "fill": self._fill,
                "buckets": self._buckets,
            }
        )

    @classmethod
    def from_json(cls, document: str) -> Self:
        """The decimator as it was when :meth:`to_json` wrote ``document``.

        Raises StoreError when that is not what the document holds.
        """
        try:
            state = json.loads(document)
            made = cls(state["limit"])
            made._width, made._fill = int(state["width"]), int(state["fill"])
            made._buckets = [
                Bucket(int(step), float(low), float(high), float(last))
                for step, low, high, last in state["buckets"]
            ]
            made._check()
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                N_(
                    "The recorded step curve cannot be read: expected limit, width, fill and "
                    "buckets that fit together ({details})."
                ),
                details=str(error),
            ) from error
        return made

    def _check(self) -> None:
        steps = [bucket.step for bucket in self._buckets]
        if len(steps) > self.limit or any(b <= a for a, b in pairwise(steps)):
            raise ValueError("buckets")
        if self._width < 1 or not bool(steps) <= self._fill <= self._width * bool(steps):
            raise ValueError("width, fill")


def _merged(left: Bucket, right: Bucket) -> Bucket:
    return Bucket(right.step, min(left.low, right.low), max(left.high, right.high), right.last)
