"""How quick the Data page of a large dataset is, and what its analysis costs.

    python -m benchmarks.data_page ../shared/data/cifar10-images.zip [--reruns 40]

Imports the archive, analyses it in a process of its own (seconds and peak memory), then measures
whole reruns of the page, from the message of the browser to the end of the script, in every view
and part that shows the dataset. Targets: analysis under 60 s, p50 under 300 ms.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.browserless import ROOT, Viewer, let_keras_load, server
from benchmarks.import_images import MB, Peaks, children_cpu, watch
from core.datasets.importing import import_dataset
from core.lab import Lab
from core.paths import Paths

NAME = "bench"
LOOK, UNDERSTAND = "Look at the images", "Understand it"
PARTS = (
    "Class balance",
    "Mean images",
    "Brightness and size",
    "Unlike their class",
    "Duplicates",
    "Map of the images",
)


def job(paths: Paths, *options: str) -> tuple[float, float, Peaks]:
    """Seconds, processor seconds and memory of one job, its start included."""
    command = [sys.executable, "-m", "core.analysis.job", str(paths.root), NAME, *options]
    start, before = time.perf_counter(), children_cpu()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as child:
        peaks = watch(child)
    if child.returncode:
        raise SystemExit("the analysis failed")
    return time.perf_counter() - start, children_cpu() - before, peaks


def report(what: str, viewer: Viewer, reruns: int) -> None:
    times = []
    for _ in range(reruns):
        times.append(1000 * viewer.rerun().seconds)
        time.sleep(0.05)
    size = viewer.rerun().size
    p95 = statistics.quantiles(times, n=20)[-1]
    print(
        f"{what:32} p50 {statistics.median(times):4.0f} ms  p95 {p95:4.0f} ms  {size / 1e3:.0f} kB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--reruns", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        paths = Paths(Path(folder)).create()
        Lab(paths.root)
        info = import_dataset(paths, options.archive.resolve(), NAME)
        images = sum(info.splits.values())
        for name, arguments in (("analysis", ()), ("t-SNE map", ("--tsne",))):
            seconds, cpu, peaks = job(paths, *arguments)
            print(
                f"{name} of {images:,} images: {seconds:.1f} s, processor {cpu:.1f} s, "
                f"peak memory {peaks.rss / MB:.0f} MB"
            )
        with server(paths.root) as port, Viewer(port, "data", f"dataset={NAME}") as viewer:
            let_keras_load()
            report(LOOK, viewer, options.reruns)
            viewer.choose("data_view", UNDERSTAND)
            for part in PARTS:
                viewer.choose("data_view.part", part)
                report(f"{UNDERSTAND}: {part}", viewer, options.reruns)


if __name__ == "__main__":
    main()
