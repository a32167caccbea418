"""How quick the Errors page is from saved predictions, at 10, 100 and 1,000 classes.

    python -m benchmarks.evaluate_page [--clicks 30] [--runs 3]

10,000 images. The first paint is the first visit of anybody to a run, nothing cached, from the
message of the browser to the end of the script; a click chooses another cell of the matrix every
time. Each number of classes has a server of its own, which has drawn the page of another run
before. Targets at 100 classes: 300 ms and 150 ms.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.browserless import Viewer, let_keras_load, server
from core.lab import Lab
from core.paths import Paths
from core.records import RunRecord
from core.store import Store
from tests.pages.making import make_dataset, make_run, many_classes

IMAGES = 10_000
CLASSES = (10, 100, 1000)
VIEWS = ("Classes", "Curves")
MB = 1e6


class Measured(NamedTuple):
    """Milliseconds (medians) and megabytes; ``views``: the first visit of each other view."""

    classes: int
    first: float
    first_kb: float
    click: float
    click_p95: float
    click_kb: float
    views: dict[str, float]
    grown: float


def prepare(paths: Paths, classes: int, runs: int) -> list[RunRecord]:
    """A small run to warm the server, and some of this size."""
    store = Store(paths)
    small = make_dataset(paths, "small", rows={"val": 30})
    large = make_dataset(
        paths, f"classes-{classes}", many_classes(classes), rows={"val": IMAGES, "test": 0}
    )
    made = [make_run(store, dataset=small)]
    made += [make_run(store, dataset=large, accuracy=0.7) for _ in range(runs)]
    store.close()
    return made


def peak(parent: psutil.Process) -> float:
    """Megabytes that the server's own process has held at most (Linux)."""
    (child,) = parent.children()
    for line in Path(f"/proc/{child.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MB
    raise OSError("no VmHWM")


def measure(classes: int, runs: int, clicks: int) -> Measured:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        paths = Paths(Path(folder)).create()
        Lab(paths.root).store.close()
        small, *large = prepare(paths, classes, runs)
        with server(paths.root) as port:
            with Viewer(port, "errors", f"run={small.id}") as viewer:
                for view in VIEWS:
                    viewer.choose("errors.view", view)
                let_keras_load()
            before = peak(psutil.Process())
            views: dict[str, float] = {}
            with Viewer(port, "errors", f"run={large[0].id}") as viewer:
                firsts = [viewer.first]
                (chart,) = viewer.charts
                answers = [viewer.click(chart, index) for index in range(clicks)]
                for view in VIEWS:
                    views[view] = 1000 * viewer.choose("errors.view", view).seconds
            after = peak(psutil.Process())
            for run in large[1:]:
                with Viewer(port, "errors", f"run={run.id}") as viewer:
                    firsts.append(viewer.first)
    took = [1000 * answer.seconds for answer in answers]
    return Measured(
        classes,
        statistics.median(1000 * answer.seconds for answer in firsts),
        firsts[0].size / 1e3,
        statistics.median(took),
        statistics.quantiles(took, n=20)[-1],
        max(answer.size for answer in answers) / 1e3,
        views,
        after - before,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--clicks", type=int, default=30)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    found = [measure(classes, options.runs, options.clicks) for classes in CLASSES]
    for m in found:
        views = ", ".join(f"{view} {ms:.0f} ms" for view, ms in m.views.items())
        print(
            f"{m.classes:>5} classes: first paint {m.first:.0f} ms, {m.first_kb:.0f} kB; click "
            f"{m.click:.0f} ms (p95 {m.click_p95:.0f}), {m.click_kb:.0f} kB; first visit of "
            f"{views}; peak memory +{m.grown:.0f} MB"
        )
    few, many = found[0], found[-1]
    print(
        f"ratio {many.classes} to {few.classes} classes: first paint {many.first / few.first:.1f}, "
        f"click {many.click / few.click:.1f}"
    )


if __name__ == "__main__":
    main()
