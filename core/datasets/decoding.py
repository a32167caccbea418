"""Bytes of any picture → an upright, opaque Pillow image of mode L or RGB.

Import and prediction both come through here, so that a network meets at prediction exactly what
it has met in training.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from core.datasets import limits
from core.datasets.report import Repair
from core.errors import N_, ImageError

# Named one by one, so that no other of Pillow's decoders ever meets a stranger's bytes.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
EXTENSIONS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif"),
    *(".tif", ".tiff", ".pbm", ".pgm", ".ppm", ".pnm"),
)

EMPTY_FILE = N_("The file is empty (0 bytes).")
TOO_MANY_PIXELS = N_("The picture has {pixels} pixels; at most {most} are read.")

_ORIENTATION = 0x0112
# Formats whose orientation stands before the pixels, so that reading it costs nothing.
_EXIF_FIRST = ("JPEG", "MPO", "TIFF", "WEBP")

# Pillow warns of large pictures before we can refuse them in our own words.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class Decoding(NamedTuple):
    """What is chosen about pictures that are not simply what they seem."""

    background: str = "white"
    """What shines through where a picture is transparent: any colour that Pillow knows."""
    truncated: bool = False
    """Whether a picture that is cut off is taken as far as it goes."""


PLAIN = Decoding()


@dataclass
class Picture:
    """A decoded picture: ``image`` of mode L or RGB, its full (height, width) upright, repairs."""

    image: Image.Image
    size: tuple[int, int]
    repairs: list[Repair] = field(default_factory=list)


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded; (height, width) upright."""

    size: tuple[int, int]
    grey: bool


def read_header(data: bytes) -> Header:
    """Size and kind from the beginning of a file; ImageError if it does not tell."""
    with _understood():
        image = _open(data)
        orientation = _orientation(image) if image.format in _EXIF_FIRST else 1
        return Header(_upright_size(image, orientation), _is_grey(image))


def decode_image(
    data: bytes, decoding: Decoding = PLAIN, *, at_least: int | None = None
) -> Picture:
    """The whole picture, upright, opaque, 8 bits deep, its first frame.

    ``at_least`` allows a JPEG to be decoded at a fraction of its size (much quicker) as long as
    both sides keep so many pixels. ImageError says what is wrong with the bytes.
    """
    if not data:
        raise ImageError(EMPTY_FILE)
    with _understood():
        image = _open(data)
        _refuse_large(image.width * image.height)
        orientation = _orientation(image)
        size = _upright_size(image, orientation)
        if at_least is not None and min(size) >= 2 * at_least and image.format in ("JPEG", "MPO"):
            image.draft(None, (at_least, at_least))
        cut = _load(image, decoding.truncated)
        plain, repairs = _normalised(image, orientation, decoding.background)
        return Picture(plain, size, [*cut, *repairs])


def _load(image: Image.Image, truncated: bool) -> list[Repair]:
    """Decode the pixels; what is missing of a cut-off picture becomes grey, if that is wanted."""
    try:
        image.load()
    except OSError:
        if not truncated:
            raise
        # Pillow's switch is global; this process decodes one picture at a time.
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            image.load()
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        return [Repair.TRUNCATED]
    return []


def _open(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _refuse_large(pixels: int) -> None:
    if pixels > limits.MAX_PIXELS:
        raise ImageError(TOO_MANY_PIXELS, pixels=pixels, most=limits.MAX_PIXELS)


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """Turns whatever a decoder raises at hostile bytes into an :class:`ImageError`."""
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(
            N_("The file is not a picture of a known format ({formats})."),
            formats=", ".join(FORMATS),
        ) from error
    except Image.DecompressionBombError as error:
        found = re.search(r"(\d+) pixels", str(error))
        _refuse_large(int(found[1]) if found else 4 * limits.MAX_PIXELS)
    except Exception as error:
        raise ImageError(
            N_("The picture is damaged or incomplete ({error})."), error=_short(error)
        ) from error


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _orientation(image: Image.Image) -> int:
    """1 upright, 2 to 8 mirrored or turned, from 5 on with width and height exchanged."""
    orientation = image.getexif().get(_ORIENTATION, 1)
    return orientation if orientation in range(1, 9) else 1


def _upright_size(image: Image.Image, orientation: int) -> tuple[int, int]:
    """(height, width) once turned; Pillow itself turns TIFF, and says so from the start."""
    width, height = image.size
    return (width, height) if orientation >= 5 and image.format != "TIFF" else (height, width)


def _normalised(
    image: Image.Image, orientation: int, background: str
) -> tuple[Image.Image, list[Repair]]:
    repairs = []
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        repairs.append(Repair.FIRST_FRAME)
    if orientation > 1:
        repairs.append(Repair.ROTATED)
        image = ImageOps.exif_transpose(image)
    plain, repair = _to_plain(image, background)
    return plain, [*repairs, repair] if repair else repairs


def _to_plain(image: Image.Image, background: str) -> tuple[Image.Image, Repair | None]:
    """The image in mode L or RGB, and what had to be done for it."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image, None
    if image.has_transparency_data:
        return _opaque(image, background)
    convert, repair = _CONVERSIONS.get(image.mode, (_to_rgb, None))
    return convert(image), repair


def _opaque(image: Image.Image, background: str) -> tuple[Image.Image, Repair | None]:
    grey = image.mode in ("1", "L", "LA", "La", "I;16") or _grey_palette(image)
    if image.mode == "I;16":
        # Its transparent colour is one of 65,536 greys: no 8-bit image can name it.
        return _scaled_16(image), Repair.DEPTH
    full = image.convert("RGBA")
    if full.getchannel("A").getextrema() == (255, 255):
        return full.convert("L" if grey else "RGB"), None
    behind = Image.new("RGBA", full.size, background)
    behind.alpha_composite(full)
    return behind.convert("L" if grey else "RGB"), Repair.OPAQUE


def _to_grey(image: Image.Image) -> Image.Image:
    return image.convert("L")


def _to_rgb(image: Image.Image) -> Image.Image:
    return image.convert("RGB")


def _from_palette(image: Image.Image) -> Image.Image:
    return image.convert("L" if _grey_palette(image) else "RGB")


def _scaled_16(image: Image.Image) -> Image.Image:
    """16-bit grey: 0…65535 becomes 0…255."""
    values = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _scaled(image: Image.Image) -> Image.Image:
    """32-bit grey, integer or float, to 8 bits.

    These modes do not say what white is: 1 (float), 255 and 65,535 are told apart by the
    brightest value; anything else is stretched from its darkest to its brightest.
    """
    values: NDArray[np.float64] = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    whites = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    white = next((w for w in whites if low >= 0 and high <= w), None)
    if white is None:
        values, white = values - low, high - low
    return Image.fromarray(np.round(values * (255.0 / (white or 1.0))).astype(np.uint8))


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("LAB")
    return converted


_CONVERSIONS: Mapping[str, tuple[Callable[[Image.Image], Image.Image], Repair | None]] = {
    "1": (_to_grey, None),
    "P": (_from_palette, None),
    "I;16": (_scaled_16, Repair.DEPTH),
    "I;16L": (_scaled_16, Repair.DEPTH),
    "I;16B": (_scaled_16, Repair.DEPTH),
    "I;16N": (_scaled_16, Repair.DEPTH),
    "I": (_scaled, Repair.DEPTH),
    "F": (_scaled, Repair.DEPTH),
    "CMYK": (_to_rgb, Repair.COLORS),
    "YCbCr": (_to_rgb, Repair.COLORS),
    "HSV": (_to_rgb, Repair.COLORS),
    "LAB": (_from_lab, Repair.COLORS),
}

_GREY_MODES = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY_MODES or _grey_palette(image)


def _grey_palette(image: Image.Image) -> bool:
    """Whether a palette image (P, PA) knows no colours; many programs save greys like that."""
    palette = image.getpalette("RGB") if image.mode in ("P", "PA") else None
    if not palette:
        return False
    colors = np.array(palette, np.uint8).reshape(-1, 3)
    return bool((colors == colors[:, :1]).all())
