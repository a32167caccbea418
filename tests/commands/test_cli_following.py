"""``train --continue`` and ``train --train-on-validation``, without a training that trains."""

from __future__ import annotations

import pytest

from core.continuing import whole_history
from core.records import Epoch, RunRecord, RunStatus, read_history, write_history
from core.store import Store
from tests.commands.driving import Cli, finished_run
from tests.commands.test_cli_train import FakeTraining


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    return FakeTraining(monkeypatch)


@pytest.fixture
def parent(store: Store) -> RunRecord:
    """Finished, with three epochs and a network; the second was kept."""
    record = finished_run(store)
    files = store.paths.run(record.id)
    files.model.write_bytes(b"the network")
    epochs = [
        Epoch(
            epoch=i,
            loss=2 / i,
            accuracy=0.3 * i,
            val_loss=2 / i,
            val_accuracy=0.3 * i,
            learning_rate=0.001,
            seconds=1,
            images_per_second=100,
        )
        for i in (1, 2, 3)
    ]
    write_history(files, epochs)
    return record


def test_epochs_more_from_the_network_that_was_kept(
    cli: Cli, parent: RunRecord, training: FakeTraining
) -> None:
    words = ("--set", "optimizer.learning_rate=0.0005")
    answer = cli.json("train", "--continue", parent.id, "--epochs", "5", *words)
    (asked,) = training.asked
    assert answer["run_id"] == asked.id != parent.id
    assert asked.start
    assert (asked.start.run, asked.start.epochs) == (parent.id, 2)
    assert (asked.config.train.epochs, asked.config.optimizer.learning_rate) == (5, 0.0005)
    files = cli.paths.run(asked.id)
    assert files.start.read_bytes() == b"the network"
    assert [e.epoch for e in whole_history(files)] == [1, 2]
    assert f"{parent.id}, after epoch 2" in cli.text("show", asked.id)
    write_history(files, read_history(cli.paths.run(parent.id)))
    numbers = [epoch["epoch"] for epoch in cli.json("show", asked.id)["history"]]
    assert numbers == [3, 4, 5]


def test_anew_on_training_and_validation_images(
    cli: Cli, parent: RunRecord, training: FakeTraining
) -> None:
    cli.json("train", "--train-on-validation", parent.id)
    (asked,) = training.asked
    assert (asked.config.data.with_validation, asked.config.train.epochs) == (True, 2)
    assert asked.start is None


@pytest.mark.usefixtures("no_keras")
def test_no_longer_than_the_teacher_allows(
    cli: Cli, parent: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENZO_MAX_EPOCHS", "4")
    said = cli.refused("train", "--continue", parent.id, "--epochs", "5")
    assert "limited to 4 on this server" in said


def test_show_says_what_the_curves_say(cli: Cli, parent: RunRecord) -> None:
    reading = cli.json("show", parent.id)["reading"]
    assert "Still improving" in reading["sentence"]
    assert "--set train.epochs=40" in reading["proposal"]
    assert reading["sentence"] in cli.text("show", parent.id)


@pytest.mark.usefixtures("no_keras")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "exactly one"),
        (["--continue", "RUN", "--epochs", "2", "--preset", "cnn"], "exactly one"),
        (["--continue", "RUN"], "belong together"),
        (["--preset", "cnn", "--epochs", "3"], "belong together"),
        (["--continue", "RUN", "--epochs", "0"], "at least 1"),
        (["--continue", "RUN", "--epochs", "2", "--limit", "9"], "same images"),
        (["--train-on-validation", "RUN", "--dataset", "x"], "same images"),
        (["--continue", "RUN", "--epochs", "2", "--set", "model.filters=9"], "model.filters"),
        (["--train-on-validation", "20260101-000000-000-abcd"], "There is no run"),
    ],
)
def test_wrong_use_is_refused_at_once(
    cli: Cli, parent: RunRecord, words: list[str], said: str
) -> None:
    asked = [word.replace("RUN", parent.id) for word in words]
    assert said in cli.refused("train", *asked)
    assert len(list(cli.paths.runs.iterdir())) == 1


def test_what_cannot_be_followed_is_refused(cli: Cli, store: Store, parent: RunRecord) -> None:
    store.paths.run(parent.id).model.unlink()
    words = ("train", "--continue", parent.id, "--epochs", "2")
    assert "no network to go on from" in cli.json(*words, code=1)["error"]
    write_history(store.paths.run(parent.id), [])
    assert "cannot be read" in cli.json(*words, code=1)["error"]
    store.save(parent.changed(status=RunStatus.FAILED, summary=None))
    assert "is failed" in cli.json(*words, code=1)["error"]
    assert len(list(cli.paths.runs.iterdir())) == 1
