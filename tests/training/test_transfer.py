"""Two stages: what learns in which, that features stand for images, and that kills do no harm."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from core import transfer
from core.config import RunConfig, TransferConfig
from core.datasets.registry import open_dataset
from core.errors import RunError
from core.following import plan_continuation
from core.lr_finder import find_rate
from core.models import transfer as networks
from core.models.transfer import FEATURES, Recipe, Scale
from core.paths import Paths
from core.prediction import load_model
from core.probing import measure_speed
from core.records import RunStatus, read_history, read_record
from core.schedules import planned_rates, steps_per_epoch
from core.signals import StopSignal
from core.stages import Stage, epochs_on_images, stage_config, stages_of
from core.store import Store
from core.training import run_training
from core.transfer import build_trainer
from tests.training.helpers import make_stripes
from tests.training.test_resume import assert_equal, live, outcome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
CONFIG = RunConfig.parse(
    {
        "data": {"dataset": "stripes"},
        "model": {"architecture": "transfer", "input_size": 32, "frozen_epochs": 3, "dropout": 0.3},
        "optimizer": {"learning_rate": 0.01},
        "train": {"epochs": 6, "batch_size": 16, "patience": 4},
    }
)
CHANGING = CONFIG.with_values({"augment.rotation": 5})
"""Images differ in every epoch: no features are kept."""


def small_maps(x: keras.KerasTensor, _config: TransferConfig) -> keras.KerasTensor:
    """A backbone that is built and traced in no time, with blocks called as MobileNetV2's."""
    for block in (1, 2):
        x = keras.layers.Conv2D(6, 3, strides=4, name=f"block_{block}_conv")(x)
        x = keras.layers.BatchNormalization(momentum=0.999, name=f"block_{block}_norm")(x)
        x = keras.layers.Activation("relu", name=f"block_{block}_relu")(x)
    return x


LOADED: list[str] = []


def load_small(model: keras.Model, config: TransferConfig) -> None:
    """Stands for the pretrained weights: the same ones every time."""
    LOADED.append(config.backbone)
    rng = np.random.default_rng(1)
    for layer in networks.backbone_layers(model):
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([rng.normal(0, 0.2, w.shape) for w in layer.get_weights()])


def use_small_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    LOADED.clear()
    monkeypatch.setitem(networks.RECIPES, "mobilenet_v2", Recipe(Scale(2.0, -1.0), small_maps))
    monkeypatch.setattr(transfer, "load_pretrained", load_small)
    monkeypatch.setattr(transfer, "find_weights", lambda _config: Path("weights.h5"))


@pytest.fixture(autouse=True)
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The small backbone with fixed "pretrained" weights; one entry per time they are loaded."""
    use_small_backbone(monkeypatch)
    return LOADED


@pytest.fixture
def store(paths: Paths) -> Store:
    return Store(paths)


def train(store: Store, config: RunConfig, **kwargs: Any) -> str:
    run_id = store.create(config, owner="server").id
    run_training(store.paths, run_id, **kwargs)
    return run_id


def test_the_stages_of_a_config() -> None:
    def names(**values: object) -> list[Stage]:
        return stages_of(CONFIG.with_values({f"model.{k}": v for k, v in values.items()}))

    assert names() == [Stage("frozen", 3), Stage("fine-tuning", 6)]
    assert names(frozen_epochs=0) == [Stage("fine-tuning", 6)]
    assert names(frozen_epochs=9) == [Stage("frozen", 6)]
    assert names(weights="none") == [Stage(None, 6)]
    assert stages_of(RunConfig()) == [Stage(None, 20)]


def test_epochs_on_features_take_the_time_of_one() -> None:
    assert epochs_on_images(CONFIG) == 1 + 3
    assert epochs_on_images(CHANGING) == 6
    assert epochs_on_images(CONFIG.with_values({"model.frozen_epochs": 9})) == 1
    assert epochs_on_images(RunConfig()) == 20


def test_the_rate_is_smaller_only_after_frozen_epochs() -> None:
    frozen, tuned = stages_of(CONFIG)
    assert stage_config(CONFIG, frozen) == CONFIG
    warm = CONFIG.with_values({"optimizer.warmup_epochs": 2})
    then = stage_config(warm, tuned).optimizer
    assert then.learning_rate == pytest.approx(0.001)
    assert (stage_config(warm, frozen).optimizer.warmup_epochs, then.warmup_epochs) == (2, 0)
    at_once = CONFIG.with_values({"model.frozen_epochs": 0})
    assert stage_config(at_once, stages_of(at_once)[0]) == at_once


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """What the trained network is called, and its features' first weights, after every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.names.append(self.model.name)


class Trained(NamedTuple):
    """A run from its beginning to its end; what was watched, and the weights that were loaded."""

    store: Store
    run_id: str
    names: list[str]
    loads: list[str]


def trained(store: Store, config: RunConfig) -> Trained:
    watch = Watch()
    run_id = train(store, config, extra=[watch])
    return Trained(store, run_id, watch.names, [*LOADED])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run of CONFIG; nobody changes it."""
    paths = Paths(tmp_path_factory.mktemp("whole")).create()
    make_stripes(paths)
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_small_backbone(monkeypatch)
        return trained(Store(paths), CONFIG)


def assert_two_stages(run: Trained, *, first: str, second: str) -> None:
    """``first`` and ``second`` are the names of the networks that learn."""
    paths = run.store.paths
    record, history = read_record(paths, run.run_id), read_history(paths.run(run.run_id))
    assert record.status is RunStatus.FINISHED, record.failure
    assert [e.stage for e in history] == ["frozen"] * 3 + ["fine-tuning"] * 3
    assert [e.learning_rate for e in history] == pytest.approx([0.01] * 3 + [0.001] * 3)
    assert run.names == [first] * 3 + [second] * 3
    assert run.loads == ["mobilenet_v2"]
    files = {f.name for f in paths.run(run.run_id).folder.iterdir()}
    assert not {name for name in files if "features" in name or "checkpoint" in name}


def test_two_stages_are_trained_and_told_apart(store: Store, whole: Trained) -> None:
    assert_two_stages(whole, first="head", second="transfer")
    assert_two_stages(trained(store, CHANGING), first="training", second="training")


def test_a_run_that_goes_on_tunes_the_network_of_the_other_one(
    store: Store, loads: list[str]
) -> None:
    parent = read_record(store.paths, train(store, CONFIG.with_values({"train.epochs": 4})))
    plan = plan_continuation(store, parent, 1)
    still = plan.config.with_values({"optimizer.learning_rate": 1e-9})
    child = store.create(still, owner="server", start=plan.start).id
    record = run_training(store.paths, child)
    history = read_history(store.paths.run(child))
    assert [e.stage for e in history] == ["fine-tuning"]
    assert parent.summary
    assert history[0].val_loss == pytest.approx(parent.summary.val_loss, rel=1e-3)
    assert (record.status, loads) == (RunStatus.FINISHED, ["mobilenet_v2"])


def frozen_weights(model: keras.Model) -> list[Any]:
    return [w for layer in networks.backbone_layers(model) for w in layer.get_weights()]


def test_a_frozen_backbone_stays_as_it_was(store: Store, whole: Trained) -> None:
    kept = CONFIG.with_values({"model.frozen_epochs": 6, "augment.rotation": 5})
    mine = frozen_weights(load_model(store.paths, train(store, kept)))
    theirs = frozen_weights(load_model(whole.store.paths, whole.run_id))
    start = build_trainer(CONFIG, open_dataset(store.paths, "stripes")).base
    load_small(start, TransferConfig())
    for before, after in zip(frozen_weights(start), mine, strict=True):
        np.testing.assert_array_equal(before, after)
    changed = [(a != b).any() for a, b in zip(mine, theirs, strict=True)]
    # Kernel and bias of both convolutions, scale and shift but not the means of the norms.
    assert changed == [True, True, False, False, False, False] * 2


def test_features_are_those_of_the_images_and_computed_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []
    compute = transfer._compute

    def count(*args: Any) -> None:
        computed.append(args[2].name)
        compute(*args)

    monkeypatch.setattr(transfer, "_compute", count)
    run_id = store.create(CONFIG, owner="server").id
    live(store, run_id, 2, 0)
    files = store.paths.run(run_id)
    kept = np.load(files.features("train"))
    model = build_trainer(CONFIG, open_dataset(store.paths, "stripes")).base
    load_small(model, TransferConfig())
    images = open_dataset(store.paths, "stripes").split("train").images
    expected = keras.Model(model.input, model.get_layer(FEATURES).output)(images, training=False)
    np.testing.assert_allclose(kept, expected, atol=1e-5)
    run_training(store.paths, run_id)
    assert computed == [".features-train.npy.tmp", ".features-val.npy.tmp"]


def test_resume_in_either_stage(store: Store, whole: Trained) -> None:
    """Six kills: while the head learns alone, after the last line of the first stage, at the first
    step of the second, of which no checkpoint tells yet, and while all learns."""
    expected = outcome(whole.store.paths, whole.run_id)
    run_id = store.create(CONFIG, owner="server").id
    for epoch, batch in ((2, 3), (2, None), (3, None), (4, 0), (5, 2), (6, None)):
        live(store, run_id, epoch, batch)
    run_training(store.paths, run_id)
    assert_equal(outcome(store.paths, run_id), expected)


def test_patience_of_the_first_stage_leads_to_the_second(store: Store) -> None:
    hopeless: dict[str, object] = {
        "optimizer.learning_rate": 1e-9,
        "train.patience": 1,
        "model.frozen_epochs": 5,
    }
    run_id = train(store, CONFIG.with_values(hopeless))
    stages = [e.stage for e in read_history(store.paths.run(run_id))]
    assert stages[0] == "frozen"
    assert "fine-tuning" in stages
    assert stages.count("frozen") < 5


def test_the_best_epoch_may_lie_in_the_first_stage(store: Store) -> None:
    """A second stage that spoils everything is not kept."""
    spoiling = CONFIG.with_values({"model.fine_rate": 1.0, "optimizer.learning_rate": "0.5"})
    run_id = train(store, spoiling)
    record, history = read_record(store.paths, run_id), read_history(store.paths.run(run_id))
    assert record.summary
    best = min(history, key=lambda e: e.val_loss or 0)
    assert record.summary.val_loss == pytest.approx(best.val_loss, rel=1e-3)


def test_stopped_while_features_are_computed(store: Store) -> None:
    signal = StopSignal()
    signal.set("user")
    run_id = train(store, CONFIG, signal=signal)
    record = read_record(store.paths, run_id)
    assert (record.status, record.summary) == (RunStatus.STOPPED, None)
    assert not list(store.paths.run(run_id).folder.glob("*features*"))


def test_weights_that_cannot_be_had_fail_with_what_to_do(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object) -> None:
        raise RunError("The weights could not be downloaded.")

    monkeypatch.setattr(transfer, "load_pretrained", offline)
    monkeypatch.setattr(transfer, "find_weights", lambda _config: None)
    record = read_record(store.paths, train(store, CONFIG))
    assert record.status is RunStatus.FAILED
    assert record.failure
    assert "could not be downloaded" in str(record.failure.what)


KNOBS: dict[str, dict[str, object]] = {
    "one cycle, averages, smoothing, mixed images": {
        "augment.mixing": "either",
        "optimizer.schedule": "one_cycle",
        "optimizer.ema": True,
        "optimizer.ema_momentum": 0.8,
        "train.label_smoothing": 0.1,
    },
    "plateau, last epoch kept": {
        "optimizer.schedule": "plateau",
        "optimizer.plateau_patience": 1,
        "train.min_delta": 0.5,
        "train.restore_best": False,
        "train.class_weights": "sqrt",
    },
}


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_survives_kills_in_both_stages(store: Store, name: str) -> None:
    config = CONFIG.with_values(KNOBS[name])
    expected = outcome(store.paths, train(store, config))
    run_id = store.create(config, owner="server").id
    # In the first stage, and before a checkpoint of the second.
    for epoch, batch in ((2, 2), (5, None)):
        live(store, run_id, epoch, batch)
    run_training(store.paths, run_id)
    assert_equal(outcome(store.paths, run_id), expected)


@pytest.mark.parametrize("config", [CONFIG, CHANGING], ids=["features", "images"])
def test_each_stage_has_a_plan_of_its_own(store: Store, config: RunConfig) -> None:
    """What is drawn is what is used: from the full rate down, then again from the smaller one."""
    config = config.with_values({"optimizer.schedule": "cosine"})
    history = read_history(store.paths.run(train(store, config)))
    steps, drawn = steps_per_epoch(config, 90), planned_rates(config, 90)
    assert len(drawn) == 6 * steps
    np.testing.assert_array_equal([e.learning_rate for e in history], drawn[steps - 1 :: steps])
    assert (drawn[0], drawn[3 * steps]) == pytest.approx((0.01, 0.001))
    assert drawn[3 * steps - 1] < drawn[3 * steps]


def test_patience_stretches_the_second_plan_over_the_epochs_that_are_left(store: Store) -> None:
    values = {
        **{"optimizer.schedule": "cosine", "optimizer.final_share": 0.1},
        **{"train.min_delta": 1.0, "train.patience": 1, "model.frozen_epochs": 5},
    }
    watch = Watch()
    run_id = train(store, CONFIG.with_values(values), extra=[watch])
    history = read_history(store.paths.run(run_id))
    frozen = [e for e in history if e.stage == "frozen"]
    assert len(frozen) == 2
    # Four epochs are left, not one: after the first of them the rate is still high.
    assert history[2].learning_rate > 0.0008


def test_averages_of_the_whole_network_are_kept(store: Store) -> None:
    """The last epoch's validation was the averages', and so is the model."""
    values: dict[str, object] = {
        **{"optimizer.ema": True, "train.restore_best": False, "train.early_stopping": False},
        **{"optimizer.schedule": "cosine", "optimizer.warmup_epochs": 1},
    }
    run_id = train(store, CONFIG.with_values(values))
    record, history = read_record(store.paths, run_id), read_history(store.paths.run(run_id))
    assert record.summary
    assert record.summary.val_loss == pytest.approx(history[-1].val_loss, rel=1e-3)


def test_a_rate_is_found_for_the_head_on_pretrained_features(
    store: Store, loads: list[str]
) -> None:
    trainer = build_trainer(CONFIG, open_dataset(store.paths, "stripes"))
    assert loads == ["mobilenet_v2"]
    assert [w.path for w in trainer.model.trainable_weights] == ["logits/kernel", "logits/bias"]
    found = find_rate(CONFIG, open_dataset(store.paths, "stripes"))
    assert found.valley


def test_the_time_is_that_of_the_stage_in_which_all_learns(store: Store, loads: list[str]) -> None:
    config = CONFIG.with_values({"augment.mixing": "mixup"})
    dataset = open_dataset(store.paths, "stripes")
    trainer = build_trainer(config, dataset, stage=-1)
    assert len(trainer.model.trainable_weights) > 2
    assert measure_speed(config, dataset).seconds_per_validation_step > 0
    assert loads == []


def test_a_rate_is_not_looked_for_without_the_weights(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object) -> None:
        raise RunError("The weights could not be downloaded.")

    monkeypatch.setattr(transfer, "load_pretrained", offline)
    with pytest.raises(RunError, match="could not be downloaded"):
        find_rate(CONFIG, open_dataset(store.paths, "stripes"))


def test_whoever_tries_out_a_network_hears_of_a_download(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three megabytes so far, of the nine that the parameters take."""
    told: list[tuple[int, int]] = []

    def download(*_: object) -> None:
        (tmp_path / "home" / "models").mkdir(parents=True)
        (tmp_path / "home" / "models" / "weights.h5").write_bytes(bytes(3_000_000))
        time.sleep(0.8)

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(transfer, "find_weights", lambda _config: None)
    monkeypatch.setattr(transfer, "load_pretrained", download)
    dataset = open_dataset(store.paths, "stripes")
    build_trainer(CONFIG, dataset, tell=lambda *how_far: told.append(how_far))
    assert told[-1] == (3, 9)


def test_mixed_precision_in_both_stages_is_kept_in_full(store: Store) -> None:
    run_id = train(store, CONFIG.with_values({"train.precision": "on"}))
    assert read_record(store.paths, run_id).status is RunStatus.FINISHED
    model = load_model(store.paths, run_id)
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
