"""What looking into a finished run costs, and whether its "unknown" score tells strange pictures.

    python -m benchmarks.inspection ARTIFACTS RUN_ID

The run must be of colour images (CIFAR-10, ``cnn`` preset). Prints the time of the features of
10,000 images relative to ``model.predict`` on the same ones (processor time of all cores, in
turns, the first round left out), the time of one neighbour query among 20,000 training images, and
for several kinds of strange pictures the AUROC of three scores against the test images (the app's
own, the energy of the logits, the distance to the tenth nearest training image), and how many of
them the app calls unknown at the threshold that lets 95 % of the validation pass.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from core.datasets.digits import ensure_digits
from core.datasets.registry import open_dataset
from core.datasets.shapes import Drawn, ShapesOptions, draw
from core.evaluating import EVAL_BATCH
from core.evaluation.predictions import load_split
from core.inspection.distortions import distort
from core.inspection.features import Answer, answers, with_features
from core.inspection.neighbours import nearest
from core.inspection.result import load_features, load_vectors
from core.inspection.unknown import strangeness
from core.paths import Paths
from core.prediction import load_model
from core.records import read_record

IMAGES = 10_000
STRANGE = 500
NEIGHBOUR = 10
Images = NDArray[np.uint8]


def speed(paths: Paths, run_id: str, images: Images, rounds: int) -> None:
    model = load_model(paths, run_id)
    both = with_features(model, run_id)

    def plain() -> None:
        model.predict(images, batch_size=EVAL_BATCH, verbose=0)

    def features() -> None:
        for _ in answers(both, images.__getitem__, len(images)):
            pass

    took: dict[Callable[[], None], list[float]] = {plain: [], features: []}
    for _ in range(rounds + 1):
        for work, times in took.items():
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
    scale = IMAGES / len(images)
    before, now = (statistics.median(times[1:]) * scale for times in took.values())
    print(f"10,000 images: predict {before:.2f} s, features {now:.2f} s, ratio {now / before:.2f}")


def query(paths: Paths, run_id: str) -> None:
    known = load_vectors(paths.run(run_id).inspection.features("train")).astype(np.float32)
    for name, vectors in {
        f"{known.shape[1]} numbers": known,
        "512 numbers": np.random.default_rng(0).random((20_000, 512), np.float32),
    }.items():
        times = []
        for row in range(20):
            start = time.perf_counter()
            nearest(vectors[row : row + 1], vectors, 8)
            times.append(1000 * (time.perf_counter() - start))
        print(f"one of {len(vectors)} × {name}: {statistics.median(times):.1f} ms")


def strange_pictures(paths: Paths, shape: tuple[int, int, int], test: Images) -> dict[str, Images]:
    """Kinds of pictures that no training image is of, (n, *shape)."""
    rng = np.random.default_rng(0)
    side = shape[0]
    ensure_digits(paths)
    digits = open_dataset(paths, "digits").split("train").images[:STRANGE]
    large = [Image.fromarray(d[..., 0]).resize((side, side)).convert("RGB") for d in digits]
    options = ShapesOptions(side=32, noise=0.05)
    figures = [
        draw(options, Drawn(number=i, label=i % options.classes, cue=False)) for i in range(STRANGE)
    ]
    noise = rng.integers(0, 256, (STRANGE, *shape)).astype(np.uint8)
    flat = np.broadcast_to(rng.integers(0, 256, (STRANGE, 1, 1, 3)), noise.shape)
    return {
        "digits": np.stack([np.asarray(picture) for picture in large]),
        "shapes": np.stack([_sized(figure, side) for figure in figures]),
        "noise": noise,
        "one colour": flat.astype(np.uint8),
        "test, turned by 90°": distort(test[:STRANGE], "rotation", 1.0),
        "test, dark": distort(test[:STRANGE], "darker", 1.0),
    }


def _sized(image: Images, side: int) -> Images:
    return np.asarray(Image.fromarray(image).resize((side, side)))


def unknown(paths: Paths, run_id: str) -> None:
    record, files = read_record(paths, run_id), paths.run(run_id)
    assert record.image_shape is not None
    both = with_features(load_model(paths, run_id), run_id)
    known = load_vectors(files.inspection.features("train")).astype(np.float32)
    familiar = load_features(files.inspection).familiar
    split = open_dataset(paths, record.config.data.dataset).split("test")
    rows = load_split(files.predictions, "test").rows[:2000]
    test = np.asarray(split.images[rows])
    kinds = {"test": test, **strange_pictures(paths, record.image_shape, test)}
    found = {name: answer_about(both, images) for name, images in kinds.items()}
    scores: dict[str, Callable[[Answer], NDArray[np.floating]]] = {
        "traces": lambda answer: strangeness(answer.traces, familiar),
        "energy": lambda answer: -np.logaddexp.reduce(answer.logits, axis=1),
        "kNN": lambda answer: nearest(answer.features, known, NEIGHBOUR).distance[:, -1],
    }
    print(f"{'AUROC against test':>20}  " + "  ".join(f"{name:>6}" for name in scores))
    for name, answer in found.items():
        aurocs = [auroc(score(found["test"]), score(answer)) for score in scores.values()]
        called = float((scores["traces"](answer) > familiar.threshold).mean())
        row = "  ".join(f"{value:6.3f}" for value in aurocs)
        print(f"{name:>20}  {row}   called unknown: {100 * called:.0f} %")


def answer_about(both: Any, images: Images) -> Answer:
    """All batches of the answer as one."""
    parts = zip(*answers(both, images.__getitem__, len(images)), strict=True)
    return Answer(*(np.concatenate(part) for part in parts))


def auroc(known: NDArray[np.floating], strange: NDArray[np.floating]) -> float:
    truth = np.r_[np.zeros(len(known)), np.ones(len(strange))]
    return float(roc_auc_score(truth, np.r_[known, strange]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("run_id")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    paths = Paths(options.artifacts)
    unknown(paths, options.run_id)
    query(paths, options.run_id)
    record = read_record(paths, options.run_id)
    images = open_dataset(paths, record.config.data.dataset).split("train").images[:IMAGES]
    speed(paths, options.run_id, np.asarray(images), options.rounds)


if __name__ == "__main__":
    main()
