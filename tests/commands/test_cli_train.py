"""``presets``, ``train`` and ``resume``, without a training that trains."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from core.config import RunConfig
from core.datasets.registry import ensure_digits, open_dataset
from core.errors import N_, RunError, text
from core.paths import Paths
from core.records import Failure, RunRecord, RunStatus, RunSummary, write_record
from core.signals import StopSignal
from core.store import Store
from tests.commands.driving import Cli, finished_run


def test_presets_are_a_list_of_objects(cli: Cli) -> None:
    presets = cli.json("presets")
    assert {"digits-quick", "mlp", "cnn"} <= {p["name"] for p in presets}
    for preset in presets:
        assert set(preset) == {"name", "label", "help", "group", "dataset", "settings"}
    assert "digits-quick" in cli.text("presets")


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "train.epoch=3"], "train.epochs"),
        (["--set", "tran.epochs=3"], "optimizer."),
        (["--set", "epochs=3"], "epochs"),
        (["--set", "train.epochs"], "section.field=value"),
        (["--set", "=3"], "section.field=value"),
        (["--set", "optimizer.learning_rate=-1"], "greater than 0"),
        (["--set", "optimizer.learning_rate=nan"], "optimizer.learning_rate"),
        (["--set", "optimizer.learning_rate=NaN"], "finite"),
        (["--set", "optimizer.learning_rate=inf"], "optimizer.learning_rate"),
        (["--set", "train.epochs=0"], "at least 1"),
        (["--set", "train.epochs=two"], "whole number"),
        (["--set", "optimizer.name=adamm"], "adamw"),
        (["--set", "model.architecture=vgg"], "mlp"),
        (["--set", "model.units=9"], "model.units"),
        (["--set", "model.blocks=5"], "At most 3 blocks would fit"),
        (["--limit", "0"], "at least 1"),
        (["--limit", "many"], "--limit"),
        (["--dataset", "nothing"], "nothing"),
        (["--dataset", "../../etc"], "etc"),
        (["--dataset", "a", "--set", "data.dataset=b"], "Two datasets"),
        (["--preset", "resnet"], "digits-quick, mlp, cnn"),
        (["--preset", "cnn"], "--dataset"),
    ],
)
def test_wrong_trainings_are_refused_at_once(cli: Cli, words: list[str], said: str) -> None:
    preset = [] if "--preset" in words else ["--preset", "digits-quick"]
    assert said in cli.refused("train", *preset, *words)
    assert not any(cli.paths.runs.iterdir())


def finish(paths: Paths, record: RunRecord, stop: StopSignal) -> RunRecord:
    figures = RunSummary(epochs=2, parameters=10, seconds=1.5, test_accuracy=0.5)
    return record.changed(status=RunStatus.FINISHED, summary=figures)


class FakeTraining:
    """Stands in for the modules that load Keras; ``end`` decides what becomes of the run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[RunRecord] = []
        self.end: Callable[[Paths, RunRecord, StopSignal], RunRecord] = finish
        training, bar = ModuleType("core.training"), ModuleType("core.commands.training_bar")
        training.__dict__["run_training"] = self._run
        bar.__dict__["TrainingBar"] = type(
            "Bar", (), {"__init__": lambda *a, **k: None, "close": lambda self: None}
        )
        monkeypatch.setitem(sys.modules, training.__name__, training)
        monkeypatch.setitem(sys.modules, bar.__name__, bar)

    def _run(self, paths: Paths, run_id: str, stop: StopSignal, extra: object) -> RunRecord:
        print("chatter of Keras")
        record = RunRecord.model_validate_json(paths.run(run_id).record.read_bytes())
        self.asked.append(record)
        record = self.end(paths, record, stop)
        write_record(paths, record)
        return record


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    return FakeTraining(monkeypatch)


def test_train_makes_the_run_that_was_asked_for(cli: Cli, training: FakeTraining) -> None:
    answer = cli.json(
        *("train", "--preset", "digits-quick", "--limit", "200"),
        *("--set", "train.epochs=2", "--set", "model.head=global_average"),
    )
    asked = training.asked[0]
    assert (asked.status, asked.owner, asked.preset) == (RunStatus.RUNNING, "cli", "digits-quick")
    assert asked.pid == os.getpid()
    assert (asked.config.data.limit, asked.config.train.epochs) == (200, 2)
    assert asked.config.model.model_dump()["head"] == "global_average"
    assert answer["run_id"] == asked.id
    assert (answer["status"], answer["epochs"], answer["test_accuracy"]) == ("finished", 2, 0.5)
    required = "val_accuracy test_loss seconds images_per_second parameters best_val_accuracy"
    assert set(required.split()) < set(answer)
    assert "chatter" in cli.paths.run(asked.id).log.read_text()
    assert "chatter" not in cli.err
    assert [r.status for r in Store(cli.paths).runs()] == [RunStatus.FINISHED]


def test_a_preset_takes_as_many_blocks_as_fit(
    cli: Cli, archive: Path, training: FakeTraining
) -> None:
    cli.json("data", "add", str(archive), "--name", "pets", "--size", "4")
    cli.json("train", "--preset", "cnn", "--dataset", "pets")
    cli.json("train", "--preset", "cnn", "--set", "data.dataset=pets")
    assert [r.config.data.dataset for r in training.asked] == ["pets", "pets"]
    assert [r.config.model.model_dump()["blocks"] for r in training.asked] == [2, 2]


def test_changes_that_may_alter_the_meaning_are_warned_of(cli: Cli, training: FakeTraining) -> None:
    changes = ("augment.flip=both", "augment.hue=30", "augment.shear=0.2", "augment.mixing=mixup")
    cli.json("train", "--preset", "digits-quick", *(w for c in changes for w in ("--set", c)))
    warnings = [line for line in cli.err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 2
    assert "digits or letters" in warnings[0]
    assert "Hue is left out" in warnings[1]
    asked = training.asked[0].config.augment
    assert (asked.shear, asked.mixing, asked.rotation) == (0.2, "mixup", 10)


def test_a_failed_training_is_told_with_its_remedy(cli: Cli, training: FakeTraining) -> None:
    failure = Failure(what=text(N_("The disk is full.")), remedy=text(N_("Delete something.")))
    training.end = lambda paths, record, stop: record.changed(
        status=RunStatus.FAILED, failure=failure
    )
    answer = cli.json("train", "--preset", "digits-quick", code=1)
    assert (answer["status"], answer["kind"]) == ("failed", "run")
    assert answer["error"] == "The disk is full."
    assert answer["remedy"] == "Delete something."
    assert Path(answer["log"]).is_file()
    assert "error: The disk is full. Delete something." in cli.err
    assert cli.json("runs")[0]["failure"]["what"] == "The disk is full."


def test_a_training_that_breaks_does_not_stay_running(cli: Cli, training: FakeTraining) -> None:
    def end(paths: Paths, record: RunRecord, stop: StopSignal) -> RunRecord:
        raise RunError(N_("It broke."))

    training.end = end
    assert cli.json("train", "--preset", "digits-quick", code=1)["error"] == "It broke."
    (run,) = cli.json("runs")
    assert (run["status"], run["failure"]["what"]) == ("failed", "It broke.")


def test_a_run_that_another_process_has_taken_is_left_alone(
    cli: Cli, training: FakeTraining
) -> None:
    def end(paths: Paths, record: RunRecord, stop: StopSignal) -> RunRecord:
        write_record(paths, record.changed(pid=1))
        raise RunError(N_("It is being trained by another process."))

    training.end = end
    cli.json("train", "--preset", "digits-quick", code=1)
    record = Store(cli.paths).read(training.asked[0].id)
    assert (record.status, record.pid) == (RunStatus.RUNNING, 1)


def test_the_first_ctrl_c_stops_the_second_aborts(cli: Cli, training: FakeTraining) -> None:
    def stopped(paths: Paths, record: RunRecord, stop: StopSignal) -> RunRecord:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        assert stop.reason == "user"
        return record.changed(status=RunStatus.STOPPED)

    def aborted(paths: Paths, record: RunRecord, stop: StopSignal) -> RunRecord:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        raise AssertionError("not aborted")

    training.end = stopped
    assert cli.json("train", "--preset", "digits-quick")["status"] == "stopped"
    training.end = aborted
    assert cli.json("train", "--preset", "digits-quick", code=130)["kind"] == "aborted"
    assert f"resume {training.asked[1].id}" in cli.err
    assert [r["status"] for r in cli.json("runs")] == ["interrupted", "stopped"]


def test_resume_goes_on_only_with_what_was_interrupted(
    cli: Cli, store: Store, training: FakeTraining
) -> None:
    done = finished_run(store)
    answer = cli.json("resume", done.id, code=1)
    assert answer["kind"] == "run"
    assert "finished" in answer["error"]
    left = finished_run(store, status=RunStatus.INTERRUPTED, owner="server", summary=None)
    store.paths.run(left.id).stop.touch()
    assert cli.json("resume", left.id)["status"] == "finished"
    (asked,) = training.asked
    assert (asked.id, asked.owner, asked.resumes) == (left.id, "cli", 1)
    assert not store.paths.run(left.id).stop.exists()


def test_resume_takes_a_run_whose_process_has_died(
    cli: Cli, store: Store, training: FakeTraining
) -> None:
    dead = store.create(RunConfig(), owner="cli", taken=True).changed(pid_started=1.0)
    store.save(dead)
    assert cli.json("runs")[0]["status"] == "interrupted"
    assert cli.json("resume", dead.id)["status"] == "finished"
    mine = store.create(RunConfig(), owner="cli", taken=True)
    assert "running" in cli.json("resume", mine.id, code=1)["error"]


def test_resume_finds_a_dataset_that_was_renamed(
    cli: Cli, store: Store, training: FakeTraining
) -> None:
    """As the server does: by what is in it."""
    ensure_digits(cli.paths)
    fingerprint = open_dataset(cli.paths, "digits").info.fingerprint
    config = RunConfig().with_values({"data.dataset": "as it was called"})
    values = {"config": config, "dataset_fingerprint": fingerprint, "summary": None}
    left = finished_run(store, status=RunStatus.INTERRUPTED, **values)
    assert cli.json("resume", left.id)["status"] == "finished"
    assert [asked.id for asked in training.asked] == [left.id]
