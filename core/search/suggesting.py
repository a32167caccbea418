"""Ranges that are a good beginning: for single settings, and for a first search that is guided."""

from __future__ import annotations

from typing import NamedTuple

from core.config import RunConfig
from core.search.ranges import (
    ARCHITECTURE,
    Choices,
    FieldKind,
    FloatRange,
    IntRange,
    Range,
    kind_of,
    knobs_of,
)
from core.search.space import SearchSpace, range_key

LESSON_MINUTES = 20
GUIDED_TRIALS = 20
GUIDED = ("optimizer.learning_rate", "train.batch_size", "model.dropout", "model.l2")
"""What the student projects asked for."""
_RANGES: dict[str, Range] = {
    "optimizer.learning_rate": FloatRange(low=1e-4, high=1e-1, log=True),
    "optimizer.momentum": FloatRange(low=0.5, high=0.99),
    "optimizer.weight_decay": FloatRange(low=1e-4, high=1e-1, log=True),
    "optimizer.added_decay": FloatRange(low=1e-4, high=1e-1, log=True),
    "optimizer.epsilon": FloatRange(low=1e-8, high=1e-3, log=True),
    "optimizer.name": Choices(values=("sgd", "rmsprop", "adam", "adamw")),
    "optimizer.schedule": Choices(values=("constant", "cosine", "one_cycle")),
    "train.batch_size": Choices(values=(32, 64, 128, 256)),
    "train.label_smoothing": FloatRange(low=0, high=0.2),
    "model.dropout": FloatRange(low=0, high=0.6),
    "model.l1": FloatRange(low=1e-6, high=1e-3, log=True),
    "model.l2": FloatRange(low=1e-6, high=1e-2, log=True),
    "model.layers": IntRange(low=1, high=4),
    "model.units": Choices(values=(64, 128, 256, 512)),
    "model.blocks": IntRange(low=1, high=4),
    "model.convs_per_block": IntRange(low=1, high=3),
    "model.filters": Choices(values=(16, 32, 64)),
    "model.dense_units": Choices(values=(0, 64, 128, 256)),
    "model.stem_filters": Choices(values=(8, 16, 32)),
    "model.input_size": Choices(values=(64, 96, 128, 160)),
    "model.fine_rate": FloatRange(low=0.01, high=1, log=True),
    "model.alpha": Choices(values=("0.35", "0.5", "0.75", "1.0")),
    "model.backbone": Choices(values=("mobilenet_v2", "efficientnet_b0", "resnet50")),
    ARCHITECTURE: Choices(values=("mlp", "cnn")),
    "augment.rotation": FloatRange(low=0, high=30),
    "augment.translation": FloatRange(low=0, high=0.2),
    "augment.zoom": FloatRange(low=0, high=0.2),
    "augment.hue": FloatRange(low=0, high=30),
    "augment.noise": FloatRange(low=0, high=30),
}
"""Settings for which a course knows where it pays to look."""


class Guided(NamedTuple):
    """A first search for one architecture."""

    space: SearchSpace
    sampler: str
    pruner: str
    trials: int
    minutes: float


def suggested_range(dotted: str, config: RunConfig) -> Range | None:
    """Where to begin to look for a setting; None if it may not be searched with these settings."""
    kind = kind_of(dotted, config.model.architecture)
    if kind is None:
        return None
    if dotted in _RANGES:
        return _RANGES[dotted]
    if kind.options:
        return Choices(values=kind.options)
    section, _, field = dotted.partition(".")
    now = getattr(getattr(config, section), field)
    step = knobs_of(section, config.model.architecture)[field].step
    return _whole(kind, now or 0) if kind.kind == "int" else _number(kind, now, step)


def _whole(kind: FieldKind, now: int) -> IntRange:
    """From half of what it is to twice as much."""
    low = max(int(kind.low or 0), now // 2)
    high = max(low + 1, 2 * now)
    return IntRange(low=low, high=high if kind.high is None else min(high, int(kind.high)))


def _number(kind: FieldKind, now: float, step: float | None) -> FloatRange:
    """From what is least to what is most, or as near to them as is allowed."""
    gap = step or 0.01
    low = (kind.low or 0) + (gap if kind.low_open else 0)
    high = 2 * now + 1 if kind.high is None else kind.high - (gap if kind.high_open else 0)
    return FloatRange(low=low, high=high)


def guided(architecture: str, base: RunConfig) -> Guided:
    """A first search for an architecture that ends within a lesson: what matters most, of the
    settings that it has."""
    config = base.with_values({ARCHITECTURE: architecture})
    fields = {
        range_key(dotted, architecture, (architecture,)): found
        for dotted in GUIDED
        if (found := suggested_range(dotted, config)) is not None
    }
    return Guided(SearchSpace(fields=fields), "tpe", "median", GUIDED_TRIALS, LESSON_MINUTES)
