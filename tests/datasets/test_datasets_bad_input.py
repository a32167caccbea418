"""Bad input: a clear message, nothing lost, nothing left behind, nothing written outside."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from core.datasets import limits, workers
from core.datasets.importing import import_dataset
from core.datasets.registry import open_dataset
from core.datasets.sources import PathSource
from core.datasets.writer import RowFile
from core.errors import DatasetError
from core.paths import Paths
from tests.datasets.making import (
    Files,
    add_link,
    classes,
    encode,
    left_behind,
    pack,
    picture,
    reasons,
    unpack,
)

PETS = classes("cat", "dog")


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that know what the test has patched."""
    monkeypatch.setattr(workers, "_context", lambda: multiprocessing.get_context("fork"))


def refused(paths: Paths, source: Path) -> str:
    """The message of an import that must fail, having left nothing."""
    with pytest.raises(DatasetError) as caught:
        import_dataset(paths, PathSource(source), "x")
    assert left_behind(paths) == []
    return str(caught.value)


def skipped_of(paths: Paths, source: Path) -> dict[str, str]:
    """Import all of PETS from the source; the reasons for everything else."""
    info = import_dataset(paths, PathSource(source), "x")
    assert (info.imported, info.class_names) == (8, ("cat", "dog"))
    report = open_dataset(paths, "x").report()
    assert report.files == 8 + info.skipped
    return reasons(report.skipped)


def test_text_called_zip(paths: Paths, tmp_path: Path) -> None:
    file = tmp_path / "pets.zip"
    file.write_text("hello, I am no archive")
    assert refused(paths, file).startswith("“pets.zip” is not a zip archive. Expected: a zip")


def test_empty_file(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "pets.zip").touch()
    assert refused(paths, tmp_path / "pets.zip").startswith("“pets.zip” is empty (0 bytes).")


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.999])
def test_truncated_zip(paths: Paths, tmp_path: Path, keep: float) -> None:
    file = pack(tmp_path / "pets.zip", PETS)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * keep)])
    message = refused(paths, file)
    assert "begins like a zip archive, but its table of contents is missing" in message
    assert "probably cut off" in message


def test_damaged_directory(paths: Paths, tmp_path: Path) -> None:
    file = pack(tmp_path / "pets.zip", PETS)
    data = file.read_bytes()
    file.write_bytes(data.replace(b"PK\x01\x02", b"PK\x07\x07", 1))
    assert "missing or damaged" in refused(paths, file)


def test_unsafe_names(paths: Paths, tmp_path: Path) -> None:
    evil = ["../evil.png", "cat/../../evil.png", "/etc/evil.png", "C:/evil.png", "..\\evil.png"]
    source = pack(tmp_path / "pets.zip", {**PETS, **{name: picture(9) for name in evil}})
    before = sorted(tmp_path.rglob("evil*"))
    assert skipped_of(paths, source) == dict.fromkeys(evil, "unsafe_path")
    assert sorted(tmp_path.rglob("evil*")) == before == []


def test_links_in_a_zip(paths: Paths, tmp_path: Path) -> None:
    source = pack(tmp_path / "pets.zip", PETS)
    add_link(source, "cat/link.png", "/etc/passwd")
    assert skipped_of(paths, source) == {"cat/link.png": "symlink"}


def test_links_in_a_folder(paths: Paths, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    unpack(secret, {"1.png": picture(9)})
    source = unpack(tmp_path / "pets", PETS)
    (source / "cat/link.png").symlink_to(secret / "1.png")
    (source / "bird").symlink_to(secret)
    (source / "dog/loop").symlink_to(source)
    (source / "dog/broken.png").symlink_to("nowhere")
    assert skipped_of(paths, source) == dict.fromkeys(
        ["cat/link.png", "bird", "dog/loop", "dog/broken.png"], "symlink"
    )


def test_special_files_in_a_folder(paths: Paths, tmp_path: Path) -> None:
    """Opening a pipe would wait for ever."""
    source = unpack(tmp_path / "pets", PETS)
    os.mkfifo(source / "cat/pipe.png")
    assert skipped_of(paths, source) == {"cat/pipe.png": "not_image"}


def test_what_is_no_picture(paths: Paths, tmp_path: Path) -> None:
    others = {
        "readme.txt": "not_image",
        "cat/labels.csv": "not_image",
        "cat/noextension": "not_image",
        "more.zip": "nested_archive",
        "dog/old.tar.gz": "nested_archive",
        "cat/.hidden.png": "system",
        ".git/config.png": "system",
        "cat/desktop.ini": "system",
        "cat/zero.png": "empty_file",
        "cat/text.png": "damaged",
        "cat/cut.png": "damaged",
    }
    files = {**PETS, **dict.fromkeys(others, b"some text"), "cat/zero.png": b""}
    files["cat/cut.png"] = picture(9, (40, 40))[:900]
    assert skipped_of(paths, pack(tmp_path / "pets.zip", files)) == others


def test_reasons_name_the_trouble(paths: Paths, tmp_path: Path) -> None:
    files = {**PETS, "cat/zero.png": b"", "cat/huge.png": huge()}
    import_dataset(paths, PathSource(pack(tmp_path / "pets.zip", files)), "x")
    report = open_dataset(paths, "x").report()
    assert {s.name: str(s.text) for s in report.skipped} == {
        "cat/huge.png": "The picture has 400000000 pixels; at most 50000000 are read.",
        "cat/zero.png": "The file is empty (0 bytes).",
    }
    assert reasons(report.skipped)["cat/huge.png"] == "too_large"


def huge() -> bytes:
    """20,000 × 20,000 black pixels."""
    return encode(Image.new("1", (20_000, 20_000)), "PNG")


def test_single_pixel(paths: Paths, tmp_path: Path) -> None:
    files = {**PETS, "cat/dot.png": picture(9, (1, 1))}
    info = import_dataset(paths, PathSource(pack(tmp_path / "pets.zip", files)), "x")
    assert (info.imported, info.image_shape) == (9, (8, 8, 3))


class Refusal(NamedTuple):
    files: Files
    message: str


REFUSALS = {
    "one class": Refusal(classes("cat"), "There is only one class, “cat”; at least two"),
    "one class, wrapped": Refusal(classes("cat", below="a/b/"), "only one class, “cat”"),
    "one class in splits": Refusal(
        {**classes("cat", below="train/"), **classes("cat", below="test/")}, "one class, “cat”"
    ),
    "no folders": Refusal(
        {"1.png": picture(1), "2.png": picture(2)},
        "No picture is in a class folder (2 found, the first is “1.png”).",
    ),
    "splits without classes": Refusal(
        {"train/1.png": picture(1), "test/2.png": picture(2)},
        "No picture is in a class folder (2 found",
    ),
    "no pictures": Refusal({"a/1.txt": b"x", "b/2.txt": b"x"}, "no pictures among the 2 files"),
    "nothing": Refusal({}, "no pictures among the 0 files"),
    "all unreadable": Refusal(
        {"a/1.png": b"", "b/2.png": b"x"},
        "None of the 2 pictures can be read. The first is “a/1.png”. The file is empty (0 bytes).",
    ),
    "one class readable": Refusal(
        {**classes("cat"), "dog/1.png": b"x"},
        "Only the class “cat” has readable pictures, not “dog”; two are needed.",
    ),
}


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("where", ["zip", "folder"])
def test_refusals(paths: Paths, tmp_path: Path, kind: str, where: str) -> None:
    files, message = REFUSALS[kind]
    (tmp_path / "f").mkdir()
    source = pack(tmp_path / "f.zip", files) if where == "zip" else unpack(tmp_path / "f", files)
    said = refused(paths, source)
    assert message in said
    if "readable" not in kind:
        assert "Expected: one folder of pictures for each class, such as cats/1.jpg" in said


@pytest.mark.parametrize("folders", [["bird"], ["bird", "__MACOSX/bird", ".git"]])
def test_empty_class(paths: Paths, tmp_path: Path, folders: list[str]) -> None:
    files = {**PETS, "bird/notes.txt": b"none yet"}
    info = import_dataset(paths, PathSource(pack(tmp_path / "pets.zip", files, folders)), "x")
    assert info.class_names == ("cat", "dog")
    assert [str(w) for w in info.warnings] == [
        "Folders without pictures, which are not classes of the dataset: “bird” (1)."
    ]


def test_empty_class_within_splits(paths: Paths, tmp_path: Path) -> None:
    files = {
        **classes("cat", "dog", below="train/"),
        **classes("cat", "dog", below="test/", seed=1),
    }
    folders = ["train/bird", "test/bird", "val"]
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files, folders)), "x")
    assert str(info.warnings[0]).endswith("not classes of the dataset: “bird”, “val” (2).")


def test_class_whose_pictures_are_all_unreadable(paths: Paths, tmp_path: Path) -> None:
    files = {**PETS, "ant/1.png": b"x", "eel/1.png": b"x"}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.class_names == ("cat", "dog")
    assert info.class_counts["train"] == [2, 2]
    assert str(info.warnings[-1]).startswith("Classes left out, as none")
    labels = open_dataset(paths, "x").split("train").labels
    assert sorted(labels) == [0, 0, 1, 1]


def test_encrypted_entries(paths: Paths, tmp_path: Path) -> None:
    source = pack(tmp_path / "x.zip", {**PETS, "cat/secret.png": picture(9)})
    source.write_bytes(encrypted(source.read_bytes(), b"cat/secret.png"))
    assert skipped_of(paths, source) == {"cat/secret.png": "encrypted"}


def test_all_encrypted(paths: Paths, tmp_path: Path) -> None:
    source = pack(tmp_path / "x.zip", PETS)
    source.write_bytes(encrypted(source.read_bytes(), b""))
    assert "The archive is encrypted." in refused(paths, source)


def encrypted(archive: bytes, name: bytes) -> bytes:
    """Set the flag in the directory entries whose name begins with ``name``."""
    data = bytearray(archive)
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        if data[at + 46 :].startswith(name):
            data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def declaring(archive: bytes, size: int) -> bytes:
    """The archive, with every entry claiming to unpack to ``size`` bytes."""
    data = bytearray(archive)
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 24 : at + 28] = struct.pack("<I", size)
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def test_bomb_by_ratio(paths: Paths, tmp_path: Path) -> None:
    source = pack(tmp_path / "x.zip", classes("a", "b", each=10))
    source.write_bytes(declaring(source.read_bytes(), 99_000_000))
    message = refused(paths, source)
    assert "times its size; pictures never do. It looks like a zip bomb" in message


def test_bomb_by_total(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TOTAL_BYTES", 60_000_000_000)
    source = pack(tmp_path / "x.zip", classes("a", "b", each=10))
    source.write_bytes(declaring(source.read_bytes(), 4_000_000_000))
    assert "would unpack to 80.0 GB; at most 60.0 GB are read" in refused(paths, source)


def test_too_many_entries(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ENTRIES", 7)
    assert "has 8 entries; at most 7" in refused(paths, pack(tmp_path / "x.zip", PETS))
    assert "at most 7" in refused(paths, unpack(tmp_path / "x", PETS))


def test_one_entry_too_large(paths: Paths, tmp_path: Path) -> None:
    """It alone is left out; the others are pictures like any."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, data in PETS.items():
            archive.writestr(name, data)
        archive.writestr("cat/big.png", bytes(100_000_001), zipfile.ZIP_DEFLATED)
    assert skipped_of(paths, tmp_path / "x.zip") == {"cat/big.png": "too_large"}


def test_headers_that_lie_about_the_size(paths: Paths, tmp_path: Path) -> None:
    """Declared 1,000 bytes, unpacking to 90 million: reading stops in time."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, data in PETS.items():
            archive.writestr(name, data)
        archive.writestr("cat/liar.png", bytes(90_000_000), zipfile.ZIP_DEFLATED)
    lying = bytearray((tmp_path / "x.zip").read_bytes())
    at = lying.rfind(b"PK\x01\x02")
    lying[at + 24 : at + 28] = struct.pack("<I", 1000)
    (tmp_path / "x.zip").write_bytes(lying)
    read = most_read(tmp_path / "x.zip")
    assert skipped_of(paths, tmp_path / "x.zip") == {"cat/liar.png": "damaged"}
    assert read <= 1001
    detail = {s.name: str(s.text) for s in open_dataset(paths, "x").report().skipped}
    assert "larger than the archive says" in detail["cat/liar.png"]


def most_read(archive: Path) -> int:
    """The bytes a reader unpacks of the last entry before it gives up."""
    from core.datasets.containers.zip import _UNPACK, ZipContainer, ZipEntry, ZipReader

    entry = ZipEntry.of(ZipContainer(archive, "x").listing().entries[-1].where)
    reader = ZipReader(archive)
    return len(_UNPACK[entry.method](reader._packed(entry, entry.packed), entry.unpacked + 1))


def test_damage_inside_the_archive(paths: Paths, tmp_path: Path) -> None:
    """One flipped bit in the pixels (BMP itself would not notice), one overwritten header."""
    extra = {"cat/bit.bmp": picture(9, fmt="BMP"), "cat/header.png": picture(10)}
    source = pack(tmp_path / "x.zip", {**PETS, **extra})
    data = bytearray(source.read_bytes())
    data[data.find(extra["cat/bit.bmp"]) + 60] ^= 1
    at = data.find(extra["cat/header.png"]) - len("cat/header.png") - 30
    data[at : at + 4] = b"junk"
    source.write_bytes(data)
    assert skipped_of(paths, source) == dict.fromkeys(extra, "damaged")


def test_full_disk_is_foreseen(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=limits.KEEP_FREE_BYTES + 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    message = refused(paths, pack(tmp_path / "x.zip", PETS))
    assert "not enough room on the disk" in message
    assert "only 0.5 GB are free" in message


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("processes", [1, 2])
def test_disk_filling_up(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    def full(self: RowFile, row: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RowFile, "write", full)
    source = pack(tmp_path / "x.zip", PETS)
    with pytest.raises(DatasetError, match="The disk is full; nothing was kept"):
        import_dataset(paths, PathSource(source), "x", processes=processes)
    assert left_behind(paths) == []


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_worker_that_dies(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.datasets.workers.prepared", lambda *_: os._exit(9))
    with pytest.raises(DatasetError, match="A process of the import has died"):
        import_dataset(paths, PathSource(pack(tmp_path / "x.zip", PETS)), "x", processes=2)
    assert left_behind(paths) == []


def test_unreadable_folder_in_a_folder(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Permissions do not stop root, who may be running this test."""
    source = unpack(tmp_path / "pets", PETS)
    original = os.scandir

    def scandir(folder: str) -> object:
        if str(folder).endswith("dog"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return original(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert "dog” cannot be read (Permission denied)" in refused(paths, source)
