"""What an ensemble of five CNNs gains on CIFAR-10, and how long it takes from saved predictions.

    LIENZO_ARTIFACTS=DIR python -m benchmarks.ensembles [--limit 10000] [--epochs 6]

DIR holds a prepared dataset ``cifar10`` (README of benchmarks). Runs that are missing are trained
first, one after the other; with a limit of 10,000 images and six epochs that takes some minutes on
two cores. Printed are, on validation and on test images, the best member and every method, then
the time of everything that the Ensembles page computes, the same for ten members, and an ensemble
of the snapshots of one run beside that run. Figures on the test images are printed for the README:
nothing was chosen by them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

from core.config import RunConfig
from core.ensembles.appraisal import (
    agreement,
    error_correlation,
    greedy_order,
    judge_method,
)
from core.ensembles.choosing import snapshot_members, snapshots_of
from core.ensembles.combine import COMBINATIONS, combined, learned
from core.ensembles.votes import Votes, gathered
from core.evaluation.metrics import accuracy
from core.parts import Member
from core.paths import Paths, default_root
from core.records import RunRecord
from core.store import Store
from core.training import run_training

VARIANTS: tuple[dict[str, object], ...] = (
    {"train.seed": 0, "model.filters": 24},
    {"train.seed": 1, "model.filters": 16, "model.convs_per_block": 2},
    {"train.seed": 2, "model.filters": 24, "model.kernel": 5, "model.blocks": 2},
    {"train.seed": 3, "model.filters": 24, "model.head": "global_average"},
    {"train.seed": 4, "model.filters": 32, "model.pooling": "average"},
)
SNAPPED = {"train.seed": 5, "model.filters": 24, "train.snapshots": "cycles"}
ROUNDS = 5


def settings(limit: int, epochs: int) -> dict[str, object]:
    return {
        "data.dataset": "cifar10",
        "data.limit": limit,
        "model.architecture": "cnn",
        "augment.flip": "horizontal",
        "optimizer.schedule": "cosine",
        "train.epochs": epochs,
        "train.early_stopping": False,
    }


def trained(store: Store, config: RunConfig) -> RunRecord:
    """The finished run of these settings, trained now if there is none."""
    for record in store.runs():
        if record.config == config and record.summary is not None:
            return record
    record = store.create(config, owner="cli")
    begin = time.perf_counter()
    run_training(store.paths, record.id)
    print(f"trained {record.id} in {time.perf_counter() - begin:.0f} s", flush=True)
    return store.refresh(record.id)


def median_seconds(work: Callable[[], object]) -> float:
    """Of processor time, whatever else the machine does; of some rounds, the first of which is not
    counted."""
    times = []
    for _round in range(ROUNDS + 1):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times[1:])


def gains(val: Votes, test: Votes) -> None:
    print(f"{len(val.rows)} validation images, {len(test.rows)} test images; percent")
    print(
        "members alone: validation", _percents(val.accuracies), "test", _percents(test.accuracies)
    )
    best = int(np.argmax(val.accuracies))  # by validation, as a person would
    print(
        f"{'best member':28} {100 * val.accuracies[best]:6.2f} {100 * test.accuracies[best]:6.2f}"
    )
    for name, row in COMBINATIONS.items():
        honest = judge_method(name, val)
        recipe = learned(name, val.proba, val.y_true)
        on_test = accuracy(test.y_true, combined(name, test.proba, recipe)) or 0.0
        gain = on_test - test.accuracies[best]
        print(
            f"{row.label:28} {100 * honest.accuracy:6.2f} {100 * on_test:6.2f}  "
            f"gain on test {100 * gain:+.2f} points"
        )
    steps = " ".join(f"{100 * step.accuracy:.2f}" for step in greedy_order(val))
    print("greedy order, validation:", steps)


def _percents(shares: Sequence[float]) -> str:
    return " ".join(f"{100 * share:.2f}" for share in shares)


def times(paths: Paths, members: Sequence[Member]) -> None:
    """Everything that a page computes of these members."""
    votes = gathered(paths, members, "val")
    print(
        f"{len(members)} members × {len(votes.rows)} images: processor seconds, median of {ROUNDS}"
    )
    work: dict[str, Callable[[], object]] = {
        "reading and aligning": lambda: gathered(paths, members, "val"),
        "agreement and correlation": lambda: (agreement(votes), error_correlation(votes)),
        "greedy order": lambda: greedy_order(votes),
        **{name: lambda name=name: judge_method(name, votes) for name in COMBINATIONS},  # type: ignore[misc]
    }
    for name, do in work.items():
        print(f"  {name:28} {median_seconds(do):.3f}")


def wide(members: int, images: int, classes: int) -> None:
    """The size that the page promises to answer for within a second, of random answers."""
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, classes, images).astype(np.int32)
    logits = 2 * rng.normal(size=(members, images, classes))
    logits[:, np.arange(images), y_true] += 3
    proba = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    votes = Votes(proba.astype(np.float32), y_true, np.arange(images), (0,) * members)
    print(f"{members} members × {images} images × {classes} classes, random: processor seconds")
    quick = [name for name in COMBINATIONS if name != "stacking"]

    def page() -> None:
        agreement(votes), error_correlation(votes), greedy_order(votes)
        for name in quick:
            judge_method(name, votes)

    print(f"  {'all but stacking':28} {median_seconds(page):.3f}")
    print(f"  {'stacking':28} {median_seconds(lambda: judge_method('stacking', votes)):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    wide(10, 10_000, 10)
    store = Store(Paths(default_root()))
    config = RunConfig().with_values(settings(options.limit, options.epochs))
    records = [trained(store, config.with_values(dict(variant))) for variant in VARIANTS]
    members = [Member(run=record.id) for record in records]
    splits = [gathered(store.paths, members, split) for split in ("val", "test")]
    gains(splits[0], splits[1])
    times(store.paths, members)
    cycles = {
        "optimizer.schedule": "restarts",
        "optimizer.restart_epochs": max(1, options.epochs // 3),
        "optimizer.restart_growth": 1,
    }
    snapped = trained(store, config.with_values({**SNAPPED, **cycles}))
    kept = snapshots_of(store.paths.run(snapped.id))
    own = snapshot_members(snapped.id, kept)
    print(f"snapshots of one run after the epochs {kept}")
    gains(*(gathered(store.paths, own, split) for split in ("val", "test")))


if __name__ == "__main__":
    main()
