"""Long answers say in between that they come on, so that whoever waits for them need not give up.

What computes calls :func:`come_on` between two pieces of its work; the computing process passes it
on (core/compute.py), and elsewhere nobody listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_listeners: list[Callable[[], None]] = []


def come_on() -> None:
    """A piece of the work is done."""
    for tell in _listeners:
        tell()


@contextmanager
def listening(tell: Callable[[], None]) -> Iterator[None]:
    """``tell`` is called at every :func:`come_on` of this process."""
    _listeners.append(tell)
    try:
        yield
    finally:
        _listeners.remove(tell)
