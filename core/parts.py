"""What runs have to do with each other: one that is part of something larger, and one that was
never trained itself but is made of others.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

ID = r"\d{8}-\d{6}-\d{3}-[0-9a-f]{4}"
"""How runs and studies are called: date, time, milliseconds, four random digits."""
Id = Annotated[str, Field(pattern=f"^{ID}$")]
Whole = Literal["study", "crossval", "seeds"]
"""What has runs as its parts: a search, a cross-validation, one setting with several seeds."""
Kind = Literal["training", "crossval", "ensemble", "soup"]
"""What a run is: one network that was trained, several that answer as one, or one whose weights
are the mean of several."""
Method = Literal["mean", "logits", "accuracy", "weights", "vote", "stacking"]
"""How several networks answer as one."""


class Part(BaseModel, frozen=True):
    """Of what a run is part, and which one: ``number`` counts from 0."""

    kind: Whole
    of: Id
    number: Annotated[int, Field(ge=0)]


class Start(BaseModel, frozen=True):
    """What a run goes on from instead of a new network."""

    run: Id
    epochs: int
    """So many epochs, of that run and of those before it, have led to the network."""
    kept_in: Id | None = None
    """A run that began from the very same network and holds it: the one that has learned it may
    have gone on from there, or be deleted."""


class Member(BaseModel, frozen=True):
    """One voice among several."""

    run: Id
    weight: float = 1.0
    varied: bool = False
    """It is asked about several versions of every picture (test-time augmentation)."""
    snapshot: int | None = None
    """It is the network as it stood after this epoch, not the one that the run has kept."""


class Composition(BaseModel, frozen=True):
    """How a run that was not trained itself comes to its predictions."""

    method: Method
    members: tuple[Member, ...]
