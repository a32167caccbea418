"""How long the preview of each augmentation takes, and what augmentation costs a training.

    python -m benchmarks.augment_preview [--training] [--rounds N]

The preview asks the computing process, as the Data page does, for 12 images at 32×32 and 128×128
in colour; the first answer to a setting is left out. Target: every one under 1,000 ms.
``--training`` fits the CNN preset on 500 images of 32×32 with none, some and all of the changes,
in turns, and prints processor time per image (all cores together, so that other work on the
machine counts little) and the speed that remains of a training without changes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.throughput import CASES, random_images
from core.config import AugmentConfig, RunConfig
from core.datasets.dataset import Dataset
from core.datasets.registry import open_dataset
from core.feeding import Batches
from core.jobs.service import ComputeService
from core.paths import Paths
from core.presets import preset_config
from core.transfer import build_trainer

PICTURES = 12
TRAINING_IMAGES = 500
"""Of 10,000: an epoch of all with every change took half a minute, and there are dozens."""
SIDES = (32, 128)
GEOMETRY: dict[str, object] = {
    **{"flip": "both", "rotation": 15, "translation": 0.1, "zoom": 0.1, "crop": 0.2},
    **{"shear": 0.2, "perspective": 0.2},
}
COLOUR: dict[str, object] = {
    **{"brightness": 0.2, "contrast": 0.3, "saturation": 0.3, "hue": 30},
    **{"colour_jitter": 0.3, "greyscale": 0.2},
}
QUALITY: dict[str, object] = {"blur": 2, "sharpness": 0.5, "noise": 20, "erasing": 0.2}
AUTOMATIC: dict[str, object] = {"rand_augment": 2, "augmix": True}
MIXING: dict[str, object] = {"mixing": "either"}
ALL = {**GEOMETRY, **COLOUR, **QUALITY, **AUTOMATIC, **MIXING}
TRAININGS: dict[str, dict[str, object]] = {
    "none": {},
    "flip + translation": {"flip": "horizontal", "translation": 0.1},
    "geometry": GEOMETRY,
    "light and colour": COLOUR,
    "sharpness and noise": QUALITY,
    "RandAugment 2": {"rand_augment": 2},
    "AugMix": {"augmix": True},
    "mixing": MIXING,
    "all groups": ALL,
}


def previews(rounds: int) -> None:
    """A table of medians: one line per change, one column per size."""
    settings = {name: {name: value} for name, value in ALL.items()} | {"all at once": ALL}
    with tempfile.TemporaryDirectory() as folder:
        service = ComputeService(Paths(Path(folder)).create())
        service.ask("ready")
        print(f"ms per preview of {PICTURES} images: {', '.join(f'{s}×{s}' for s in SIDES)}")
        for name, values in settings.items():
            config = AugmentConfig.model_validate(values)
            took = [preview(service, config, side, rounds) for side in SIDES]
            print(f"{name:>16}: " + "  ".join(f"{ms:6.0f}" for ms in took), flush=True)
        service.close()


def preview(service: ComputeService, config: AugmentConfig, side: int, rounds: int) -> float:
    """Median of the answers' times in ms."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (PICTURES, side, side, 3)).astype(np.uint8)
    shares = np.eye(PICTURES, dtype=np.float32)
    times = []
    for seed in range(rounds + 1):
        start = time.perf_counter()
        service.apply_augmentation(config, images, shares, seed)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[1:])


def trainings(rounds: int) -> None:
    """All models at once in this process; an epoch of each in turn, the first left out.

    Says where it is: with everything switched on an epoch may take minutes on a busy machine, and
    there are nine models.
    """
    with tempfile.TemporaryDirectory() as folder:
        dataset = random_dataset(Paths(Path(folder)).create())
        fits = {}
        for name, values in TRAININGS.items():
            config = preset_config("cnn", "bench", (32, 32, 3))
            changes = {f"augment.{key}": value for key, value in values.items()}
            config = config.with_values(changes)
            fits[name] = (build_trainer(config, dataset).model, batches(dataset, config))
        took: dict[str, list[float]] = {name: [] for name in fits}
        for turn in range(rounds + 1):
            for name, (model, data) in fits.items():
                print(f"round {turn} of {rounds}: {name}", file=sys.stderr, flush=True)
                start = time.process_time()
                model.fit(data, epochs=1, verbose=0)
                took[name].append((time.process_time() - start) / len(data.rows))
    bare = took["none"]
    for name, found in took.items():
        ratio = statistics.median(b / a for a, b in zip(found[1:], bare[1:], strict=True))
        print(f"{name:>20}: {1e3 * statistics.median(found[1:]):.2f} ms/image, ratio {ratio:.2f}")


def random_dataset(paths: Paths) -> Dataset:
    random_images(paths, CASES["plain"])
    return open_dataset(paths, "bench")


def batches(dataset: Dataset, config: RunConfig) -> Batches:
    split = dataset.split("train")
    rows = np.arange(TRAINING_IMAGES)
    return Batches(split, rows, config.train.batch_size, 0, labels_too=config.augment.mixes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--rounds", type=int, help="7 of previews, 3 of trainings")
    options = parser.parse_args()
    run, rounds = (trainings, 3) if options.training else (previews, 7)
    run(options.rounds or rounds)


if __name__ == "__main__":
    main()
