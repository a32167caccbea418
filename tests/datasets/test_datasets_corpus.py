"""Hostile and broken input, each with what is said of it; it may end nothing but itself."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.datasets import limits
from core.datasets.decoding import Decoding, decode_image, read_header
from core.datasets.importing import import_dataset
from core.datasets.registry import open_dataset
from core.datasets.report_csv import report_csv
from core.datasets.sources import PathSource
from core.errors import ConfigError, DatasetError, ImageError
from core.paths import Paths
from tests.datasets.making import (
    Files,
    classes,
    encode,
    left_behind,
    pack,
    pack_tar,
    picture,
    rows_by_name,
    unpack,
)

PETS = classes("cat", "dog")


def zipped(files: Files | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in (PETS if files is None else files).items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Files | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return pack_tar(Path(folder) / "x.tar", PETS if files is None else files).read_bytes()


ARCHIVES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "text called zip": ("x.zip", lambda: b"hello", "“x.zip” is not a zip archive. Expected: a zip"),
    "empty zip file": ("x.zip", lambda: b"", "“x.zip” is empty (0 bytes)."),
    "zip without files": ("x.zip", lambda: zipped({}), "no pictures among the 0 files"),
    "a picture called zip": ("x.zip", picture, "“x.zip” is not a zip archive."),
    "a tar called zip": ("x.zip", tarred, "“x.zip” is not a zip archive. Expected: a zip or tar"),
    "half a zip": ("x.zip", lambda: zipped()[:900], "begins like a zip archive, but its table of"),
    "a zip without its end": ("x.zip", lambda: zipped()[:-30], "is probably cut off"),
    "a zip without its beginning": (
        "x.zip",
        lambda: zipped(classes("a", "b", each=1))[300:],
        "Only the class “b” has readable pictures",
    ),
    "directory of a zip damaged": (
        "x.zip",
        lambda: zipped().replace(b"PK\x01\x02", b"PK\x09\x09"),
        "missing or damaged",
    ),
    "only nested archives": ("x.zip", lambda: zipped({"a.zip": b"", "b.rar": b""}), "no pictures"),
    "only hidden files": ("x.zip", lambda: zipped({".a/1.png": b"x"}), "no pictures among the 1"),
    "only unsafe names": ("x.zip", lambda: zipped({"../a/1.png": b"x"}), "no pictures among the 1"),
    "one class": ("x.zip", lambda: zipped(classes("cat")), "There is only one class, “cat”"),
    "pictures without folders": ("x.zip", lambda: zipped({"1.png": b"x"}), "is in a class folder"),
    "all pictures empty": (
        "x.zip",
        lambda: zipped({"a/1.png": b"", "b/1.png": b""}),
        "None of the 2 pictures can be read. The first is “a/1.png”. The file is empty (0 bytes).",
    ),
    "text called tar": ("x.tar", lambda: b"hello", "“x.tar” is not a whole tar archive"),
    "empty tar file": ("x.tar", lambda: b"", "“x.tar” is empty (0 bytes). Expected: a tar"),
    "tar of zeros": ("x.tar", lambda: bytes(10240), "no pictures among the 0 files"),
    "a zip called tar": ("x.tar", zipped, "“x.tar” is not a whole tar archive"),
    "half a tar": ("x.tar", lambda: tarred()[:3000], "it is damaged or was cut off"),
    "noise called tar.gz": ("x.tar.gz", lambda: os.urandom(2000), "is not a whole tar archive"),
    "gzip of text": ("x.tar.gz", lambda: gzip.compress(b"hello"), "is not a whole tar archive"),
    "gzip of nothing": ("x.tgz", lambda: gzip.compress(b""), "is not a whole tar archive"),
    "half a tar.gz": ("x.tgz", lambda: gzip.compress(tarred())[:700], "ended before the end-of"),
    "damaged tar.gz": (
        "x.tgz",
        lambda: (d := gzip.compress(tarred()))[:300] + b"\0\0\0\0" + d[304:],
        "is not a whole tar archive",
    ),
    "half a tar.bz2": ("x.tar.bz2", lambda: bz2.compress(tarred())[:-40], "ended before the end"),
    "damaged tar.bz2": (
        "x.tar.bz2",
        lambda: (d := bz2.compress(tarred()))[:300] + b"\0\0\0\0" + d[304:],
        "is not a whole tar archive",
    ),
    "half a tar.xz": ("x.tar.xz", lambda: lzma.compress(tarred())[:-40], "ended before the end-of"),
    "damaged tar.xz": (
        "x.tar.xz",
        lambda: (d := lzma.compress(tarred()))[:300] + b"\0\0\0\0" + d[304:],
        "is not a whole tar archive",
    ),
    "tar of one class": ("x.tar", lambda: tarred(classes("cat")), "There is only one class, “cat”"),
    "a rar": ("x.rar", lambda: b"Rar!\x1a\x07\0" + bytes(99), "“x.rar” is not a zip archive."),
    "a 7z": ("x.7z", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(99), "“x.7z” is not a zip archive."),
    "a document": ("x.pdf", lambda: b"%PDF-1.7" + bytes(99), "“x.pdf” is not a zip archive."),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives(paths: Paths, tmp_path: Path, kind: str) -> None:
    name, make, message = ARCHIVES[kind]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(DatasetError) as caught:
        import_dataset(paths, PathSource(tmp_path / name), "x")
    assert message in str(caught.value)
    assert left_behind(paths) == []


def png(width: int, height: int, data: bytes = b"", mode: int = 2, depth: int = 8) -> bytes:
    """A PNG whose header says so; ``data`` is its compressed content."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, depth, mode, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def whole(fmt: str) -> bytes:
    return picture(5, (40, 40), fmt)


def half(fmt: str) -> bytes:
    return whole(fmt)[: len(whole(fmt)) // 2]


def tiff_of_size(width: int, height: int) -> bytes:
    data = bytearray(encode(Image.new("L", (8, 8)), "TIFF"))
    for tag, value in ((256, width), (257, height)):
        at = data.find(struct.pack("<H", tag))
        data[at + 2 : at + 12] = struct.pack("<HII", 4, 1, value)
    return bytes(data)


UNKNOWN, DAMAGED, LARGE = "not a picture of a known format", "damaged or incomplete", "at most 50"
IMAGES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "The file is empty (0 bytes)."),
    "one byte": (lambda: b"\xff", UNKNOWN),
    "zeros": (lambda: bytes(1000), UNKNOWN),
    "text": (lambda: b"I am a cat" * 50, UNKNOWN),
    "a page of the web": (lambda: b"<html>404 Not Found</html>", UNKNOWN),
    "an SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", UNKNOWN),
    "a PDF": (lambda: b"%PDF-1.4\n" + bytes(100), UNKNOWN),
    "a HEIC": (lambda: b"\0\0\0\x18ftypheic" + bytes(100), UNKNOWN),
    "a pointer of Git LFS": (lambda: b"version https://git-lfs.github.com/spec/v1\n", UNKNOWN),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", UNKNOWN),
    "an icon": (lambda: encode(Image.new("RGB", (16, 16)), "ICO"), UNKNOWN),
    "half a PNG": (lambda: half("PNG"), DAMAGED),
    "half a JPEG": (lambda: half("JPEG"), DAMAGED),
    "half a GIF": (lambda: half("GIF"), DAMAGED),
    "half a BMP": (lambda: half("BMP"), DAMAGED),
    "half a TIFF": (lambda: half("TIFF"), ""),
    "half a WebP": (lambda: half("WEBP"), ""),
    "half a PPM": (lambda: half("PPM"), DAMAGED),
    "only the start of a PNG": (lambda: whole("PNG")[:8], ""),
    "only the start of a JPEG": (lambda: whole("JPEG")[:4], ""),
    "only the header of a GIF": (lambda: whole("GIF")[:13], ""),
    "a PNG of no pixels": (lambda: png(0, 0), ""),
    "a PNG bomb": (lambda: png(30_000, 30_000, zlib.compress(bytes(9))), LARGE),
    "an impossible PNG": (lambda: png(2**31 - 1, 2**31 - 1), ""),
    "a flat PNG bomb": (lambda: png(200_000_000, 1), LARGE),
    "a TIFF bomb": (lambda: tiff_of_size(60_000, 60_000), LARGE),
    "a JPEG bomb": (lambda: jpeg_of_size(60_000, 60_000), LARGE),
    "a GIF bomb": (lambda: b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + bytes(9), ""),
    "an unknown PNG mode": (lambda: png(9, 9, mode=5), ""),
    "damaged PNG data": (lambda: png(9, 9, b"no zlib stream"), DAMAGED),
    "PNG data too short": (lambda: png(99, 99, zlib.compress(bytes(9))), DAMAGED),
}


def jpeg_of_size(width: int, height: int) -> bytes:
    data = bytearray(whole("JPEG"))
    at = data.find(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize("kind", IMAGES)
def test_images(kind: str) -> None:
    make, message = IMAGES[kind]
    with pytest.raises(ImageError) as caught:
        decode_image(make())
    assert message in str(caught.value)


def test_bad_images_cost_nothing_but_themselves(paths: Paths, tmp_path: Path) -> None:
    files = {**PETS, **{f"cat/bad {kind}.png": make() for kind, (make, _) in IMAGES.items()}}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    report = open_dataset(paths, "x").report()
    assert (info.imported, info.skipped, report.files) == (8, len(IMAGES), len(files))
    said = {s.name: str(s.text) for s in report.skipped}
    for kind, (_, message) in IMAGES.items():
        assert message in said[f"cat/bad {kind}.png"]


def test_there_are_enough_of_them() -> None:
    assert len(ARCHIVES) + len(IMAGES) >= 60


STRANGE_NAMES = [
    *("a/" * 200 + "1.png", "ñ" * 80 + "/1.png", "a/\u202egnp.exe.png", "a/new\nline.png"),
    *("=cmd()/1.png", "<script>/1.png", "a/CON.png", " /1.png", "a/🦊.png", "a\\b\\1.png"),
    *("a/\x01.png", "-rf/1.png", "%s%n/1.png", "{x}/1.png"),
]


@pytest.mark.parametrize("kind", ["zip", "tar", "tgz"])
def test_strange_names(paths: Paths, tmp_path: Path, kind: str) -> None:
    files = {**PETS, **{name: picture(50 + i) for i, name in enumerate(STRANGE_NAMES)}}
    file = tmp_path / f"x.{kind}"
    modes = {"tar": "w", "tgz": "w:gz"}
    source = pack_tar(file, files, modes[kind]) if kind in modes else pack(file, files)
    info = import_dataset(paths, PathSource(source), "x")
    assert info.imported == open_dataset(paths, "x").report().files == len(files)
    cells = report_csv(open_dataset(paths, "x"))
    assert "\n=cmd()" not in cells
    assert "\n-rf" not in cells


@pytest.mark.parametrize("name", limits.VARIABLES)
@pytest.mark.parametrize("value", ["lots", "-1", "0", "nan", "1e30"])
def test_impossible_limits(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(
        ConfigError, match=rf"{name} \(.*\): expected a number above 0 .*received {value}"
    ):
        import_dataset(paths, PathSource(tmp_path), "x")


def test_archives_that_are_too_large(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ARCHIVE_BYTES", 500)
    for source in (pack(tmp_path / "x.zip", PETS), pack_tar(tmp_path / "x.tgz", PETS, "w:gz")):
        with pytest.raises(DatasetError, match=r"GB; at most 0\.0 GB are read"):
            import_dataset(paths, PathSource(source), "x")


def test_one_file_that_is_compressed_as_no_picture_is(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FILE_RATIO_FROM_BYTES", 1_000_000)
    files = {**PETS, "cat/bomb.png": bytes(2_000_000)}
    (tmp_path / "x.zip").write_bytes(zipped(files, compression=zipfile.ZIP_DEFLATED))
    import_dataset(paths, PathSource(tmp_path / "x.zip"), "x")
    skipped = open_dataset(paths, "x").report().skipped
    assert [(s.name, s.reason.value) for s in skipped] == [("cat/bomb.png", "too_compressed")]


FOLDERS = st.sampled_from(
    ["a", "b", "Train", "Validación", "prueba", "x_test", "x_train", "images", "unknown", "ñ\n"]
)
NAMES = st.sampled_from(
    ["1.png", "2.PNG", "3.jpg", "t.txt", ".DS_Store", "z.zip", "labels.csv", "test.csv", "=1.png"]
)
CONTENTS = st.sampled_from(
    [
        *(picture(1), picture(2), picture(3), picture(4), b"", b"text", picture(5)[:60]),
        b"id,label\n1,a\n2,b\n3.jpg,a\n9,b",
        b"filename;clase;split\n1.png;a;train\n2.PNG;b;test\n1.png;b;",
    ]
)
TREES = st.dictionaries(
    st.tuples(st.lists(FOLDERS, max_size=3), NAMES).map(lambda p: "/".join([*p[0], p[1]])),
    CONTENTS,
    max_size=25,
)
PACKERS: dict[str, Callable[[Path, Files], Path]] = {
    "zip": lambda folder, files: pack(folder / "f.zip", files),
    "tar": lambda folder, files: pack_tar(folder / "f.tar", files),
    "tar.xz": lambda folder, files: pack_tar(folder / "f.tar.xz", files, "w:xz"),
    "folder": lambda folder, files: unpack(folder / "f", files),
}


@given(TREES, st.sampled_from(sorted(PACKERS)))
@settings(max_examples=150, deadline=None)
def test_no_file_is_lost(files: Files, packer: str) -> None:
    """Whatever the tree: each file is one row of the report as CSV; or all is refused."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "artifacts")
        (Path(folder) / "f").mkdir()
        source = PACKERS[packer](Path(folder), files)
        try:
            info = import_dataset(paths, PathSource(source), "x")
        except DatasetError:
            assert left_behind(paths) == []
            return
        dataset = open_dataset(paths, "x")
        report = dataset.report()
        rows = [*(s.name for s in report.skipped if s.reason.value != "no_file"), *report.capped]
        for split in info.splits:
            if info.splits[split]:
                rows += dataset.split(split).names[:]
        assert sorted(rows) == sorted(files)
        assert report.files == len(files) == info.imported + info.skipped
        assert report_csv(dataset).count("no file") == len(report.skipped) - (
            info.skipped - len(report.capped)
        )


SEEDS = {fmt: picture(9, (24, 20), fmt) for fmt in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")}


@pytest.mark.parametrize("fmt", SEEDS)
@pytest.mark.parametrize("truncated", [False, True])
def test_mutated_pictures_are_read_or_refused(fmt: str, truncated: bool) -> None:
    """Never anything but a picture or an ImageError, whatever bytes are changed."""
    rng = np.random.default_rng([ord(fmt[0]), truncated])
    for _ in range(250):
        data = mutated(SEEDS[fmt], rng)
        with contextlib.suppress(ImageError):
            read_header(data)
        with contextlib.suppress(ImageError):
            assert decode_image(data, Decoding(truncated=truncated)).image.mode in ("L", "RGB")


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, a piece cut out or doubled, or the end missing."""
    changed = bytearray(data)
    for at in rng.integers(0, len(data), rng.integers(1, 12)):
        changed[at] = (0, 1, 127, 128, 255, int(rng.integers(0, 256)))[rng.integers(0, 6)]
    start, end = sorted(int(i) for i in rng.integers(0, len(data), 2))
    kind = rng.integers(0, 4)
    if kind == 1:
        del changed[start:end]
    elif kind == 2:
        changed[start:start] = changed[start:end]
    elif kind == 3:
        del changed[end:]
    return bytes(changed)


def test_mutated_pictures_end_no_import(paths: Paths, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = dict(PETS)
    for i in range(60):
        fmt = list(SEEDS)[i % len(SEEDS)]
        files[f"cat/m{i}.{fmt.lower()}"] = mutated(SEEDS[fmt], rng)
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.imported + info.skipped == len(files)
    assert set(PETS) <= set(rows_by_name(open_dataset(paths, "x")))


def test_mutated_archives(tmp_path: Path) -> None:
    """Whatever the bytes of an archive: a dataset that adds up, or a DatasetError."""
    rng = np.random.default_rng(1)
    archives = {"x.zip": zipped(), "x.tar": tarred(), "x.tgz": gzip.compress(tarred(), mtime=0)}
    for number in range(90):
        name = list(archives)[number % 3]
        paths = Paths(tmp_path / f"a{number}")
        (tmp_path / name).write_bytes(mutated(archives[name], rng))
        try:
            info = import_dataset(paths, PathSource(tmp_path / name), "x")
        except DatasetError:
            assert left_behind(paths) == []
        else:
            assert open_dataset(paths, "x").report().files == info.imported + info.skipped


def test_the_tar_module_still_says_how_an_archive_ends() -> None:
    """The name of the exception that ends an archive is not in the documentation."""
    with pytest.raises(tarfile.HeaderError) as caught:
        tarfile.TarInfo.frombuf(bytes(512), "utf-8", "strict")
    assert type(caught.value).__name__ == "EOFHeaderError"
