"""What a derived dataset says of its origin."""

from __future__ import annotations

from pydantic import BaseModel

from core.errors import Text


class Ancestor(BaseModel, frozen=True):
    """A dataset that images were taken from: its name at that time, and its fingerprint."""

    name: str
    fingerprint: str


class Lineage(BaseModel, frozen=True):
    """The datasets that a dataset was made of, and what was done to them, a sentence a step.

    Small, because it is read with every list of datasets; ``recipe.json`` beside it has every row
    that was named.
    """

    ancestors: tuple[Ancestor, ...]
    steps: tuple[Text, ...] = ()
