"""How fast data files (idx, CIFAR batches, .npz, CSV, parquet …) are imported, in how much memory.

    python -m benchmarks.import_formats cifar-10-python.zip mnist/ mnist.npz …

Prints for each the rate and the peak of the memory summed over the import and its workers.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.import_images import MB, ROOT, measured_import


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("--processes", type=int, default=0, help="0: one for each processor")
    arguments = parser.parse_args()
    for source in arguments.sources:
        with tempfile.TemporaryDirectory(dir=ROOT / "artifacts") as folder:
            images, seconds, peaks = measured_import(
                source.resolve(), Path(folder), arguments.processes
            )
        print(
            f"{source.name:28} {images:6} images in {seconds:5.1f} s: {images / seconds:6,.0f} "
            f"images/s; PSS {peaks.pss / MB:.0f} MB, {peaks.processes} processes",
            flush=True,
        )


if __name__ == "__main__":
    main()
