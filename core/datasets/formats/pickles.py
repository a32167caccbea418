"""Reads a pickle as plain data, without the module ``pickle``: nothing in it is ever called.

A pickle is a program for a small stack machine. Python's own runs whatever function the file
names; this one knows only the instructions that lists, texts, numbers and arrays need, and notes
the name of a function and its arguments instead of calling it (:class:`Call`). Large byte strings
stay in the file (:class:`Stretch`), so that an array of 150 MB costs no memory.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from core.errors import N_, DatasetError

MAX_STEPS = 3_000_000
# Longer strings are left where they are.
_LONG = 1_000
_MARK = object()


class Name(NamedTuple):
    """A function or class that the pickle names; nobody looks it up."""

    module: str
    name: str


@dataclass
class Call:
    """What Python would call, with what, and the state it would then set."""

    what: Any
    arguments: Any
    state: Any = None


class Stretch(NamedTuple):
    """Bytes of the file."""

    start: int
    length: int


class _Unreadable(Exception):  # noqa: N818 - a word with the reader itself, never seen by others
    """What is wrong with the pickle."""


def read_pickle(path: Path, name: str) -> Any:
    """The value in a file called ``name`` for people: dict, list, tuple, int, float, bool, None,
    str, bytes, and :class:`Name`, :class:`Call` and :class:`Stretch` instead of objects.

    Raises:
        DatasetError: if it is damaged, or holds more than plain data.
    """
    try:
        with path.open("rb") as file:
            return _Machine(file, path.stat().st_size).run()
    except (_Unreadable, IndexError, KeyError, TypeError, ValueError, struct.error) as error:
        raise DatasetError(
            N_(
                "“{file}” cannot be read as a pickle of plain data ({error}). It is damaged or "
                "not a genuine file; nothing in it was executed."
            ),
            file=name,
            error=str(error) or type(error).__name__,
        ) from error


class _Machine:
    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _step in range(MAX_STEPS):
            code = self.file.read(1)
            if code == pickle.STOP:
                return self.stack.pop()
            if not code:
                raise _Unreadable("it is cut off")
            step = _STEPS.get(code)
            if step is None:
                raise _Unreadable(f"instruction {code!r} at byte {self.file.tell() - 1}")
            step(self)
        raise _Unreadable(f"more than {MAX_STEPS} instructions")

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.exactly(struct.calcsize(form)))[0])

    def exactly(self, count: int) -> bytes:
        if not 0 <= count <= self.size - self.file.tell():
            raise _Unreadable("it is cut off")
        return self.file.read(count)

    def line(self) -> str:
        line = self.file.readline(_LONG)
        if not line.endswith(b"\n"):
            raise _Unreadable("a line has no end")
        return line[:-1].decode("ascii")

    def string(self, form: str) -> bytes | Stretch:
        length = self.number(form)
        if length <= _LONG:
            return self.exactly(length)
        start = self.file.tell()
        if not 0 <= length <= self.size - start:
            raise _Unreadable("it is cut off")
        self.file.seek(length, 1)
        return Stretch(start, length)

    def words(self, form: str) -> str:
        length = self.number(form)
        if length > _LONG:
            # Python 3 writes the bytes of an old array as a text, which is not what stands there.
            raise _Unreadable("a text is too long")
        return self.exactly(length).decode("utf-8", "surrogatepass")

    def since_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                found = self.stack[place + 1 :]
                del self.stack[place:]
                return found
        raise _Unreadable("a mark is missing")

    def last(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise _Unreadable("a value is missing")
        found = tuple(self.stack[-count:])
        del self.stack[-count:]
        return found

    def keep(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise _Unreadable("something is appended to what is no list")
        self.stack[-1].extend(values)

    def set_items(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise _Unreadable("something is put into what is no dictionary")
        if not all(isinstance(key, str | bytes | int) for key in values[::2]):
            # A tuple of tuples of … takes for ever to hash.
            raise _Unreadable("a key is no text")
        self.stack[-1].update(zip(values[::2], values[1::2], strict=True))

    def dictionary(self) -> None:
        values = self.since_mark()
        self.stack.append({})
        self.set_items(values)

    def call(self) -> None:
        what, arguments = self.last(2)
        self.stack.append(_as_text(what, arguments))

    def build(self) -> None:
        (state,) = self.last(1)
        if not isinstance(self.stack[-1], Call):
            raise _Unreadable("a state is set on what is no object")
        self.stack[-1].state = state


def _as_text(what: Any, arguments: Any) -> Any:
    """How Python 3 writes short bytes in old protocols: the only calls whose outcome is data."""
    if what == Name("__builtin__", "bytes") and arguments == ():
        return b""
    if what == Name("_codecs", "encode") and arguments[1:] == ("latin1",):
        return _plain(arguments[0]).encode("latin-1")
    return Call(what, arguments)


def _plain(value: Any) -> str:
    """A text and nothing else: what holds itself many times over takes for ever to write out."""
    if not isinstance(value, str):
        raise _Unreadable("a name is no text")
    return value


def _push(read: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(read(machine))


def _skip(count: int) -> Callable[[_Machine], None]:
    def step(machine: _Machine) -> None:
        machine.exactly(count)

    return step


def _long(machine: _Machine) -> int:
    return int.from_bytes(machine.exactly(machine.number("<B")), "little", signed=True)


_STEPS: Mapping[bytes, Callable[[_Machine], None]] = {
    pickle.PROTO: _skip(1),
    pickle.FRAME: _skip(8),
    pickle.MARK: _push(lambda m: _MARK),
    pickle.NONE: _push(lambda m: None),
    pickle.NEWTRUE: _push(lambda m: True),
    pickle.NEWFALSE: _push(lambda m: False),
    pickle.INT: _push(lambda m: int(m.line())),
    pickle.BININT: _push(lambda m: m.number("<i")),
    pickle.BININT1: _push(lambda m: m.number("<B")),
    pickle.BININT2: _push(lambda m: m.number("<H")),
    pickle.LONG1: _push(_long),
    pickle.BINFLOAT: _push(lambda m: struct.unpack(">d", m.exactly(8))[0]),
    pickle.BINSTRING: _push(lambda m: m.string("<i")),
    pickle.SHORT_BINSTRING: _push(lambda m: m.string("<B")),
    pickle.BINBYTES: _push(lambda m: m.string("<I")),
    pickle.SHORT_BINBYTES: _push(lambda m: m.string("<B")),
    pickle.BINBYTES8: _push(lambda m: m.string("<Q")),
    pickle.BYTEARRAY8: _push(lambda m: m.string("<Q")),
    pickle.BINUNICODE: _push(lambda m: m.words("<I")),
    pickle.SHORT_BINUNICODE: _push(lambda m: m.words("<B")),
    pickle.EMPTY_DICT: _push(lambda m: {}),
    pickle.EMPTY_LIST: _push(lambda m: []),
    pickle.EMPTY_TUPLE: _push(lambda m: ()),
    pickle.TUPLE: _push(lambda m: tuple(m.since_mark())),
    pickle.TUPLE1: _push(lambda m: m.last(1)),
    pickle.TUPLE2: _push(lambda m: m.last(2)),
    pickle.TUPLE3: _push(lambda m: m.last(3)),
    pickle.LIST: _push(lambda m: m.since_mark()),
    pickle.DICT: lambda m: m.dictionary(),
    pickle.APPEND: lambda m: m.extend([*m.last(1)]),
    pickle.APPENDS: lambda m: m.extend(m.since_mark()),
    pickle.SETITEM: lambda m: m.set_items([*m.last(2)]),
    pickle.SETITEMS: lambda m: m.set_items(m.since_mark()),
    pickle.GLOBAL: _push(lambda m: Name(m.line(), m.line())),
    pickle.STACK_GLOBAL: _push(lambda m: Name(*map(_plain, m.last(2)))),
    pickle.REDUCE: lambda m: m.call(),
    pickle.NEWOBJ: lambda m: m.call(),
    pickle.BUILD: lambda m: m.build(),
    pickle.BINPUT: lambda m: m.keep(m.number("<B")),
    pickle.LONG_BINPUT: lambda m: m.keep(m.number("<I")),
    pickle.MEMOIZE: lambda m: m.keep(len(m.memo)),
    pickle.BINGET: _push(lambda m: m.memo[m.number("<B")]),
    pickle.LONG_BINGET: _push(lambda m: m.memo[m.number("<I")]),
}
