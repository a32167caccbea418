"""How fast rows of a dataset are copied, compared and exported, and in how much memory.

    python benchmarks/derive_datasets.py [--images 60000] [--side 32] [--larger 64]

Makes a dataset of random pixels, one row in a hundred there twice, and runs every command in a
process of its own, start of Python included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.import_images import MB, watch
from core.datasets.report import ImportReport
from core.datasets.rows import digests
from core.datasets.writer import Finished, RowFile, SplitRows, publish, staging_folder
from core.paths import Paths

ROOT = Path(__file__).resolve().parents[1]
BLOCK = 2000
SPLITS = {"train": 0.7, "val": 0.15, "test": 0.15}


def make(paths: Paths, images: int, side: int) -> None:
    """The dataset “source”; row ``i`` is of class ``i % 10``."""
    shape = (side, side, 3)
    splits = {}
    with staging_folder(paths) as staging:
        for seed, (split, share) in enumerate(SPLITS.items()):
            rows = int(images * share)
            file = RowFile(staging.images(split), shape)
            file.resize(rows)
            rng, hashes = np.random.default_rng(seed), []
            for start in range(0, rows, BLOCK):
                block = rng.integers(0, 256, (min(BLOCK, rows - start), *shape), np.uint8)
                block[100::100] = block[0]
                file.write(start, block.tobytes())
                hashes.append(digests(block).tobytes())
            file.close()
            labels = (np.arange(rows) % 10).astype(np.int32)
            names = [f"{split}/{i}.png" for i in range(rows)]
            splits[split] = SplitRows(labels, names, b"".join(hashes))
        classes = [str(i) for i in range(10)]
        report = ImportReport(origin="benchmark", imported=images)
        publish(paths, staging, Finished("source", "", classes, shape, "crop", splits, report))


def measured(paths: Paths, *words: str) -> tuple[float, float]:
    """Seconds, and the peak of resident memory in MB, of one command."""
    command = [sys.executable, "-m", "core", "--artifacts", str(paths.root), "data", *words]
    start = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        peaks = watch(process)
    assert process.returncode == 0, words
    return time.perf_counter() - start, peaks.rss / MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--larger", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "artifacts").create()
        make(paths, options.images, options.side)
        tasks = {
            "two classes": ("derive", "a", "--from", "source", "--classes", "1,2"),
            "all divided anew": ("derive", "b", "--from", "source", "--split", "0.8,0.1,0.1"),
            "without duplicates": ("derive", "c", "--from", "source", "--drop-duplicates"),
            "resized": ("derive", "d", "--from", "source", "--size", str(options.larger)),
            "duplicates found": ("duplicates", "source"),
            "duplicates again": ("duplicates", "source"),
            "exported": ("export", "source", str(Path(folder) / "x.zip")),
        }
        print(f"{options.images} images of {options.side}×{options.side}×3, {os.cpu_count()} cores")
        for name, words in tasks.items():
            seconds, megabytes = measured(paths, *words)
            rate = options.images / seconds
            print(f"{name:20} {seconds:6.1f} s {rate:8.0f} images/s {megabytes:6.0f} MB")


if __name__ == "__main__":
    main()
