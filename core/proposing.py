"""Which experiment to try next: one change of the settings, and why it may help."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from core.caps import max_epochs
from core.config import RunConfig, TransferConfig
from core.errors import N_, Text, text


class Proposal(NamedTuple):
    """``label`` is what would be changed; ``values`` are dotted settings for ``with_values``."""

    label: Text
    why: Text
    values: dict[str, object]


Idea = Callable[[RunConfig], Proposal | None]
"""None where the settings leave no room for it."""

LABEL_RATE = N_("Learning rate {rate}")
HIGHEST_RATE, LOWEST_RATE = 10.0, 1e-7
MOST_EPOCHS = 10_000
MOST_DROPOUT = 0.6
MOST_WIDTH = 256
_WIDTHS = {
    "mlp": "units",
    "cnn": "filters",
    "resnet": "stem_filters",
    "fast32": "fast_width",
    "convnext": "channels",
    "mixer": "mixer_width",
}
"""The setting of an architecture that makes the network wider."""


def propose(state: str, config: RunConfig) -> Proposal | None:
    """The first idea for a state of a training that the settings leave room for."""
    for idea in IDEAS.get(state, ()):
        proposal = idea(config)
        if proposal is not None:
            return proposal
    return None


def lower_rate(config: RunConfig) -> Proposal | None:
    rate = _short(config.optimizer.learning_rate / 3)
    if rate < LOWEST_RATE:
        return None
    return Proposal(
        text(LABEL_RATE, rate=rate),
        text(N_("Steps a third as long do not jump over what they are looking for.")),
        {"optimizer.learning_rate": rate},
    )


def _higher_rate(config: RunConfig) -> Proposal | None:
    rate = _short(config.optimizer.learning_rate * 3)
    if rate > HIGHEST_RATE:
        return None
    return Proposal(
        text(LABEL_RATE, rate=rate),
        text(N_("Steps three times as long get there in fewer epochs.")),
        {"optimizer.learning_rate": rate},
    )


def _augment(config: RunConfig) -> Proposal | None:
    """A shift keeps the meaning of nearly all images; on kept features it would cost hours."""
    if config.augment.active or isinstance(config.model, TransferConfig):
        return None
    return Proposal(
        text(N_("Shift the images at random by up to {percent} %"), percent=10),
        text(N_("Images that are never twice the same are harder to learn by heart.")),
        {"augment.translation": 0.1},
    )


def _more_dropout(config: RunConfig) -> Proposal | None:
    now = config.model.dropout
    more = round(min(now + 0.2, MOST_DROPOUT), 2)
    if more <= now:
        return None
    return Proposal(
        text(N_("Dropout {more} instead of {now}"), more=more, now=now),
        text(N_("With more activations switched off, no neuron can rely on a single other one.")),
        {"model.dropout": more},
    )


def _more_l2(config: RunConfig) -> Proposal | None:
    if config.model.l2 >= 0.001:
        return None
    more = 0.001 if config.model.l2 else 0.0001
    return Proposal(
        text(N_("L2 penalty {more}"), more=more),
        text(N_("Smaller weights make a smoother network, which learns less by heart.")),
        {"model.l2": more},
    )


def _stop_early(config: RunConfig) -> Proposal | None:
    if config.train.early_stopping and config.train.restore_best:
        return None
    return Proposal(
        text(N_("Early stopping, keeping the best epoch")),
        text(N_("The training ends soon after its best epoch, and that one is kept.")),
        {"train.early_stopping": True, "train.restore_best": True},
    )


def _smooth_labels(config: RunConfig) -> Proposal | None:
    if config.train.label_smoothing:
        return None
    return Proposal(
        text(N_("Label smoothing {share}"), share=0.1),
        text(N_("A label that is never quite certain teaches the network not to be, either.")),
        {"train.label_smoothing": 0.1},
    )


def _falling_rate(config: RunConfig) -> Proposal | None:
    if config.optimizer.schedule not in ("constant", "step"):
        return None
    return Proposal(
        text(N_("Cosine schedule")),
        text(N_("Ever shorter steps settle where steps of one length keep jumping about.")),
        {"optimizer.schedule": "cosine"},
    )


def _wider(config: RunConfig) -> Proposal | None:
    field = _WIDTHS.get(config.model.architecture)
    if field is None:
        return None
    wide = 2 * int(getattr(config.model, field))
    if wide > MOST_WIDTH:
        return None
    return Proposal(
        text(N_("A network twice as wide")),
        text(N_("If even the training images are not learned, the network may be too small.")),
        {f"model.{field}": wide},
    )


def _more_epochs(config: RunConfig) -> Proposal | None:
    more = min(2 * config.train.epochs, MOST_EPOCHS, max_epochs() or MOST_EPOCHS)
    if more <= config.train.epochs:
        return None
    return Proposal(
        text(N_("{epochs} epochs"), epochs=more),
        text(N_("If it still improves at its end, it has been given too few epochs.")),
        {"train.epochs": more},
    )


def _short(rate: float) -> float:
    return float(f"{rate:.2g}")


IDEAS: dict[str, tuple[Idea, ...]] = {
    "improving": (_more_epochs,),
    "plateau": (_falling_rate, _wider, lower_rate),
    "overfitting": (_augment, _more_dropout, _stop_early, _more_l2, _smooth_labels),
    "overconfident": (_smooth_labels, _stop_early),
    "diverging": (lower_rate,),
    "rate_high": (lower_rate,),
    "rate_low": (_higher_rate,),
}
"""By state of :class:`core.reading_curves.State`."""
