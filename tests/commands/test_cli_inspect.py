"""``inspect``"""

from __future__ import annotations

import pytest

from core.store import Store
from tests.commands.driving import Cli, finished_run
from tests.inspection.making import TRAIN, leave_features, leave_robustness


@pytest.mark.usefixtures("no_keras")
def test_what_is_kept_is_shown_at_once(cli: Cli, store: Store) -> None:
    run = finished_run(store)
    leave_features(store.paths, run.id)
    leave_robustness(store.paths, run.id)
    found = cli.json("inspect", run.id)
    assert found == {
        "run_id": run.id,
        "train_images": TRAIN,
        "train_accuracy": 1.0,
        "unknown_threshold": 2.5,
    }
    assert "100.0 %" in cli.text("inspect", run.id)
    found = cli.json("inspect", run.id, "--task", "robustness")
    assert (found["split"], found["images"]) == ("val", 10)
    noise = next(row for row in found["distortions"] if row["name"] == "noise")
    assert noise["values"] == [0, 10, 20, 30, 40, 50, 60]
    assert noise["accuracy"] == [1.0, *[0.5] * 6]
    assert found["readings"]["noise"].startswith("Loses more than 10 points from 10 grey levels")
    text = cli.text("inspect", run.id, "--task", "robustness")
    assert "Noise: Loses more than 10 points" in text
    assert "quality 4" in text


@pytest.mark.usefixtures("no_keras")
def test_a_run_without_a_network_is_refused(cli: Cli, store: Store) -> None:
    run = finished_run(store)
    answer = cli.json("inspect", run.id, code=1)
    assert "train it first" in answer["error"]
    assert "nobody" in cli.refused("inspect", "nobody")
