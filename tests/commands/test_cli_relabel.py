"""``data labels`` and ``data relabel``: from doubtful labels to the next version of a dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.config import RunConfig
from core.evaluation.predictions import Predictions, save_predictions
from core.paths import Paths
from core.records import RunStatus
from core.store import Store
from tests.commands.driving import Cli
from tests.datasets.prepared import opened, prepared


@pytest.fixture
def table(paths: Paths, tmp_path: Path) -> Path:
    prepared(paths, "pets", {"train": [("cat", 1), ("dog", 2), ("cat", 3), ("dog", 4)]})
    file = tmp_path / "decisions.csv"
    file.write_text(
        "split,row,decision,new\ntrain,0,relabel,dog\ntrain,1,exclude,\ntrain,2,keep,\n"
    )
    return file


def test_the_next_version(cli: Cli, table: Path) -> None:
    answer = cli.json("data", "relabel", "pets", "--from", str(table))
    assert answer["name"] == "pets-v2"
    assert answer["class_counts"]["train"] == [1, 2]
    assert answer["dropped"] == {"excluded": 1}
    assert answer["derived"]["ancestors"][0]["name"] == "pets"
    assert opened(cli.paths, "pets-v2") == {"train": [("dog", 1), ("cat", 3), ("dog", 4)]}
    assert "Images given another class: 1." in cli.text("data", "show", "pets-v2")
    assert cli.json("data", "relabel", "pets", "--from", str(table))["name"] == "pets-v3"


def test_a_name_of_ones_own(cli: Cli, table: Path) -> None:
    assert cli.json("data", "relabel", "pets", "--from", str(table), "--name", "clean")["name"] == (
        "clean"
    )
    assert "exists already" in cli.refused(
        "data", "relabel", "pets", "--from", str(table), "--name", "clean"
    )


def test_a_table_that_is_missing_or_wrong(cli: Cli, table: Path) -> None:
    assert "cannot be read" in cli.refused("data", "relabel", "pets", "--from", "gone.csv")
    table.write_text("split,row,decision,new\ntrain,9,keep,\n")
    answer = cli.json("data", "relabel", "pets", "--from", str(table), code=1)
    assert "no row 9" in answer["error"]
    assert answer["kind"] == "dataset"


def test_labels_of_a_run_become_decisions(cli: Cli, store: Store, tmp_path: Path) -> None:
    rows = [("cat", i) for i in range(4)] + [("dog", i) for i in range(10, 14)]
    info = prepared(cli.paths, "pets", {"train": rows, "test": rows})
    y_true = np.array([0] * 4 + [1] * 4, np.int32)
    proba = np.eye(2, dtype=np.float32)[y_true] * 0.8 + 0.1
    proba[6] = (0.9, 0.1)  # a dog that looks like a cat
    config = RunConfig().with_values({"data.dataset": "pets"})
    record = store.create(config, owner="cli").changed(
        status=RunStatus.FINISHED,
        class_names=info.class_names,
        dataset_fingerprint=info.fingerprint,
    )
    store.save(record)
    found = Predictions(y_true, proba, np.arange(8))
    save_predictions(cli.paths.run(record.id).predictions, {"test": found})
    (issue,) = cli.json("data", "labels", record.id)["issues"]
    assert {key: issue[key] for key in ("row", "file", "given", "suggested")} == {
        "row": 6,
        "file": "test/6.png",
        "given": "dog",
        "suggested": "cat",
    }
    assert issue["suggested_probability"] == pytest.approx(0.9)
    table = tmp_path / "suggested.csv"
    said = cli.text("data", "labels", record.id, "--csv", str(table))
    assert said.startswith("Labels that are probably wrong, the clearest first: 1")
    assert "test/6.png" in said
    answer = cli.json("data", "relabel", "pets", "--from", str(table))
    assert answer["class_counts"]["test"] == [5, 3]
    assert "no predictions for the split" in cli.refused(
        "data", "labels", record.id, "--split", "x"
    )
