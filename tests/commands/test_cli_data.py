"""``data …``"""

from __future__ import annotations

import os
import signal
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.commands.driving import Cli, png
from tests.datasets.prepared import prepared


def test_import_and_show(cli: Cli, archive: Path) -> None:
    added = cli.json("data", "add", str(archive), "--name", "pets", "--size", "8x6")
    assert added["name"] == "pets"
    assert added["classes"] == ["cats", "dogs"]
    assert added["image_shape"] == [6, 8, 3]
    assert sum(added["splits"].values()) == 20
    assert sum(map(sum, added["class_counts"].values())) == 20
    skipped = {s["name"]: s for s in added["skipped"]}
    assert set(skipped) == {"dogs/broken.png", "__MACOSX/cats/._0.png"}
    assert skipped["__MACOSX/cats/._0.png"]["reason"] == "system file"
    assert cli.json("data", "show", "pets") == added
    assert "decoding" not in cli.err


def test_the_bar_is_on_standard_error(cli: Cli, archive: Path) -> None:
    out = cli.text("data", "add", str(archive), "--name", "pets")
    assert "decoding" in cli.err
    assert "decoding" not in out
    assert "20 imported, 2 skipped" in out


def test_all_options_of_an_import(cli: Cli, archive: Path) -> None:
    command = [
        "data",
        "add",
        str(archive),
        "--name",
        "pets",
        "--split",
        "4:1:1",
        "--per-class",
        "6",
    ]
    command += ["--anew", "--truncated", "import", "--background", "#102030"]
    added = cli.json(*command)
    # One of those drawn is the broken one.
    assert added["splits"] == {"train": 7, "val": 2, "test": 2}
    assert added["capped"] == 9


def test_pictures_without_label(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "pets.zip"
    with zipfile.ZipFile(file, "w") as z:
        for i in range(8):
            z.writestr(f"train/{'cat' if i % 2 else 'dog'}/{i}.png", png((i, 0, 0)))
        z.writestr("test/1.png", png((0, 9, 0)))
    out = cli.text("data", "add", str(file), "--name", "pets")
    assert "without label  1 images, to be predicted only" in out
    assert cli.json("data", "list")[-1]["splits"]["unlabelled"] == 1


def test_the_same_seed_divides_the_same_way(cli: Cli, archive: Path) -> None:
    prints = [
        cli.json("data", "add", str(archive), "--name", name, "--seed", seed)["fingerprint"]
        for name, seed in (("a", "1"), ("b", "1"), ("c", "2"))
    ]
    assert prints[0] == prints[1] != prints[2]


def test_list_shows_digits_first_and_reports_damage(cli: Cli, archive: Path) -> None:
    cli.json("data", "add", str(archive), "--name", "a pet")
    (cli.paths.datasets / "broken").mkdir()
    listed = cli.json("data", "list")
    assert [d["name"] for d in listed] == ["digits", "a pet"]
    assert listed[0]["splits"] == {"train": 1259, "val": 269, "test": 269}
    assert "broken" in cli.err


def test_bad_imports_leave_nothing_behind(cli: Cli, tmp_path: Path) -> None:
    fake = tmp_path / "fake.zip"
    fake.write_text("only text")
    answer = cli.json("data", "add", str(fake), "--name", "x", code=1)
    assert answer["kind"] == "dataset"
    assert "fake.zip" in answer["error"]
    assert "no.zip" in cli.refused("data", "add", str(tmp_path / "no.zip"), "--name", "x")
    assert not any(cli.paths.datasets.iterdir())


def test_a_dataset_is_never_replaced(cli: Cli, archive: Path) -> None:
    before = cli.json("data", "add", str(archive), "--name", "pets")
    assert "exists already" in cli.refused("data", "add", str(archive), "--name", "Pets")
    assert "exists already" in cli.refused("data", "add", str(archive), "--name", "digits")
    assert "cannot be the name" in cli.refused("data", "add", str(archive), "--name", "../x")
    assert cli.json("data", "show", "pets") == before


def test_unknown_datasets_are_named(cli: Cli) -> None:
    assert "nothing" in cli.refused("data", "show", "nothing")
    assert "nothing" in cli.refused("data", "delete", "nothing", "--yes")
    assert cli.refused("data", "show", "../../etc")


def test_delete_a_dataset(cli: Cli, archive: Path) -> None:
    cli.json("data", "add", str(archive), "--name", "pets")
    assert cli.json("data", "delete", "pets", "--yes") == {"name": "pets", "deleted": True}
    assert not (cli.paths.datasets / "pets").exists()


def test_ctrl_c_cancels_an_import(cli: Cli, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object, **options: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        deadline = time.monotonic() + 5
        while not options["should_stop"]() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert options["should_stop"]()
        from core.datasets.options import ImportCancelledError

        raise ImportCancelledError

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("core.commands.data.import_dataset", interrupt)
    answer = cli.json("data", "add", str(archive), "--name", "pets", code=1)
    assert "cancelled" in answer["error"]
    assert signal.getsignal(signal.SIGINT) is before


def test_datasets_of_datasets(cli: Cli, archive: Path, tmp_path: Path) -> None:
    cli.json("data", "add", str(archive), "--name", "pets")
    made = cli.json(
        *("data", "derive", "zoo", "--from", "pets", "--from", "digits"),
        *("--classes", "cats,dogs,7", "--rename", "7=number", "--per-class", "6"),
        *("--split", "0.5,0.25,0.25", "--seed", "3", "--size", "8x6", "--drop-duplicates"),
    )
    assert made["classes"] == ["cats", "dogs", "number"]
    assert made["image_shape"] == [6, 8, 3]
    assert sum(made["splits"].values()) + sum(made["dropped"].values()) == 20 + 1797
    assert [a["name"] for a in made["derived"]["ancestors"]] == ["pets", "digits"]
    assert "made by" in cli.text("data", "show", "zoo")
    found = cli.json("data", "duplicates", "zoo")
    assert found == {"name": "zoo", "groups": []}
    assert "No image of zoo is there twice" in cli.text("data", "duplicates", "zoo")

    file = tmp_path / "zoo.zip"
    written = cli.json("data", "export", "zoo", str(file))
    assert (written["images"], written["bytes"]) == (made["images"], file.stat().st_size)
    again = cli.json("data", "add", str(file), "--name", "again")
    assert again["class_counts"] == made["class_counts"]

    assert cli.json("data", "rename", "zoo", "farm") == {"name": "farm", "was": "zoo"}
    assert "digits, again, farm, pets" in cli.refused("data", "show", "zoo")


def test_duplicates_are_listed_worst_first(cli: Cli) -> None:
    rows = {"train": [("a", 1), ("a", 1), ("b", 2), ("a", 3)], "test": [("b", 3), ("b", 2)]}
    prepared(cli.paths, "x", rows)
    groups = cli.json("data", "duplicates", "x")["groups"]
    assert [group["trouble"] for group in groups] == ["contradiction", "leak", "repeat"]
    assert groups[0]["images"] == [
        {"split": "train", "row": 3, "file": "train/3.png", "class_name": "a"},
        {"split": "test", "row": 0, "file": "test/0.png", "class_name": "b"},
    ]
    assert "in different classes" in cli.text("data", "duplicates", "x")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("derive", "x", "--from", "fish"), "There is no dataset called “fish”"),
        (("derive", "digits", "--from", "digits"), "“digits” exists already"),
        (("derive", "x", "--from", "digits", "--split", "1,2"), "expected TRAIN,VAL,TEST"),
        (("derive", "x", "--from", "digits", "--rename", "7"), "expected OLD=NEW"),
        (("derive", "x"), "--from"),
        (("rename", "fish", "x"), "There is no dataset called “fish”"),
        (("rename", "digits", "a/b"), "“a/b” cannot be the name"),
        (("export", "digits", "/nowhere/x.zip"), "There is no folder /nowhere"),
    ],
)
def test_wrong_use_of_datasets(cli: Cli, words: tuple[str, ...], message: str) -> None:
    assert message in cli.refused("data", *words)


def test_the_digits_stay(cli: Cli) -> None:
    for words in (("rename", "digits", "x"), ("delete", "digits", "--yes")):
        answer = cli.json("data", *words, code=1)
        assert "“digits” is built in" in answer["error"]
