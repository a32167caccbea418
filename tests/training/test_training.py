"""A run from its id to its folder, in this process."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest

from core import trainer
from core.augment.mixing import Mixing
from core.config import RunConfig
from core.datasets.digits import ensure_digits
from core.evaluating import softmax
from core.evaluation.metrics import accuracy
from core.evaluation.predictions import load_predictions
from core.jobs.inline import InlineRunner
from core.paths import Paths, RunPaths
from core.prediction import load_model, predict
from core.records import (
    RunRecord,
    RunStatus,
    read_history,
    read_progress,
    read_steps,
)
from core.search.endings import values_by_epoch
from core.signals import Reason, StopSignal
from core.store import Store
from core.training import run_training
from tests.training.helpers import QUICK, make_stripes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


class Trained:
    """A finished run and where it lies."""

    def __init__(self, paths: Paths, record: RunRecord) -> None:
        self.paths = paths
        self.record = record
        self.files: RunPaths = paths.run(record.id)
        assert record.summary is not None, record.failure
        self.summary = record.summary
        self.history = read_history(self.files)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """An MLP on 300 digits, through the inline runner, as a page or a notebook would do it."""
    paths = Paths(tmp_path_factory.mktemp("lab")).create()
    ensure_digits(paths)
    store = Store(paths)
    config = RunConfig().with_values(
        {
            "data.limit": 300,
            "model.architecture": "mlp",
            "model.units": 64,
            "train.epochs": 6,
            "train.batch_size": 16,
        }
    )
    runner = InlineRunner(store, lambda run_id: run_training(paths, run_id))
    run_id = runner.submit(config, preset="mlp")
    assert [r.id for r in store.runs(RunStatus.FINISHED)] == [run_id]
    return Trained(paths, store.read(run_id))


class TestFinishedRun:
    def test_it_has_learnt(self, digits: Trained) -> None:
        assert digits.record.status is RunStatus.FINISHED
        assert digits.summary.test_accuracy is not None
        assert digits.summary.test_accuracy > 0.75

    def test_the_record_says_where_it_came_from(self, digits: Trained) -> None:
        record = digits.record
        assert record.class_names == tuple("0123456789")
        assert (record.image_shape, record.resize) == ((8, 8, 1), "stretch")
        assert record.dataset_fingerprint
        assert {"python", "keras", "tensorflow", "numpy", "backend"} <= record.versions.keys()
        assert record.started
        assert record.ended
        assert record.created <= record.started <= record.ended

    def test_one_line_per_epoch_in_order(self, digits: Trained) -> None:
        assert [e.epoch for e in digits.history] == [1, 2, 3, 4, 5, 6]
        assert digits.summary.epochs == 6
        assert digits.history[-1].loss < digits.history[0].loss
        assert all(e.learning_rate == pytest.approx(0.001) for e in digits.history)
        assert digits.summary.seconds == pytest.approx(sum(e.seconds for e in digits.history))

    def test_the_best_epoch_is_that_of_the_lowest_validation_loss(self, digits: Trained) -> None:
        losses = [e.val_loss or 0 for e in digits.history]
        assert digits.summary.best_epoch == losses.index(min(losses)) + 1
        # Its weights are the ones that were kept.
        assert digits.summary.val_loss == pytest.approx(min(losses), abs=1e-4)

    def test_summary_and_predictions_say_the_same(self, digits: Trained) -> None:
        found = load_predictions(digits.files.predictions)
        assert found.keys() == {"val", "test"}
        for split in ("val", "test"):
            y_true, proba, _ = found[split]
            expected = getattr(digits.summary, f"{split}_accuracy")
            assert accuracy(y_true, proba) == pytest.approx(expected)
            np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)

    def test_predictions_are_of_the_rows_they_name(self, digits: Trained) -> None:
        dataset = ensure_digits(digits.paths)
        for split, (y_true, proba, rows) in load_predictions(digits.files.predictions).items():
            files = digits.paths.dataset(dataset.name)
            assert (np.load(files.labels(split))[rows] == y_true).all()
            images = np.load(files.images(split))[rows]
            again = predict(digits.paths, digits.record.id, images)
            np.testing.assert_allclose(again, proba, atol=1e-5)
        # The test split is never cut down: its figure is comparable between runs.
        assert len(y_true) == dataset.splits["test"]

    def test_the_model_counts_as_many_parameters(self, digits: Trained) -> None:
        model = load_model(digits.paths, digits.record.id)
        assert model.count_params() == digits.summary.parameters

    def test_the_step_curve_has_every_step(self, digits: Trained) -> None:
        steps = read_steps(digits.files)
        assert steps[-1][0] == 6 * 19  # 300 images in batches of 16
        assert all(low <= last <= high for _, low, high, last in steps)

    def test_the_last_progress(self, digits: Trained) -> None:
        progress = read_progress(digits.files)
        assert progress
        assert (progress.phase, progress.epoch, progress.epochs) == ("evaluating", 6, 6)

    def test_nothing_is_left_lying_about(self, digits: Trained) -> None:
        left = {p.name for p in digits.files.folder.iterdir()} - {".lock"}
        kept = ["record", "metrics", "progress", "steps", "model", "predictions"]
        kept += ["tensorboard", "watched"]
        assert left == {getattr(digits.files, name).name for name in kept}
        assert "stop-file" not in [thread.name for thread in threading.enumerate()]
        with tempfile.NamedTemporaryFile():
            pass  # the temporary directory is the process's own again

    def test_it_never_changes_again(self, digits: Trained) -> None:
        before = digits.files.record.read_bytes()
        assert run_training(digits.paths, digits.record.id) == digits.record
        assert digits.files.record.read_bytes() == before


def train(store: Store, settings: Mapping[str, object] | None = None, **more: Any) -> Trained:
    record = store.create(QUICK.with_values(dict(settings or {})), owner="server")
    return Trained(store.paths, run_training(store.paths, record.id, **more))


def curve(run: Trained) -> list[tuple[float, ...]]:
    return [(e.loss, e.accuracy, e.val_loss or 0, e.val_accuracy or 0) for e in run.history]


def test_the_seed_decides_everything(store: Store) -> None:
    one, again, other = (train(store, {"train.seed": seed}) for seed in (1, 1, 2))
    assert curve(one) == curve(again)
    assert predictions(one) == predictions(again)
    assert curve(one) != curve(other)


def predictions(run: Trained) -> bytes:
    return run.files.predictions.read_bytes()


class SeenBatches(keras.callbacks.Callback):  # type: ignore[misc]
    """Remembers in which order the rows really reached ``fit``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        from core.feeding import Batches

        self.epochs: dict[int, list[int]] = {}
        original = Batches.__getitem__

        def spy(batches: Batches, index: int) -> Any:
            if batches._seed is not None and self.params:
                start = index * batches.batch_size
                rows = batches._epoch_rows()[start : start + batches.batch_size]
                self.epochs.setdefault(batches.epoch, []).extend(rows.tolist())
            return original(batches, index)

        monkeypatch.setattr(Batches, "__getitem__", spy)


def test_fit_sees_every_row_once_an_epoch_in_another_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = SeenBatches(monkeypatch)
    train(store, extra=[seen])
    orders = list(seen.epochs.values())
    assert [sorted(order) for order in orders] == [list(range(90))] * 3
    assert len({tuple(order) for order in orders}) == 3


def test_without_augmentation_in_the_saved_model(store: Store) -> None:
    changes = {"rotation": 10, "crop": 0.2, "rand_augment": 1, "augmix": True, "mixing": "either"}
    run = train(store, {**{f"augment.{k}": v for k, v in changes.items()}, "train.epochs": 1})
    kinds = {type(layer).__name__ for layer in load_model(run.paths, run.record.id).layers}
    assert kinds == {"InputLayer", "Rescaling", "Flatten", "Dense", "Activation", "Dropout"}


def test_mixing_leaves_validation_as_it_is(store: Store) -> None:
    """The loss of hard labels is the same number, mixed or not, and what is kept says it too."""
    mixed = train(store, {"augment.mixing": "either", "train.epochs": 6})
    assert mixed.summary.val_loss == pytest.approx(
        min(e.val_loss or 0 for e in mixed.history), rel=1e-4
    )
    accuracies = [e.val_accuracy for e in mixed.history]
    assert mixed.summary.val_accuracy == accuracies[(mixed.summary.best_epoch or 0) - 1]
    # Mixed labels cannot be met exactly: their loss keeps far above that of the validation.
    assert mixed.history[-1].loss > 2 * (mixed.history[-1].val_loss or 0)


def test_mixing_that_never_happens_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same loss and accuracy by the other path: labels as an input, shares in the loss."""
    plain = train(store)
    never = Mixing("either", 0.5, 0.0, 0)
    monkeypatch.setattr(trainer, "mixing_layer", lambda *_: never)
    mixed = train(store, {"augment.mixing": "either"})
    np.testing.assert_allclose(curve(mixed), curve(plain), rtol=1e-4)


@pytest.mark.parametrize(
    ("splits", "given"),
    [({"val": 0}, {"test"}), ({"test": 0}, {"val"}), ({"val": 0, "test": 0}, set())],
)
def test_splits_may_be_missing(store: Store, splits: dict[str, int], given: set[str]) -> None:
    make_stripes(store.paths, "part", **splits)
    run = train(store, {"data.dataset": "part", "train.epochs": 2})
    assert set(load_predictions(run.files.predictions)) == given
    for split in ("val", "test"):
        assert (getattr(run.summary, f"{split}_accuracy") is not None) is (split in given)
    assert run.summary.best_epoch is not None
    assert (run.history[0].val_loss is not None) is ("val" in given)


def test_early_stopping_ends_and_keeps_the_best(store: Store) -> None:
    """A huge step wrecks the network at once: it can only get worse."""
    settings = {"optimizer.learning_rate": 1.0, "train.epochs": 30, "train.patience": 2}
    run = train(store, settings)
    assert run.record.status is RunStatus.FINISHED
    assert run.summary.epochs == (run.summary.best_epoch or 0) + 2 < 30
    best = run.history[(run.summary.best_epoch or 0) - 1]
    assert run.summary.val_loss == pytest.approx(best.val_loss, rel=1e-3)


def test_without_restore_best_the_last_weights_are_kept(store: Store) -> None:
    settings: dict[str, object] = {
        "optimizer.learning_rate": 1.0,
        "train.epochs": 4,
        "train.early_stopping": False,
        "train.restore_best": False,
    }
    last = train(store, settings)
    assert last.summary.val_loss == pytest.approx(last.history[-1].val_loss, rel=1e-3)
    best = train(store, {**settings, "train.restore_best": True})
    assert curve(best) == curve(last)
    assert best.summary.epochs == 4
    lowest = min(e.val_loss or 0 for e in best.history)
    assert best.summary.val_loss == pytest.approx(lowest, rel=1e-3)


class AskToStop(keras.callbacks.Callback):  # type: ignore[misc]
    """Asks in the given epoch (from 1) after the given batch; counts what still came."""

    def __init__(self, signal: StopSignal, epoch: int, batch: int, reason: Reason) -> None:
        super().__init__()
        self.asked = (signal, epoch, batch, reason)
        self.epoch = 0
        self.batches_after = 0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        signal, at_epoch, at_batch, reason = self.asked
        if signal.reason:
            self.batches_after += 1
        if (self.epoch, batch) == (at_epoch, at_batch):
            signal.set(reason)


def stopped(
    store: Store, epoch: int, batch: int, reason: Reason = "user"
) -> tuple[Trained, AskToStop]:
    signal = StopSignal()
    ask = AskToStop(signal, epoch, batch, reason)
    return train(store, {"train.epochs": 50}, signal=signal, extra=[ask]), ask


def test_a_stop_takes_effect_within_a_batch_and_keeps_what_is_there(store: Store) -> None:
    run, ask = stopped(store, epoch=2, batch=3)
    assert run.record.status is RunStatus.STOPPED
    assert ask.batches_after == 0
    assert [e.epoch for e in run.history] == [1]
    assert run.summary.epochs == 1
    # Epoch 1 was the best one: the half of epoch 2 is not in the model.
    assert run.summary.val_loss == pytest.approx(run.history[0].val_loss, rel=1e-3)
    assert run.files.model.exists()
    assert not run.files.checkpoint.exists()


def test_a_search_may_end_it_and_what_it_has_learned_is_there(store: Store) -> None:
    run, _ask = stopped(store, epoch=2, batch=3, reason="pruned")
    assert run.record.status is RunStatus.PRUNED
    assert run.summary.epochs == 1
    assert run.files.predictions.exists()


def test_a_stop_in_the_first_epoch(store: Store) -> None:
    """A network that has not seen every image once has nothing to show."""
    signal = StopSignal()
    run_id = store.create(QUICK, owner="cli").id
    ask = AskToStop(signal, epoch=1, batch=0, reason="user")
    record = run_training(store.paths, run_id, signal, extra=[ask])
    files = store.paths.run(run_id)
    assert (record.status, record.summary) == (RunStatus.STOPPED, None)
    assert read_history(files) == []
    assert not files.model.exists()
    assert not files.predictions.exists()


def test_the_stop_file_stops(store: Store) -> None:
    class Touch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            if epoch == 1:
                next(iter(store.paths.runs.iterdir())).joinpath("stop").touch()

    run = train(store, {"train.epochs": 10_000, "train.early_stopping": False}, extra=[Touch()])
    assert run.record.status is RunStatus.STOPPED
    assert 2 <= run.summary.epochs < 5000
    assert not run.files.stop.exists()


def test_the_first_reason_counts() -> None:
    signal = StopSignal()
    assert signal.reason is None
    signal.set("user")
    signal.set("server")
    assert signal.reason == "user"


def test_softmax_by_hand() -> None:
    logits = np.array([[0, np.log(3)], [1000, 1000], [-1000, 1000]], dtype=np.float32)
    expected = np.array([[0.25, 0.75], [0.5, 0.5], [0, 1]], dtype=np.float32)
    np.testing.assert_allclose(softmax(logits), expected, atol=1e-6)


def test_what_l2_adds_to_the_loss_is_told(paths: Paths, store: Store) -> None:
    """A search compares networks whose penalties differ: without it, as the kept one is judged."""
    config = QUICK.with_values({"model.l2": 0.1, "train.restore_best": False, "train.epochs": 1})
    run_id = store.create(config, owner="cli").id
    summary = run_training(paths, run_id).summary
    (epoch,) = read_history(paths.run(run_id))
    assert epoch.penalty is not None
    assert epoch.penalty > 0.1
    judged = values_by_epoch(paths.run(run_id), "val_loss")
    assert summary is not None
    assert judged[1] == pytest.approx(summary.val_loss, abs=1e-3)
    assert values_by_epoch(paths.run(run_id), "val_accuracy") == {1: epoch.val_accuracy}
