"""The inspections themselves, with Keras: only in jobs and commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.analysis.projection import TSNE_STEPS, neighbour_map, reduce, sample_rows
from core.datasets.dataset import Dataset, Split
from core.datasets.joining import as_seen, learned_from, open_as_seen
from core.datasets.retiring import open_seen
from core.errors import N_, DatasetError, RunError, text
from core.evaluating import EVAL_BATCH, softmax
from core.evaluation.predictions import (
    Predictions,
    load_predictions,
    load_split,
    save_predictions,
    saved_splits,
)
from core.evaluation.varying import average_over, variants
from core.feeding import balanced_rows, chosen_rows
from core.inspection.distortions import DISTORTIONS, Images
from core.inspection.features import Answer, answers, with_features
from core.inspection.neighbours import Vectors
from core.inspection.result import (
    SPLITS,
    FeatureMap,
    Features,
    save_features,
    save_robustness,
    save_vectors,
    unlearned_split,
)
from core.inspection.robustness import Robustness, measure
from core.inspection.service import (
    MAP_ROWS,
    SECONDS_PER_POINT,
    TRAIN_ROWS,
    Task,
    robust_rows,
)
from core.inspection.unknown import fit
from core.paths import Paths
from core.prediction import load_model
from core.records import RunRecord, read_record
from core.tasks import OnProgress, ShouldStop, TaskCancelledError, TaskProgress


class _Meter:
    """Tells how far the work is, and ends it where that is wanted."""

    def __init__(self, on_progress: OnProgress, should_stop: ShouldStop) -> None:
        self._on_progress, self._should_stop = on_progress, should_stop
        self._started, self._share = time.time(), 0.0

    def __call__(self, phase: str, share: float) -> None:
        if self._should_stop():
            raise TaskCancelledError
        self._share = max(self._share, min(1.0, share))  # what is shown never goes back
        progress = TaskProgress(phase=phase, share=self._share, started=self._started)
        self._on_progress(progress)


class _Pace:
    """Of a network's answers and a map after them, what share of the time is behind."""

    def __init__(self, images: int, points: int) -> None:
        self._images, self._map = images, points * SECONDS_PER_POINT
        self._first: tuple[float, int] | None = None
        self._reading = 0.0

    def answered(self, done: int) -> float:
        """The share once so many pictures are answered; the first batch compiles the network."""
        now = time.monotonic()
        if self._first is None:
            self._first = (now, done)
            return 0.0
        since, before = self._first
        self._reading = self._images * (now - since) / max(1, done - before)
        return done / self._images * self.part

    @property
    def part(self) -> float:
        """The share of all answers in the whole."""
        return self._reading / max(1e-9, self._reading + self._map)


class _Part(NamedTuple):
    """Pictures of one split that are looked at, and their place in the split."""

    split: Split
    rows: NDArray[np.int64]

    def read(self, part: slice) -> Images:
        return np.asarray(self.split.images[self.rows[part]])


def _features(paths: Paths, run_id: str, on_progress: OnProgress, stop: ShouldStop) -> None:
    record, files = read_record(paths, run_id), paths.run(run_id)
    parts = _parts(paths, record)
    model = with_features(load_model(paths, run_id), run_id)
    meter = _Meter(on_progress, stop)
    images = sum(len(part.rows) for part in parts.values())
    pace = _Pace(images, sum(min(MAP_ROWS, len(part.rows)) for part in parts.values()))
    found: dict[str, Answer] = {}
    for name, part in parts.items():
        done = sum(len(each.features) for each in found.values())

        def tell(here: int, done: int = done) -> None:
            meter("features", pace.answered(done + here))

        found[name] = _ask(model, part, tell)
        save_vectors(files.inspection.features(name), found[name].features)
    train = parts["train"]
    proba = softmax(found["train"].logits)
    judged = Predictions(train.split.labels[train.rows], proba, train.rows)
    save_predictions(files.inspection.train_predictions, {"train": judged})
    unlearned = found[unlearned_split(files.inspection)]
    familiar = fit(found["train"].traces, unlearned.traces)
    chart = _map(
        {name: each.features for name, each in found.items()},
        {name: part.split.labels[part.rows] for name, part in parts.items()},
        lambda step: meter("arranging", pace.part + (1 - pace.part) * step / TSNE_STEPS),
    )
    save_features(files.inspection, Features(chart, familiar))


def _ask(model: Any, part: _Part, tell: Callable[[int], None]) -> Answer:
    found: list[Answer] = []
    done = 0
    for answer in answers(model, part.read, len(part.rows)):
        found.append(answer)
        done += len(answer.logits)
        tell(done)
    return Answer(*(np.concatenate(field) for field in zip(*found, strict=True)))


def _map(
    features: Mapping[str, Vectors],
    labels: Mapping[str, NDArray[np.int32]],
    on_step: Callable[[int], None],
) -> FeatureMap:
    """Of every split its share of points; all splits lie on one map."""
    chosen = {
        name: sample_rows(labels[name], np.zeros(len(labels[name]), np.int16), MAP_ROWS)
        for name in SPLITS
        if name in features
    }
    on_step(0)
    vectors = np.concatenate([features[name][rows] for name, rows in chosen.items()])
    components = reduce(vectors, np.asarray)
    plane = np.zeros((len(components), 2), np.float32)
    plane[:, : components.shape[1]] = components[:, :2]
    numbers = [np.full(len(rows), SPLITS.index(name)) for name, rows in chosen.items()]
    return FeatureMap(
        np.concatenate(numbers).astype(np.int8),
        np.concatenate(list(chosen.values())),
        plane,
        neighbour_map(components, on_step),
    )


def _parts(paths: Paths, record: RunRecord) -> dict[str, _Part]:
    """The pictures of every split: those that the run has predicted, and some of those that it has
    learned from."""
    stored = _dataset(paths, record)
    dataset = as_seen(stored, record.config.data)
    file = paths.run(record.id).predictions
    rows = {name: load_split(file, name).rows for name in saved_splits(file)}
    if not rows:
        raise RunError(
            N_("Run {run} has neither validation nor test images to look at."), run=record.id
        )
    parts = {name: _Part(dataset.split(name), rows[name]) for name in SPLITS if name in rows}
    parts["train"] = _Part(dataset.split("train"), _learned_rows(record, stored))
    return parts


def _dataset(paths: Paths, record: RunRecord) -> Dataset:
    name = record.config.data.dataset
    dataset = open_seen(paths, name, record.dataset_fingerprint)
    if not dataset.info.splits.get("train"):
        raise DatasetError(
            N_("The training images of “{name}” are no longer here: the dataset was deleted."),
            remedy=text(N_("Import the same images again and train on them.")),
            name=name,
        )
    return dataset


def _learned_rows(record: RunRecord, stored: Dataset) -> NDArray[np.int64]:
    """Rows of the training images that the run has learned from, :data:`TRAIN_ROWS` at most."""
    data, seed = record.config.data, record.config.train.seed
    dataset = learned_from(stored, data)
    rows = chosen_rows(dataset, "train", data.limit, seed)
    if data.with_validation:
        # Learned from, too, but of another split: validation images come behind.
        rows = rows[rows < stored.info.splits["train"]]
    labels = dataset.split("train").labels[rows]
    return rows[balanced_rows(labels, TRAIN_ROWS, seed)]


def _robustness(paths: Paths, run_id: str, on_progress: OnProgress, stop: ShouldStop) -> None:
    record, files = read_record(paths, run_id), paths.run(run_id)
    saved = saved_splits(files.predictions)
    split = "val" if "val" in saved else "test"
    dataset = open_as_seen(paths, record.config.data, record.dataset_fingerprint)
    images, labels = dataset.split(split).images, dataset.split(split).labels
    predicted = load_split(files.predictions, split).rows
    most = robust_rows(images.shape[1:])
    rows = predicted[balanced_rows(labels[predicted], most, record.config.train.seed)]
    model, meter = load_model(paths, run_id), _Meter(on_progress, stop)

    def classify(changed: Images) -> NDArray[np.integer]:
        meter("distorting", 0.0)
        logits = model.predict(changed, batch_size=250, verbose=0)
        classes: NDArray[np.integer] = np.asarray(logits).argmax(axis=1)
        return classes

    chosen = np.asarray(images[rows])
    right = measure(chosen, labels[rows], classify, lambda share: meter("distorting", share))
    save_robustness(files.inspection, Robustness(split, rows, tuple(DISTORTIONS), right))


def _varied(paths: Paths, run_id: str, on_progress: OnProgress, stop: ShouldStop) -> None:
    """The run's predictions once more, each the mean over several versions of the image."""
    record, files = read_record(paths, run_id), paths.run(run_id)
    dataset = open_as_seen(paths, record.config.data, record.dataset_fingerprint)
    versions = variants(record.config.augment, dataset.info.image_shape[:2])
    if not versions:
        raise RunError(
            N_(
                "Run {run} was trained without flips, rotations, shifts, zooms and crops: there "
                "are no versions of an image to average over."
            ),
            run=run_id,
        )
    model, meter = load_model(paths, run_id), _Meter(on_progress, stop)
    asked = load_predictions(files.predictions)
    whole = sum(len(split.rows) for split in asked.values())
    found: dict[str, Predictions] = {}
    done = 0
    for name, split in asked.items():
        answers = []
        for start in range(0, len(split.rows), EVAL_BATCH):
            meter("versions", done / whole)
            images = np.asarray(dataset.split(name).images[split.rows[start : start + EVAL_BATCH]])
            answers.append(average_over(images, versions, lambda some: _said(model, some)))
            done += len(images)
        found[name] = split._replace(proba=np.concatenate(answers))
    save_predictions(files.inspection.varied, found)


def _said(model: Any, images: Images) -> NDArray[np.float32]:
    return softmax(np.asarray(model.predict_on_batch(images)))


WORK: Mapping[Task, Callable[[Paths, str, OnProgress, ShouldStop], None]] = {
    "features": _features,
    "robustness": _robustness,
    "varied": _varied,
}
"""A row per task."""
