"""What the user may choose about an import, and what an import says while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, get_args

from pydantic import BaseModel

from core.datasets import limits
from core.datasets.dataset import ResizeMode
from core.datasets.decoding import Decoding
from core.errors import N_, DatasetError

ColorMode = Literal["auto", "grey", "rgb"]
LabelLevel = Literal["fine", "coarse"]
Phase = Literal["listing", "fetching", "unpacking", "probing", "decoding", "writing"]


class ImportOptions(BaseModel, frozen=True):
    """How pictures become arrays.

    ``size`` is the side in pixels, (height, width), or None for the pictures' own median;
    ``fractions`` divides what comes without splits into train, val and test.
    """

    size: int | tuple[int, int] | None = None
    resize: ResizeMode = "crop"
    color: ColorMode = "auto"
    background: str = "white"
    """What shines through where a picture is transparent: a colour that Pillow knows."""
    truncated: bool = False
    """Whether pictures that are cut off are taken as far as they go, or skipped."""
    seed: int = 0
    fractions: tuple[float, float, float] = (0.70, 0.15, 0.15)
    labels: LabelLevel = "fine"
    """Of sets that have both, as CIFAR-100: the classes, or the superclasses they belong to."""

    @property
    def decoding(self) -> Decoding:
        return Decoding(self.background, self.truncated)

    @property
    def sides(self) -> tuple[int, int] | None:
        return (self.size, self.size) if isinstance(self.size, int) else self.size


DEFAULTS = ImportOptions()


class ImportProgress(BaseModel, frozen=True):
    """``done`` of ``total`` pictures (when ``fetching``: bytes) of a phase of an import, begun at
    ``started`` (unix time)."""

    phase: Phase = "listing"
    done: int = 0
    total: int = 0
    started: float = 0.0

    def seconds_left(self, now: float | None = None) -> float | None:
        """By the pace so far; None before there is one."""
        if self.phase not in ("decoding", "fetching") or not self.done:
            return None
        passed = (time.time() if now is None else now) - self.started
        return max(0.0, passed / self.done * (self.total - self.done))


OnProgress = Callable[[ImportProgress], None]
ShouldStop = Callable[[], bool]


class ImportCancelledError(DatasetError):
    """The user has cancelled the import."""

    def __init__(self) -> None:
        super().__init__(N_("The import was cancelled; nothing was kept."))


def check_options(options: ImportOptions) -> None:
    """DatasetError naming the option that is impossible, what it may be and what it is."""
    sides = options.sides
    if sides is not None and not all(1 <= side <= limits.MAX_SIDE for side in sides):
        raise DatasetError(
            N_("The picture size must be from 1 to {most} pixels; received: {size}."),
            most=limits.MAX_SIDE,
            size=" × ".join(str(side) for side in sides),
        )
    for name, value, allowed in (
        ("resize", options.resize, get_args(ResizeMode)),
        ("color", options.color, get_args(ColorMode)),
        ("labels", options.labels, get_args(LabelLevel)),
    ):
        if value not in allowed:
            raise DatasetError(
                N_("The option “{name}” must be one of {allowed}; received: {value}."),
                name=name,
                allowed=", ".join(allowed),
                value=str(value),
            )
    # Written so that NaN fails too.
    if not (all(0 <= f <= 1 for f in options.fractions) and options.fractions[0] > 0):
        raise DatasetError(
            N_("The fractions must lie between 0 and 1, that of train above 0; received: {value}."),
            value=", ".join(str(f) for f in options.fractions),
        )
