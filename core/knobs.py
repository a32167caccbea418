"""What every group of settings is made of: fields that say how they are offered to a person."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Knob(BaseModel, frozen=True):
    """How a field is offered to a person; its limits and default stay with the field itself."""

    label: str
    help: str
    basic: bool = False
    """Shown also when the form's advanced switch is off."""
    step: float | None = None
    unit: str = ""
    group: str = ""
    """Key of the part of its form in which it stands, where a form has parts."""
    when: tuple[str, tuple[Any, ...]] | None = None
    """(name of a sibling field, its values for which this one has an effect)."""


def knob(default: Any, label: str, help: str, **kwargs: Any) -> Any:
    """A pydantic field with its :class:`Knob` attached."""
    return Field(
        default=default,
        title=label,
        description=help,
        json_schema_extra={"knob": Knob(label=label, help=help, **kwargs).model_dump()},
    )


class Section(BaseModel):
    """One group of settings: immutable, and deaf to unknown names and to NaN."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """Field name → how to offer it, in the order of the form."""
        extras = {name: f.json_schema_extra for name, f in cls.model_fields.items()}
        return {
            name: Knob.model_validate(extra["knob"])
            for name, extra in extras.items()
            if isinstance(extra, dict) and "knob" in extra
        }
