"""Bytes that one live update sends to one browser, at 100 and at 100,000 recorded steps.

    python -m benchmarks.live_bytes

Target: ratio at most 1.2. The same is measured for the curves by epoch (120 and 10,000 epochs).
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.browserless import Viewer, server
from core.evaluation.decimate import Decimator
from core.lab import Lab
from core.paths import Paths, RunPaths
from core.presets import preset_config
from core.records import Epoch, Progress, write_history, write_progress
from core.store import Store


def running(paths: Paths) -> str:
    """A run that seems to be trained by this very process."""
    config = preset_config("cnn", "digits", (8, 8, 1))
    return Store(paths).create(config, owner="cli", taken=True).id


def steps(files: RunPaths, count: int) -> None:
    """The progress and step curve of a training in its first epoch, at this step."""
    curve = Decimator()
    for step in range(count):
        curve.add(step + 1, 2 * math.exp(-step / count) + 0.1 * math.sin(step))
    files.steps.write_text(json.dumps({"buckets": curve.buckets}))
    progress = Progress(phase="training", epoch=1, epochs=10, step=count, steps=200_000, loss=1.234)
    write_progress(files, progress)


def epochs(files: RunPaths, count: int) -> None:
    """The history of a training that has come so far."""
    rows = [
        Epoch(
            epoch=i + 1,
            loss=2 * math.exp(-i / count),
            accuracy=0.9 * i / count,
            val_loss=2 * math.exp(-i / count) + 0.1 * math.sin(i),
            val_accuracy=0.8 * i / count,
            learning_rate=0.001,
            seconds=1.0,
            images_per_second=5000.0,
        )
        for i in range(count)
    ]
    write_history(files, rows)


def tick(viewer: Viewer, prepare: Callable[[], None]) -> int:
    """Bytes of the update that follows a change."""
    prepare()
    return sum(viewer.rerun(fragment).size for fragment in list(viewer.fragments))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder)).create()
        Lab(paths.root)
        run_id = running(paths)
        files = paths.run(run_id)
        steps(files, 10)
        with server(paths.root) as port, Viewer(port, "train", f"run={run_id}") as viewer:
            short, long = (tick(viewer, partial(steps, files, n)) for n in (100, 100_000))
            print(f"steps 100: {short} bytes, 100,000: {long} bytes, ratio {long / short:.2f}")
            few, many = (tick(viewer, partial(epochs, files, n)) for n in (120, 10_000))
            print(f"epochs 120: {few} bytes, 10,000: {many} bytes, ratio {many / few:.2f}")


if __name__ == "__main__":
    main()
