"""A run whose process dies goes on as if nothing had happened."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import pytest

from core import training
from core.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from core.config import RunConfig
from core.datasets.registry import open_dataset
from core.errors import RunError, StoreError
from core.jobs.inline import InlineRunner
from core.paths import Paths
from core.prediction import load_model
from core.records import (
    Epoch,
    RunRecord,
    RunStatus,
    append_epoch,
    read_history,
    read_record,
    read_steps,
)
from core.signals import StopSignal
from core.store import Store
from core.training import run_training
from core.transfer import build_trainer
from tests.training.helpers import QUICK, make_stripes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

EVERYTHING = QUICK.with_values(
    {
        "model.batch_norm": True,
        "model.dropout": 0.5,
        "augment.rotation": 20,
        "augment.crop": 0.2,
        "optimizer.learning_rate": 0.1,
        "train.epochs": 40,
        "train.patience": 3,
    }
)
"""All that has a state of its own: Adam's moments, running means, the random states of dropout
and of two augmentations, early stopping with its best weights."""


class KilledError(BaseException):
    """As sudden as a ``kill -9``: no handler of ours catches it."""


class KillAt(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training in an epoch (from 1): softly at a batch, or hard at the epoch's end,
    which is after its line was written and before its checkpoint."""

    def __init__(self, epoch: int, batch: int | None, signal: StopSignal) -> None:
        super().__init__()
        self.at = (epoch, batch)
        self.signal = signal
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if (self.epoch, batch) == self.at:
            self.signal.set("server")

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        if (epoch + 1, None) == self.at:
            raise KilledError


class Outcome(NamedTuple):
    """What has to be equal."""

    history: Sequence[tuple[float | None, ...]]
    steps: list[list[float]]
    weights: list[npt.NDArray[Any]]
    predictions: bytes


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    paths = Paths(tmp_path_factory.mktemp("lab")).create()
    make_stripes(paths)
    return Store(paths)


def create(store: Store, config: RunConfig = EVERYTHING) -> str:
    return store.create(config, owner="server").id


def outcome(paths: Paths, run_id: str) -> Outcome:
    record, files = read_record(paths, run_id), paths.run(run_id)
    assert record.status is RunStatus.FINISHED, record.failure
    history = read_history(files)
    assert [e.epoch for e in history] == list(range(1, len(history) + 1))
    figures = [(e.loss, e.accuracy, e.val_loss, e.val_accuracy, e.learning_rate) for e in history]
    weights = load_model(paths, run_id).get_weights()
    return Outcome(figures, read_steps(files), weights, files.predictions.read_bytes())


@pytest.fixture(scope="module")
def uninterrupted(store: Store) -> Outcome:
    run_id = create(store)
    record = run_training(store.paths, run_id)
    assert record.summary
    # Early stopping ended it, not the number of epochs: its state matters.
    assert record.summary.best_epoch == record.summary.epochs - 3 < 37
    return outcome(store.paths, run_id)


def live(store: Store, run_id: str, epoch: int, batch: int | None) -> None:
    """One life of the run, ended by a kill."""
    signal = StopSignal()
    kill = KillAt(epoch, batch, signal)
    if batch is None:
        with pytest.raises(KilledError):
            run_training(store.paths, run_id, signal, [kill])
        assert len(read_history(store.paths.run(run_id))) == epoch
    else:
        record = run_training(store.paths, run_id, signal, [kill])
        assert (record.status, record.interrupted_by) == (RunStatus.INTERRUPTED, "server")
        assert len(read_history(store.paths.run(run_id))) == epoch - 1


def assert_equal(received: Outcome, expected: Outcome) -> None:
    """Bit by bit: on a CPU there is nothing left that could differ."""
    assert received.history == expected.history
    assert received.steps == expected.steps
    for mine, theirs in zip(received.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert received.predictions == expected.predictions


ALL_AUGMENTATION: dict[str, object] = {
    **{"flip": "both", "shear": 0.2, "perspective": 0.2, "brightness": 0.2, "contrast": 0.2},
    **{"blur": 1, "sharpness": 0.3, "noise": 20, "erasing": 0.2, "rand_augment": 2},
    **{"augmix": True, "augmix_strength": 0.5, "mixing": "either"},
}


def test_every_augmentation_goes_on_where_it_stood(store: Store) -> None:
    changes = {f"augment.{name}": value for name, value in ALL_AUGMENTATION.items()}
    config = QUICK.with_values({**changes, "train.epochs": 3})
    whole = create(store, config)
    run_training(store.paths, whole)
    killed = create(store, config)
    live(store, killed, 2, 3)
    run_training(store.paths, killed)
    assert_equal(outcome(store.paths, killed), outcome(store.paths, whole))


def test_a_resumed_run_equals_the_uninterrupted_one(store: Store, uninterrupted: Outcome) -> None:
    """Killed before there is a checkpoint, between the line of an epoch and its checkpoint, and
    within an epoch."""
    run_id = create(store)
    for epoch, batch in ((1, 0), (1, None), (4, 5)):
        live(store, run_id, epoch, batch)
    run_training(store.paths, run_id)
    assert_equal(outcome(store.paths, run_id), uninterrupted)


class CountEpochs(keras.callbacks.Callback):  # type: ignore[misc]
    count = 0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.count += 1


@pytest.mark.parametrize("where", ["evaluate", "_ended"])
def test_a_run_killed_while_it_is_evaluated_is_not_trained_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def die(*_args: object, **_kwargs: object) -> None:
        raise KilledError

    run_id = create(store, QUICK)
    monkeypatch.setattr(training, where, die)
    with pytest.raises(KilledError):
        run_training(store.paths, run_id)
    monkeypatch.undo()
    assert read_record(store.paths, run_id).status is RunStatus.RUNNING
    history = read_history(store.paths.run(run_id))
    epochs = CountEpochs()
    record = run_training(store.paths, run_id, extra=[epochs])
    assert epochs.count == 0
    assert read_history(store.paths.run(run_id)) == history
    # Evaluated with the weights of the best epoch, which only the checkpoint still had.
    assert record.summary
    assert record.summary.val_loss == pytest.approx(min(e.val_loss or 0 for e in history), rel=1e-3)


def test_the_server_may_go_while_it_is_evaluated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal = StopSignal()

    class Last(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_end(self, logs: object = None) -> None:
            signal.set("server")

    run_id = create(store, QUICK)
    record = run_training(store.paths, run_id, signal, [Last()])
    assert (record.status, record.summary) == (RunStatus.INTERRUPTED, None)
    assert run_training(store.paths, run_id).status is RunStatus.FINISHED


def test_a_kill_while_the_checkpoint_is_written_leaves_the_former_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = create(store, QUICK)
    files = store.paths.run(run_id)
    live(store, run_id, 2, 0)
    before = files.checkpoint.read_bytes()

    def die(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name.startswith(".checkpoint"):
            raise KilledError

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KilledError):
        run_training(store.paths, run_id)
    monkeypatch.undo()
    assert files.checkpoint.read_bytes() == before
    run_training(store.paths, run_id)
    assert [e.epoch for e in read_history(files)] == [1, 2, 3]
    assert list(files.folder.glob(".*.tmp")) == []


def test_the_time_of_all_lives_is_counted(store: Store) -> None:
    run_id = create(store, QUICK)
    live(store, run_id, 3, 0)
    first = read_history(store.paths.run(run_id))
    record = run_training(store.paths, run_id)
    assert record.summary
    assert record.summary.seconds > sum(e.seconds for e in first)
    assert read_history(store.paths.run(run_id))[:2] == first


def test_inline_resume(store: Store) -> None:
    runner = InlineRunner(store, lambda run_id: run_training(store.paths, run_id))
    run_id = create(store, QUICK)
    live(store, run_id, 2, 0)
    runner.resume(run_id)
    assert store.read(run_id).status is RunStatus.FINISHED
    with pytest.raises(RunError, match="cannot go on"):
        runner.resume(run_id)


def failed(record: RunRecord) -> str:
    assert record.status is RunStatus.FAILED
    assert record.failure
    return str(record.failure.what)


def test_a_damaged_checkpoint_fails_with_its_name_and_keeps_the_history(store: Store) -> None:
    run_id = create(store, QUICK)
    files = store.paths.run(run_id)
    live(store, run_id, 3, 0)
    files.checkpoint.write_bytes(b"not a checkpoint")
    assert "checkpoint.npz cannot be read" in failed(run_training(store.paths, run_id))
    assert len(read_history(files)) == 2


def test_a_checkpoint_of_another_network_is_refused(store: Store) -> None:
    one, other = create(store, QUICK), create(store, QUICK.with_values({"model.units": 17}))
    for run_id in (one, other):
        live(store, run_id, 2, 0)
    checkpoint = store.paths.run(one).checkpoint.read_bytes()
    store.paths.run(other).checkpoint.write_bytes(checkpoint)
    assert "another network" in failed(run_training(store.paths, other))


def test_other_images_are_refused(store: Store) -> None:
    make_stripes(store.paths, "changing")
    run_id = create(store, QUICK.with_values({"data.dataset": "changing"}))
    live(store, run_id, 2, 0)
    info = store.paths.dataset("changing").info
    info.write_text(info.read_text().replace('"fingerprint":"', '"fingerprint":"x'))
    assert "has changed since this run began" in failed(run_training(store.paths, run_id))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda content: content[: len(content) // 2],
    "text": lambda _: b"not a checkpoint",
    "other zip": lambda _: b"PK\5\6" + b"\0" * 18,
}


class TestDamagedFile:
    @pytest.fixture
    def model(self, store: Store) -> keras.Model:
        return build_trainer(QUICK, open_dataset(store.paths, "stripes")).model

    @pytest.fixture
    def file(self, model: keras.Model, tmp_path: Path) -> Path:
        line = Epoch(epoch=1, loss=1, accuracy=0, learning_rate=1, seconds=1, images_per_second=1)
        saved = tmp_path / "checkpoint.npz"
        save_checkpoint(saved, model, [], TrainingState(history=[line]))
        return saved

    def test_none_is_none(self, model: keras.Model, tmp_path: Path) -> None:
        assert load_checkpoint(tmp_path / "checkpoint.npz", model) is None

    @pytest.mark.parametrize("damage", DAMAGE)
    def test_it_is_reported(self, model: keras.Model, file: Path, damage: str) -> None:
        file.write_bytes(DAMAGE[damage](file.read_bytes()))
        with pytest.raises(StoreError, match=r"checkpoint\.npz cannot be read"):
            load_checkpoint(file, model)

    def test_no_flipped_byte_gets_through(self, model: keras.Model, file: Path) -> None:
        """Each either changes nothing that is loaded, or is reported as what it is."""
        content, weights = file.read_bytes(), model.get_weights()
        reported = 0
        for position in np.random.default_rng(0).integers(0, len(content), 60):
            flipped = bytearray(content)
            flipped[position] ^= 0x41
            file.write_bytes(flipped)
            try:
                load_checkpoint(file, model)
            except StoreError:
                reported += 1
            for mine, theirs in zip(model.get_weights(), weights, strict=True):
                np.testing.assert_array_equal(mine, theirs)
        assert reported > 40


def test_a_run_is_trained_by_one_process_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "LOCK_SECONDS", 0.05)
    run_id = create(store, QUICK)

    class Intruder(keras.callbacks.Callback):  # type: ignore[misc]
        error: Exception | None = None

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            try:
                run_training(store.paths, run_id)
            except RunError as error:
                self.error = error

    intruder = Intruder()
    assert run_training(store.paths, run_id, extra=[intruder]).status is RunStatus.FINISHED
    assert "another process" in str(intruder.error)
    assert len(read_history(store.paths.run(run_id))) == 3


def test_a_torn_line_is_gone_after_the_resume(store: Store) -> None:
    run_id = create(store, QUICK)
    files = store.paths.run(run_id)
    live(store, run_id, 2, 0)
    append_epoch(files, read_history(files)[0].model_copy(update={"epoch": 2}))
    with files.metrics.open("ab") as file:
        file.write(b'{"epoch": 3, "lo')
    run_training(store.paths, run_id)
    assert [e.epoch for e in read_history(files)] == [1, 2, 3]
