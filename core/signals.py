"""How a training learns that it should end: asked by somebody, left alone by its server, or out of
time."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psutil

Reason = Literal["user", "server", "minutes", "pruned"]
Asked = Literal["user", "pruned"]
"""Why somebody asks for an end: a person by a button, or a search."""
POLL_SECONDS = 0.1


def reason_in(path: Path) -> Asked:
    """Why the file asks for an end: it says so, or is empty for a person's wish."""
    try:
        return "pruned" if path.read_text().strip() == "pruned" else "user"
    except FileNotFoundError:  # taken back in this moment
        return "user"


class StopSignal:
    """Set once, by whoever comes first; read by the training at every batch."""

    def __init__(self) -> None:
        self._reason: Reason | None = None
        self._lock = threading.Lock()

    @property
    def reason(self) -> Reason | None:
        """``None`` while the training may go on. Costs nothing: read at every batch."""
        return self._reason

    def set(self, reason: Reason) -> None:
        with self._lock:
            self._reason = self._reason or reason

    @contextmanager
    def watching(self, path: Path, seconds: float | None = None) -> Iterator[None]:
        """Inside, stop as soon as ``path`` exists (see :func:`reason_in`), and after so many
        ``seconds``."""
        over = threading.Event()
        begin = time.monotonic()

        def poll() -> None:
            while self._reason is None and not over.wait(POLL_SECONDS):
                if path.exists():
                    self.set(reason_in(path))
                elif seconds is not None and time.monotonic() - begin > seconds:
                    self.set("minutes")

        threading.Thread(target=poll, name="stop-file", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def watch_lifeline(self, descriptor: int = 0) -> None:
        """Stop for the server as soon as the other end of this pipe is gone.

        The server holds the writing end and never writes: end of file means that it has ended,
        even by ``kill -9``, on every operating system.
        """

        def wait() -> None:
            while os.read(descriptor, 64):
                pass
            self.set("server")

        threading.Thread(target=wait, name="lifeline", daemon=True).start()


def give_way() -> None:
    """Lower this process's priority: the server's pages stay quick, and little speed is lost."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(max(0, 10 - os.nice(0)))  # forked from a process that has given way already
