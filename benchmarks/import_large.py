"""Import of a set like Animals-10: 28,000 JPEGs of about 300×300 pixels in ten classes.

    python -m benchmarks.import_large [--images 28000] [--processes N]

Prints images/s at 128×128, beside the rate of the loop anybody would write (one process,
``zipfile``, Pillow, one array), and the peak memory of all processes of the import for the set and
for twice as many pictures: as if nothing else ran on this machine, as PSS and as RSS.
The set is made once and kept under the temporary directory.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.import_images import MB, ROOT, Peaks, measured_import, plain_loop

CACHE = Path(tempfile.gettempdir()) / "lienzo-benchmarks"
CLASSES = 10
SIDE = 128
QUALITY = 85


def made(images: int) -> Path:
    """A zip of ``images`` JPEGs, stored as they are."""
    CACHE.mkdir(exist_ok=True)
    archive = CACHE / f"animals-{images}.zip"
    if not archive.exists():
        partial = archive.with_suffix(".tmp")
        with zipfile.ZipFile(partial, "w") as file:
            for i in range(images):
                name = f"raw-img/animal{i % CLASSES}/{i:06d}.jpeg"
                file.writestr(name, _jpeg(np.random.default_rng(i)))
        partial.replace(archive)
    return archive


def _jpeg(rng: np.random.Generator) -> bytes:
    """A picture with shapes and some noise: as many bytes for its pixels as a photograph."""
    width, height = (int(side) for side in np.clip(rng.normal(300, 50, 2), 120, 600))
    rough = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    fine = rng.integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    image = Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)
    noise = Image.fromarray(fine).resize((width, height), Image.Resampling.BILINEAR)
    out = io.BytesIO()
    Image.blend(image, noise, 0.25).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def doubled(archive: Path) -> Path:
    """The same with every picture twice: under other names, which is all that memory knows."""
    twice = archive.with_name(f"{archive.stem}-twice.zip")
    if not twice.exists():
        partial = twice.with_suffix(".tmp")
        with zipfile.ZipFile(archive) as one, zipfile.ZipFile(partial, "w") as two:
            for name in one.namelist():
                data = one.read(name)
                two.writestr(name, data)
                two.writestr(name.replace("/0", "/copy-0"), data)
        partial.replace(twice)
    return twice


def imported(archive: Path, processes: int) -> tuple[float, Peaks]:
    """Images/s and memory of an import into a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=ROOT / "artifacts") as folder:
        images, seconds, peaks = measured_import(archive, Path(folder), processes, SIDE)
    print(
        f"{images} images in {seconds:.1f} s: {images / seconds:,.0f} images/s; "
        f"{peaks.processes} processes together: {peaks.alone / MB:.0f} MB, PSS "
        f"{peaks.pss / MB:.0f} MB, RSS {peaks.rss / MB:.0f} MB"
    )
    return images / seconds, peaks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=28_000)
    parser.add_argument("--processes", type=int, default=0, help="0: one for each processor")
    arguments = parser.parse_args()
    once = made(arguments.images)
    twice = doubled(once)
    print(f"{once.stat().st_size / MB:.0f} MB of JPEGs")
    rate, peaks = imported(once, arguments.processes)
    _, more = imported(twice, arguments.processes)
    images, seconds = plain_loop(once, SIDE)
    print(f"plain Pillow  {images / seconds:,.0f} images/s; ratio {rate * seconds / images:.2f}")
    print(
        f"memory ratio  {more.alone / peaks.alone:.3f}; {more.pss / peaks.pss:.3f} (PSS), "
        f"{more.rss / peaks.rss:.3f} (RSS)"
    )


if __name__ == "__main__":
    main()
