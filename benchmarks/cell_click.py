"""How long from the click on a cell of the confusion matrix until its images are on the screen.

    python benchmarks/cell_click.py [--clicks 40] [--json]

In Chromium, on 10,000 images of 32×32 with 10 and with 100 classes; every click is on another
cell. Counted until the images are decoded and painted, the network between them included.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.datasets.digits import ensure_digits
from core.evaluation.metrics import confusion_matrix
from core.evaluation.predictions import load_split
from core.paths import Paths
from core.plots.matrix import MatrixInfo, matrix_info
from core.store import Store
from tests.browser.clicking import find_grid, time_click, wait_for_matrix
from tests.browser.conftest import CHROMIUM_ARGS, free_port, start_server, wait_until_up
from tests.pages.making import make_dataset, make_run, many_classes

IMAGES = 10_000
CLASSES = (10, 100)
WARM_UP = 3
TARGET_MS = 500.0


class Prepared(NamedTuple):
    run_id: str
    matrix: MatrixInfo


class Timing(NamedTuple):
    """Milliseconds from click to paint."""

    classes: int
    clicks: int
    median_ms: float
    p95_ms: float


def prepare(store: Store, classes: int) -> Prepared:
    dataset = make_dataset(
        store.paths,
        f"classes-{classes}",
        many_classes(classes),
        rows={"val": IMAGES, "test": 0},
        side=32,
    )
    run = make_run(store, dataset=dataset, accuracy=0.7)
    found = load_split(store.paths.run(run.id).predictions, "val")
    matrix = confusion_matrix(found.y_true, found.y_pred, classes)
    return Prepared(run.id, matrix_info(matrix, dataset.class_names))


def measure(browser: Browser, url: str, prepared: Prepared, clicks: int) -> Timing:
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.goto(f"{url}/errors?run={prepared.run_id}")
    wait_for_matrix(page)
    info = prepared.matrix
    grid = find_grid(page, len(info.classes))
    cells = [
        (true, pred)
        for true, pred, images in zip(info.true, info.pred, info.images, strict=True)
        if images
    ]
    order = np.random.default_rng(0).permutation(len(cells))
    times = [
        time_click(page, grid, *cells[order[i % len(order)]]) for i in range(clicks + WARM_UP)
    ][WARM_UP:]
    page.close()
    median, p95 = np.percentile(times, [50, 95])
    return Timing(len(info.classes), clicks, round(float(median), 1), round(float(p95), 1))


def run(clicks: int) -> list[Timing]:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        paths = Paths(Path(folder) / "artifacts").create()
        ensure_digits(paths)
        store = Store(paths)
        prepared = [prepare(store, classes) for classes in CLASSES]
        store.close()
        log, port = Path(folder) / "server.log", free_port()
        with log.open("wb") as output:
            server = start_server(paths, port, output.fileno())
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS
        )
        try:
            wait_until_up(server, port, log)
            return [measure(browser, f"http://127.0.0.1:{port}", p, clicks) for p in prepared]
        finally:
            browser.close()
            server.terminate()
            server.wait(20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clicks", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = run(options.clicks)
    if options.json:
        print(json.dumps([timing._asdict() for timing in found]))
    else:
        for timing in found:
            print(
                f"{timing.classes:>4} classes, {IMAGES:,} images: median {timing.median_ms:.0f} ms "
                f"(target < {TARGET_MS:.0f}), p95 {timing.p95_ms:.0f} ms, {timing.clicks} clicks"
            )
    return 0 if all(timing.median_ms < TARGET_MS for timing in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
