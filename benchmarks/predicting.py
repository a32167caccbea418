"""Judging pictures in bulk, the gain of versions, and drawn digits that are read.

    python -m benchmarks.predicting ARTIFACTS RUN_ID photos.zip [--versions 1000]
    python -m benchmarks.predicting ARTIFACTS RUN_ID --drawn

The first judges a zip as the Predict page does, in portions by the computing process, and prints
pictures per second and the memory of both processes after a tenth and at the end (target: no more
than a tenth more); ``--versions N`` judges N of its pictures with and without test-time
augmentation (folders called like classes say what is right). The second takes the test images of
a run on the built-in digits, puts them somewhere on a sheet of 280×280 and prepares them as
drawings: the accuracy should be near that on the images themselves.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from core.asking.batches import Batches, BatchRequest, BatchState
from core.asking.items import Items, open_archive
from core.asking.judging import taker
from core.datasets.inking import coverage, ink_of, inked
from core.datasets.registry import open_dataset
from core.jobs.service import ComputeService
from core.paths import Paths
from core.records import read_record

SHEET = 280
SHOWN = 150
"""Side of a digit on the sheet."""


def bulk(paths: Paths, run_id: str, archive: Path, first: int) -> None:
    service = ComputeService(paths)
    service.ask("ready")
    batches = Batches(paths.tried, service.judge)
    items = Items([], [open_archive(archive, archive.name)])
    takers = (taker(read_record(paths, run_id)),)
    began, early = time.monotonic(), 0.0
    batch_id = batches.start(BatchRequest(items, takers, 5))
    while not (state := batches.read(batch_id)).is_over():
        time.sleep(0.2)
        if not early and state.done > state.total / 10:
            early = megabytes()
    pace = state.total / (time.monotonic() - began)
    ratio = megabytes() / early if early else float("nan")
    print(f"{state.total} pictures: {pace:.0f} pictures/s, memory at the end {ratio:.2f} times")
    print(f"accuracy {state.tally.accuracy(0):.1%}")
    some = items[:: max(1, len(items) // first)][:first] if first else []
    for varied in (False, True) if some else ():
        request = BatchRequest(Items(some), takers, 5, varied)
        done = wait(batches, batches.start(request))
        print(f"versions {'on ' if varied else 'off'}: {done.tally.accuracy(0):.1%} of {len(some)}")
    service.close()


def wait(batches: Batches, batch_id: str) -> BatchState:
    while not (state := batches.read(batch_id)).is_over():
        time.sleep(0.2)
    return state


def megabytes() -> float:
    """Of this process and those below it."""
    here = psutil.Process(os.getpid())
    return float(sum(p.memory_info().rss for p in (here, *here.children(recursive=True)))) / 1e6


def drawn(paths: Paths, run_id: str) -> None:
    dataset = open_dataset(paths, "digits")
    split = dataset.split("test")
    ink = ink_of(np.asarray(dataset.split("train").images[:256]))
    assert ink is not None
    rng = np.random.default_rng(0)
    redrawn = []
    for image in split.images:
        sheet = Image.new("L", (SHEET, SHEET))
        digit = Image.fromarray(image[..., 0]).resize((SHOWN, SHOWN), Image.Resampling.BICUBIC)
        left, top = rng.integers(0, SHEET - SHOWN, 2).tolist()
        sheet.paste(digit, (left, top))
        strokes = coverage(sheet)
        assert strokes is not None
        redrawn.append(inked(strokes, ink, (8, 8)))
    service = ComputeService(paths)
    for name, images in (("images", np.asarray(split.images)), ("drawn", np.stack(redrawn))):
        print(f"{name}: {accuracy(service, run_id, images, split.labels):.1%} right")
    service.close()


def accuracy(
    service: ComputeService, run_id: str, images: NDArray[np.uint8], labels: NDArray[np.int32]
) -> float:
    return float((service.predict(run_id, images).argmax(axis=1) == labels).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("artifacts", type=Path)
    parser.add_argument("run_id")
    parser.add_argument("archive", type=Path, nargs="?")
    parser.add_argument("--versions", type=int, default=0)
    parser.add_argument("--drawn", action="store_true")
    options = parser.parse_args()
    paths = Paths(options.artifacts).create()
    if options.drawn:
        drawn(paths, options.run_id)
    if options.archive:
        bulk(paths, options.run_id, options.archive, options.versions)


if __name__ == "__main__":
    main()
