"""Pictures of one brightness, and runs that judge by it: small enough to be checked by hand."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from core.asking.judging import How, Images, Proba, Taker


def picture(brightness: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (6, 4), brightness).save(out, "PNG")
    return out.getvalue()


def pack(file: Path, **pictures: bytes) -> Path:
    """A zip; in the names a double underscore is a slash, and the end is ``.png``."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in pictures.items():
            archive.writestr(name.replace("__", "/") + ".png", data)
        archive.writestr("notes.txt", b"hello")
    return file


def asked(run_id: str = "a", names: tuple[str, ...] = ("dark", "light"), side: int = 2) -> Taker:
    return Taker(
        run_id,
        How((side, side, 1), "stretch", ""),
        names,
        {name: i for i, name in enumerate(names)},
    )


def by_brightness(run_id: str, images: Images) -> Proba:
    """Run "a" is right, any other one says the opposite."""
    light = images.mean(axis=(1, 2, 3)) / 255
    both = np.stack([1 - light, light], axis=1).astype(np.float32)
    return both if run_id == "a" else both[:, ::-1]
