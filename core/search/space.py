"""A search space: which settings are searched, and in what. Drawing from it gives a config."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from core.config import ARCHITECTURES, SECTION_NAMES, RunConfig
from core.config_models import same_setting
from core.errors import N_, ConfigError
from core.search.ranges import (
    ARCHITECTURE,
    Choice,
    Choices,
    Range,
    Suggests,
    check_range,
    kind_of,
    knobs_of,
    plain,
    refused,
    split,
)

MOST_COMBINATIONS = 10_000
"""A grid of more than these is not meant to be tried out."""


class SearchSpace(BaseModel, frozen=True):
    """Setting → where to look for its value.

    A key is a dotted setting (``optimizer.learning_rate``); where architectures are searched that
    mean different things by one name, it names the architecture, too (``model.resnet.depth``). The
    keys are what Optuna calls its parameters.
    """

    fields: dict[str, Range]

    def architectures(self, base: RunConfig) -> tuple[str, ...]:
        """Those that may be drawn."""
        wanted = self.fields.get(ARCHITECTURE)
        if isinstance(wanted, Choices):
            return tuple(str(value) for value in wanted.values)
        return (base.model.architecture,)


def range_key(dotted: str, architecture: str, architectures: tuple[str, ...]) -> str:
    """What a space that draws from these architectures calls a setting of one of them."""
    section, _, field = dotted.partition(".")
    if section != "model" or dotted == ARCHITECTURE:
        return dotted
    mine = ARCHITECTURES[architecture]
    others = [ARCHITECTURES[a] for a in architectures if field in ARCHITECTURES[a].model_fields]
    same = all(same_setting(field, mine, other) for other in others)
    return dotted if same else f"model.{architecture}.{field}"


def check_space(space: SearchSpace, base: RunConfig) -> None:
    """Refuse a space from which nothing sensible can be drawn.

    Raises:
        ConfigError: naming the setting, what was expected and what was received.
    """
    if not space.fields:
        raise ConfigError(N_("There is nothing to search: give at least one setting a range."))
    if ARCHITECTURE in space.fields:
        kind = kind_of(ARCHITECTURE, "")
        assert kind is not None
        check_range(ARCHITECTURE, space.fields[ARCHITECTURE], kind)
    for key in space.fields:
        _check_field(key, space, space.architectures(base))
    if not any(Plan(space, base).keys.values()) and ARCHITECTURE not in space.fields:
        raise ConfigError(
            N_("There is nothing to search: none of these settings has an effect: {names}."),
            names=", ".join(space.fields),
        )


def _check_field(key: str, space: SearchSpace, architectures: tuple[str, ...]) -> None:
    if key == ARCHITECTURE:
        return
    named, dotted = split(key)[1], plain(key)
    mine = [a for a in architectures if named in (None, a) and kind_of(dotted, a)]
    if not mine:
        raise refused(
            key,
            N_("{field} cannot be searched with {architectures}."),
            architectures=", ".join(architectures),
        )
    for architecture in mine:
        kind = kind_of(dotted, architecture)
        assert kind is not None
        if named is None and range_key(dotted, architecture, architectures) != key:
            raise refused(
                key,
                N_("{field} means different things: name the architecture, as in {expected}."),
                expected=range_key(dotted, architecture, architectures),
            )
        check_range(key, space.fields[key], kind)


class _Key(NamedTuple):
    """One setting that an architecture has, and when it matters."""

    name: str
    dotted: str
    sibling: str | None
    """The dotted setting that decides whether it has an effect."""
    values: tuple[Any, ...]


class Plan:
    """In which order to draw, for every architecture, worked out once."""

    def __init__(self, space: SearchSpace, base: RunConfig) -> None:
        self.space = space
        self.base = base
        names = space.architectures(base)
        self._starts = {a: base.with_values({ARCHITECTURE: a}) for a in names}
        self.keys = {a: [k for k in self._in_order(a) if self._possible(k, a)] for a in names}

    def _in_order(self, architecture: str) -> Iterator[_Key]:
        """As in the form, in which what decides stands before what depends on it."""
        for section in SECTION_NAMES:
            for field, knob in knobs_of(section, architecture).items():
                names = (f"{section}.{field}", f"{section}.{architecture}.{field}")
                sibling, values = knob.when or (None, ())
                for name in names:
                    if name in self.space.fields:
                        dotted = sibling and f"{section}.{sibling}"
                        yield _Key(name, names[0], dotted, tuple(values))

    def _possible(self, key: _Key, architecture: str) -> bool:
        """Whether it can ever have an effect."""
        wanted = self.space.fields.get(key.sibling or "")
        found = (wanted.all_values() if wanted else None) or ()
        return self._has_effect(key, self._starts[architecture], {}) or any(
            value in key.values for value in found
        )

    @staticmethod
    def _has_effect(key: _Key, start: RunConfig, drawn: Mapping[str, Choice]) -> bool:
        if key.sibling is None:
            return True
        section, _, field = key.sibling.partition(".")
        own = getattr(getattr(start, section), field)
        return drawn.get(key.sibling, own) in key.values

    def draw(self, trial: Suggests) -> dict[str, object]:
        """Dotted settings for :meth:`core.config.RunConfig.with_values`."""
        drawn: dict[str, Choice] = {}
        if ARCHITECTURE in self.space.fields:
            drawn[ARCHITECTURE] = self.space.fields[ARCHITECTURE].draw(trial, ARCHITECTURE)
        architecture = str(drawn.get(ARCHITECTURE, self.base.model.architecture))
        start = self._starts[architecture]
        for key in self.keys[architecture]:
            if self._has_effect(key, start, drawn):
                drawn[key.dotted] = self.space.fields[key.name].draw(trial, key.name)
        return dict(drawn)

    @property
    def conditional(self) -> bool:
        """Whether some settings are drawn in some trials only."""
        keys = [key for found in self.keys.values() for key in found]
        by_sibling = any(key.sibling in self.space.fields for key in keys)
        return by_sibling or len({tuple(found) for found in self.keys.values()}) > 1


def draw(trial: Suggests, base: RunConfig, space: SearchSpace) -> RunConfig:
    """The config of a trial: the base, with what is drawn from the space.

    Raises:
        ConfigError: if what was drawn contradicts itself.
    """
    return base.with_values(Plan(space, base).draw(trial))


def size(space: SearchSpace, base: RunConfig) -> int | None:
    """How many combinations there are; None if there is no end of them. Above
    :data:`MOST_COMBINATIONS` it is an upper bound: settings without effect are counted, too."""
    lists = [wanted.all_values() for wanted in space.fields.values()]
    if any(values is None for values in lists):
        return None
    most = math.prod(len(values) for values in lists if values is not None)
    return most if most > MOST_COMBINATIONS else len(combinations(space, base))


def combinations(space: SearchSpace, base: RunConfig) -> list[dict[str, Choice]]:
    """Every combination once, by the names that Optuna knows; of a finite space."""
    plan, found, way = Plan(space, base), [], _Way()
    while way.again():
        plan.draw(way)
        found.append(way.taken())
    return found


class _Way:
    """A trial that takes every branch once, the last one first."""

    def __init__(self) -> None:
        self._path: list[tuple[str, tuple[Choice, ...], int]] = []
        self._depth = 0
        self._begun = False

    def again(self) -> bool:
        """On to the next way; False if all were taken."""
        if self._begun:
            while self._path and self._path[-1][2] + 1 == len(self._path[-1][1]):
                self._path.pop()
            if not self._path:
                return False
            name, values, place = self._path[-1]
            self._path[-1] = (name, values, place + 1)
        self._begun, self._depth = True, 0
        return True

    def taken(self) -> dict[str, Choice]:
        return {name: values[place] for name, values, place in self._path}

    def _next(self, name: str, values: tuple[Choice, ...]) -> Any:
        if self._depth == len(self._path):
            self._path.append((name, values, 0))
        self._depth += 1
        _, known, place = self._path[self._depth - 1]
        return known[place]

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._next(name, tuple(choices))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return int(self._next(name, tuple(range(low, high + 1, step))))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if step is None:
            raise ValueError(f"{name} has no end of values")
        count = round((high - low) / step)
        return float(self._next(name, tuple(round(low + i * step, 10) for i in range(count + 1))))
