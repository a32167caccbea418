"""What every command is given, what it gives back, and how it deals with the person waiting."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import NamedTuple, TextIO

from core.datasets.dataset import DIGITS, Dataset
from core.datasets.registry import ensure_digits, open_dataset
from core.errors import N_, ConfigError, LabError, NotFoundError
from core.paths import Paths, default_root
from core.store import Store


class WrongUseError(LabError):
    """The command was called in a way that cannot work, whatever the data."""


WRONG_USE = (WrongUseError, ConfigError, NotFoundError)
"""What ends with exit code 2; any other error is a failure of the work and ends with 1."""


Document = Mapping[str, object] | Sequence[object]
"""What becomes JSON."""


class Answer(NamedTuple):
    """The result of a command: for programs, for people, and whether the work succeeded."""

    document: Document
    text: str
    ok: bool = True


@dataclass(frozen=True)
class Context:
    """The parsed arguments, and the artifacts that they are about."""

    options: Namespace

    @cached_property
    def paths(self) -> Paths:
        """The layout of the artifacts directory, which is made if it does not exist.

        Raises:
            WrongUseError: if it cannot be made or written.
        """
        chosen = self.options.artifacts or default_root()
        try:
            return Paths(Path(chosen).absolute()).create()
        except OSError as error:
            raise WrongUseError(
                N_("The artifacts directory {folder} cannot be used: {error}."),
                folder=str(chosen),
                error=error.strerror or str(error),
            ) from error

    @cached_property
    def store(self) -> Store:
        return Store(self.paths)

    def dataset(self, name: str) -> Dataset:
        """See :func:`core.datasets.registry.open_dataset`; the digits are made when asked for."""
        if name == DIGITS:
            ensure_digits(self.paths)
        return open_dataset(self.paths, name)

    def close(self) -> None:
        if "store" in self.__dict__:
            self.store.close()

    def confirm(self, question: str) -> bool:
        """Ask on the terminal; a script has said what it wants by naming it."""
        if self.options.yes or not sys.stdin.isatty():
            return True
        say(f"{question} [y/N] ", end="")
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def say(message: object, end: str = "\n") -> None:
    """Tell the person waiting; standard output belongs to results."""
    print(message, end=end, file=sys.stderr, flush=True)


@contextlib.contextmanager
def interruptible(action: Callable[[], None], notice: str) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) does ``action``, the second one is a KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        for each in former:
            signal.signal(each, signal.default_int_handler)
        # ``print`` could interrupt itself here, which Python forbids.
        os.write(terminal, f"\n{notice}\n".encode())
        action()

    terminal = os.dup(2)  # which may be turned away by ``chatter_to``
    former = {each: signal.signal(each, handle) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)
        os.close(terminal)


@contextlib.contextmanager
def chatter_to(file: TextIO) -> Iterator[TextIO]:
    """Inside, what Keras and its backend print goes to ``file``; yields the true standard error.

    On the level of descriptors, because most of it is not printed by Python, and some of it
    comes whatever TF_CPP_MIN_LOG_LEVEL says (TensorFlow 2.21).
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    terminal = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        with (
            open(terminal, "w", errors="backslashreplace", closefd=False) as person,
            contextlib.redirect_stderr(file),
            contextlib.redirect_stdout(file),
        ):
            yield person
    finally:
        file.flush()
        os.dup2(terminal, 2)
        os.close(terminal)
