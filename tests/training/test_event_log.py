"""What TensorBoard's own reader finds in a run's logs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.event_log import EventLog
from core.records import Epoch


def epoch(number: int, val: float | None = 0.5) -> Epoch:
    return Epoch(
        epoch=number,
        loss=1 / number,
        accuracy=0.25,
        val_loss=val,
        val_accuracy=val,
        learning_rate=0.01,
        seconds=2,
        images_per_second=100,
    )


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found = EventAccumulator(str(folder)).Reload()
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_every_epoch_once_by_keras_names(tmp_path: Path) -> None:
    history: list[Epoch] = []
    log = EventLog(tmp_path / "tb", history)
    log.on_train_begin()
    for number in (1, 2):
        history.append(epoch(number))
        log.on_epoch_end(number - 1)
    log.on_train_begin()  # the second stage of a transfer
    assert scalars(tmp_path / "tb" / "validation") == {
        "epoch_loss": [(1, 0.5), (2, 0.5)],
        "epoch_accuracy": [(1, 0.5), (2, 0.5)],
    }
    train = scalars(tmp_path / "tb" / "train")
    assert train["epoch_loss"] == [(1, 1.0), (2, 0.5)]
    assert train["epoch_learning_rate"][0][1] == pytest.approx(0.01)
    assert train["images_per_second"] == [(1, 100), (2, 100)]


def test_epochs_are_numbered_behind_those_of_the_run_before(tmp_path: Path) -> None:
    EventLog(tmp_path / "tb", [epoch(1), epoch(2)], before=20).on_train_begin()
    assert [step for step, _ in scalars(tmp_path / "tb" / "train")["epoch_loss"]] == [21, 22]


def test_what_a_kill_has_undone_is_not_seen_twice(tmp_path: Path) -> None:
    former = [epoch(1), epoch(2), epoch(3)]
    EventLog(tmp_path / "tb", former).on_train_begin()
    resumed = former[:1]  # the checkpoint was that of the first epoch
    log = EventLog(tmp_path / "tb", resumed)
    log.on_train_begin()
    resumed.append(epoch(2, val=None))
    log.on_epoch_end(1)
    assert scalars(tmp_path / "tb" / "train")["epoch_loss"] == [(1, 1.0), (2, 0.5)]
    assert scalars(tmp_path / "tb" / "validation")["epoch_loss"] == [(1, 0.5)]
