"""Memory, by hand."""

from __future__ import annotations

import pytest

from core.config import RunConfig
from core.estimates import training_memory


@pytest.mark.parametrize(
    ("changes", "copies"),
    [
        ({}, 5),  # weights, gradients, two moments of Adam, the best epoch
        ({"optimizer.name": "sgd"}, 4),
        ({"optimizer.ema": True}, 6),
        ({"train.restore_best": False}, 4),
    ],
)
def test_every_copy_of_the_weights_counts(changes: dict[str, object], copies: int) -> None:
    config = RunConfig().with_values({"train.batch_size": 10, **changes})
    assert training_memory(config, 1000, 0) == 4 * 1000 * copies
    assert training_memory(config, 0, 50) == 4 * 10 * 50
