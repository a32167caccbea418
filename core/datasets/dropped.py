"""Why a row of an existing dataset is not in one made from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel

from core.errors import N_, Text, text


class DropReason(StrEnum):
    """In the order in which a recipe is followed: a row has the first that applies."""

    EXCLUDED = "excluded"
    CLASS = "class"
    CONTRADICTION = "contradiction"
    LEAK = "leak"
    DUPLICATE = "duplicate"
    CAP = "cap"


DROP_REASONS: Mapping[DropReason, str] = {
    DropReason.EXCLUDED: N_("excluded by hand"),
    DropReason.CLASS: N_("of a class that was not chosen"),
    DropReason.CONTRADICTION: N_("same pixels in different classes"),
    DropReason.LEAK: N_("same pixels as an image of the test or validation split"),
    DropReason.DUPLICATE: N_("same pixels as another image of its split"),
    DropReason.CAP: N_("more than asked for of its class"),
}


class Dropped(BaseModel, frozen=True):
    """So many images were left out for one reason."""

    reason: DropReason
    count: int

    @property
    def text(self) -> Text:
        return text(DROP_REASONS[self.reason])
