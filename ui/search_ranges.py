"""The ranges of a search as the session keeps them, beside the values of the form.

A setting keeps its value while it is searched and its range while it is not: nothing is lost by
switching to and fro. What architectures mean different things by has a range for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

import streamlit as st

from core.config import ARCHITECTURES, SECTIONS, RunConfig
from core.errors import N_
from core.search.ranges import (
    ARCHITECTURE,
    Choice,
    Choices,
    FieldKind,
    FloatRange,
    IntRange,
    Range,
    kind_of,
    refused,
    searchable,
)
from core.search.space import SearchSpace, range_key
from core.search.suggesting import suggested_range
from ui.forms import NEXT_TO, Drawing, change_architecture, has_effect, key, read_form
from ui.state import guarded

SET = "search.set."
"""How the session's keys of ranges begin."""
EVEN, LOG, LIST = "even", "log", "list"
"""How a number is searched: as likely everywhere, as likely in every power, or one of a few."""


@cache
def place(dotted: str, architecture: str) -> str:
    """What the session calls a setting's range, whichever architectures are searched."""
    return range_key(dotted, architecture, tuple(ARCHITECTURES))


def slot(name: str, part: str) -> str:
    """The session's key of one part of a range: ``on``, ``way``, ``low``, ``high``, ``step``,
    ``options`` (of a choice), ``list`` (of numbers, as they are typed)."""
    return f"{SET}{name}.{part}"


def is_searched(name: str) -> bool:
    return bool(st.session_state.get(slot(name, "on")))


def base_architecture() -> str:
    return str(st.session_state.get(key("model", "architecture"), "cnn"))


def architectures() -> tuple[str, ...]:
    """Those that are searched: the form's, or those of the list."""
    if not is_searched(ARCHITECTURE):
        return (base_architecture(),)
    return tuple(st.session_state[slot(ARCHITECTURE, "options")])


def put_range(name: str, wanted: Range) -> None:
    """In a callback: a range into the session, switched on."""
    state = st.session_state
    state[slot(name, "on")] = True
    if isinstance(wanted, Choices):
        state[slot(name, "options")] = list(wanted.values)
        state[slot(name, "list")] = [written(value) for value in wanted.values]
        state[slot(name, "way")] = LIST
        return
    state[slot(name, "low")], state[slot(name, "high")] = wanted.low, wanted.high
    state[slot(name, "step")] = wanted.step
    state[slot(name, "way")] = LOG if wanted.log else EVEN


def switch_on(dotted: str, architecture: str) -> None:
    """In a callback: search the setting, where it was searched before or where it is usual."""
    name = place(dotted, architecture)
    if slot(name, "way") in st.session_state:
        st.session_state[slot(name, "on")] = True
        return

    def suggest() -> None:
        config = read_form().with_values({ARCHITECTURE: architecture})
        wanted = suggested_range(dotted, config)
        if wanted is not None:
            put_range(name, wanted)
            _complete(name, dotted, config, wanted)

    guarded(suggest)


def _complete(name: str, dotted: str, config: RunConfig, wanted: Range) -> None:
    """The other way of searching the same number, should it be asked for."""
    kind = kind_of(dotted, config.model.architecture)
    if kind is None or not kind.numeric:
        return
    state = st.session_state
    if isinstance(wanted, Choices):
        numbers = [value for value in wanted.values if not isinstance(value, str)]
        state[slot(name, "low")], state[slot(name, "high")] = min(numbers), max(numbers)
        state[slot(name, "step")] = 1 if kind.kind == "int" else None
    else:
        section, _, field = dotted.partition(".")
        now = getattr(getattr(config, section), field)
        ends = sorted({wanted.low, now, wanted.high})
        state[slot(name, "list")] = [written(value) for value in ends]


def switch_off(name: str) -> None:
    """In a callback: back to the one value."""
    st.session_state[slot(name, "on")] = False


def search_nothing() -> None:
    """In a callback: every setting back to its one value."""
    for name in list(st.session_state):
        if str(name).startswith(SET) and str(name).endswith(".on"):
            st.session_state[name] = False


def follow_list() -> None:
    """In a callback: the form's own architecture is one of those searched."""
    chosen = st.session_state[slot(ARCHITECTURE, "options")]
    before = base_architecture()
    if chosen and before not in chosen:
        st.session_state[key("model", "architecture")] = chosen[0]
        change_architecture(before)


def fill_ranges(space: SearchSpace, chosen: Sequence[str]) -> None:
    """In a callback: search exactly this space, which draws from the ``chosen`` architectures."""
    search_nothing()
    for architecture in chosen:
        for dotted in searchable(architecture):
            wanted = space.fields.get(range_key(dotted, architecture, tuple(chosen)))
            if wanted is not None:
                put_range(place(dotted, architecture), wanted)


class Searching(Drawing):
    """What settings may be while some of them are searched, with one of the architectures."""

    def __init__(self, architecture: str) -> None:
        self.architecture = architecture

    def searched(self, section: str, field: str) -> bool:
        return is_searched(place(f"{section}.{field}", self.architecture))

    def may_be(self, name: str, field: str, default: object) -> Collection[object]:
        if self.searched(name, field):
            where = place(f"{name}.{field}", self.architecture)
            return tuple(st.session_state.get(slot(where, "options")) or ())
        if name == "model" and self.architecture != base_architecture():
            return (default,)
        return super().may_be(name, field, default)


def read_space() -> SearchSpace:
    """What is switched on, has an effect, and belongs to a searched architecture.

    Raises:
        ConfigError: naming the setting whose range is incomplete.
    """
    fields: dict[str, Range] = {}
    chosen = architectures()
    if is_searched(ARCHITECTURE):
        fields[ARCHITECTURE] = Choices(values=chosen)
    for architecture in chosen:
        drawing = Searching(architecture)
        for dotted, kind in searchable(architecture).items():
            section, _, field = dotted.partition(".")
            if dotted != ARCHITECTURE and drawing.searched(section, field):
                cls = ARCHITECTURES[architecture] if section == "model" else SECTIONS[section]
                if has_effect(section, cls, cls.knobs()[field], drawing):
                    where = range_key(dotted, architecture, chosen)
                    fields[where] = read_range(place(dotted, architecture), where, kind)
    return SearchSpace(fields=fields)


def read_range(name: str, where: str, kind: FieldKind) -> Range:
    """The range as the session has it; ``where`` names it in an error.

    Raises:
        ConfigError: if an end is missing, or a list holds what is not a number.
    """
    state = st.session_state
    if not kind.numeric:
        return Choices(values=tuple(state[slot(name, "options")]))
    way = state[slot(name, "way")]
    if way == LIST:
        return Choices(values=_numbers(state.get(slot(name, "list")) or [], where, kind))
    low, high = state.get(slot(name, "low")), state.get(slot(name, "high"))
    if low is None or high is None:
        raise refused(where, N_("{field}: give both ends of the range."))
    step = state.get(slot(name, "step")) if way == EVEN else None
    if kind.kind == "int":
        return IntRange(low=int(low), high=int(high), step=int(step or 1), log=way == LOG)
    return FloatRange(low=float(low), high=float(high), step=step, log=way == LOG)


def _numbers(words: Sequence[str], where: str, kind: FieldKind) -> tuple[Choice, ...]:
    return tuple(_number(word, where, kind) for word in words)


def _number(word: str, where: str, kind: FieldKind) -> Choice:
    """As it was typed, with a decimal point or comma."""
    try:
        return (int if kind.kind == "int" else float)(word.replace(",", "."))
    except ValueError:
        raise refused(
            where,
            N_("{field}: expected {expected}, received {received}."),
            expected=kind.wanted(),
            received=word[:80],
        ) from None


def written(value: Choice) -> str:
    """A number as it is typed."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def ends(kind: FieldKind) -> tuple[float | None, float | None]:
    """The least and the greatest number that may be typed."""
    low = None if kind.low is None else kind.low + (NEXT_TO if kind.low_open else 0)
    high = None if kind.high is None else kind.high - (NEXT_TO if kind.high_open else 0)
    return low, high
