"""What searched settings, their ranges and values are called on the screen."""

from __future__ import annotations

from core.config import ARCHITECTURES
from core.errors import N_
from core.fields import FIELDS, Kind
from core.search.ranges import Choice, Choices, FloatRange, IntRange, plain, split
from ui.forms import choice_label
from ui.i18n import _, number
from ui.runs_data import field_label

TRIAL_STATES = {
    "open": N_("at work"),
    "complete": N_("trained to the end"),
    "pruned": N_("ended early"),
    "failed": N_("has failed"),
    "impossible": N_("impossible"),
}
"""What became of a trial."""


def setting_name(where: str) -> str:
    """``model.resnet.depth`` → ``Depth (ResNet)``."""
    architecture = split(where)[1]
    field = FIELDS[plain(where)]
    # Two weight decays belong to different optimizers; within one search there is no mistaking.
    label = _(field.label) if architecture else field_label(field)
    return f"{label} ({ARCHITECTURES[architecture].title})" if architecture else label


def value_name(where: str, value: object) -> str:
    """A value of a setting in the reader's words; a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float) and FIELDS[plain(where)].kind is not Kind.CHOICE:
        return number(value)
    return choice_label(value)


def range_name(where: str, wanted: Choices | IntRange | FloatRange) -> str:
    """Where a setting is searched, in words."""
    if isinstance(wanted, Choices):
        return " · ".join(value_name(where, value) for value in wanted.values)
    low, high = number(wanted.low), number(wanted.high)
    if wanted.log:
        return _("{low} to {high} (log)", low=low, high=high)
    if wanted.step is None or (isinstance(wanted, IntRange) and wanted.step == 1):
        return _("{low} to {high}", low=low, high=high)
    return _("{low} to {high}, step {step}", low=low, high=high, step=number(wanted.step))


def settings_name(params: dict[str, Choice]) -> str:
    """Everything that a trial was tried with, in one line."""
    return " · ".join(f"{setting_name(k)} {value_name(k, v)}" for k, v in params.items())
