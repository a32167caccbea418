"""How fast a zip of pictures is imported, and how much memory all processes take together.

    python benchmarks/import_images.py ../shared/data/cifar10-images.zip [--processes N]

Prints the rate, the peak of the memory summed over the import's process and its workers (sampled
every 50 ms), and the rate as a ratio to the loop anybody would write: one process, ``zipfile``,
Pillow, one array.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_SECONDS = 0.05
MB = 1e6
_IMPORT = """
import sys, time
from pathlib import Path
from core.datasets.importing import import_dataset
from core.datasets.options import ImportOptions
from core.datasets.sources import PathSource
from core.paths import Paths
start = time.perf_counter()
processes, options = int(sys.argv[3]) or None, ImportOptions(size=int(sys.argv[4]) or None)
paths, source = Paths(Path(sys.argv[2])), PathSource(Path(sys.argv[1]))
info = import_dataset(paths, source, "bench", options=options, processes=processes)
print(info.imported, time.perf_counter() - start)
"""


@dataclass
class Peaks:
    """The largest sums over a tree of processes seen so far, in bytes."""

    pss: int = 0
    alone: int = 0
    """PSS as if no other Python ran on this machine. The pages of the libraries are divided among
    all who use them, so PSS itself changes by 10 MB when a neighbour begins or ends."""
    uss: int = 0
    rss: int = 0
    processes: int = 0

    def sample(self, root: psutil.Process) -> None:
        """RSS counts a page that processes share once for each; PSS divides it among them."""
        pss = uss = rss = count = anonymous = mapped = 0
        for process in [root, *root.children(recursive=True)]:
            try:
                memory = process.memory_full_info()
            except psutil.Error:
                continue
            pss += getattr(memory, "pss", memory.uss)
            uss += memory.uss
            rss += memory.rss
            own, files = _anonymous_and_mapped(process.pid)
            anonymous, mapped = anonymous + own, max(mapped, files)
            count += 1
        self.alone = max(self.alone, anonymous + mapped)
        self.pss, self.uss = max(self.pss, pss), max(self.uss, uss)
        self.rss, self.processes = max(self.rss, rss), max(self.processes, count)


def _anonymous_and_mapped(pid: int) -> tuple[int, int]:
    """The process' part of the memory that belongs to no file, and the files' pages that it has
    mapped (the workers' are among those of the process that forked them), in bytes; Linux only."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().split("\n")
        status = Path(f"/proc/{pid}/status").read_text().split("\n")
    except OSError:
        return 0, 0
    sizes = dict(line.split(":") for line in [*rollup[1:], *status] if line)
    own, files = (1024 * int(sizes.get(k, "0").split()[0]) for k in ("Pss_Anon", "RssFile"))
    return own, files


def watch(child: subprocess.Popen[Any]) -> Peaks:
    """The memory of a process and its children until it ends."""
    peaks, root = Peaks(), psutil.Process(child.pid)
    while child.poll() is None:
        peaks.sample(root)
        time.sleep(SAMPLE_SECONDS)
    return peaks


def plain_loop(archive: Path, size: int | None = None) -> tuple[int, float]:
    """Pictures and seconds of the loop to compare with; without ``size`` they must be of one."""
    start = time.perf_counter()
    rows = []
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            if name.lower().endswith((".jpg", ".jpeg", ".png")):
                image = Image.open(io.BytesIO(file.read(name))).convert("RGB")
                rows.append(np.asarray(image.resize((size, size)) if size else image))
    np.stack(rows)
    return len(rows), time.perf_counter() - start


def measured_import(
    archive: Path, artifacts: Path, processes: int, size: int = 0
) -> tuple[int, float, Peaks]:
    """Pictures, seconds and memory of an import in a process of its own; 0: their own size."""
    command = [sys.executable, "-c", _IMPORT, str(archive), str(artifacts), str(processes)]
    command.append(str(size))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        peaks = watch(child)
        assert child.stdout is not None
        output = child.stdout.read().split()
    if child.returncode:
        raise SystemExit("the import failed")
    return int(output[0]), float(output[1]), peaks


def children_cpu() -> float:
    """Processor seconds of all processes that this one has started and seen end."""
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--processes", type=int, default=0, help="0: one for each processor")
    arguments = parser.parse_args()
    archive = arguments.archive.resolve()
    with tempfile.TemporaryDirectory(dir=ROOT / "artifacts") as folder:
        before = children_cpu()
        images, seconds, peaks = measured_import(archive, Path(folder), arguments.processes)
        cpu = children_cpu() - before
    before = time.process_time()
    plain_images, plain_seconds = plain_loop(archive)
    plain_cpu = time.process_time() - before
    rate, plain_rate = images / seconds, plain_images / plain_seconds
    print(f"import        {images} images in {seconds:.1f} s: {rate:,.0f} images/s")
    print(
        f"plain Pillow  {plain_images} images in {plain_seconds:.1f} s: {plain_rate:,.0f} images/s"
    )
    print(f"ratio         {rate / plain_rate:.2f}")
    # What a busy machine changes less: processor time, the start of the processes included.
    print(f"CPU time      import {cpu:.1f} s, plain loop {plain_cpu:.1f} s")
    print(
        f"peak memory   {peaks.processes} processes together: PSS {peaks.pss / MB:.0f} MB, "
        f"USS {peaks.uss / MB:.0f} MB, RSS {peaks.rss / MB:.0f} MB"
    )


if __name__ == "__main__":
    main()
