"""``--space SECTION.FIELD=RANGE``: what is searched, as it is typed."""

from __future__ import annotations

import json

from core.config import RunConfig
from core.errors import N_, ConfigError
from core.search.ranges import (
    ARCHITECTURE,
    Choice,
    Choices,
    FieldKind,
    FloatRange,
    IntRange,
    Range,
    kind_of,
    plain,
    split,
)
from core.search.space import SearchSpace
from core.search.suggesting import suggested_range

FORMS = "1e-4..1e-1:log, 0..0.6:0.1 (in steps), 1..4, 32,64,128, auto"


def typed_space(words: list[tuple[str, str]], base: RunConfig) -> SearchSpace:
    """The space of several ``--space`` arguments.

    Raises:
        ConfigError: for a setting that cannot be searched, or a range that cannot be read.
    """
    typed = dict(words)
    fields: dict[str, Range] = {}
    if ARCHITECTURE in typed:  # first: it decides which settings there are
        fields[ARCHITECTURE] = _range(ARCHITECTURE, typed[ARCHITECTURE], base)
    architectures = SearchSpace(fields=fields).architectures(base)
    for key, word in typed.items():
        if key != ARCHITECTURE:
            fields[key] = _range(key, word, _with_setting(key, base, architectures))
    return SearchSpace(fields=fields)


def _with_setting(key: str, base: RunConfig, architectures: tuple[str, ...]) -> RunConfig:
    """The base with an architecture that has the setting, if one of those searched has it."""
    named = split(key)[1]
    for architecture in (named,) if named else architectures:
        if kind_of(plain(key), architecture) is not None:
            return base.with_values({ARCHITECTURE: architecture})
    raise ConfigError(
        N_("{field} cannot be searched with {architectures}."),
        field=key,
        architectures=", ".join(architectures),
    )


def _range(key: str, word: str, config: RunConfig) -> Range:
    kind = kind_of(plain(key), config.model.architecture)
    assert kind is not None
    if word == "auto":
        suggested = suggested_range(plain(key), config)
        assert suggested is not None
        return suggested
    if ".." in word:
        return _numbers(key, word, kind)
    return Choices(values=tuple(_value(part.strip(), kind) for part in word.split(",") if part))


def _value(word: str, kind: FieldKind) -> Choice:
    """Text where the setting's options are text: ``0.5`` is one of them, and no number."""
    if any(word == option for option in kind.options):
        return word
    try:
        value = json.loads(word)
    except json.JSONDecodeError:
        return word
    return (
        float(value) if kind.kind == "float" and type(value) is int else _plain_value(value, word)
    )


def _plain_value(value: object, word: str) -> Choice:
    return value if isinstance(value, bool | int | float | str) else word


def _numbers(key: str, word: str, kind: FieldKind) -> Range:
    """``LOW..HIGH``, with ``:log`` or ``:STEP`` behind it."""
    ends, _, way = word.partition(":")
    low, _, high = ends.partition("..")
    whole = kind.kind == "int"
    try:
        step = None if way in ("", "log") else float(way)
        if whole:
            return IntRange(
                low=_whole(low),
                high=_whole(high),
                step=_whole(way) if step else 1,
                log=way == "log",
            )
        return FloatRange(low=float(low), high=float(high), step=step, log=way == "log")
    except (ValueError, OverflowError):  # the latter: 1..inf
        raise ConfigError(
            N_("{field}: expected a range or a list such as {expected}, received {received}."),
            field=key,
            expected=FORMS,
            received=word,
        ) from None


def _whole(word: str) -> int:
    value = float(word)
    if value != int(value):
        raise ValueError(word)
    return int(value)
