"""What the knobs remember survives a kill: schedule, averages, plateau, early stopping."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from core import training
from core.prediction import load_model
from core.records import read_history
from core.store import Store
from core.training import run_training
from tests.training.helpers import QUICK
from tests.training.test_resume import (
    EVERYTHING,
    KilledError,
    assert_equal,
    create,
    live,
    outcome,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
SETTINGS: dict[str, Mapping[str, object]] = {
    "schedule and averages": {
        "optimizer.schedule": "restarts",
        "optimizer.restart_epochs": 2,
        "optimizer.warmup_epochs": 1,
        "optimizer.ema": True,
        "optimizer.ema_momentum": 0.9,
        "train.label_smoothing": 0.1,
        "train.class_weights": "sqrt",
        "train.epochs": 6,
    },
    "plateau, last epoch kept": {
        "optimizer.name": "sgd",
        "optimizer.schedule": "plateau",
        "optimizer.plateau_patience": 2,
        "optimizer.ema": True,
        "optimizer.clipping": "global_norm",
        "train.monitor": "val_accuracy",
        "train.min_delta": 0.5,
        "train.restore_best": False,
        "train.early_stopping": False,
        "train.epochs": 6,
    },
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_resumed_run_equals_the_uninterrupted_one(store: Store, name: str) -> None:
    config = EVERYTHING.with_values(dict(SETTINGS[name]))
    whole, killed = create(store, config), create(store, config)
    run_training(store.paths, whole)
    expected = outcome(store.paths, whole)
    live(store, killed, 3, 2)  # within an epoch; plateau has waited for one
    live(store, killed, 4, None)  # between the line of an epoch and its checkpoint
    run_training(store.paths, killed)
    assert_equal(outcome(store.paths, killed), expected)
    assert len({rate for *_, rate in expected.history}) > 1  # it was scheduled at all


def test_a_run_killed_while_evaluated_still_keeps_its_averages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = QUICK.with_values({"optimizer.ema": True, "train.restore_best": False})

    def die(*_args: object, **_kwargs: object) -> None:
        raise KilledError

    whole, killed = create(store, config), create(store, config)
    run_training(store.paths, whole)
    monkeypatch.setattr(training, "evaluate", die)
    with pytest.raises(KilledError):
        run_training(store.paths, killed)
    monkeypatch.undo()
    run_training(store.paths, killed)
    for mine, theirs in zip(
        load_model(store.paths, killed).get_weights(),
        load_model(store.paths, whole).get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert len(read_history(store.paths.run(killed))) == 3
