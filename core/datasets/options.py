"""What the user may choose about an import, and what an import says while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from PIL import ImageColor
from pydantic import BaseModel

from core.datasets import limits
from core.datasets.dataset import ResizeMode
from core.datasets.decoding import Decoding
from core.errors import N_, DatasetError

ColorMode = Literal["auto", "grey", "rgb"]
LabelLevel = Literal["fine", "coarse"]
SplitMode = Literal["given", "anew"]
Phase = Literal["listing", "fetching", "unpacking", "probing", "decoding", "writing"]


SPLIT_PRESETS: Mapping[str, tuple[float, float, float]] = {
    "70/15/15": (0.70, 0.15, 0.15),
    "80/10/10": (0.80, 0.10, 0.10),
    "60/20/20": (0.60, 0.20, 0.20),
    "4:1:1": (4 / 6, 1 / 6, 1 / 6),
}
"""Shares of train, val and test by their name; 4:1:1 makes 40,000/10,000/10,000 of CIFAR-10."""


class ImportOptions(BaseModel, frozen=True):
    """How pictures become arrays.

    ``size`` is the side in pixels, (height, width), or None for the pictures' own median;
    ``fractions`` divides what comes without splits into train, val and test. ``splits``: those
    that the source gives are kept, or everything is divided ``anew``. ``per_class`` is the most
    pictures of a class that are imported, all splits together, for a short lesson.
    """

    size: int | tuple[int, int] | None = None
    resize: ResizeMode = "crop"
    color: ColorMode = "auto"
    background: str = "white"
    """What shines through where a picture is transparent: a colour that Pillow knows."""
    truncated: bool = False
    """Whether pictures that are cut off are taken as far as they go, or skipped."""
    seed: int = 0
    fractions: tuple[float, float, float] = SPLIT_PRESETS["70/15/15"]
    splits: SplitMode = "given"
    """Whether the splits of the source are kept, or everything is divided by ``fractions``."""
    per_class: int | None = None
    """At most so many pictures of a class, all splits together: for a short lesson."""
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
    limits.check_limits()
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
        ("splits", options.splits, get_args(SplitMode)),
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
    if options.per_class is not None and options.per_class < 1:
        raise DatasetError(
            N_("The pictures per class must be at least 1; received: {value}."),
            value=options.per_class,
        )
    _check_color(options.background)


def _check_color(name: str) -> None:
    try:
        ImageColor.getrgb(name)
    except ValueError as error:
        raise DatasetError(
            N_(
                "The background must be a colour such as white, black or #a0c4ff; "
                "received: {value}."
            ),
            value=name,
        ) from error
