"""Ensembles, snapshots and soups of real networks, small ones; trained once for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest

from core import prediction
from core.callbacks import Halted
from core.compute import operations
from core.ensembles.appraisal import against_best, judge_method
from core.ensembles.choosing import Rule, candidates, chosen_by, made_of, snapshots_of
from core.ensembles.making import Asked, load_recipe, make_ensemble
from core.ensembles.soups import Order, caution, check_soup, load_soup, read_soup, save_soup
from core.ensembles.votes import gathered, has_varied
from core.errors import NotFoundError, RunError, StoreError
from core.evaluation.metrics import accuracy
from core.evaluation.predictions import Predictions, load_predictions, load_split, save_predictions
from core.following import plan_continuation, plan_on
from core.inspection.job import inspect
from core.networks import has_network, network_version
from core.parts import Composition, Member, Method, Part
from core.paths import Paths
from core.prediction import network_of, predict
from core.records import RunRecord, RunStatus, read_progress
from core.snapshots import MOST_SNAPSHOTS, kept_epochs, load_snapshot, save_snapshot
from core.souping import make_soup, renew_statistics, run_job
from core.store import Store
from core.training import run_training
from tests.training.helpers import QUICK, make_stripes

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

SNAPPING = {"train.snapshots": "every", "train.snapshot_epochs": 1, "train.early_stopping": False}
FLIPPED = QUICK.with_values({"augment.flip": "horizontal", "model.batch_norm": True})


class Trained(NamedTuple):
    """A lab with two runs that differ in their seeds, the first with snapshots."""

    store: Store
    one: RunRecord
    two: RunRecord

    @property
    def members(self) -> tuple[Member, ...]:
        return Member(run=self.one.id), Member(run=self.two.id)


def train(store: Store, config: object, **values: object) -> RunRecord:
    settings = {name.replace("__", "."): value for name, value in values.items()}
    record = store.create(config.with_values(settings), owner="server")  # type: ignore[attr-defined]
    run_training(store.paths, record.id)
    return store.refresh(record.id)


@pytest.fixture(scope="module")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    paths = Paths(tmp_path_factory.mktemp("ensembles")).create()
    make_stripes(paths)
    store = Store(paths)
    one = train(store, FLIPPED.with_values(dict(SNAPPING)))
    two = train(store, FLIPPED, train__seed=1)
    inspect(paths, one.id, "varied")
    store.close()
    return Trained(store, one, two)


@pytest.fixture
def lab(_trained: Trained, tmp_path: Path) -> Iterator[Trained]:
    """A copy of it that a test may spoil."""
    root = tmp_path / "artifacts"
    shutil.copytree(_trained.store.paths.root, root)
    store = Store(Paths(root))
    yield _trained._replace(store=store)
    store.close()


def images(lab: Trained, n: int = 5) -> np.ndarray:
    pixels: np.ndarray = np.load(lab.store.paths.dataset("stripes").images("test"))[:n]
    return pixels


def some(split: Predictions, which: slice) -> Predictions:
    return Predictions(split.y_true[which], split.proba[which], split.rows[which])


def make(lab: Trained, members: Sequence[Member], method: Method = "mean") -> RunRecord:
    return make_ensemble(lab.store, Asked(tuple(members), method))


@pytest.mark.parametrize("method", ["mean", "logits", "accuracy", "weights", "vote", "stacking"])
def test_it_says_of_pictures_what_it_has_saved_of_the_test_images(
    lab: Trained, method: Method
) -> None:
    record = make(lab, lab.members, method)
    saved = load_split(lab.store.paths.run(record.id).predictions, "test")
    said = predict(lab.store.paths, record.id, images(lab))
    np.testing.assert_allclose(said, saved.proba[:5], atol=1e-5)


def test_an_ensemble_is_a_finished_run_of_the_index(lab: Trained) -> None:
    record = make(lab, lab.members)
    assert record.status is RunStatus.FINISHED
    assert (record.kind, record.network) == ("ensemble", "Ensemble × 2")
    assert record.composition == Composition(
        method="mean", members=tuple(m.model_copy(update={"weight": 0.5}) for m in lab.members)
    )
    assert record.summary is not None
    assert lab.one.summary is not None
    assert record.summary.parameters == 2 * lab.one.summary.parameters
    val = load_split(lab.store.paths.run(record.id).predictions, "val")
    assert record.summary.val_accuracy == accuracy(val.y_true, val.proba)
    lab.store.reindex()
    assert lab.store.read(record.id) == record
    assert record in lab.store.runs()
    assert record.id not in {r.id for r in candidates(lab.store)}


def test_validation_figures_of_a_method_that_learns_are_honest(lab: Trained) -> None:
    record = make(lab, lab.members, "stacking")
    votes = gathered(lab.store.paths, lab.members, "val")
    honest = judge_method("stacking", votes)
    val = load_split(lab.store.paths.run(record.id).predictions, "val")
    np.testing.assert_allclose(val.proba, honest.proba)
    files = lab.store.paths.run(record.id)
    assert record.composition is not None
    files.stacking.write_bytes(b"x")
    with pytest.raises(StoreError, match="damaged"):
        load_recipe(files, record.composition)


def test_a_deleted_member_is_named(lab: Trained) -> None:
    record = make(lab, lab.members)
    assert made_of(lab.store, [lab.two.id]) == [record]
    assert made_of(lab.store, [lab.two.id, record.id]) == []
    before = network_version(lab.store.paths, record)
    assert before == network_version(lab.store.paths, record)
    lab.store.delete(lab.two.id)
    assert not has_network(lab.store.paths, record)
    with pytest.raises(RunError, match="deleted"):
        predict(lab.store.paths, record.id, images(lab))
    # What it has predicted is still there.
    assert set(load_predictions(lab.store.paths.run(record.id).predictions)) == {"val", "test"}


def test_an_ensemble_of_folds_is_named_when_their_cross_validation_goes(lab: Trained) -> None:
    record, whole = make(lab, lab.members), "20260101-000000-000-abcd"
    lab.store.save(lab.two.changed(part=Part(kind="crossval", of=whole, number=1)))
    assert made_of(lab.store, [whole]) == [record]


def test_members_that_do_not_fit_are_named(lab: Trained) -> None:
    store = lab.store
    other = lab.two.changed(dataset_fingerprint="another")
    store.save(other)
    with pytest.raises(RunError, match="another dataset"):
        make(lab, lab.members)
    store.save(lab.two)
    record = make(lab, lab.members)
    with pytest.raises(RunError, match="made of several"):
        make(lab, [lab.members[0], Member(run=record.id)])
    with pytest.raises(RunError, match="different members"):
        make(lab, [lab.members[0]] * 2)
    with pytest.raises(RunError, match="after epoch 77"):
        make(lab, [lab.members[0], Member(run=lab.one.id, snapshot=77)])
    lab.store.paths.run(lab.one.id).snapshot(2).unlink()
    with pytest.raises(RunError, match="after epoch 2"):  # its answers alone are no member
        make(lab, [lab.members[1], Member(run=lab.one.id, snapshot=2)])
    with pytest.raises(RunError, match="not computed yet"):
        make(lab, [lab.members[0], Member(run=lab.two.id, varied=True)])
    with pytest.raises(NotFoundError):
        make(lab, [lab.members[0], Member(run="20260101-000000-000-abcd")])


def test_too_few_images_in_common_are_refused(lab: Trained) -> None:
    file = lab.store.paths.run(lab.two.id).predictions
    splits = load_predictions(file)
    few = {name: Predictions(p.y_true[:5], p.proba[:5], p.rows[:5]) for name, p in splits.items()}
    save_predictions(file, few)
    with pytest.raises(RunError, match="judged 5 images"):
        make(lab, lab.members)


def test_a_handful_of_test_images_is_no_hindrance(lab: Trained) -> None:
    """They are neither chosen by nor learned from."""
    for member in lab.members:
        file = lab.store.paths.run(member.run).predictions
        splits = load_predictions(file)
        few = some(splits["test"], slice(3))
        save_predictions(file, splits | {"test": few})
    record = make(lab, lab.members)
    saved = load_predictions(lab.store.paths.run(record.id).predictions)
    assert {name: len(split.rows) for name, split in saved.items()} == {"val": 30, "test": 3}


def test_a_rule_takes_the_best_of_each_architecture_and_all_good_ones(lab: Trained) -> None:
    assert lab.one.summary is not None

    def run(number: int, architecture: str, worth: float) -> RunRecord:
        config = lab.one.config.with_values({"model.architecture": architecture})
        summary = lab.one.summary.model_copy(update={"val_accuracy": worth})  # type: ignore[union-attr]
        return lab.one.changed(id=f"r{number}", config=config, summary=summary)

    runs = [run(1, "mlp", 0.7), run(2, "mlp", 0.8), run(3, "cnn", 0.96), run(4, "cnn", 0.97)]
    chosen = {
        rule: [r.id for r in chosen_by(rule, runs)]
        for rule in (Rule(0.95, 1), Rule(None, 1), Rule(0.95, 0), Rule(None, 2))
    }
    assert list(chosen.values()) == [
        ["r4", "r3", "r2"],
        ["r4", "r2"],
        ["r4", "r3"],
        ["r4", "r3", "r2", "r1"],
    ]
    fold = lab.one.config.data.model_copy(update={"folds": 5, "fold": 0})
    best = runs[0].changed(config=runs[0].config.model_copy(update={"data": fold}), id="fold")
    soup = runs[3].changed(kind="soup", id="soup")
    assert [r.id for r in chosen_by(Rule(0.6, 1), [best, soup, *runs[1:3]])] == ["r3", "r2"]
    crowd = [run(i, "cnn", 0.99) for i in range(40)] + [run(99, "mlp", 0.5)]
    most = chosen_by(Rule(0.9, 1), crowd)
    assert (len(most), most[-1].id) == (30, "r99")


def test_versions_are_averaged_once_and_answer_as_pages_do(lab: Trained) -> None:
    paths = lab.store.paths
    assert has_varied(paths, lab.one.id)
    saved = load_split(paths.run(lab.one.id).inspection.varied, "test")
    said = predict(paths, lab.one.id, images(lab), varied=True)
    np.testing.assert_allclose(saved.proba[:5], said, atol=1e-5)
    members = [Member(run=lab.one.id, varied=True), lab.members[1]]
    record = make(lab, members)
    alone = predict(paths, lab.two.id, images(lab))
    np.testing.assert_allclose(
        predict(paths, record.id, images(lab)), (said + alone) / 2, atol=1e-5
    )


def test_snapshots_are_members(lab: Trained) -> None:
    paths = lab.store.paths
    assert snapshots_of(paths.run(lab.one.id)) == [1, 2, 3]
    members = [Member(run=lab.one.id, snapshot=epoch) for epoch in (1, 3)]
    saved = load_split(paths.run(lab.one.id).snapshot_predictions(1), "test")
    record = make(lab, members)
    assert record.summary is not None
    assert lab.one.summary is not None
    assert record.summary.seconds == lab.one.summary.seconds  # one training, counted once
    said = [predict(paths, make(lab, [m, lab.members[1]]).id, images(lab)) for m in members]
    assert not np.allclose(said[0], said[1])
    network = network_of(paths, members[0])
    logits = keras.ops.convert_to_numpy(network(images(lab)))
    np.testing.assert_array_equal(logits.argmax(1), saved.proba[:5].argmax(1))


def test_a_killed_training_keeps_its_snapshots(
    lab: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the second epoch, when a snapshot of a later life lies there, too."""
    store = lab.store
    record = store.create(lab.one.config, owner="server")
    files = store.paths.run(record.id)

    class Kill(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            if epoch == 2:
                raise Halted("server")

    run_training(store.paths, record.id, extra=[Kill()])
    assert store.refresh(record.id).status is RunStatus.INTERRUPTED
    assert kept_epochs(files) == [1, 2]
    save_snapshot(files, 9, [np.zeros(3)])  # of a life that did not get to its checkpoint
    store.save(store.read(record.id).changed(status=RunStatus.QUEUED))
    run_training(store.paths, record.id)
    assert snapshots_of(files) == kept_epochs(files) == [1, 2, 3]
    progress = read_progress(files)
    assert progress is not None
    assert (progress.phase, progress.steps) == ("evaluating", 6)  # two splits after each of them
    whole = store.paths.run(lab.one.id)
    for mine, theirs in zip(
        load_snapshot(files.snapshot(3)), load_snapshot(whole.snapshot(3)), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_only_the_latest_snapshots_stay(paths: Paths) -> None:
    files = paths.run("20260101-000000-000-abcd")
    files.folder.mkdir()
    for epoch in range(1, MOST_SNAPSHOTS + 3):
        save_snapshot(files, epoch, [np.array([epoch])])
    assert kept_epochs(files) == list(range(3, MOST_SNAPSHOTS + 3))
    np.testing.assert_array_equal(load_snapshot(files.snapshot(12))[0], [12])
    files.snapshot(12).write_bytes(b"x")
    with pytest.raises(StoreError, match="cannot be read"):
        load_snapshot(files.snapshot(12))


def test_a_soup_of_snapshots_is_a_run_with_a_network(lab: Trained) -> None:
    paths = lab.store.paths
    members = tuple(Member(run=lab.one.id, snapshot=epoch) for epoch in (1, 2, 3))
    soup = make_soup(paths, Order(members=members, recipe="uniform"))
    record = lab.store.refresh(soup.run)
    assert (record.kind, record.is_composed) == ("soup", False)
    assert record.composition is not None
    assert {m.snapshot for m in record.composition.members} == {1, 2, 3}
    assert record.summary is not None
    assert record.summary.val_accuracy == soup.accuracy
    mean = np.mean([load_snapshot(paths.run(lab.one.id).snapshot(e))[0] for e in (1, 2, 3)], axis=0)
    np.testing.assert_allclose(
        network_of(paths, Member(run=soup.run)).get_weights()[0], mean, rtol=1e-5
    )
    saved = load_split(paths.run(soup.run).predictions, "test")
    np.testing.assert_allclose(predict(paths, soup.run, images(lab)), saved.proba[:5], atol=1e-5)


def test_a_soup_is_judged_by_images_that_none_of_them_has_learned(lab: Trained) -> None:
    """Of a fold's validation images another member may have learned some."""
    file = lab.store.paths.run(lab.two.id).predictions
    splits = load_predictions(file)
    shared = some(splits["val"], slice(5, None))
    save_predictions(file, splits | {"val": shared})
    soup = make_soup(lab.store.paths, Order(members=lab.members, recipe="uniform"))
    judged = load_split(lab.store.paths.run(soup.run).predictions, "val")
    np.testing.assert_array_equal(np.sort(judged.rows), np.sort(shared.rows))


def test_networks_that_compute_differently_are_no_soup(lab: Trained) -> None:
    """No weight tells one activation from another; how much was dropped in training is past."""
    config = lab.two.config.with_values({"model.activation": "tanh", "model.dropout": 0.1})
    lab.store.save(lab.two.changed(config=config))
    with pytest.raises(RunError, match=r"(?i)compute differently .activation"):
        check_soup(lab.store.paths, lab.members)
    lab.store.save(lab.two.changed(config=lab.two.config.with_values({"model.dropout": 0.1})))
    assert len(check_soup(lab.store.paths, lab.members)) == 2


def test_a_greedy_soup_is_no_worse_than_its_best_member_as_renewed(lab: Trained) -> None:
    order = Order(members=lab.members, recipe="greedy")
    files = lab.store.paths.soup(order.key)
    files.folder.mkdir(parents=True)
    (files.folder / "order.json").write_text(order.model_dump_json())
    assert run_job(lab.store.paths, order.key).status == "finished"
    assert read_soup(lab.store.paths, order).status == "finished"
    soup = load_soup(lab.store.paths, order)
    assert len(soup.accuracies) == 2
    assert soup.accuracy >= max(soup.accuracies) - 0.1
    assert caution([lab.one, lab.two]) is not None
    assert caution([lab.one, lab.one]) is None
    lab.store.refresh(soup.run)
    lab.store.delete(soup.run)
    with pytest.raises(NotFoundError):
        load_soup(lab.store.paths, order)
    save_soup(files, soup)
    files.result("soup").write_bytes(b"x")
    with pytest.raises(StoreError):
        load_soup(lab.store.paths, order)


def test_a_soup_is_judged_by_images_that_no_member_has_learned_from(lab: Trained) -> None:
    """As folds of different deals: what one has not judged, it has learned from."""
    paths = lab.store.paths
    file = paths.run(lab.two.id).predictions
    said = load_predictions(file)
    val = said["val"]
    fewer = Predictions(val.y_true[5:], val.proba[5:], val.rows[5:])
    save_predictions(file, {**said, "val": fewer})
    for members in (lab.members, lab.members[::-1]):
        soup = make_soup(paths, Order(members=members, recipe="uniform"))
        assert load_split(paths.run(soup.run).predictions, "val").rows.tolist() == [*range(5, 30)]


def test_networks_of_different_shapes_are_no_soup(lab: Trained) -> None:
    narrow = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    narrow.save(lab.store.paths.run(lab.two.id).model)
    order = Order(members=lab.members)
    with pytest.raises(RunError, match="different sizes"):
        make_soup(lab.store.paths, order)
    other = lab.two.changed(config=lab.two.config.with_values({"model.architecture": "cnn"}))
    lab.store.save(other)
    with pytest.raises(RunError, match="one architecture"):
        make_soup(lab.store.paths, Order(members=lab.members))


def test_statistics_are_those_of_the_images_without_dropout() -> None:
    network = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dropout(0.5),
            keras.layers.BatchNormalization(),
        ]
    )
    values = np.array([[0.0, 4.0], [2.0, 8.0], [4.0, 0.0], [6.0, 0.0]], np.float32)
    batches = [(values[:2], None), (values[2:], None)]
    renew_statistics(network, batches)  # type: ignore[arg-type]
    norm = network.layers[-1]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(norm.moving_mean), [3, 3])
    assert norm.momentum == pytest.approx(0.99)
    assert network.layers[0].rate == 0.5


def test_an_ensemble_can_be_compared_with_its_best_member(lab: Trained) -> None:
    votes = gathered(lab.store.paths, lab.members, "val")
    best, compared = against_best(votes, judge_method("mean", votes).proba)
    assert compared.accuracy_a == max(votes.accuracies) == votes.accuracies[best]


def test_models_of_an_ensemble_stay_as_long_as_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Model:
        def __init__(self, parameters: int) -> None:
            self.parameters = parameters

        def count_params(self) -> int:
            return self.parameters

    sizes = {"small": 1, "large": prediction.KEPT_PARAMETERS}
    loads: list[str] = []

    def load(name: prediction._Name) -> Model:
        loads.append(name.file.name)
        return Model(sizes[name.file.suffix[1:]])

    monkeypatch.setattr(prediction, "_loaded", load)
    kept = prediction._Kept()
    names = [prediction._Name(Path(f"{i}.small"), 0) for i in range(6)]
    for name in [*names, *names]:
        kept.model(name)
    assert len(loads) == 6  # more than four, but small
    for i in range(6):
        kept.model(prediction._Name(Path(f"{i}.large"), 0))
    kept.model(names[0])
    assert loads[-1] == "0.small"  # it had to go
    assert loads.count("5.large") == 1


def test_the_computing_process_can_stack(lab: Trained) -> None:
    votes = gathered(lab.store.paths, lab.members, "val")
    table = operations(lab.store.paths)
    layer = table["learn_stacking"](votes.proba, votes.y_true)
    assert [part.shape for part in layer] == [(6, 3), (3,)]
    fitted = table["cross_fit"]("stacking", votes.proba, votes.y_true)
    assert fitted.shape == votes.proba.shape[1:]


def test_what_was_not_trained_is_not_trained_on(lab: Trained) -> None:
    record = make(lab, lab.members)
    with pytest.raises(RunError, match="not trained itself"):
        plan_continuation(lab.store, record, 2)
    with pytest.raises(RunError, match="not trained itself"):
        plan_on(lab.store, record, "stripes")
