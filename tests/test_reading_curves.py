"""The reading of made-up curves, of which anybody would say the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from core.config import ARCHITECTURES, RunConfig
from core.proposing import IDEAS, propose
from core.reading_curves import Reading, State, read_curves
from core.records import Epoch, StageName

CONFIG = RunConfig()
CLASSES = 10
GUESSING = math.log(CLASSES)


def epochs(
    loss: Sequence[float],
    val: Sequence[float] | None = None,
    accuracy: Sequence[float] | None = None,
    val_accuracy: Sequence[float] | None = None,
    stage: StageName | None = None,
) -> list[Epoch]:
    """A history; accuracies that are not given are those that usually go with such a loss."""

    def usual(losses: Sequence[float]) -> list[float]:
        return [max(0.1, 1 - 0.9 * min(value / GUESSING, 1)) for value in losses]

    right = list(accuracy or usual(loss))
    return [
        Epoch(
            epoch=i + 1,
            loss=loss[i],
            accuracy=right[i],
            val_loss=val[i] if val else None,
            val_accuracy=(val_accuracy or usual(val))[i] if val else None,
            learning_rate=0.001,
            seconds=1,
            images_per_second=100,
            stage=stage,
        )
        for i in range(len(loss))
    ]


def read(history: list[Epoch], config: RunConfig = CONFIG, classes: int = CLASSES) -> Reading:
    found = read_curves(history, config, classes)
    assert found is not None
    assert "{" not in str(found.sentence)
    return found


def falling(start: float, end: float, n: int, speed: float = 0.3) -> list[float]:
    """Fast at first, ever slower."""
    return [end + (start - end) * math.exp(-speed * i) for i in range(n)]


def noisy(values: Sequence[float], part: float, seed: int = 0) -> list[float]:
    rng = np.random.default_rng(seed)
    return [float(v * (1 + part * rng.uniform(-1, 1))) for v in values]


def test_nothing_before_the_first_epoch() -> None:
    assert read_curves([], CONFIG, CLASSES) is None


def test_one_epoch_says_little() -> None:
    found = read(epochs([1.5], [1.4], val_accuracy=[0.5]))
    assert found.state is State.BEGINNING
    assert "50.0 % right, guessing would give 10.0 %" in str(found.sentence)
    assert found.proposal is None


@pytest.mark.parametrize("part", [0, 0.02, 0.05])
@pytest.mark.parametrize("n", [4, 8, 15])
def test_still_improving(n: int, part: float) -> None:
    loss = falling(2.0, 0.2, n, speed=0.12)
    found = read(epochs(noisy(loss, part), noisy([v + 0.1 for v in loss], part, 1)))
    assert found.state is State.IMPROVING
    assert found.proposal
    assert found.proposal.values == {"train.epochs": 40}


def test_no_more_epochs_are_proposed_than_the_server_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIENZO_MAX_EPOCHS", "30")
    proposal = propose(State.IMPROVING, CONFIG)
    assert proposal
    assert proposal.values == {"train.epochs": 30}
    monkeypatch.setenv("LIENZO_MAX_EPOCHS", "20")
    assert propose(State.IMPROVING, CONFIG) is None


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("part", [0, 0.02])
def test_over_fitting_since_its_best_epoch(part: float, seed: int) -> None:
    """Lowest in epoch 8, then up by 0.04 an epoch."""
    loss = falling(1.9, 0.1, 20)
    val = [1.0 + 0.12 * max(7 - i, 0) + 0.04 * max(i - 7, 0) for i in range(20)]
    right = [0.5] * 20
    found = read(epochs(loss, noisy(val, part, seed), val_accuracy=right))
    assert found.state is State.OVERFITTING
    assert found.since
    assert abs(found.since - 9) <= (1 if part else 0)
    assert found.proposal
    assert found.proposal.values == {"augment.translation": 0.1}


def test_over_fitting_without_a_rise() -> None:
    """All training images known, a fifth of the others wrong: by heart, though the loss is flat."""
    loss, val = falling(1.5, 0.001, 12, speed=0.8), falling(1.5, 0.8, 12, speed=1.5)
    val[-4:] = [0.81, 0.805, 0.81, 0.807]
    found = read(epochs(loss, val, accuracy=[0.5] * 4 + [0.995] * 8, val_accuracy=[0.8] * 12))
    assert found.state is State.OVERFITTING


def test_too_sure_of_itself() -> None:
    loss = falling(1.9, 0.2, 12)
    val = [1.2, 1.0, 0.9, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.25]
    found = read(epochs(loss, val, val_accuracy=[0.6 + 0.01 * i for i in range(12)]))
    assert (found.state, found.since) == (State.OVERCONFIDENT, 5)
    assert found.proposal
    assert found.proposal.values == {"train.label_smoothing": 0.1}


@pytest.mark.parametrize("part", [0, 0.01, 0.03])
def test_a_plateau(part: float) -> None:
    loss = falling(2.0, 0.9, 20, speed=0.8)
    found = read(epochs(noisy(loss, part), noisy([v + 0.05 for v in loss], part, 1)))
    assert found.state is State.PLATEAU
    assert found.proposal
    assert found.proposal.values == {"optimizer.schedule": "cosine"}


@pytest.mark.parametrize("part", [0, 0.2])
def test_nearly_all_is_learned(part: float) -> None:
    """A loss near 0 may rise to twice its value and mean nothing."""
    loss = falling(1.5, 0.03, 25, speed=0.5)
    val = noisy([v + 0.02 for v in loss], part)
    found = read(epochs(loss, val, val_accuracy=[0.9] * 10 + [0.985] * 15))
    assert found.state is State.DONE
    assert found.proposal is None


def test_diverging() -> None:
    loss = [1.8, 1.2, 0.9, 0.8, 1.4, 2.5, 6.0]
    found = read(epochs(loss, [value + 0.1 for value in loss]))
    assert (found.state, found.since) == (State.DIVERGING, 5)
    assert found.proposal
    assert found.proposal.values == {"optimizer.learning_rate": 0.00033}


def test_one_bad_epoch_is_no_divergence() -> None:
    loss = [1.8, 1.2, 0.9, 0.7, 1.1, 0.55]
    assert read(epochs(loss, loss)).state is State.IMPROVING


@pytest.mark.parametrize("loss", [[2.31] * 5, [2.9, 2.4, 2.5, 2.31, 2.33], [14.0, 2.5, 2.33, 2.31]])
def test_guessing_because_of_long_steps(loss: list[float]) -> None:
    found = read(epochs(loss, loss, accuracy=[0.1] * len(loss), val_accuracy=[0.1] * len(loss)))
    assert found.state is State.RATE_HIGH


@pytest.mark.parametrize("validated", [True, False])
def test_restless(validated: bool) -> None:
    loss = [1.9, 1.4, 1.7, 1.3, 1.6, 1.2, 1.5]
    found = read(epochs(loss, loss if validated else None))
    assert found.state is State.RATE_HIGH


@pytest.mark.parametrize("n", [3, 10])
def test_creeping(n: int) -> None:
    loss = [2.32 - 0.02 * i for i in range(n)]
    found = read(epochs(loss, loss, accuracy=[0.12 + 0.01 * i for i in range(n)]))
    assert found.state is State.RATE_LOW
    assert found.proposal
    assert found.proposal.values == {"optimizer.learning_rate": 0.003}


def test_many_classes_learn_slowly_without_being_slow() -> None:
    """A hundred classes: 2 % of the loss an epoch, but far more in the first ones."""
    loss = [4.1, 3.7, 3.5, 3.38, 3.3, 3.23, 3.17, 3.12, 3.07, 3.02]
    assert read(epochs(loss, loss), classes=100).state is State.IMPROVING


def test_without_validation_only_the_training_is_read() -> None:
    """What looks like over-fitting cannot be seen, and what can be seen is said."""
    found = read(epochs(falling(2, 0.2, 12, speed=0.12)))
    assert (found.state, found.proposal) == (State.IMPROVING, None)
    assert "overfits cannot be seen" in str(found.remark)
    assert read(epochs(falling(2, 0.9, 20, speed=0.8))).state is State.PLATEAU


def test_every_stage_of_a_transfer_by_itself() -> None:
    """A plateau of the frozen stage is over when the backbone begins to learn."""
    frozen = epochs(falling(1.5, 0.9, 12, speed=1), falling(1.5, 1.0, 12, speed=1), stage="frozen")
    tuned = epochs([0.8, 0.6, 0.45], [0.95, 0.85, 0.78], stage="fine-tuning")
    tuned = [e.model_copy(update={"epoch": e.epoch + 12}) for e in tuned]
    assert read(frozen).state is State.PLATEAU
    assert read([*frozen, tuned[0]]).state is State.BEGINNING
    assert read([*frozen, *tuned]).state is State.IMPROVING


def test_epochs_are_called_as_on_the_screen() -> None:
    val = [1.2, 1.0, 0.9, 1.1, 1.2, 1.3]
    late = [e.model_copy(update={"epoch": e.epoch + 30}) for e in epochs(falling(1, 0.1, 6), val)]
    assert read(late).since == 34


def test_two_classes() -> None:
    loss = [0.69, 0.5, 0.35, 0.25, 0.18]
    right = [0.55, 0.75, 0.85, 0.9, 0.93]
    found = read(epochs(loss, loss, right, right), classes=2)
    assert found.state is State.IMPROVING


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("state", IDEAS)
def test_every_proposal_is_a_possible_config(state: str, architecture: str) -> None:
    """However often one follows another, until nothing is left to propose or the tenth."""
    config = CONFIG.with_values({"model.architecture": architecture})
    for _ in range(10):
        proposal = propose(state, config)
        if proposal is None:
            return
        changed = config.with_values(proposal.values)
        assert changed != config
        assert "{" not in str(proposal.label) + str(proposal.why)
        config = changed


def test_an_idea_that_is_used_up_gives_way_to_the_next() -> None:
    """Over-fitting: images shifted, then dropout, then its limit reached, the penalty."""
    config, changed = CONFIG, []
    while (proposal := propose("overfitting", config)) is not None:
        changed += list(proposal.values)
        config = config.with_values(proposal.values)
    assert changed == [
        *("augment.translation", "model.dropout", "model.dropout"),
        *("model.l2", "model.l2", "train.label_smoothing"),
    ]
