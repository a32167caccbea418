"""Every optimizer and schedule, and the other knobs of a training, on small networks."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import keras
import numpy as np
import pytest

from core import precision as precision_module
from core.averaging import Averages
from core.config import OptimizerConfig, RunConfig
from core.config_training import OptimizerName, ScheduleName
from core.datasets.registry import open_dataset
from core.estimates import SLOTS
from core.losses import class_weights, loss_for, smoothed_model
from core.optimizers import OPTIMIZERS, build_optimizer, last_rate
from core.paths import Paths
from core.precision import policy_of, to_keep
from core.prediction import load_model
from core.records import RunRecord, RunStatus, read_history
from core.schedules import schedule_values
from core.store import Store
from core.training import run_training
from core.transfer import build_trainer
from tests.training.helpers import QUICK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
NAMES, SCHEDULES = get_args(OptimizerName), get_args(ScheduleName)


def trained(store: Store, **values: object) -> RunRecord:
    """``optimizer__name="sgd"`` and so on; finished."""
    dotted = {name.replace("__", "."): value for name, value in values.items()}
    run_id = store.create(QUICK.with_values(dotted), owner="server").id
    record = run_training(store.paths, run_id)
    assert record.status is RunStatus.FINISHED, record.failure
    return record


def rates_of(paths: Paths, record: RunRecord) -> list[float]:
    return [epoch.learning_rate for epoch in read_history(paths.run(record.id))]


# Every optimizer with one schedule, and every schedule with one optimizer: they meet in a number.
PAIRS = sorted(
    {(name, SCHEDULES[i % len(SCHEDULES)]) for i, name in enumerate(NAMES)}
    | {("adam", schedule) for schedule in SCHEDULES}
)


@pytest.mark.parametrize(("name", "schedule"), PAIRS)
def test_a_row_trains_as_drawn_and_is_loaded_by_plain_keras(
    store: Store, name: str, schedule: str
) -> None:
    record = trained(store, optimizer__name=name, optimizer__schedule=schedule, train__epochs=2)
    planned = schedule_values(record.config.optimizer, 6, 2)
    assert rates_of(store.paths, record) == [float(planned[5]), float(planned[11])]
    # Compiled, too: nothing of ours is in it, and no optimizer makes it three times as large.
    model = keras.saving.load_model(store.paths.run(record.id).model, compile=True)
    assert not model.compiled
    dataset = open_dataset(store.paths, "stripes")
    saved = np.load(store.paths.run(record.id).predictions)
    proba = next(saved[key] for key in saved.files if "test" in key and "proba" in key)
    logits = model.predict(dataset.split("test").images[:], verbose=0)
    np.testing.assert_allclose(keras.ops.softmax(logits), proba, atol=1e-6)


def test_every_name_has_an_optimizer_and_an_estimate_of_its_memory() -> None:
    assert set(OPTIMIZERS) == set(NAMES) == set(SLOTS)


@pytest.mark.parametrize("name", NAMES)
def test_the_estimate_counts_what_the_optimizer_keeps(name: str) -> None:
    optimizer = build_optimizer(OptimizerConfig.model_validate({"name": name}))
    kernel = keras.Variable(np.zeros((7, 3, 5, 2)), name="kernel")
    optimizer.build([kernel])
    assert sum(v.shape == kernel.shape for v in optimizer.variables) == SLOTS[name]


def step(config: OptimizerConfig, weight: float, gradient: float) -> float:
    """One step of an optimizer with a single weight: where it is then."""
    optimizer = build_optimizer(config)
    variable = keras.Variable([float(weight)])
    optimizer.apply([keras.ops.convert_to_tensor([float(gradient)])], [variable])
    return float(keras.ops.convert_to_numpy(variable)[0])


PLAIN = OptimizerConfig(name="sgd", learning_rate=0.1, momentum=0.0)


@pytest.mark.parametrize("clipping", ["norm", "value", "global_norm"])
def test_clipping_shortens_the_step(clipping: str) -> None:
    assert step(PLAIN, 1, 10) == pytest.approx(0)
    clipped = PLAIN.model_copy(update={"clipping": clipping, "clip_at": 2.0})
    assert step(clipped, 1, 10) == pytest.approx(0.8)
    assert step(clipped, 1, 1) == pytest.approx(0.9)


def test_decay_shrinks_by_its_part_of_the_rate() -> None:
    assert step(PLAIN.model_copy(update={"added_decay": 0.5}), 1, 0) == pytest.approx(0.95)
    # What Adam's form does not offer must not reach it.
    adam = OptimizerConfig(name="adam", weight_decay=0.5, added_decay=0.5)
    assert step(adam, 1, 0) == 1


def test_fields_reach_the_optimizer() -> None:
    config = OptimizerConfig(beta_1=0.5, beta_2=0.6, lion_beta_2=0.7, epsilon=0.1, rho=0.3)
    made = {name: build_optimizer(config.model_copy(update={"name": name})) for name in NAMES}
    for name in ("adam", "adamw", "nadam"):
        assert (made[name].beta_1, made[name].beta_2, made[name].epsilon) == (0.5, 0.6, 0.1)
    assert (made["lion"].beta_1, made["lion"].beta_2) == (0.5, 0.7)
    assert (made["rmsprop"].rho, made["rmsprop"].epsilon) == (0.3, 0.1)
    assert made["adagrad"].epsilon == 0.1


def test_the_last_rate_is_that_of_the_last_step() -> None:
    optimizer = build_optimizer(PLAIN, np.array([0.5, 0.25], dtype=np.float32))
    variable = keras.Variable([0.0])
    seen = [last_rate(optimizer)]
    for _ in range(3):
        optimizer.apply([keras.ops.convert_to_tensor([1.0])], [variable])
        seen.append(last_rate(optimizer))
    assert seen == [0.5, 0.5, 0.25, 0.25]
    assert float(keras.ops.convert_to_numpy(variable)[0]) == -1.0


def test_a_plateau_lowers_the_rate_and_no_further_than_its_floor(store: Store) -> None:
    record = trained(
        store,
        optimizer__schedule="plateau",
        optimizer__plateau_patience=1,
        optimizer__plateau_floor=0.004,
        train__min_delta=1.0,  # nothing counts as better
        train__epochs=5,
    )
    expected = [0.01, 0.01, 0.005, 0.004, 0.004]
    assert rates_of(store.paths, record) == pytest.approx(expected)


class TestLabelSmoothing:
    LOGITS = np.log([[0.5, 0.25, 0.25]]).astype(np.float32)
    LABEL = np.array([0], dtype=np.int32)

    def model(self, smoothing: float) -> keras.Model:
        pixels = keras.Input((3,))
        base = keras.Model(pixels, keras.layers.Identity()(pixels))
        model = smoothed_model(base, smoothing)
        model.compile(loss=loss_for(smoothing))
        return model

    def test_training_is_smoothed_and_validation_is_not(self) -> None:
        model = self.model(0.3)
        plain = -math.log(0.5)
        # 0.3 spread over three classes: 0.8, 0.1 and 0.1.
        by_hand = 0.8 * plain - 0.2 * math.log(0.25)
        computed = {
            training: float(model.compute_loss(None, self.LABEL, self.LOGITS, training=training))
            for training in (True, False)
        }
        assert computed == {True: pytest.approx(by_hand), False: pytest.approx(plain)}
        assert model.evaluate(self.LOGITS, self.LABEL, verbose=0) == pytest.approx(plain)

    def test_the_validation_loss_of_a_run_is_that_of_its_predictions(self, store: Store) -> None:
        record = trained(store, train__label_smoothing=0.2)
        history = read_history(store.paths.run(record.id))
        assert record.summary
        best = min(epoch.val_loss or 9 for epoch in history)
        assert record.summary.val_loss == pytest.approx(best, rel=1e-4)


class TestClassWeights:
    LABELS = np.array([0] * 90 + [1] * 10, dtype=np.int32)

    def test_by_hand(self) -> None:
        assert class_weights("none", self.LABELS, 2) is None
        balanced = class_weights("balanced", self.LABELS, 2)
        assert balanced == pytest.approx({0: 100 / 180, 1: 5.0})
        # One third of the way per factor: sqrt(9) = 3 times as much instead of 9.
        sqrt = class_weights("sqrt", self.LABELS, 2)
        assert sqrt == pytest.approx({0: 1 / 1.2, 1: 3 / 1.2})

    @pytest.mark.parametrize("kind", ["balanced", "sqrt"])
    def test_an_image_weighs_one_in_the_mean(self, kind: str) -> None:
        weights = class_weights(kind, self.LABELS, 3)  # of the third class there is none
        assert weights
        assert sum(weights[label] for label in self.LABELS.tolist()) == pytest.approx(100)

    def test_they_reach_the_loss(self, store: Store) -> None:
        plain, weighted = (trained(store, train__class_weights=k) for k in ("none", "balanced"))
        losses = [read_history(store.paths.run(r.id))[0].loss for r in (plain, weighted)]
        assert losses[0] != losses[1]


class TestAveraging:
    def test_by_hand(self) -> None:
        """The first step is the average; after one step 2/11 of it are kept, not the half that
        the momentum allows."""
        config = PLAIN.model_copy(update={"ema": True, "ema_momentum": 0.5, "learning_rate": 1.0})
        pixels = keras.Input((1,))
        model = keras.Model(pixels, keras.layers.Dense(1, use_bias=False)(pixels))
        model.compile(build_optimizer(config))
        model.optimizer.build(model.trainable_variables)
        model.set_weights([np.array([[0.0]])])
        for gradient in (-1.0, -2.0):  # to 1, then to 3
            model.optimizer.apply([keras.ops.convert_to_tensor([[gradient]])])
        averages = Averages(model)
        averages.show()
        averages.show()
        assert model.get_weights()[0] == pytest.approx((2 * 1 + 9 * 3) / 11)
        averages.hide()
        averages.hide()
        assert model.get_weights()[0] == 3.0

    def test_its_momentum_rises_to_what_was_asked_for(self) -> None:
        optimizer = build_optimizer(PLAIN.model_copy(update={"ema": True, "ema_momentum": 0.9}))
        momenta = []
        for steps in (0, 8, 80, 100_000):
            optimizer.iterations.assign(steps)
            momenta.append(float(keras.ops.convert_to_numpy(optimizer.ema_momentum)))
        assert momenta == pytest.approx([0.1, 0.5, 0.9, 0.9])

    @pytest.mark.parametrize("restore_best", [True, False])
    def test_what_is_validated_is_what_is_kept(self, store: Store, restore_best: bool) -> None:
        record = trained(
            store,
            optimizer__ema=True,
            train__early_stopping=False,
            train__restore_best=restore_best,
        )
        history = read_history(store.paths.run(record.id))
        assert record.summary
        best = min(e.val_loss or 9 for e in history) if restore_best else history[-1].val_loss
        assert record.summary.val_loss == pytest.approx(best, rel=1e-4)

    def test_it_keeps_other_weights_than_without(self, store: Store) -> None:
        losses = [trained(store, optimizer__ema=ema).summary for ema in (False, True)]
        assert losses[0]
        assert losses[1]
        assert losses[0].val_loss != losses[1].val_loss


class TestPrecision:
    def test_without_a_gpu_it_is_off_unless_asked_for(self) -> None:
        assert [policy_of(c) for c in ("auto", "on", "off")] == [
            "float32",
            "mixed_bfloat16",
            "float32",
        ]

    @pytest.mark.parametrize(
        ("modern", "policy"), [(True, "mixed_bfloat16"), (False, "mixed_float16")]
    )
    def test_with_a_gpu(self, monkeypatch: pytest.MonkeyPatch, modern: bool, policy: str) -> None:
        monkeypatch.setattr(keras.distribution, "list_devices", lambda _kind: ["gpu:0"])
        monkeypatch.setattr(precision_module, "computes_bfloat16", lambda: modern)
        assert [policy_of(c) for c in ("auto", "on", "off")] == [policy, policy, "float32"]

    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_the_kept_model_is_in_full(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, policy: str
    ) -> None:
        monkeypatch.setattr(precision_module, "policy_of", lambda _choice: policy)
        record = trained(
            store, optimizer__schedule="cosine", optimizer__ema=True, augment__rotation=5
        )
        assert record.summary
        assert (record.summary.val_accuracy or 0) > 0.5
        model = load_model(store.paths, record.id)
        assert {layer.compute_dtype for layer in model.layers} == {"float32"}
        assert keras.config.dtype_policy().name == "float32"

    def test_the_kept_model_says_the_same(self, paths: Paths) -> None:
        dataset = open_dataset(paths, "stripes")
        base = build_trainer(QUICK, dataset).base
        images = dataset.split("test").images[:4]
        np.testing.assert_array_equal(to_keep(base)(images), base(images))


class TestTimeLimit:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """A minute passes at every look."""
        time = [0.0]

        def look() -> float:
            time[0] += 60
            return time[0]

        monkeypatch.setattr("core.callbacks.time.monotonic", look)
        return time

    def test_it_ends_as_finished_with_a_note(self, store: Store, clock: list[float]) -> None:
        record = trained(store, train__time_limit=1, train__epochs=50)
        assert str(record.note) == "Ended by its time limit of 1 min."
        assert record.summary
        assert record.summary.epochs == 1
        assert store.paths.run(record.id).model.is_file()

    def test_time_enough_leaves_no_note(self, store: Store) -> None:
        record = trained(store, train__time_limit=60)
        assert record.note is None
        assert record.summary
        assert record.summary.epochs == 3


def test_the_monitored_measure_chooses_the_best_epoch(store: Store) -> None:
    for monitor, better in (("val_loss", min), ("val_accuracy", max)):
        record = trained(store, train__monitor=monitor, train__epochs=6, optimizer__name="sgd")
        history = read_history(store.paths.run(record.id))
        values = [getattr(epoch, monitor) for epoch in history]
        assert record.summary
        assert record.summary.best_epoch == values.index(better(values)) + 1
        kept = {"val_loss": record.summary.val_loss, "val_accuracy": record.summary.val_accuracy}
        assert kept[monitor] == pytest.approx(better(values), rel=1e-4)


def test_the_least_improvement_ends_a_training_that_hardly_improves(store: Store) -> None:
    record = trained(store, train__min_delta=1.0, train__patience=2, train__epochs=20)
    assert record.summary
    assert (record.summary.epochs, record.summary.best_epoch) == (3, 1)


def test_old_configs_train_as_before() -> None:
    """A run from before these knobs has none of them in its ``run.json``."""
    old = {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.004}
    config = RunConfig.parse({"optimizer": old}).optimizer
    optimizer = build_optimizer(config)
    assert (optimizer.weight_decay, optimizer.use_ema, optimizer.clipnorm) == (None, False, None)
    assert all(a == b for a, b in pairwise(schedule_values(config, 2, 2)))
