"""How many planted wrong labels the label check finds, beside ranking by the loss alone.

    python -m benchmarks.label_check --digits
    python -m benchmarks.label_check RUN_ID [--artifacts DIR] [--split test] [--limit 10000]
    python -m benchmarks.label_check RUN_ID --relabelled

5 % of the labels of a split are replaced, by three kinds of mistake: any other class by lot, a
class with which the network confuses it, and for every image the class that is likeliest of the
others (the hardest). A network that has learned from other images judges them; with ``--digits``
each fifth of the digits is judged by one that has learned from the other four fifths, in which 5 %
are wrong as well. With ``--relabelled`` nothing is planted here: the run's dataset was made by
``data relabel`` from a table of wrong labels in all its splits, so that the network has learned
from wrong ones, too. The means over five seeds are printed: of all orders the precision at the
number planted (which is the recall, too) and among the first 100, and of the list that the page
shows length, precision and recall.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.evaluation.labels import find_issues, label_quality
from core.evaluation.metrics import confusion_matrix, cross_entropy
from core.evaluation.predictions import Predictions, load_split
from core.paths import Paths, default_root
from core.records import read_record

SHARE = 0.05
SEEDS = 5
FIRST = 100
Ints = NDArray[np.int64]
Scores = dict[str, list[float]]


class Truth(NamedTuple):
    """What a split truly is, and what a network says of it."""

    y_true: Ints
    proba: NDArray[np.float32]


def by_lot(truth: Truth, rng: np.random.Generator) -> Ints:
    classes = truth.proba.shape[1]
    return np.asarray((truth.y_true + rng.integers(1, classes, len(truth.y_true))) % classes)


def by_confusion(truth: Truth, rng: np.random.Generator) -> Ints:
    """As often as the network takes one class for the other."""
    matrix = confusion_matrix(truth.y_true, truth.proba.argmax(1), truth.proba.shape[1]) + 0.01
    np.fill_diagonal(matrix, 0)
    shares = matrix / matrix.sum(1, keepdims=True)
    return np.array([rng.choice(len(shares), p=shares[label]) for label in truth.y_true])


def likeliest(truth: Truth, rng: np.random.Generator) -> Ints:
    others = truth.proba.copy()
    others[np.arange(len(others)), truth.y_true] = -1
    return np.asarray(others.argmax(1))


KINDS: dict[str, Callable[[Truth, np.random.Generator], Ints]] = {
    "by lot": by_lot,
    "confused": by_confusion,
    "likeliest other": likeliest,
}


def plant(labels: Ints, rng: np.random.Generator) -> NDArray[np.bool_]:
    wrong = np.zeros(len(labels), bool)
    wrong[rng.choice(len(labels), round(SHARE * len(labels)), replace=False)] = True
    return wrong


def margin(given: Ints, proba: NDArray[np.float32]) -> NDArray[np.float64]:
    """cleanlab's own default for ranking by how far another class is ahead."""
    from cleanlab.rank import get_label_quality_scores

    found: NDArray[np.float64] = get_label_quality_scores(given, proba, method="normalized_margin")
    return found


def measure(given: Ints, proba: NDArray[np.float32], wrong: NDArray[np.bool_], out: Scores) -> None:
    """Precision of every order, and of the list."""
    orders = {
        "loss alone": -cross_entropy(given, proba),
        "margin": margin(given, proba),
        "label check": label_quality(given, proba),
    }
    listed = find_issues(given, proba).position
    before = np.zeros(len(given), bool)
    before[listed] = True
    for name, quality in orders.items():
        order = np.argsort(quality, kind="stable")
        if name == "label check":
            order = np.concatenate([order[before[order]], order[~before[order]]])
        out[f"{name}, at the number planted"].append(float(wrong[order[: wrong.sum()]].mean()))
        out[f"{name}, first {FIRST}"].append(float(wrong[order[:FIRST]].mean()))
    out["listed, length"].append(len(listed))
    out["listed, precision"].append(float(wrong[listed].mean()) if len(listed) else 0.0)
    out["listed, recall"].append(float(before[wrong].mean()))


def try_all(truth: Truth, judged: Callable[[Ints], NDArray[np.float32]]) -> None:
    """Every kind of mistake, planted by every seed; ``judged`` answers when labels are given."""
    for kind, other in KINDS.items():
        scores: Scores = defaultdict(list)
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            instead = other(truth, rng)
            wrong = plant(truth.y_true, rng)
            given = np.where(wrong, instead, truth.y_true)
            measure(given, judged(given), wrong, scores)
        report(kind, scores)


def judge_run(predictions: Predictions) -> None:
    truth = Truth(predictions.y_true.astype(np.int64), predictions.proba)
    begun = time.perf_counter()
    find_issues(truth.y_true, truth.proba)
    print(f"{len(truth.y_true):,} images, accuracy {100 * accuracy(truth):.1f} %; ", end="")
    print(f"found in {time.perf_counter() - begun:.2f} s with the import of cleanlab")
    try_all(truth, lambda _given: truth.proba)


def judge_relabelled(predictions: Predictions, table: Path, split: str) -> None:
    """What was relabelled counts as wrong; no row of the dataset was left out."""
    with table.open(encoding="utf-8", newline="") as lines:
        rows = {int(line["row"]) for line in csv.DictReader(lines) if line["split"] == split}
    wrong = np.isin(predictions.rows, list(rows))
    given = predictions.y_true.astype(np.int64)
    print(
        f"{len(given):,} images, accuracy {100 * accuracy(Truth(given, predictions.proba)):.1f} %"
    )
    scores: Scores = defaultdict(list)
    measure(given, predictions.proba, wrong, scores)
    report(f"before the training, {wrong.sum():,} here", scores)


def judge_digits() -> None:
    """Out of fold: every image is judged by a network that has not learned its label."""
    from sklearn.datasets import load_digits
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.neural_network import MLPClassifier

    images, labels = load_digits(return_X_y=True)
    network = MLPClassifier((128,), alpha=1, max_iter=60, random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)

    def judged(given: Ints) -> NDArray[np.float32]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            proba = cross_val_predict(network, images / 16, given, cv=folds, method="predict_proba")
        return np.asarray(proba, np.float32)

    truth = Truth(labels.astype(np.int64), judged(labels))
    print(f"{len(labels):,} digits, five folds, accuracy {100 * accuracy(truth):.1f} % unharmed")
    try_all(truth, judged)


def accuracy(truth: Truth) -> float:
    return float((truth.proba.argmax(1) == truth.y_true).mean())


def report(kind: str, scores: Scores) -> None:
    print(f"\nplanted {kind}:")
    for name, values in scores.items():
        mean = float(np.mean(values))
        written = f"{mean:,.0f}" if name.endswith("length") else f"{100 * mean:.1f} %"
        print(f"  {name:40} {written}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run_id", nargs="?")
    parser.add_argument("--digits", action="store_true")
    parser.add_argument("--relabelled", action="store_true")
    parser.add_argument("--artifacts", type=Path, default=default_root())
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=10_000)
    options = parser.parse_args()
    if options.digits:
        judge_digits()
    if options.run_id:
        paths = Paths(options.artifacts)
        file = paths.run(options.run_id).predictions
        found = load_split(file, options.split)
        some = slice(options.limit)
        part = Predictions(found.y_true[some], found.proba[some], found.rows[some])
        if options.relabelled:
            record = read_record(paths, options.run_id)
            table = paths.dataset(record.config.data.dataset).relabelled
            judge_relabelled(part, table, options.split)
        else:
            judge_run(part)


if __name__ == "__main__":
    main()
