"""``ensemble`` on the command line; what it makes is tested in tests/ensembles."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.predictions import Predictions, save_predictions
from core.paths import Paths
from core.records import RunRecord, RunStatus
from core.store import Store
from tests.commands.driving import Cli, finished_run

TRUTH = np.resize(np.arange(3), 30).astype(np.int32)


@pytest.fixture
def runs(store: Store) -> list[RunRecord]:
    """Two runs, each wrong about other images, and a third one on another dataset."""
    made = []
    for number in range(3):
        config = {"model.architecture": "mlp"} if number == 1 else {}
        record = finished_run(store)
        assert record.summary is not None
        worth = 0.8 + number / 100
        record = record.changed(
            config=record.config.with_values(dict(config)),
            dataset_fingerprint="other" if number == 2 else "same",
            summary=record.summary.model_copy(update={"val_accuracy": worth}),
        )
        store.save(record)
        said = TRUTH.copy()
        said[number * 6 : number * 6 + 6] = (said[number * 6 : number * 6 + 6] + 1) % 3
        proba = np.full((30, 3), 0.1, np.float32)
        proba[np.arange(30), said] = 0.8
        proba[number * 6 : number * 6 + 6] = 0.3
        proba[np.arange(number * 6, number * 6 + 6), said[number * 6 : number * 6 + 6]] = 0.4
        split = Predictions(TRUTH, proba, np.arange(30))
        files = store.paths.run(record.id)
        save_predictions(files.predictions, {"val": split, "test": split})
        made.append(record)
    return made


@pytest.mark.usefixtures("no_keras")
def test_it_makes_an_ensemble_that_other_commands_know(cli: Cli, runs: list[RunRecord]) -> None:
    one, two, _other = runs
    answer = cli.json("ensemble", one.id, two.id, "--by", "Ana")
    assert (answer["val_accuracy"], answer["best_val_accuracy"]) == (1.0, 0.8)
    assert answer["gain"] == pytest.approx(0.2)
    made = answer["run_id"]
    listed = {row["run_id"]: row for row in cli.json("runs")}
    assert (listed[made]["kind"], listed[made]["by"]) == ("ensemble", "Ana")
    assert "Ensemble × 2" in cli.text("runs")
    shown = cli.text("show", made)
    assert one.id in shown
    assert "optimizer" not in shown
    assert cli.json("errors", made)["accuracy"] == 1.0
    compared = cli.json("compare", one.id, made)
    assert compared["fixed"] == 6
    assert [row["setting"] for row in compared["settings"]] == ["network"]
    assert "no trained network" not in cli.json("predict", made, "x.png", code=1)["error"]
    assert cli.json("delete", two.id, "--yes")["asked_by"] == [made]
    assert "gone" in cli.json("predict", made, "x.png", code=1)["error"]
    assert cli.json("reindex")["problems"] == []


@pytest.mark.usefixtures("no_keras")
def test_methods_are_compared_and_nothing_is_made(cli: Cli, runs: list[RunRecord]) -> None:
    answer = cli.json("ensemble", "methods", runs[0].id, runs[1].id)
    assert [row["method"] for row in answer["methods"]][:2] == ["mean", "logits"]
    assert len(answer["methods"]) == 6
    assert [step["val_accuracy"] for step in answer["greedy"]] == [0.8, 1.0]
    assert answer["agreement"][0] == [1.0, 0.6]
    assert answer["error_correlation"][0][1] == pytest.approx(-0.25)
    assert len(cli.json("runs")) == 3
    assert "Stacking" in cli.text("ensemble", "methods", runs[0].id, runs[1].id)


@pytest.mark.usefixtures("no_keras")
def test_a_rule_chooses_on_one_dataset(cli: Cli, runs: list[RunRecord], store: Store) -> None:
    for record in runs[:2]:
        assert record.status is RunStatus.FINISHED
    store.delete(runs[2].id)
    answer = cli.json("ensemble", "--rule", "--method", "vote")
    assert {m["run"] for m in answer["members"]} == {runs[0].id, runs[1].id}
    only = cli.json("ensemble", "--rule", "--best", "0", "--at-least", "0.81", code=1)
    assert "2 to 30" in only["error"]


def test_what_is_wrong_is_said(cli: Cli, runs: list[RunRecord], paths: Paths) -> None:
    assert "two members" in cli.refused("ensemble", runs[0].id)
    assert "RUN_ID@EPOCH" in cli.refused("ensemble", runs[0].id, "nonsense")
    assert "not both" in cli.refused("ensemble", "--rule", runs[0].id)
    assert "one run" in cli.refused("ensemble", "snapshots", runs[0].id, runs[1].id)
    assert "not both" in cli.refused("ensemble", "snapshots", "--rule")
    assert "answer together" in cli.refused("ensemble", "soup", runs[0].id, runs[1].id, "--tta")
    assert "from 0 to 1" in cli.refused("ensemble", "--rule", "--at-least", "95")
    assert "from 0" in cli.refused("ensemble", "--rule", "--best", "-1")
    other = cli.json("ensemble", runs[0].id, runs[2].id, code=1)
    assert "another dataset" in other["error"]
    assert "no snapshots" in cli.json("ensemble", "snapshots", runs[0].id, code=1)["error"]
    soup = cli.json("ensemble", "soup", runs[0].id, runs[1].id, code=1)
    assert "one architecture" in soup["error"]
    assert not list((paths.root / "runs").glob("*/stacking.npz"))
