"""``data relabel`` from a table of decisions to the next version of a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Paths
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
