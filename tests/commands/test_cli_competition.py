"""``submit`` and ``competition …``."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Paths
from core.records import RunStatus
from core.store import Store
from tests.commands.driving import Cli
from tests.competition.contest import TRUTH, answered, labels_csv, make_unlabelled, with_right
from tests.pages.making import make_dataset, make_run


@pytest.fixture
def cli(paths: Paths, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(paths, capsys)


def test_a_competition_from_beginning_to_end(cli: Cli, tmp_path: Path) -> None:
    info = make_unlabelled(cli.paths).info
    run = answered(Store(cli.paths), info, with_right(60))
    labels, out = tmp_path / "labels.csv", tmp_path / "mine.csv"
    labels.write_bytes(labels_csv())
    create = ["competition", "create", "secret", "--title", "Pets", "--labels", str(labels)]
    made = cli.json(*create, "--to-beat", "0.5", "--beat-run", run.id, "--public", "0.5")
    assert (made["stage"], made["images"], made["public_images"]) == ("open", 60, 30)
    assert [row["rank"] for row in made["ranking"]] == [None] * 3
    receipt = cli.json(
        "submit", run.id, "--competition", made["id"], "--name", "Ana", "--out", str(out)
    )
    assert receipt["public_score"]["value"] == 1
    assert (receipt["left_today"], receipt["rows"]) == (4, 60)
    assert out.read_text().splitlines()[:2] == ["file,class", "u0.png,cat"]
    assert "Ana" in cli.text("competition", "show", made["id"])
    assert [c["id"] for c in cli.json("competition", "list")] == [made["id"]]
    assert "still open" in cli.json("competition", "reveal", made["id"], code=1)["error"]
    assert cli.json("competition", "close", made["id"])["stage"] == "closed"
    assert cli.json("competition", "show", made["id"])["ranking"][0]["final_score"] is None
    final = cli.json("competition", "reveal", made["id"])
    ana = next(row for row in final["ranking"] if row["nickname"] == "Ana")
    assert (ana["final_score"]["value"], ana["moved"]) == (1, 0)
    assert "Pets" in cli.text("competition", "list")
    assert cli.json("competition", "delete", made["id"])["deleted"]
    assert "no competition" in cli.refused("competition", "show", made["id"])


def test_hidden_test_labels(cli: Cli) -> None:
    make_dataset(cli.paths, "pets")
    words = ["competition", "create", "pets", "--title", "P", "--hide-test", "contest"]
    made = cli.json(*words, "--opens", "2036-01-01", "--closes", "2036-01-02T18:00")
    assert (made["dataset"], made["copied_from"], made["stage"]) == ("contest", "pets", "coming")
    assert "still shows the labels" in cli.err
    later = cli.json("competition", "extend", made["id"], "--closes", "2036-02-01")
    assert later["settings"]["closes"].startswith("2036-0")
    assert cli.json(*words, code=1)["kind"] == "dataset"  # the name is taken
    assert len(cli.json("competition", "list")) == 1


def test_submission_csv_of_a_run(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = answered(Store(cli.paths), make_unlabelled(cli.paths).info, TRUTH)
    told = cli.json("submit", run.id)
    assert told == {
        "run_id": run.id,
        "dataset": "secret",
        "split": "unlabelled",
        "file": "submission.csv",
        "rows": 60,
        "filled": 0,
        "left_out": 0,
    }
    assert (tmp_path / "submission.csv").read_bytes() == labels_csv()


def test_nothing_is_used_up_or_left_behind_by_what_goes_wrong(cli: Cli, tmp_path: Path) -> None:
    store = Store(cli.paths)
    run = answered(store, make_unlabelled(cli.paths).info, TRUTH)
    labels, nowhere = tmp_path / "labels.csv", str(tmp_path / "no" / "file.csv")
    labels.write_bytes(labels_csv())
    create = ["competition", "create", "secret", "--title", "P", "--labels", str(labels)]
    other = answered(store, make_dataset(cli.paths, "small", ("a", "b")), TRUTH)
    assert "other classes" in cli.json(*create, "--beat-run", other.id, code=1)["error"]
    assert cli.json("competition", "list") == []
    made = cli.json(*create, "--per-day", "1")["id"]
    hand_in = ["submit", run.id, "--competition", made, "--name", "Ana"]
    assert "cannot be written" in cli.refused(*hand_in, "--out", nowhere)
    assert cli.json(*hand_in)["left_today"] == 0
    fresh = make_run(store, RunStatus.FINISHED, make_unlabelled(cli.paths, "again").info)
    late = ["submit", fresh.id, *hand_in[2:]]
    assert "handed in 1 times today" in cli.json(*late, code=1)["error"]  # before it is predicted
    cli.json("data", "delete", "secret", "--yes")
    assert "nothing can be handed in to the competition P" in cli.err


def test_wrong_use(cli: Cli, tmp_path: Path) -> None:
    run = answered(Store(cli.paths), make_unlabelled(cli.paths).info, TRUTH)
    assert "belong together" in cli.refused("submit", run.id, "--name", "Ana")
    missing = str(tmp_path / "no" / "file.csv")
    assert "cannot be written" in cli.refused("submit", run.id, "--out", missing)
    create = ["competition", "create", "secret", "--title", "P"]
    assert "required" in cli.refused(*create)
    assert "cannot be read" in cli.refused(*create, "--labels", missing)
    labels = tmp_path / "labels.csv"
    labels.write_text("a,b\n")
    for option in (
        ("--public", "1"),
        ("--per-day", "0"),
        ("--closes", "tomorrow"),
        ("--opens", "0001-01-01"),
    ):
        assert "expected" in cli.refused(*create, "--labels", str(labels), *option)
    wrong = cli.json(*create, "--labels", str(labels), code=1)
    assert wrong["kind"] == "competition"
