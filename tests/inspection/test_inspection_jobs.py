"""Looking into a real run, small as it is: what is found, and how the job behaves."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from core import tasks
from core.config import RunConfig
from core.datasets.registry import delete_dataset, open_dataset
from core.evaluation.predictions import load_predictions, load_split
from core.inspection import computing, job, service
from core.inspection.asking import features_of, judge_unknown
from core.inspection.computing import _learned_rows
from core.inspection.features import _channels, answer, answers, folded, with_features
from core.inspection.job import run_job
from core.inspection.neighbours import nearest
from core.inspection.result import SPLITS, load_features, load_robustness, load_vectors
from core.inspection.service import Task, read_inspection, start_inspection
from core.models import build_model
from core.paths import Paths
from core.prediction import load_model, predict
from core.records import read_record
from core.store import Store
from core.task_paths import InspectionPaths
from core.tasks import TaskProgress, TaskState
from core.training import run_training
from tests.training.helpers import QUICK, make_stripes

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, str]:
    """A lab with one finished run."""
    paths = Paths(tmp_path_factory.mktemp("lab")).create()
    make_stripes(paths)
    run_id = Store(paths).create(QUICK, owner="cli").id
    run_training(paths, run_id)
    return paths, run_id


@pytest.fixture(scope="module")
def inspected(trained: tuple[Paths, str]) -> tuple[Paths, str]:
    """Features in this process, robustness in one of its own, as the app does it."""
    assert read_inspection(*trained, "robustness") == TaskState()
    end = run_job(*trained, "features")
    assert end.status == "finished", end
    start_inspection(*trained, "robustness")
    deadline = time.monotonic() + 180
    while read_inspection(*trained, "robustness").status == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    end = read_inspection(*trained, "robustness")
    assert end.status == "finished", end
    return trained


@pytest.fixture
def copy(trained: tuple[Paths, str], tmp_path: Path) -> tuple[Paths, str]:
    """The same lab once more, not looked into."""
    paths, run_id = trained
    root = tmp_path / "copy"
    shutil.copytree(paths.root, root, ignore=shutil.ignore_patterns("inspection", "*.db*"))
    return Paths(root), run_id


def test_features_belong_to_the_predictions(inspected: tuple[Paths, str]) -> None:
    paths, run_id = inspected
    files = paths.run(run_id)
    saved = load_predictions(files.predictions)
    saved |= load_predictions(files.inspection.train_predictions)
    assert set(saved) == {"train", "val", "test"}
    assert saved["train"].rows.tolist() == list(range(90))
    dataset = open_dataset(paths, "stripes")
    for split, predictions in saved.items():
        vectors = load_vectors(files.inspection.features(split))
        images = dataset.split(split).images[predictions.rows]
        np.testing.assert_allclose(vectors, features_of(paths, run_id, images), atol=2e-3)
        np.testing.assert_allclose(np.linalg.norm(vectors.astype(float), axis=1), 1, atol=2e-3)
        np.testing.assert_allclose(predictions.proba, predict(paths, run_id, images), atol=1e-5)
    known = load_vectors(files.inspection.features("train")).astype(np.float32)
    asked = load_vectors(files.inspection.features("test")).astype(np.float32)
    near = saved["train"].y_true[nearest(asked, known, 3).place]
    assert (near == saved["test"].y_true[:, None]).mean() > 0.8


def test_every_split_is_on_the_map(inspected: tuple[Paths, str]) -> None:
    paths, run_id = inspected
    chart = load_features(paths.run(run_id).inspection).map
    assert np.bincount(chart.split).tolist() == [30, 30, 90]
    for number in range(len(SPLITS)):
        here = chart.position[chart.split == number]
        assert here.tolist() == list(range(len(here)))
    assert chart.pca.shape == chart.tsne.shape == (150, 2)
    assert np.ptp(chart.tsne, axis=0).all()


def test_strange_pictures_are_told(inspected: tuple[Paths, str]) -> None:
    paths, run_id = inspected
    dataset = open_dataset(paths, "stripes")
    val = judge_unknown(paths, run_id, dataset.split("val").images)
    assert (val.score <= val.threshold).mean() >= 0.95
    white = np.full((2, 8, 8, 1), 255, np.uint8)
    assert (judge_unknown(paths, run_id, white).score > 2 * val.threshold).all()


def test_robustness_begins_with_the_images_as_they_are(inspected: tuple[Paths, str]) -> None:
    paths, run_id = inspected
    found = load_robustness(paths.run(run_id).inspection)
    val = load_split(paths.run(run_id).predictions, "val")
    assert found.split == "val"
    assert found.rows.tolist() == val.rows.tolist()
    for first in found.right[:, 0]:
        assert first.tolist() == (val.y_true == val.y_pred).tolist()
    turned = found.accuracy[found.names.index("rotation")]
    assert turned[-1] < turned[0] - 0.2  # a stripe at the top is one at the side then


def test_features_are_what_the_last_layer_takes() -> None:
    config = RunConfig.parse(
        {"model": {"architecture": "cnn", "blocks": 1, "dense_units": 0}}
    ).model
    model = build_model(config, (8, 8, 1), 3)
    both = with_features(model, "run")
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype(np.uint8)
    last, logits, *activity = (keras.ops.convert_to_numpy(part) for part in both(images))
    kernel, bias = (keras.ops.convert_to_numpy(w) for w in model.layers[-1].weights)
    np.testing.assert_allclose(last.reshape(5, -1) @ kernel + bias, logits, atol=1e-4)
    assert [part.ndim for part in activity] == [2] * len(activity)
    alone = answer(both, images)
    (batch,) = answers(both, images.__getitem__, 5)
    for here, there in zip(alone, batch, strict=True):
        np.testing.assert_allclose(here, there, atol=1e-4)
    plane = keras.KerasTensor((None, 4, 4, 7))
    assert _channels(plane).shape == (None, 7)


def test_folding_keeps_angles() -> None:
    wide = np.random.default_rng(0).normal(size=(3, 20_000)).astype(np.float32)
    wide[1] = wide[0] + 0.5 * wide[1]
    narrow = folded(wide, 512)
    assert narrow.shape == (3, 512)

    def angle(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert angle(narrow[0], narrow[1]) == pytest.approx(angle(wide[0], wide[1]), abs=0.05)
    assert angle(narrow[0], narrow[2]) == pytest.approx(0, abs=0.15)
    assert folded(wide[:, :512], 512).shape == (3, 512)
    np.testing.assert_array_equal(folded(wide, 512), narrow)


def test_only_what_was_learned_from_counts_as_training(
    copy: tuple[Paths, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, run_id = copy
    record, dataset = read_record(paths, run_id), open_dataset(paths, "stripes")
    assert len(_learned_rows(record, dataset)) == 90
    few = record.changed(config=record.config.with_values({"data.limit": 30}))
    rows = _learned_rows(few, dataset)
    counts = np.bincount(dataset.split("train").labels[rows])
    assert len(rows) == 30
    assert np.ptp(counts) <= 1
    both = record.changed(config=record.config.with_values({"data.with_validation": True}))
    assert _learned_rows(both, dataset).tolist() == list(range(90))
    monkeypatch.setattr(computing, "TRAIN_ROWS", 12)
    assert len(_learned_rows(record, dataset)) == 12


def test_progress_only_grows_and_can_be_ended(copy: tuple[Paths, str]) -> None:
    paths, run_id = copy
    seen: list[TaskProgress] = []
    asked = iter([False] * 20 + [True] * 99)
    with pytest.raises(tasks.TaskCancelledError):
        job.inspect(paths, run_id, "robustness", seen.append, lambda: next(asked))
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares)
    assert 0 < shares[-1] < 1
    files = paths.run(run_id).inspection
    files.cancel("features").touch()
    assert run_job(paths, run_id, "features").status == "cancelled"
    assert not list(files.folder.glob("*.npz"))
    assert read_inspection(paths, run_id, "features").status == "cancelled"


def test_failures_are_told(copy: tuple[Paths, str]) -> None:
    paths, run_id = copy
    files = paths.run(run_id)
    delete_dataset(paths, "stripes")
    state = run_job(paths, run_id, "features")
    assert "no longer here" in str(state.message)
    files.model.unlink()
    state = run_job(paths, run_id, "robustness")
    assert "train it first" in str(state.message)
    assert read_inspection(paths, run_id, "robustness") == state


def test_a_deleted_run_does_not_come_back(
    copy: tuple[Paths, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, run_id = copy
    store = Store(paths)
    store.reindex()
    load = load_model

    def deleted_meanwhile(*which: object) -> keras.Model:
        model = load(paths, run_id)
        store.delete(run_id)
        return model

    monkeypatch.setattr(computing, "load_model", deleted_meanwhile)
    assert run_job(paths, run_id, "features").status == "cancelled"
    assert not paths.run(run_id).folder.exists()


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Tasks that were begun; nothing is done about them."""
    begun: list[Task] = []

    def launch(paths: Paths, run_id: str, task: Task, files: InspectionPaths) -> None:
        begun.append(task)

    monkeypatch.setattr(service, "_launch", launch)
    return begun


def test_done_is_done_unless_asked_again(
    inspected: tuple[Paths, str], launched: list[Task]
) -> None:
    paths, run_id = inspected
    start_inspection(paths, run_id, "robustness")
    assert launched == []
    kept = paths.run(run_id).inspection.result("robustness").read_bytes()
    start_inspection(paths, run_id, "robustness", again=True)
    assert launched == ["robustness"]
    paths.run(run_id).inspection.result("robustness").write_bytes(kept)
