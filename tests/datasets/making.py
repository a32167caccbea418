"""Small pictures, archives and folders for the tests of datasets."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.datasets.dataset import Dataset
from core.datasets.report import Skipped
from core.paths import Paths

Files = dict[str, bytes]


def encode(image: Image.Image, fmt: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def picture(seed: int = 0, size: tuple[int, int] = (8, 8), fmt: str = "PNG") -> bytes:
    """A colour picture of (height, width) that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return encode(Image.fromarray(pixels), fmt)


def classes(*names: str, each: int = 4, below: str = "", seed: int = 0) -> Files:
    """``each`` pictures in a folder for every name; no two of them alike."""
    files = {}
    for i, name in enumerate(names):
        for j in range(each):
            files[f"{below}{name}/{j}.png"] = picture(1000 * seed + 100 * i + j)
    return files


def pack(path: Path, files: Mapping[str, bytes], folders: Iterable[str] = ()) -> Path:
    """A zip of ``files``, their names taken as they are, and of empty ``folders``."""
    with zipfile.ZipFile(path, "w") as archive:
        for folder in folders:
            archive.writestr(f"{folder}/", b"")
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return path


def add_link(path: Path, name: str, target: str) -> None:
    link = zipfile.ZipInfo(name)
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, target)


def unpack(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def reasons(skipped: Iterable[Skipped]) -> dict[str, str]:
    return {s.name: s.reason.value for s in skipped}


def left_behind(paths: Paths) -> list[str]:
    """Everything on the disk; after a failure there must be nothing."""
    return sorted(str(p.relative_to(paths.root)) for p in paths.root.rglob("*") if p.is_file())


def rows_by_name(dataset: Dataset) -> dict[str, tuple[str, str, bytes]]:
    """Original name → (split, class, pixels) of every row."""
    found = {}
    for split, count in dataset.info.splits.items():
        if count:
            rows = dataset.split(split)
            for i, name in enumerate(rows.names):
                label = dataset.info.class_names[rows.labels[i]]
                found[name] = (split, label, rows.images[i].tobytes())
    return found


def pack_tar(path: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    """A tar of ``files``, their names taken as they are; ``mode`` as of ``tarfile.open``."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            add_to_tar(archive, name, data)
    return path


def add_to_tar(
    archive: tarfile.TarFile, name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE
) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, len(data)
    if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        member.linkname = "/etc/passwd"
    archive.addfile(member, io.BytesIO(data))
