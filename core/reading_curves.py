"""What the curves of a training say, in plain words, and which experiment to try next.

A function of the epochs, the settings and the server's limit of epochs. It looks at one stage of a
training at a time, takes the noise of the curves into account, and rather says less than too much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from core.config import RunConfig
from core.errors import N_, Text, text
from core.proposing import Proposal, propose
from core.records import Epoch


class State(StrEnum):
    """How a training goes."""

    BEGINNING = "beginning"
    IMPROVING = "improving"
    PLATEAU = "plateau"
    DONE = "done"
    OVERFITTING = "overfitting"
    OVERCONFIDENT = "overconfident"
    DIVERGING = "diverging"
    RATE_HIGH = "rate_high"
    RATE_LOW = "rate_low"


UNSEEN = N_(
    "Without validation these figures are of the training images: whether it overfits cannot be "
    "seen."
)
GOOD = (State.BEGINNING, State.IMPROVING, State.DONE)


class Reading(NamedTuple):
    """``since``: the epoch from which on it has been so, where that can be said; ``remark``: what
    cannot be seen in these curves."""

    state: State
    sentence: Text
    since: int | None = None
    proposal: Proposal | None = None
    remark: Text | None = None


class _Curves(NamedTuple):
    """One stage: losses in nats, accuracies in [0, 1], each (n,), and what guessing would give.

    ``val`` and ``val_accuracy`` are those of the training where nothing was validated.
    """

    epochs: list[int]
    loss: list[float]
    accuracy: list[float]
    val: list[float]
    val_accuracy: list[float]
    validated: bool
    guessing: float
    """The loss of equal probabilities for all classes."""
    chance: float
    """The accuracy of it."""

    @property
    def best(self) -> int:
        """Place of the lowest validation loss."""
        return self.val.index(min(self.val))


RISE = 0.03
"""Part of its lowest value by which a loss has risen at least, besides its noise."""
LEAST_RISE = 0.02
"""Part of what guessing costs; less is of no importance to a network that knows nearly all."""
SLOW = 0.03
"""Part of a loss that falls away per epoch at least where the rate is not too low."""
FLAT = 0.01
"""Part of a loss by which it falls per epoch at most on a plateau."""
KNOWS_ALL = 0.98
"""From this training accuracy on there is hardly anything left to learn."""
GAP = 0.1
"""Difference of training and validation accuracy that is more than chance."""


def read_curves(history: Sequence[Epoch], config: RunConfig, classes: int) -> Reading | None:
    """What the epochs so far say; None before the first one has ended.

    Args:
        history: the epochs of one run, as they are numbered on the screen.
        classes: at least 2; what a network that only guesses would reach follows from it.
    """
    if not history:
        return None
    stage = [epoch for epoch in history if epoch.stage == history[-1].stage]
    curves = _curves(stage, classes)
    found = next(found for judge in JUDGES if (found := judge(curves)) is not None)
    if curves.validated:
        return found._replace(proposal=propose(found.state.value, config))
    # More epochs always look better on the images that are learned from.
    trusted = found.state is not State.IMPROVING
    proposal = propose(found.state.value, config) if trusted else None
    return found._replace(proposal=proposal, remark=text(UNSEEN))


def _curves(stage: Sequence[Epoch], classes: int) -> _Curves:
    loss, accuracy = [e.loss for e in stage], [e.accuracy for e in stage]
    validated = all(e.val_loss is not None and e.val_accuracy is not None for e in stage)
    return _Curves(
        [e.epoch for e in stage],
        loss,
        accuracy,
        [e.val_loss or 0.0 for e in stage] if validated else loss,
        [e.val_accuracy or 0.0 for e in stage] if validated else accuracy,
        validated,
        math.log(max(classes, 2)),
        1 / max(classes, 2),
    )


def _diverging(c: _Curves) -> Reading | None:
    """The training loss itself climbs: no matter what validation says."""
    lowest = c.loss.index(min(c.loss))
    recent = c.loss[lowest + 1 :][-2:]
    if not recent or min(recent) < 1.3 * c.loss[lowest] + 2 * _noise(c.loss[: lowest + 1]):
        return None
    if len(recent) < 2 and recent[0] < 2 * c.loss[lowest]:
        return None  # one bad epoch
    if min(recent) < 0.3 * c.guessing:
        return None  # a jump near zero is not the end of a training
    return Reading(
        State.DIVERGING,
        text(
            N_(
                "Diverging since epoch {epoch}: the loss on the training images itself rises, "
                "from {lowest} to {last}. The steps are too long."
            ),
            epoch=c.epochs[lowest] + 1,
            lowest=_short(c.loss[lowest]),
            last=_short(c.loss[-1]),
        ),
        since=c.epochs[lowest] + 1,
    )


def _beginning(c: _Curves) -> Reading | None:
    if len(c.epochs) == 1 or (len(c.epochs) == 2 and not _stuck(c)):
        return Reading(
            State.BEGINNING,
            text(
                N_(
                    "It has begun: {accuracy} % right, guessing would give {chance} %. Two or "
                    "three more epochs tell more."
                ),
                accuracy=_percent(c.val_accuracy[-1]),
                chance=_percent(c.chance),
            ),
        )
    return None


def _guessing(c: _Curves) -> Reading | None:
    """No better than guessing after three epochs: steps too long if it jumps about or has ended on
    one answer, too short if it creeps downwards."""
    if len(c.epochs) < 3 or not _stuck(c):
        return None
    if _creeps(c):
        return _too_low(c)
    return Reading(
        State.RATE_HIGH,
        text(
            N_(
                "It does not learn: {accuracy} % right is hardly better than guessing "
                "({chance} %), and the loss does not fall. The learning rate is probably too high."
            ),
            accuracy=_percent(max(c.accuracy[-3:])),
            chance=_percent(c.chance),
        ),
    )


def _creeping(c: _Curves) -> Reading | None:
    """Evenly downwards, slowly, and still near what guessing gives."""
    near = c.loss[0] > 0.85 * c.guessing and c.loss[-1] > 0.6 * c.guessing
    return _too_low(c) if near and _creeps(c) else None


def _too_low(c: _Curves) -> Reading:
    return Reading(
        State.RATE_LOW,
        text(
            N_(
                "It learns very slowly: the loss falls evenly, but by {part} % per epoch only. "
                "The learning rate is probably too low."
            ),
            part=_percent(max(_fall(c.loss), 0.0)),
        ),
    )


def _jumping(c: _Curves) -> Reading | None:
    """The training loss goes up as often as down, and by much."""
    if len(c.loss) < 5:
        return None
    recent = c.loss[-6:]
    rises = sum(b > 1.1 * a for a, b in pairwise(recent))
    if rises < 2 or recent[-1] < 0.1 * c.guessing:
        return None
    return Reading(
        State.RATE_HIGH,
        text(
            N_(
                "Restless: in the last epochs the loss on the training images has risen {n} "
                "times. The learning rate is probably too high."
            ),
            n=rises,
        ),
    )


def _overfitting(c: _Curves) -> Reading | None:
    """Ever better on training images, and no longer on validation images."""
    since = c.best + 1
    if not c.validated or len(c.epochs) - since < 2 or c.loss[-1] >= c.loss[c.best]:
        return None
    last = median(c.val[-3:]) if len(c.val) - since >= 3 else min(c.val[-2:])
    lowest = c.val[c.best]
    risen = last > lowest + max(RISE * lowest, LEAST_RISE * c.guessing) + _noise(c.val)
    apart = c.accuracy[-1] - c.val_accuracy[-1] > GAP and c.accuracy[-1] > KNOWS_ALL
    if not risen and not apart:
        return None
    if risen and not apart and _rises(c.val_accuracy, since):
        return _overconfident(c)
    return Reading(
        State.OVERFITTING,
        text(
            N_(
                "Overfitting since epoch {epoch}: on the training images the loss still falls, "
                "on the validation images it does not (lowest {lowest}, now {last}). From there on "
                "it learns the training images by heart."
            ),
            epoch=c.epochs[c.best] + 1,
            lowest=_short(c.val[c.best]),
            last=_short(c.val[-1]),
        ),
        since=c.epochs[c.best] + 1,
    )


def _overconfident(c: _Curves) -> Reading:
    return Reading(
        State.OVERCONFIDENT,
        text(
            N_(
                "Too sure of itself since epoch {epoch}: the validation loss rises, while the "
                "validation accuracy still improves. It makes fewer mistakes, but more certain "
                "ones."
            ),
            epoch=c.epochs[c.best] + 1,
        ),
        since=c.epochs[c.best] + 1,
    )


def _done(c: _Curves) -> Reading | None:
    if c.val_accuracy[-1] < KNOWS_ALL or _improves(c):
        return None
    return Reading(
        State.DONE,
        text(
            N_("It has learned nearly all there is: {accuracy} % right, and no longer rising."),
            accuracy=_percent(c.val_accuracy[-1]),
        ),
    )


def _plateau(c: _Curves) -> Reading | None:
    if _improves(c):
        return None
    since = c.epochs[c.best]
    return Reading(
        State.PLATEAU,
        text(
            N_(
                "A plateau: hardly any better since epoch {epoch} ({accuracy} % right). More "
                "epochs of the same will not help much."
            ),
            epoch=since,
            accuracy=_percent(c.val_accuracy[-1]),
        ),
        since=since,
    )


def _improving(c: _Curves) -> Reading | None:
    before = c.val_accuracy[-min(4, len(c.epochs))]
    sentence = (
        N_("Still improving: in the last {n} epochs from {before} % to {accuracy} % right.")
        if c.val_accuracy[-1] > before
        else N_("Still improving: the loss keeps falling ({accuracy} % right).")
    )
    values = {"n": min(4, len(c.epochs)), "before": _percent(before)}
    return Reading(State.IMPROVING, text(sentence, accuracy=_percent(c.val_accuracy[-1]), **values))


Judge = Callable[[_Curves], Reading | None]
JUDGES: tuple[Judge, ...] = (
    *(_diverging, _beginning, _guessing, _creeping, _overfitting, _jumping),
    *(_done, _plateau, _improving),
)
"""In the order in which they are asked; the last one always has an answer."""


def _stuck(c: _Curves) -> bool:
    """Hardly better than guessing, by what it says about the images that it has seen."""
    return max(c.accuracy[-3:]) < c.chance + 0.15 * (1 - c.chance) and (
        min(c.loss[-3:]) > 0.93 * c.guessing
    )


def _creeps(c: _Curves) -> bool:
    """Every epoch a little lower, by less than :data:`SLOW`, without getting slower."""
    if len(c.loss) < 3:
        return False
    falls = [a - b for a, b in pairwise(c.loss)]
    even = min(falls[-3:]) > 0 and falls[-1] > 0.3 * falls[0]
    return even and 0.0005 < _fall(c.loss) < SLOW


def _fall(values: Sequence[float]) -> float:
    """Part by which they fall per epoch, over the last four."""
    recent = values[-4:]
    return 1 - math.pow(recent[-1] / recent[0], 1 / (len(recent) - 1))


def _improves(c: _Curves) -> bool:
    """Whether the last few epochs are better than all before, by more than the noise."""
    few = max(2, min(5, len(c.val) // 3))
    before, after = c.val[:-few], c.val[-few:]
    if not before:
        return True
    lowest, now = min(before), min(median(after), after[-1])
    return lowest - min(after) > FLAT * few * lowest and lowest - now > 0.5 * _noise(c.val)


def _rises(values: Sequence[float], since: int) -> bool:
    return median(values[-2:]) > values[since - 1] + 0.005


def _noise(values: Sequence[float]) -> float:
    """How far a value typically is from the middle between its neighbours."""
    bends = [abs(b - (a + c) / 2) for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return median(bends[-8:]) if len(bends) >= 2 else 0.0


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def _percent(share: float) -> float:
    return round(100 * share, 1)
