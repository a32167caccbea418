"""Runs that follow another one, and what is watched of every validation: all trained once."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from core.callbacks import EpochOrder
from core.config import DataConfig, RunConfig
from core.continuing import whole_history
from core.datasets.joining import learned_from, learned_info
from core.datasets.registry import open_dataset
from core.errors import DatasetError, NotFoundError, RunError
from core.evaluation.predictions import load_split, saved_splits
from core.evaluation.watched import MOST_CLASSES, read_watched
from core.feeding import Batches, training_batches
from core.following import plan_continuation, plan_retraining
from core.parts import Start
from core.paths import Paths
from core.records import RunRecord, RunStatus, read_history
from core.store import Store
from core.training import run_training
from tests.training.helpers import QUICK, make_stripes
from tests.training.test_resume import assert_equal, live, outcome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
LAST = QUICK.with_values({"train.restore_best": False, "train.early_stopping": False})
"""What is kept is what the last epoch was validated with."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    paths = Paths(tmp_path_factory.mktemp("lab")).create()
    make_stripes(paths)
    return Store(paths)


@pytest.fixture(scope="module")
def parent(store: Store) -> RunRecord:
    return trained(store, LAST)


def trained(store: Store, config: RunConfig, start: Start | None = None) -> RunRecord:
    made = store.create(config, owner="cli", start=start)
    record = run_training(store.paths, made.id)
    store.refresh(record.id)
    assert record.status is RunStatus.FINISHED, record.failure
    return record


class TestWatching:
    @pytest.mark.parametrize(
        "knobs",
        [
            {},
            {"augment.mixing": "cutmix", "train.label_smoothing": 0.1},
            {"optimizer.ema": True, "train.label_smoothing": 0.1, "augment.rotation": 5},
        ],
        ids=["plain", "mixing", "averages"],
    )
    def test_what_is_watched_is_what_is_predicted(
        self, store: Store, parent: RunRecord, knobs: dict[str, object]
    ) -> None:
        """The last validation, gathered while it went by, against the predictions after it."""
        record = trained(store, LAST.with_values(knobs)) if knobs else parent
        files = store.paths.run(record.id)
        seen, said = read_watched(files.watched), load_split(files.predictions, "val")
        assert seen
        assert (seen.epoch, seen.images, len(seen.rows)) == (3, 30, 20)
        last = read_history(files)[-1]
        assert seen.matrix().trace() / 30 == pytest.approx(last.val_accuracy)
        assert seen.matrix().sum(axis=1).tolist() == np.bincount(said.y_true).tolist()
        assert seen.proba == pytest.approx(said.proba[seen.rows].max(axis=1), abs=1e-4)
        assert seen.y_true.tolist() == said.y_true[seen.rows].tolist()
        assert (np.diff(seen.y_true) >= 0).all()

    def test_nothing_of_it_is_logged_or_left_out_of_a_larger_split(self, store: Store) -> None:
        """More validation images than a batch: all are counted, samples are of the first."""
        make_stripes(store.paths, "wide", train=60, val=600)
        config = LAST.with_values({"data.dataset": "wide", "train.epochs": 1})
        seen = read_watched(store.paths.run(trained(store, config).id).watched)
        assert seen
        assert seen.images == 600
        assert seen.rows.max() < 256


class TestContinuing:
    def test_it_starts_from_the_network_that_was_kept(
        self, store: Store, parent: RunRecord
    ) -> None:
        """With steps of no length the first epoch validates as the other run's last."""
        plan = plan_continuation(store, parent, 1)
        still = plan.config.with_values({"optimizer.learning_rate": 1e-9})
        child = trained(store, still, plan.start)
        epochs = whole_history(store.paths.run(child.id))
        assert [e.epoch for e in epochs] == [1, 2, 3, 4]
        assert epochs[3].val_loss == pytest.approx(epochs[2].val_loss, rel=1e-4)

    def test_killed_and_without_the_other_run_it_goes_on_as_if_nothing_had_happened(
        self, store: Store, parent: RunRecord
    ) -> None:
        plan = plan_continuation(store, parent, 2)
        whole = outcome(store.paths, trained(store, plan.config, plan.start).id)
        killed = store.create(plan.config, owner="server", start=plan.start).id
        folder = store.paths.run(parent.id).folder
        away = folder.rename(store.paths.root / "away")
        live(store, killed, 2, 1)
        run_training(store.paths, killed)
        assert_equal(outcome(store.paths, killed), whole)
        epochs = whole_history(store.paths.run(killed))
        assert [e.epoch for e in epochs] == [1, 2, 3, 4, 5]
        assert epochs[4].loss < epochs[0].loss
        with pytest.raises(NotFoundError):
            store.create(plan.config, owner="cli", start=plan.start)
        assert all((f / "run.json").is_file() for f in store.paths.runs.iterdir())
        away.rename(folder)

    def test_orders_go_on_where_the_other_run_was(self, store: Store) -> None:
        batches = training_batches(QUICK, open_dataset(store.paths, "stripes"))
        EpochOrder(batches, seed=0, before=3).on_epoch_begin(0)
        fourth = batches[0][1]
        EpochOrder(batches, seed=0).on_epoch_begin(3)
        assert (fourth == batches[0][1]).all()

    def test_another_dataset_of_the_same_name_is_refused(
        self, store: Store, parent: RunRecord
    ) -> None:
        seen = parent.changed(dataset_fingerprint="another")
        with pytest.raises(DatasetError, match="was replaced"):
            plan_continuation(store, seen, 2)


class TestRetraining:
    def test_on_training_and_validation_images(self, store: Store, parent: RunRecord) -> None:
        plan = plan_retraining(store, parent)
        record = trained(store, plan.config)
        files = store.paths.run(record.id)
        assert record.summary
        assert (record.summary.val_accuracy, record.summary.best_val_accuracy) == (None, None)
        assert record.summary.test_accuracy == pytest.approx(1, abs=0.2)
        assert [e.val_loss for e in read_history(files)] == [None] * plan.config.train.epochs
        assert saved_splits(files.predictions) == ["test"]
        assert not files.watched.exists()
        with pytest.raises(RunError, match="already"):
            plan_retraining(store, record)

    def test_both_splits_are_fed(self, store: Store) -> None:
        apart = open_dataset(store.paths, "stripes")
        both = learned_from(apart, DataConfig(dataset="stripes", with_validation=True))
        assert both.info.splits == {"train": 120, "val": 0, "test": 30}
        assert sum(both.info.class_counts["train"]) == 120
        train, val, joined = apart.split("train"), apart.split("val"), both.split("train")
        rows = np.array([119, 0, 90, 89])
        expected = np.stack([val.images[29], train.images[0], val.images[0], train.images[89]])
        assert (joined.images[rows] == expected).all()
        assert (joined.labels == np.concatenate([train.labels, val.labels])).all()
        dealt = Batches(joined, np.arange(120), 120, seed=1)[0][1]
        assert sorted(dealt) == sorted(joined.labels)
        assert len(joined) == len(joined.images) == 120
        assert (joined.names[0], joined.names[90]) == ("train0.png", "val0.png")
        assert both.split("test").names[0] == "test0.png"

    @pytest.mark.parametrize("missing", ["val", "test"])
    def test_refused_without_images_to_add_or_to_measure_with(
        self, store: Store, missing: str
    ) -> None:
        splits = {"train": 9, "val": 9, "test": 9, missing: 0}
        info = open_dataset(store.paths, "stripes").info.model_copy(update={"splits": splits})
        with pytest.raises(DatasetError, match=r"\(0 here\)"):
            learned_info(info, DataConfig(with_validation=True))
        assert learned_info(info, DataConfig()) is info


def test_the_training_step_is_not_changed_by_being_watched(store: Store) -> None:
    """The metric is asleep while training: nothing of it is in the compiled step."""
    from core.watching import Watcher

    watcher = Watcher(3, np.arange(2))
    logits = keras.ops.convert_to_tensor([[0.0, 1.0, 0.0]])
    watcher.update_state(np.array([1]), logits)
    assert not keras.ops.convert_to_numpy(watcher.cells).any()
    watcher.awake = True
    watcher.update_state(np.array([1]), logits)
    assert keras.ops.convert_to_numpy(watcher.cells).reshape(3, 3)[1, 1] == 1
    assert watcher.result() == {}


def test_of_very_many_classes_no_matrix_is_counted() -> None:
    from core.watching import Watcher

    watcher = Watcher(MOST_CLASSES + 1, np.arange(1))
    watcher.awake = True
    watcher.update_state(np.array([5]), np.eye(MOST_CLASSES + 1, dtype=np.float32)[[5]])
    assert watcher.cells.shape == (0,)
    assert keras.ops.convert_to_numpy(watcher.logits).argmax() == 5
