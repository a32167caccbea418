"""A lock that goes to whoever has waited longest; Python's own goes to whoever is quickest."""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """For ``with``: many sessions share one process, and none shall have it twice in a row while
    another waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        """The first one has the lock."""

    def __enter__(self) -> None:
        me = object()
        with self._changed:
            self._line.append(me)
            try:
                self._changed.wait_for(lambda: self._line[0] is me)
            except BaseException:
                self._line.remove(me)
                self._changed.notify_all()
                raise

    def __exit__(self, *_error: object) -> None:
        with self._changed:
            self._line.popleft()
            self._changed.notify_all()
