"""What a training consists of: one stage, or two with a pretrained backbone. Without Keras."""

from __future__ import annotations

from typing import NamedTuple

from core.config import RunConfig, TransferConfig
from core.records import StageName


class Stage(NamedTuple):
    """Part of a training; ``until`` is the number of the whole training's epochs at its end."""

    name: StageName | None
    until: int


def stages_of(config: RunConfig) -> list[Stage]:
    """What a training consists of, in order."""
    model, epochs = config.model, config.train.epochs
    if not isinstance(model, TransferConfig) or not model.pretrained:
        return [Stage(None, epochs)]
    frozen = [Stage("frozen", min(model.frozen_epochs, epochs))] if model.frozen_epochs else []
    tuned = [Stage("fine-tuning", epochs)] if model.frozen_epochs < epochs else []
    return frozen + tuned


def stage_config(config: RunConfig, stage: Stage) -> RunConfig:
    """The settings that hold in a stage: after frozen epochs the rate is a smaller one, and what
    has been warmed up is not warmed up again."""
    model = config.model
    if stage.name != "fine-tuning" or not isinstance(model, TransferConfig):
        return config
    if not model.frozen_epochs:
        return config
    rate = config.optimizer.learning_rate * model.fine_rate
    return config.with_values({"optimizer.learning_rate": rate, "optimizer.warmup_epochs": 0})


def keeps_features(config: RunConfig, stage: Stage) -> bool:
    """Whether the backbone sees every image once in a stage: it is frozen, and no image changes."""
    return stage.name == "frozen" and not config.augment.active


def epochs_on_images(config: RunConfig) -> int:
    """How many epochs take the time of one; those on kept features count as one in all."""
    epochs, before = 0, 0
    for stage in stages_of(config):
        epochs += 1 if keeps_features(config, stage) else stage.until - before
        before = stage.until
    return epochs
