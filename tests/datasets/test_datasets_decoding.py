"""Any picture a user may have becomes L or RGB, upright, opaque, 8 bits deep."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.datasets.decoding import decode_image, read_header
from core.datasets.importing import import_dataset
from core.datasets.limits import MAX_PIXELS
from core.datasets.options import ImportOptions
from core.datasets.registry import open_dataset
from core.datasets.report import Repair
from core.datasets.resizing import RESIZE_MODES, fit, prepare
from core.datasets.sources import PathSource
from core.errors import ImageError
from core.paths import Paths
from tests.datasets.making import encode, pack, picture

GREY, RED = 100, (200, 30, 40)


def plain(mode: str, color: object, fmt: str, **options: object) -> bytes:
    return encode(Image.new(mode, (6, 4), color), fmt, **options)  # type: ignore[arg-type]


def sixteen_bits(value: int) -> Image.Image:
    return Image.fromarray(np.full((4, 6), value, np.uint16))


FILES = {
    "1 PNG": (plain("1", 1, "PNG"), "L", 255, []),
    "1 BMP": (plain("1", 0, "BMP"), "L", 0, []),
    "L PNG": (plain("L", GREY, "PNG"), "L", GREY, []),
    "L GIF": (plain("L", GREY, "GIF"), "L", GREY, []),
    "L JPEG": (plain("L", GREY, "JPEG"), "L", GREY, []),
    "RGB PNG": (plain("RGB", RED, "PNG"), "RGB", RED, []),
    "RGB BMP": (plain("RGB", RED, "BMP"), "RGB", RED, []),
    "RGB WebP": (plain("RGB", RED, "WEBP", lossless=True), "RGB", RED, []),
    "P PNG": (
        encode(Image.new("RGB", (6, 4), RED).convert("P", palette=Image.Palette.ADAPTIVE)),
        "RGB",
        RED,
        [],
    ),
    "P GIF": (plain("RGB", RED, "GIF"), "RGB", RED, []),
    "RGBA opaque": (plain("RGBA", (*RED, 255), "PNG"), "RGB", RED, []),
    "RGBA clear": (plain("RGBA", (*RED, 0), "PNG"), "RGB", (255,) * 3, [Repair.OPAQUE]),
    "RGBA half": (plain("RGBA", (0, 0, 0, 51), "PNG"), "RGB", (204,) * 3, [Repair.OPAQUE]),
    "RGBA WebP": (
        plain("RGBA", (0, 0, 0, 51), "WEBP", lossless=True),
        "RGB",
        (204,) * 3,
        [Repair.OPAQUE],
    ),
    "LA clear": (plain("LA", (0, 0), "PNG"), "L", 255, [Repair.OPAQUE]),
    "LA opaque": (plain("LA", (GREY, 255), "PNG"), "L", GREY, []),
    "PA TIFF": (
        encode(Image.new("LA", (6, 4), (GREY, 255)).convert("PA"), "TIFF"),
        "L",
        GREY,
        [],
    ),
    "P transparent": (plain("P", 0, "PNG", transparency=0), "L", 255, [Repair.OPAQUE]),
    "L transparent": (plain("L", GREY, "PNG", transparency=GREY), "L", 255, [Repair.OPAQUE]),
    "RGB transparent": (
        plain("RGB", RED, "PNG", transparency=RED),
        "RGB",
        (255,) * 3,
        [Repair.OPAQUE],
    ),
    "CMYK TIFF": (plain("CMYK", (0, 255, 255, 0), "TIFF"), "RGB", (255, 0, 0), [Repair.COLORS]),
    "CMYK JPEG": (plain("CMYK", (0, 0, 0, 255), "JPEG"), "RGB", (0, 0, 0), [Repair.COLORS]),
    "YCbCr TIFF": (plain("YCbCr", (90, 128, 128), "TIFF"), "RGB", (90,) * 3, [Repair.COLORS]),
    "LAB TIFF": (plain("LAB", (255, 128, 128), "TIFF"), "RGB", None, [Repair.COLORS]),
    "I;16 PNG": (encode(sixteen_bits(GREY * 257)), "L", GREY, [Repair.DEPTH]),
    "I;16 white": (encode(sixteen_bits(65535)), "L", 255, [Repair.DEPTH]),
    "I;16 TIFF": (encode(sixteen_bits(GREY * 257), "TIFF"), "L", GREY, [Repair.DEPTH]),
    "I;16 PPM": (encode(sixteen_bits(GREY * 257), "PPM"), "L", GREY, [Repair.DEPTH]),
    "I 8 bits": (plain("I", GREY, "TIFF"), "L", GREY, [Repair.DEPTH]),
    "I 16 bits": (plain("I", GREY * 257, "TIFF"), "L", GREY, [Repair.DEPTH]),
    "F to one": (plain("F", 0.4, "TIFF"), "L", 102, [Repair.DEPTH]),
    "F to 255": (plain("F", 51.2, "TIFF"), "L", 51, [Repair.DEPTH]),
    "F nan": (plain("F", float("nan"), "TIFF"), "L", 0, [Repair.DEPTH]),
    "F below zero": (plain("F", -7.0, "TIFF"), "L", 0, [Repair.DEPTH]),
}


@pytest.mark.parametrize("kind", FILES)
def test_every_mode(kind: str) -> None:
    data, mode, color, repairs = FILES[kind]
    decoded = decode_image(data)
    assert (decoded.image.mode, decoded.size) == (mode, (4, 6))
    assert decoded.repairs == repairs
    if color is not None:
        pixels = np.asarray(decoded.image).reshape(24, -1)
        assert np.abs(pixels - np.array(color, float)).max() <= 1
    assert read_header(data).size == (4, 6)


@pytest.mark.parametrize("kind", ["L GIF", "LA clear", "I;16 PNG", "F to one", "1 PNG", "PA TIFF"])
def test_headers_tell_grey(kind: str) -> None:
    assert read_header(FILES[kind][0]).grey


@pytest.mark.parametrize("kind", ["P GIF", "RGB PNG", "CMYK TIFF", "RGBA half"])
def test_headers_tell_colour(kind: str) -> None:
    assert not read_header(FILES[kind][0]).grey


def test_32_bit_values_without_a_known_white_are_stretched() -> None:
    values = np.linspace(-10, 1_000_000, 24).reshape(4, 6).astype(np.float32)
    decoded = np.asarray(decode_image(encode(Image.fromarray(values), "TIFF")).image)
    assert (decoded.min(), decoded.max()) == (0, 255)


UPRIGHT = np.array([[0, 60, 120], [180, 220, 255]], np.uint8)
# How a camera held otherwise has stored the same scene, by EXIF orientation.
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT),
    7: UPRIGHT[::-1, ::-1].T,
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("fmt", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_exif_orientation(orientation: int, fmt: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Blocks of 16 pixels survive JPEG.
    stored = np.kron(STORED[orientation], np.ones((16, 16), np.uint8))
    options = {"lossless": True} if fmt == "WEBP" else {}
    data = encode(Image.fromarray(np.ascontiguousarray(stored)), fmt, exif=exif, **options)
    decoded = decode_image(data)
    seen = np.asarray(decoded.image.convert("L")).astype(int)[8::16, 8::16]
    assert np.abs(seen - UPRIGHT).max() <= 3
    assert decoded.size == (32, 48)
    assert (Repair.ROTATED in decoded.repairs) == (orientation > 1)
    if fmt != "PNG":
        assert read_header(data).size == (32, 48)


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("L", (6, 4), color) for color in (10, 200)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    decoded = decode_image(data)
    assert decoded.repairs == [Repair.FIRST_FRAME]
    assert np.asarray(decoded.image.convert("L")).max() == 10


PNG, JPEG = picture(1, (40, 40)), picture(1, (40, 40), "JPEG")
UNREADABLE = {
    "zero bytes": (b"", "The file is empty (0 bytes)."),
    "text": (b"these are no pixels", "not a picture of a known format (PNG, JPEG"),
    "truncated PNG": (PNG[: len(PNG) // 2], "damaged or incomplete (image file is truncated"),
    "truncated JPEG": (JPEG[: len(JPEG) // 2], "damaged or incomplete (image file is truncated"),
    "corrupt PNG": (PNG[:60] + bytes(40) + PNG[100:], "damaged or incomplete"),
    "only a signature": (PNG[:8], "The "),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "known format"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable(kind: str) -> None:
    data, message = UNREADABLE[kind]
    with pytest.raises(ImageError) as caught:
        decode_image(data)
    assert message in str(caught.value)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [7072, 10_000, 20_000])
def test_huge_pictures_are_refused_before_decoding(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7,072² is just above our limit; Pillow warns from 9,459² and refuses from 13,378²."""
    tiny = bytearray(plain("1", 0, "PNG"))
    tiny[16:24] = side.to_bytes(4, "big") * 2
    tiny[29:33] = zlib.crc32(tiny[12:29]).to_bytes(4, "big")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(ImageError) as caught:
        decode_image(bytes(tiny))
    assert caught.value.text.params == {"pixels": side * side, "most": MAX_PIXELS}


def test_resize_modes() -> None:
    """Black, white, grey stripes of 10 columns each, made into a square."""
    stripes = np.repeat(np.array([0, 255, 100], np.uint8), 10)[None].repeat(10, axis=0)
    image = Image.fromarray(stripes)
    assert (fit(image, (10, 10), "crop", 1) == 255).all()
    assert fit(image, (3, 3), "stretch", 1)[:, :, 0].tolist()[1] == pytest.approx(
        [0, 255, 100], abs=45
    )
    padded = fit(image, (30, 30), "pad", 1)[:, :, 0]
    assert (padded[10:20] == stripes).all()
    assert not padded[:10].any()
    assert not padded[20:].any()
    assert (fit(image, (30, 30), "pad", 1, "white")[20:] == 255).all()
    red = fit(image.convert("RGB"), (30, 30), "pad", 3, "#ff0000")
    assert (red[:10] == (255, 0, 0)).all()


def test_background_of_an_import_holds_for_predictions(paths: Paths, tmp_path: Path) -> None:
    """Around a padded picture and behind a transparent one, here and in what is made of it."""
    clear = Image.new("RGBA", (8, 4), (0, 0, 0, 0))
    data = encode(clear)
    files = {f"{name}/{i}.png": data for name in "ab" for i in range(3)}
    options = ImportOptions(size=8, resize="pad", background="#00ff00", color="rgb")
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x", options=options)
    assert info.background == "#00ff00"
    row = open_dataset(paths, "x").split("train").images[0]
    assert (row == (0, 255, 0)).all()
    seen = prepare(data, info.image_shape, info.resize, info.background)
    assert (seen.pixels == row).all()


@pytest.mark.parametrize("mode", RESIZE_MODES)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5), (64, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_fits(mode: str, size: tuple[int, int], channels: int) -> None:
    prepared = prepare(picture(0, size), (13, 17, channels), mode)  # type: ignore[arg-type]
    assert prepared.pixels.shape == (13, 17, channels)
    assert prepared.pixels.dtype == np.uint8
    assert prepared.size == size


@given(*(st.integers(1, 400) for _ in range(4)))
@example(320, 208, 128, 83)
@settings(max_examples=300, deadline=None)
def test_every_crop_lies_inside(width: int, height: int, to_width: int, to_height: int) -> None:
    """A box that rounding moves outside by a hair would end the import."""
    image = Image.new("L", (width, height), 7)
    assert (fit(image, (to_height, to_width), "crop", 1) == 7).all()


def test_downscaling_is_antialiased() -> None:
    """A fine chessboard must become grey, not black or white."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = fit(Image.fromarray(board), (4, 4), "stretch", 1)
    assert np.abs(small.astype(int) - 127).max() < 12


def test_jpeg_shortcut_keeps_size_orientation_and_look() -> None:
    """A big JPEG is decoded at a fraction of its size; nothing else may change."""
    gradient = np.linspace(0, 255, 1600).astype(np.uint8)[None].repeat(800, axis=0)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(Image.fromarray(gradient), "JPEG", exif=exif, quality=95)
    full = decode_image(data)
    quick = prepare(data, (20, 10, 1), "stretch")
    assert quick.size == full.size == (1600, 800)
    assert decode_image(data, at_least=40).image.size < full.image.size
    wanted = fit(full.image, (20, 10), "stretch", 1).astype(int)
    assert np.abs(quick.pixels.astype(int) - wanted).max() <= 3


def test_same_size_is_untouched() -> None:
    data = picture(3, (9, 9))
    original = np.asarray(Image.open(io.BytesIO(data)))
    assert (prepare(data, (9, 9, 3), "crop").pixels == original).all()
