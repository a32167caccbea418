"""Training from a prepared set that is larger than the memory its process may have.

    python -m benchmarks.memory_limit [--rows 240000] [--limit-gb 2] [--steps 15] [--rounds 2]

Two processes take turns: one maps the images and lives under ``RLIMIT_DATA``, the other holds the
same array in memory without a limit. ``RLIMIT_DATA`` bounds what a process may allocate (heap and
private writable mappings, also those that it never touches); mapped files are not part of it and
their pages go back to the system whenever it needs them. (``RLIMIT_AS`` would count the mapping
itself, and a cgroup needs rights over the machine that a course's server has not.) That the limit
bites is shown first: to hold the set under it must fail. Prints images/s of both and their ratio.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SIDE = 64
CLASSES = 10
BATCH = 64
BLOCK_ROWS = 4000
GB = 1e9


def made(folder: Path, rows: int) -> Path:
    """Images uint8 (rows, 64, 64, 3) of noise, block by block."""
    file = folder / "train-images.npy"
    rng = np.random.default_rng(0)
    shape = (rows, SIDE, SIDE, 3)
    images = np.lib.format.open_memmap(file, "w+", np.uint8, shape)
    for start in range(0, rows, BLOCK_ROWS):
        images[start : start + BLOCK_ROWS] = rng.integers(
            0, 256, (min(BLOCK_ROWS, rows - start), *shape[1:]), np.uint8
        )
    images.flush()
    return file


def train(file: Path, held: bool, limit: float, steps: int) -> None:
    """In a process of its own: prints images/s and what the process has allocated."""
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit * GB), int(limit * GB)))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from core.datasets.dataset import Split
    from core.feeding import Batches

    images = np.load(file, mmap_mode=None if held else "r")
    labels = (np.arange(len(images)) % CLASSES).astype(np.int32)
    batches = Batches(Split(images, labels, []), np.arange(len(images)), BATCH, seed=1)
    model = _network()
    model.fit(batches, steps_per_epoch=2, verbose=0)  # compiles
    start = time.perf_counter()
    model.fit(batches, steps_per_epoch=steps, verbose=0)
    print(steps * BATCH / (time.perf_counter() - start), _allocated() / GB)


def _network() -> Any:
    """The app's own CNN, as the preset has it for images of this size."""
    import keras

    from core.models import build_model
    from core.presets import preset_config

    shape = (SIDE, SIDE, 3)
    model = build_model(preset_config("cnn", "bench", shape).model, shape, CLASSES)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    return model


def _allocated() -> int:
    """What counts for RLIMIT_DATA, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no VmData: Linux only")


def started(file: Path, held: bool, limit: float, steps: int) -> tuple[float, float] | None:
    """(images/s, GB allocated) of one process; None, saying why, if it has died."""
    code = "import sys; from benchmarks.memory_limit import train; from pathlib import Path; "
    code += f"train(Path(sys.argv[1]), {held}, {limit}, {steps})"
    command = [sys.executable, "-c", code, str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print("  ", (done.stderr.strip().splitlines() or ["killed"])[-1])
        return None
    rate, allocated = done.stdout.split()[-2:]
    return float(rate), float(allocated)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=240_000)
    parser.add_argument("--limit-gb", type=float, default=2.0)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    limit, steps = arguments.limit_gb, arguments.steps
    with tempfile.TemporaryDirectory(dir=ROOT / "artifacts") as folder:
        file = made(Path(folder), arguments.rows)
        print(f"set {file.stat().st_size / GB:.2f} GB, limit {limit} GB")
        print("held under the limit:", "works" if started(file, True, limit, 1) else "dies")
        ratios = []
        for _ in range(arguments.rounds):
            mapped, held = started(file, False, limit, steps), started(file, True, 0, steps)
            if mapped is None or held is None:
                raise SystemExit("a training died; is the limit too low for TensorFlow itself?")
            ratios.append(mapped[0] / held[0])
            print(
                f"mapped {mapped[0]:,.0f} images/s ({mapped[1]:.2f} GB allocated), "
                f"held {held[0]:,.0f} images/s ({held[1]:.2f} GB): ratio {ratios[-1]:.2f}"
            )
        print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
