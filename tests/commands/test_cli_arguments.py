"""The command line's arguments, and what it prints where."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.commands.import_arguments import image_size, split_shares
from core.datasets.options import SPLIT_PRESETS
from core.paths import Paths
from tests.commands.driving import Cli

ROOT = Path(__file__).parents[2]
NO_RUN = "20260101-000000-000-abcd"


def test_loads_neither_keras_nor_streamlit() -> None:
    code = (
        "import sys, core.__main__ as m; m.main(['presets']);"
        "print(sorted({'keras', 'tensorflow', 'streamlit', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words",
    [
        ["--artifacts", "{a}", "--json", "data", "list"],
        ["data", "--artifacts", "{a}", "--json", "list"],
        ["data", "list", "--json", "--artifacts", "{a}"],
        ["--json", "data", "list", "--artifacts", "{a}"],
    ],
)
def test_global_options_stand_before_or_after_the_command(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = tmp_path / "lab"
    assert main([word.format(a=chosen) for word in words]) == 0
    assert [d["name"] for d in json.loads(capsys.readouterr().out)] == ["digits"]
    assert (chosen / "datasets" / "digits").is_dir()


def test_artifacts_may_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIENZO_ARTIFACTS", str(tmp_path / "env"))
    assert main(["runs"]) == 0
    assert (tmp_path / "env" / "runs").is_dir()
    assert main(["runs", "--artifacts", str(tmp_path / "option")]) == 0
    assert (tmp_path / "option" / "runs").is_dir()


def test_help_is_a_result_and_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for name in ("data", "presets", "train", "resume", "runs", "show", "errors", "predict"):
        assert f"\n    {name} " in out


def test_help_of_train_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    out = capsys.readouterr().out
    for name in ("train.epochs=20", "model.units=128 (mlp)", "model.blocks=3 (cnn)"):
        assert name in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "required"),
        (["dance"], "invalid choice"),
        (["data"], "required"),
        (["train"], "--preset"),
        (["predict", NO_RUN], "IMAGE"),
        (["runs", "--arti", "x"], "unrecognized"),
        (["errors", NO_RUN, "--split", "train"], "invalid choice"),
        (["predict", NO_RUN, "x.png", "--top", "0"], "at least 1"),
        (["data", "add", "x.zip", "--name", "x", "--size", "0"], "from 1 to 1024 pixels"),
        (["data", "add", "x.zip", "--name", "x", "--size", "32x"], "from 1 to 1024 pixels"),
    ],
)
def test_wrong_arguments_are_refused(cli: Cli, words: list[str], said: str) -> None:
    assert said in cli.refused(*words)


def test_artifacts_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["runs", "--artifacts", str(tmp_path / "file")]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_shares_of_splits() -> None:
    assert split_shares("80/10/10") == (0.8, 0.1, 0.1)
    assert split_shares("4:1:1") == SPLIT_PRESETS["4:1:1"]
    for wrong in ("80/20", "0/1/1", "a/b/c", "-1/1/1"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"received '{wrong}'"):
            split_shares(wrong)


def test_image_size_is_given_width_first_and_kept_height_first() -> None:
    assert image_size("32") == 32
    assert image_size("64x32") == (32, 64)
    assert image_size("64×32") == (32, 64)


def test_a_mistake_of_ours_ends_with_a_document_and_a_traceback(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_paths: Paths) -> None:
        raise ValueError("nobody thought of this")

    monkeypatch.setattr("core.commands.data.list_datasets", broken)
    answer = cli.json("data", "list", code=1)
    assert answer["kind"] == "internal"
    assert "nobody thought of this" in answer["error"]
    assert "Traceback" in cli.err


def test_what_a_library_prints_does_not_reach_the_result(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chatty(_paths: Paths) -> list[Any]:
        print("hello from a library")
        return []

    monkeypatch.setattr("core.commands.data.list_datasets", chatty)
    assert cli.json("data", "list") == []
    assert "hello from a library" in cli.err


def test_nor_does_what_is_printed_below_python(paths: Paths) -> None:
    code = (
        "import os, core.__main__ as m, core.commands.data as data\n"
        "data.list_datasets = lambda paths: (os.write(1, b'noise'), [])[1]\n"
        f"m.main(['--artifacts', {str(paths.root)!r}, '--json', 'data', 'list'], own_process=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "noise")


def test_a_reader_that_has_seen_enough_is_no_error(paths: Paths) -> None:
    words = [sys.executable, "-m", "core", "presets", "--artifacts", str(paths.root)]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
