"""What a setting may be searched in: a list, or a range of numbers; and which of them suits it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Protocol, get_args, get_origin

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from core.config import ARCHITECTURES, SECTION_NAMES, SECTIONS
from core.errors import N_, ConfigError, Text, Value, text
from core.fields import FIELDS
from core.knobs import Knob, Section

Choice = bool | int | float | str
ARCHITECTURE = "model.architecture"
FIXED = (
    *("data.dataset", "data.with_validation"),
    *("data.folds", "data.fold", "data.repeats", "data.grouping", "data.fold_seed"),
)
"""Another dataset or other folds are another question, and without validation images there is no
answer."""
DIGITS = 4
"""Drawn numbers have so many significant digits: more would promise what no training keeps."""
_SLACK = 1e-9


class Suggests(Protocol):
    """As much of Optuna's trial as is needed to draw from it."""

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int: ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...


class Choices(BaseModel, frozen=True):
    """One of these."""

    kind: Literal["choices"] = "choices"
    values: tuple[Choice, ...]

    def draw(self, trial: Suggests, name: str) -> Choice:
        drawn: Choice = trial.suggest_categorical(name, self.values)
        return drawn

    def all_values(self) -> Sequence[Choice] | None:
        """Every value, ascending; None if there is no end of them."""
        return self.values


class IntRange(BaseModel, frozen=True):
    """A whole number from ``low`` to ``high``, both included."""

    kind: Literal["int"] = "int"
    low: int
    high: int
    step: int = 1
    log: bool = False
    """Every doubling is as likely as any other."""

    def draw(self, trial: Suggests, name: str) -> Choice:
        top = self.low + (self.high - self.low) // self.step * self.step
        return trial.suggest_int(name, self.low, top, step=self.step, log=self.log)

    def all_values(self) -> Sequence[Choice] | None:
        return range(self.low, self.high + 1, self.step)


class FloatRange(BaseModel, frozen=True):
    """A number from ``low`` to ``high``, both included; in steps, if a ``step`` is given."""

    kind: Literal["float"] = "float"
    low: float
    high: float
    step: float | None = None
    log: bool = False

    def draw(self, trial: Suggests, name: str) -> Choice:
        if self.step is not None:
            top = self._at(self._steps())
            return self.tidy(trial.suggest_float(name, self.low, top, step=self.step))
        return self.tidy(trial.suggest_float(name, self.low, self.high, log=self.log))

    def all_values(self) -> Sequence[Choice] | None:
        return None if self.step is None else [self._at(i) for i in range(self._steps() + 1)]

    def _steps(self) -> int:
        assert self.step is not None
        return math.floor((self.high - self.low) / self.step + _SLACK)

    def _at(self, number: int) -> float:
        return round(self.low + number * (self.step or 0), 10)

    def tidy(self, value: float) -> float:
        """A drawn number as it is written into a config."""
        if self.step is not None:
            return round(value, 10)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)


Range = Annotated[Choices | IntRange | FloatRange, Field(discriminator="kind")]


class FieldKind(NamedTuple):
    """What a setting is, and within which hard limits: what a form or a command line may offer."""

    kind: Literal["int", "float", "options", "flag"]
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    """The limit itself is not allowed."""
    high_open: bool = False
    options: tuple[Choice, ...] = ()

    @property
    def numeric(self) -> bool:
        return self.kind in ("int", "float")

    def allows(self, value: Choice) -> bool:
        """Whether the setting may have this value."""
        if self.options:
            return any(value == o and type(value) is type(o) for o in self.options)
        if isinstance(value, str | bool) or not math.isfinite(value):
            return False
        if self.kind == "int" and value != int(value):
            return False
        return self._above(value) and self._below(value)

    def _above(self, value: float) -> bool:
        return self.low is None or value > self.low or (value == self.low and not self.low_open)

    def _below(self, value: float) -> bool:
        return self.high is None or value < self.high or (value == self.high and not self.high_open)

    def wanted(self) -> Text:
        """In words: what :meth:`allows`."""
        if self.options:
            return text(N_("one of {expected}"), expected=", ".join(map(str, self.options)))
        number = text(N_("a whole number") if self.kind == "int" else N_("a number"))
        low, high = _limit(self.low), _limit(self.high)
        if low is None or high is None:
            return text(N_("{number} of at least {low}"), number=number, low=low or "0")
        return text(N_("{number} from {low} to {high}"), number=number, low=low, high=high)


def _limit(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def split(key: str) -> tuple[str, str | None, str]:
    """(section, architecture, field) of a key of a space; the architecture only where it is named:
    ``model.depth`` is for every one, ``model.resnet.depth`` for one."""
    section, _, rest = key.partition(".")
    architecture, dot, field = rest.partition(".")
    return (section, architecture, field) if dot else (section, None, rest)


def plain(key: str) -> str:
    """``model.resnet.depth`` → ``model.depth``."""
    section, _, field = split(key)
    return f"{section}.{field}"


def section_of(section: str, architecture: str) -> type[Section] | None:
    return ARCHITECTURES.get(architecture) if section == "model" else SECTIONS.get(section)


@cache
def kind_of(dotted: str, architecture: str) -> FieldKind | None:
    """What the setting is with this architecture; None if it has none or may not be searched."""
    section, _, field = dotted.partition(".")
    if dotted == ARCHITECTURE:
        return FieldKind("options", options=tuple(ARCHITECTURES))
    cls = section_of(section, architecture)
    if cls is None or field not in cls.model_fields or dotted in FIXED:
        return None
    return _kind(cls.model_fields[field])


def _kind(info: FieldInfo) -> FieldKind | None:
    annotation, metadata = info.annotation, list(info.metadata)
    for part in get_args(annotation):  # a number or nothing
        if get_origin(part) is Annotated:
            annotation, *more = get_args(part)
            metadata += more
    if get_origin(annotation) is Literal:
        return FieldKind("options", options=get_args(annotation))
    if annotation is bool:
        return FieldKind("flag", options=(False, True))
    if annotation not in (int, float):
        return None
    low, low_open = _bound(metadata, "ge", "gt")
    high, high_open = _bound(metadata, "le", "lt")
    return FieldKind("int" if annotation is int else "float", low, high, low_open, high_open)


def _bound(metadata: Sequence[object], closed: str, open_: str) -> tuple[float | None, bool]:
    """(limit, whether it is excluded) as pydantic's metadata say it."""
    excluded = [v for m in metadata if (v := getattr(m, open_, None)) is not None]
    included = [v for m in metadata if (v := getattr(m, closed, None)) is not None]
    return (excluded[0], True) if excluded else (included[0] if included else None, False)


def searchable(architecture: str) -> dict[str, FieldKind]:
    """Every setting that may be searched with this architecture, in the order of the form."""
    names = (f"{s}.{name}" for s in SECTION_NAMES for name in knobs_of(s, architecture))
    kinds = {name: kind_of(name, architecture) for name in (ARCHITECTURE, *names)}
    return {name: kind for name, kind in kinds.items() if kind is not None}


@cache
def knobs_of(section: str, architecture: str) -> dict[str, Knob]:
    """The settings of a section in the order of the form."""
    cls = section_of(section, architecture)
    return cls.knobs() if cls else {}


def refused(key: str, msgid: str, **params: Value | Text) -> ConfigError:
    """An error about one field of a space; on a screen it is called as in the form."""
    error = ConfigError(msgid, remedy=None, field=key, **params)
    known = FIELDS.get(plain(key))
    if known is not None:
        gap = Text(msgid=known.label)
        error.on_screen = error.text.model_copy(
            update={"params": {**error.text.params, "field": gap}}
        )
    return error


def check_range(key: str, wanted: Choices | IntRange | FloatRange, kind: FieldKind) -> None:
    """Refuse a range that its setting cannot have.

    Raises:
        ConfigError: what is wrong, what was expected, what was received.
    """
    if isinstance(wanted, Choices):
        _check_choices(key, wanted, kind)
        return
    if not kind.numeric or (kind.kind == "int" and wanted.kind == "float"):
        raise refused(
            key, N_("{field}: expected {expected}, received a range."), expected=_ways(kind)
        )
    if not wanted.low < wanted.high:
        raise refused(
            key,
            N_("{field}: the range must end above its beginning, received {low} to {high}."),
            low=wanted.low,
            high=wanted.high,
        )
    for end in (wanted.low, wanted.high):
        if not kind.allows(end):
            raise _not_allowed(key, kind, end)
    _check_spacing(key, wanted)


def _ways(kind: FieldKind) -> Text:
    if kind.kind == "int":
        return text(N_("a range of whole numbers or a list of them"))
    return text(N_("a list of values from {values}"), values=", ".join(map(str, kind.options)))


def _not_allowed(key: str, kind: FieldKind, value: Choice) -> ConfigError:
    return refused(
        key,
        N_("{field}: expected {expected}, received {received}."),
        expected=kind.wanted(),
        received=str(value),
    )


def _check_choices(key: str, wanted: Choices, kind: FieldKind) -> None:
    if not wanted.values:
        raise refused(key, N_("{field}: the list to choose from is empty."))
    for value in wanted.values:
        if not kind.allows(value):
            raise _not_allowed(key, kind, value)
    if len(set(wanted.values)) < len(wanted.values):
        raise refused(key, N_("{field}: a value stands in the list more than once."))


def _check_spacing(key: str, wanted: IntRange | FloatRange) -> None:
    if wanted.log and wanted.low <= 0:
        raise refused(
            key,
            N_("{field}: a logarithmic scale must begin above 0, received {low}."),
            low=wanted.low,
        )
    stepped = wanted.step is not None and (wanted.kind == "float" or wanted.step != 1)
    if wanted.log and stepped:
        raise refused(
            key, N_("{field}: a logarithmic scale has no steps; leave one of the two out.")
        )
    if wanted.step is not None and not 0 < wanted.step <= wanted.high - wanted.low:
        raise refused(
            key,
            N_("{field}: the step must be above 0 and fit into the range, received {step}."),
            step=wanted.step,
        )
