"""The command line as a process of its own, with trainings that train."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from core.datasets.registry import ensure_digits, open_dataset
from core.paths import Paths
from core.records import RunStatus, read_history
from core.store import Store
from tests.commands.driving import Cli

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DIGITS = ("train", "--preset", "digits-quick", "--limit", "200")
LONG = (*DIGITS, "--set", "train.epochs=3000", "--set", "train.early_stopping=false")


class Lab(NamedTuple):
    """Artifacts with one finished run of two epochs on 200 digits."""

    paths: Paths
    run: dict[str, Any]
    stderr: str


def command(paths: Paths, *words: str) -> list[str]:
    return [sys.executable, "-m", "core", *words, "--artifacts", str(paths.root), "--json"]


def call(paths: Paths, *words: str, code: int = 0) -> tuple[Any, str]:
    """The document on standard output, which holds nothing else, and standard error."""
    done = subprocess.run(
        command(paths, *words), capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout), done.stderr


def start(paths: Paths, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(paths, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def wait_for_epochs(paths: Paths, process: subprocess.Popen[str], epochs: int) -> str:
    """The id of the only run that is under way, once it has finished so many epochs."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        for record in Store(paths).runs(RunStatus.RUNNING):
            if len(read_history(paths.run(record.id))) >= epochs:
                return record.id
        time.sleep(0.1)
    raise AssertionError("no epoch was finished")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    paths = Paths(tmp_path_factory.mktemp("cli")).create()
    return Lab(paths, *call(paths, *DIGITS, "--set", "train.epochs=2"))


def test_train_prints_one_document_and_shows_a_bar(lab: Lab) -> None:
    run = lab.run
    assert (run["status"], run["epochs"]) == ("finished", 2)
    assert 0 < run["val_accuracy"] <= 1
    assert 0.1 < run["test_accuracy"] <= 1  # better than chance
    assert run["test_loss"] > 0
    assert run["seconds"] > 0
    assert run["images_per_second"] > 0
    assert run["parameters"] > 1000
    assert "epoch 2/2" in lab.stderr
    assert "val_accuracy=" in lab.stderr
    assert "oneDNN" not in lab.stderr  # what the backend prints is in the log


def test_the_run_is_listed_and_shown(lab: Lab) -> None:
    listed, _ = call(lab.paths, "runs")
    assert [r["run_id"] for r in listed] == [lab.run["run_id"]]
    assert listed[0]["test_accuracy"] == lab.run["test_accuracy"]


@pytest.fixture
def here(lab: Lab, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The same command line in this process, which has loaded Keras already."""
    return Cli(lab.paths, capsys)


def test_its_epochs_and_settings_are_shown(lab: Lab, here: Cli) -> None:
    shown = here.json("show", lab.run["run_id"])
    assert [e["epoch"] for e in shown["history"]] == [1, 2]
    assert shown["config"]["data"]["limit"] == 200


def test_its_errors_agree_with_its_accuracy(lab: Lab, here: Cli) -> None:
    found = here.json("errors", lab.run["run_id"])
    assert found["accuracy"] == pytest.approx(lab.run["test_accuracy"])
    matrix = found["confusion_matrix"]
    assert sum(map(sum, matrix)) == found["images"] == 269
    assert sum(matrix[i][i] for i in range(10)) / 269 == pytest.approx(found["accuracy"])
    assert all(m["file"] for m in found["mistakes"])


def test_predict_says_of_a_picture_what_was_said_of_it_in_the_test_split(
    lab: Lab, here: Cli, tmp_path: Path
) -> None:
    """A mistake of the test split, saved as a picture, is taken for the same wrong class."""
    mistake = here.json("errors", lab.run["run_id"])["mistakes"][0]
    pixels = open_dataset(lab.paths, "digits").split("test").images[mistake["row"], :, :, 0]
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    (tmp_path / "bad.png").write_text("no picture")
    words = ("predict", "--top", "3", lab.run["run_id"], str(tmp_path / "digit.png"))
    answer, stderr = call(lab.paths, *words)
    top = answer["images"][0]["top"]
    assert len(top) == 3
    assert top[0]["class"] == mistake["predicted"]
    assert top[0]["probability"] == pytest.approx(mistake["probability"], abs=1e-4)
    assert stderr == ""
    answer = here.json(*words, str(tmp_path / "bad.png"), code=1)
    assert answer["images"][0]["top"] == [
        {**one, "probability": pytest.approx(one["probability"], abs=1e-5)} for one in top
    ]
    assert "error" in answer["images"][1]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL, no SIGINT for one process")
def test_a_killed_training_is_resumed_where_it_was_and_ctrl_c_keeps_what_was_learnt(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_digits(paths)
    process = start(paths, *LONG)
    run_id = wait_for_epochs(paths, process, 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    done = len(read_history(paths.run(run_id)))
    listed = Cli(paths, capsys).json("runs")
    assert listed[0]["status"] == "interrupted"
    process = start(paths, "resume", run_id)
    assert wait_for_epochs(paths, process, done + 1) == run_id
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    answer = json.loads(out)
    assert (answer["run_id"], answer["status"]) == (run_id, "stopped")
    assert "Stopping" in err
    assert done < answer["epochs"] < 3000
    assert answer["test_accuracy"] > 0
    assert paths.run(run_id).model.is_file()
    epochs = [epoch.epoch for epoch in read_history(paths.run(run_id))]
    assert epochs == list(range(1, answer["epochs"] + 1))


def test_exit_codes_of_a_process(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "fake.zip").write_text("text")
    answer, err = call(paths, "data", "add", str(tmp_path / "fake.zip"), "--name", "x", code=1)
    assert answer["error"] in err
    call(paths, "train", "--preset", "digits-quick", "--set", "train.epochs=0", code=2)
