"""What is different between runs: only the settings that are not the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from core.config import ARCHITECTURES, SECTION_NAMES, SECTIONS, RunConfig
from core.knobs import Knob
from core.records import RunRecord
from ui.forms import choice_label
from ui.frame import short_name
from ui.i18n import _, number

MISSING = "–"


def differing(configs: Sequence[RunConfig]) -> list[tuple[str, str, list[object]]]:
    """(section, field, its value in every config) of the fields that differ, in the form's order.

    A setting that an architecture does not have is ``None`` there.
    """
    found = []
    for section in SECTION_NAMES:
        dumps = [getattr(config, section).model_dump() for config in configs]
        for field in dict.fromkeys(name for dump in dumps for name in dump):
            values = [dump.get(field) for dump in dumps]
            if any(value != values[0] for value in values):
                found.append((section, field, values))
    return found


def differences(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row per setting that differs, one column per run, in the reader's words; before them,
    from which networks the runs went on, where that differs."""
    rows = [
        [_label(section, field), *map(_written, values)]
        for section, field, values in differing([record.config for record in records])
    ]
    starts = [_start(record) for record in records]
    if len(set(starts)) > 1:
        rows.insert(0, [_("Goes on from"), *starts])
    return pd.DataFrame(rows, columns=[_("Setting"), *map(short_name, records)])


def _start(record: RunRecord) -> str:
    if record.start is None:
        return _("a new network")
    name = short_name(record.changed(id=record.start.run))
    return _("{run}, epoch {epoch}", run=name, epoch=record.start.epochs)


def _label(section: str, field: str) -> str:
    knob = _knobs(section).get(field)
    if knob is None:
        return _("Architecture")
    return f"{_(knob.label)} ({_(knob.unit)})" if knob.unit else _(knob.label)


def _knobs(section: str) -> dict[str, Knob]:
    if section != "model":
        return SECTIONS[section].knobs()
    return {name: knob for kind in ARCHITECTURES.values() for name, knob in kind.knobs().items()}


def _written(value: object) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return number(value)
    return choice_label(value)
