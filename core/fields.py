"""Everything that is known of a run, field by field: the columns of tables, filters and plots.

A run becomes one flat row (:class:`RunRow`), so that thousands of them can be searched, sorted
and drawn. A setting that has no effect in a run (the momentum of Adam) is ``None`` there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from core.config import ARCHITECTURES, SECTION_NAMES, SECTIONS, RunConfig
from core.errors import N_
from core.knobs import Knob, Section
from core.records import RunRecord, short_id
from core.remarks import Remarks

Value = object
SEED = "train.seed"


class Kind(StrEnum):
    """What the values of a field are, and so how they are written."""

    TEXT = "text"  # a name as it is
    CHOICE = "choice"  # an option of a setting
    STATUS = "status"
    FLAG = "flag"  # yes or no
    MOMENT = "moment"  # a point in time
    TAGS = "tags"  # a tuple of words
    COUNT = "count"
    NUMBER = "number"
    SHARE = "share"  # in [0, 1], written as a percentage
    SECONDS = "seconds"

    @property
    def numeric(self) -> bool:
        return self in (Kind.COUNT, Kind.NUMBER, Kind.SHARE, Kind.SECONDS)


class Field(NamedTuple):
    """A column: ``key`` names it everywhere, ``label``, ``help`` and ``unit`` are for people."""

    key: str
    label: str
    kind: Kind
    help: str = ""
    unit: str = ""


ABOUT = (
    Field("run", N_("Run"), Kind.TEXT, N_("Its name: date, time, four random digits.")),
    Field("status", N_("Status"), Kind.STATUS, N_("Where the run stands.")),
    Field("started", N_("Started"), Kind.MOMENT, N_("When its training began.")),
    Field("created", N_("Launched"), Kind.MOMENT, N_("When somebody asked for it.")),
    Field("ended", N_("Ended"), Kind.MOMENT, N_("When its training was over.")),
    Field("by", N_("Name"), Kind.TEXT, N_("Who launched it.")),
    Field("tags", N_("Tags"), Kind.TAGS, N_("Words that somebody has put on it.")),
    Field("note", N_("Note"), Kind.TEXT, N_("What somebody has written about it.")),
    Field("preset", N_("Preset"), Kind.TEXT, N_("The settings that it began with.")),
    Field("network", N_("Network"), Kind.TEXT, N_("The architecture in a word.")),
    Field("start", N_("Goes on from"), Kind.TEXT, N_("The run whose network it began with.")),
    Field(
        "part",
        N_("Part of"),
        Kind.TEXT,
        N_("The search or cross-validation that it was trained for."),
    ),
)
MEASURES = (
    Field(
        "best_val_accuracy",
        N_("Best validation accuracy"),
        Kind.SHARE,
        N_("Best validation accuracy of all epochs."),
    ),
    Field(
        "val_accuracy",
        N_("Validation accuracy"),
        Kind.SHARE,
        N_("Accuracy of the network that was kept, on the validation split."),
    ),
    Field(
        "val_loss",
        N_("Validation loss"),
        Kind.NUMBER,
        N_("Loss of the network that was kept, on the validation split."),
        "nats",
    ),
    Field("test_accuracy", N_("Test accuracy"), Kind.SHARE, N_("Accuracy on the test split.")),
    Field("test_loss", N_("Test loss"), Kind.NUMBER, N_("Loss on the test split."), "nats"),
    Field("parameters", N_("Parameters"), Kind.COUNT, N_("Numbers that are learned.")),
    Field("seconds", N_("Duration"), Kind.SECONDS, N_("How long the training took.")),
    Field("epochs", N_("Epochs done"), Kind.COUNT, N_("Epochs that were finished.")),
    Field("best_epoch", N_("Best epoch"), Kind.COUNT, N_("The epoch whose network was kept.")),
    Field(
        "images_per_second",
        N_("Images per second"),
        Kind.NUMBER,
        N_("How many training images were seen per second."),
    ),
)
"""The figures of a finished run: fields of :class:`core.records.RunSummary`."""
SEALED = frozenset({"test_accuracy", "test_loss"})
"""Figures of the test split: no page shows them of a run that is sealed, or chooses by them."""


def _kind(default: object, key: str) -> Kind:
    if key == "data.dataset":
        return Kind.TEXT
    if isinstance(default, bool):
        return Kind.FLAG
    if isinstance(default, str):
        return Kind.CHOICE
    return Kind.NUMBER if isinstance(default, float) else Kind.COUNT


def _sections(name: str) -> Sequence[type[Section]]:
    return list(ARCHITECTURES.values()) if name == "model" else [SECTIONS[name]]


def _settings() -> Iterator[Field]:
    """Every setting of every section, those of all architectures included."""
    for section in SECTION_NAMES:
        found: dict[str, Field] = {}
        for cls in _sections(section):
            knobs = cls.knobs()
            for name, info in cls.model_fields.items():
                key = f"{section}.{name}"
                knob = knobs.get(name) or Knob(label=N_("Architecture"), help="")
                kind = _kind(info.default, key)
                found.setdefault(name, Field(key, knob.label, kind, knob.help, knob.unit))
        yield from found.values()


SETTINGS = tuple(_settings())
FIELDS: dict[str, Field] = {field.key: field for field in (*ABOUT, *MEASURES, *SETTINGS)}
"""All columns by key."""
PLACE = {key: number for number, key in enumerate(FIELDS)}
_FIRST_SETTING = len(ABOUT) + len(MEASURES)
_TWICE = {label for label, n in Counter(f.label for f in FIELDS.values()).items() if n > 1}


def is_ambiguous(field: Field) -> bool:
    """Whether another field is called the same: then its key must be said, too."""
    return field.label in _TWICE


class RunRow:
    """One run as a row; ``row[key]`` is the value of a field."""

    __slots__ = ("about", "changed", "id", "known", "settings", "words")

    def __init__(self, record: RunRecord, remarks: Remarks, changed: int = 0) -> None:
        self.id = record.id
        self.changed = changed
        self.about = tuple(_about(record, remarks))
        """The values of :data:`ABOUT` and :data:`MEASURES`."""
        self.settings = tuple(settings_of(record))
        """The values of :data:`SETTINGS`."""
        self.known = record.dataset_fingerprint
        """The fingerprint of the dataset that it has seen."""
        self.words = _words(self)

    def __getitem__(self, key: str) -> Any:
        place = PLACE[key]
        if place < _FIRST_SETTING:
            return self.about[place]
        return self.settings[place - _FIRST_SETTING]


def _about(record: RunRecord, remarks: Remarks) -> Iterator[Value]:
    yield from (
        short_id(record.id),
        record.status,
        record.started,
        record.created,
        record.ended,
        record.by or None,
        remarks.tags,
        remarks.note or None,
        record.preset,
        record.network,
        short_id(record.start.run) if record.start else None,
        short_id(record.part.of) if record.part else None,
    )
    yield from (getattr(record.summary, field.key, None) for field in MEASURES)


def settings_of(record: RunRecord) -> Iterator[Value]:
    """Of an ensemble the dataset alone: the other settings are its members' own."""
    if record.kind != "ensemble":
        yield from effective(record.config)
        return
    for field in SETTINGS:
        yield record.config.data.dataset if field.key == "data.dataset" else None


def effective(config: RunConfig) -> Iterator[Value]:
    """The values of :data:`SETTINGS`, ``None`` for those that have no effect."""
    # Of ten thousand runs: vars() is several times as quick as pydantic's attributes.
    parts = {section: vars(getattr(config, section)) for section in SECTION_NAMES}
    for section, name, when in _conditions(config.model.architecture):
        part = parts[section]
        has_effect = when is None or part[when[0]] in when[1]
        yield part.get(name) if has_effect else None


@cache
def _conditions(architecture: str) -> list[tuple[str, str, tuple[str, tuple[Any, ...]] | None]]:
    """(section, name, when it has an effect) of every setting, with this architecture."""
    knobs: dict[str, dict[str, Knob]] = {name: cls.knobs() for name, cls in SECTIONS.items()}
    knobs["model"] = ARCHITECTURES[architecture].knobs()
    found = []
    for field in SETTINGS:
        section, _, name = field.key.partition(".")
        knob = knobs[section].get(name)
        found.append((section, name, knob.when if knob else None))
    return found


def _words(row: RunRow) -> str:
    """What a search looks at."""
    keys = ("run", "by", "note", "preset", "network", "part", "data.dataset", "optimizer.name")
    said = [row.id, *(row[key] for key in (*keys, "model.architecture")), *row["tags"]]
    return " ".join(str(word) for word in said if word).casefold()


def differing(rows: Sequence[RunRow], fields: Sequence[Field] = SETTINGS) -> list[Field]:
    """The settings that are not the same in all of these runs, in the form's order."""
    if not rows:
        return []
    first = rows[0]
    return [f for f in fields if any(row[f.key] != first[f.key] for row in rows)]
