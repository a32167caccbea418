"""``data stats``"""

from __future__ import annotations

from pathlib import Path

from core.analysis.service import analysis_paths, read_task
from core.datasets.registry import open_dataset
from tests.commands.driving import Cli


def test_stats_are_computed_once_and_kept(cli: Cli, archive: Path) -> None:
    cli.json("data", "add", str(archive), "--name", "pets", "--size", "8")
    found = cli.json("data", "stats", "pets")
    assert "%|" in cli.err
    assert found["name"] == "pets"
    assert set(found["mean_brightness"]) == {"cats", "dogs"}
    assert all(0 <= level <= 255 for level in found["mean_brightness"].values())
    similar = found["duplicates"]["similar"]
    assert similar["images"] == sum(map(len, similar["first"]))
    assert read_task(cli.paths, open_dataset(cli.paths, "pets").info, "basic").status == "finished"
    assert cli.json("data", "stats", "pets") == found
    assert cli.err == ""
    text = cli.text("data", "stats", "pets")
    assert "mean grey level" in text
    assert "identical or nearly so" in text


def test_damaged_stats_are_computed_anew(cli: Cli) -> None:
    found = cli.json("data", "stats", "digits")
    file = analysis_paths(cli.paths, open_dataset(cli.paths, "digits").info).result("basic")
    file.write_bytes(b"cut")
    assert cli.json("data", "stats", "digits") == found


def test_stats_of_nothing(cli: Cli) -> None:
    assert "nobody" in cli.refused("data", "stats", "nobody")
