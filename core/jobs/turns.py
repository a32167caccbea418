"""Who is next, and when: pure functions, used by the supervisor and shown by the pages.

Names take turns. A free slot goes to the name with the fewest runs at work; among those, to the
name that was served longest ago. Within a name its own order holds.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from math import inf, isfinite
from typing import NamedTuple


class Waiting(NamedTuple):
    """A queued run."""

    run_id: str
    name: str
    rank: float
    """Its place among the runs of its name: the lowest is first."""
    ahead: float | None = None
    """Set by the teacher: before all turns, the lowest first."""
    goes_on: bool = False
    """It was at work when its server ended, and so comes before everything."""
    seconds: float = inf
    """How long it will take; infinite if nobody knows."""


class Working(NamedTuple):
    """A run at work: whose, and the seconds until it ends (infinite if nobody knows)."""

    name: str
    seconds: float = inf


class Place(NamedTuple):
    """Where a queued run stands: ``starts_in`` seconds, None if that cannot be known."""

    run_id: str
    starts_in: float | None


class _Line:
    """The queue, from which one run after the other is taken."""

    def __init__(self, waiting: Iterable[Waiting], served: Mapping[str, float]) -> None:
        urgent, lines = [], dict[str, list[Waiting]]()
        for run in waiting:
            if run.goes_on or run.ahead is not None:
                urgent.append(run)
            else:
                lines.setdefault(run.name, []).append(run)
        self._urgent = deque(sorted(urgent, key=lambda w: (not w.goes_on, w.ahead or 0, w.run_id)))
        self._lines = {
            name: deque(sorted(runs, key=lambda w: (w.rank, w.run_id)))
            for name, runs in lines.items()
        }
        # Of names that were never served the one that has waited longest; ids sort by time.
        self._oldest = {name: min(w.run_id for w in runs) for name, runs in lines.items()}
        self._served = dict(served)
        self._clock = max(self._served.values(), default=0.0)

    def __bool__(self) -> bool:
        return bool(self._urgent or self._lines)

    def take(self, busy: Mapping[str, int]) -> Waiting:
        """The next run, with so many runs of every name at work."""
        run = self._urgent.popleft() if self._urgent else self._of(self._next_name(busy))
        self._clock += 1
        self._served[run.name] = self._clock
        return run

    def _next_name(self, busy: Mapping[str, int]) -> str:
        return min(
            self._lines,
            key=lambda name: (busy.get(name, 0), self._served.get(name, -inf), self._oldest[name]),
        )

    def _of(self, name: str) -> Waiting:
        run = self._lines[name].popleft()
        if not self._lines[name]:
            del self._lines[name]
        return run


def forecast(
    waiting: Iterable[Waiting],
    working: Sequence[Working],
    served: Mapping[str, float],
    slots: int,
) -> list[Place]:
    """The queue in the order in which it will be worked through, as far as can be told now.

    Args:
        served: per name the time of its last start, in seconds of any clock.
        slots: runs that work at the same time, at least 1.
    """
    line = _Line(waiting, served)
    busy = Counter(run.name for run in working)
    # The number keeps equal times in order.
    ends = [(run.seconds, number, run.name) for number, run in enumerate(working)]
    heapq.heapify(ends)
    places: list[Place] = []
    now = 0.0
    while line:
        while len(ends) >= slots:
            end, _, name = heapq.heappop(ends)
            now = max(now, end)
            busy[name] -= 1
        run = line.take(busy)
        places.append(Place(run.run_id, now if isfinite(now) else None))
        busy[run.name] += 1
        heapq.heappush(ends, (now + run.seconds, len(working) + len(places), run.name))
    return places
