"""Tar archives: read in place or as a stream, nothing outside, nothing lost, nothing too much."""

from __future__ import annotations

import gzip
import pickle
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from core.datasets import limits
from core.datasets.containers.opening import open_container
from core.datasets.importing import import_dataset
from core.datasets.options import ImportOptions
from core.datasets.registry import open_dataset
from core.datasets.sources import PathSource
from core.errors import DatasetError
from core.paths import Paths
from tests.datasets.making import (
    add_to_tar,
    classes,
    encode,
    left_behind,
    pack,
    pack_tar,
    picture,
    reasons,
    rows_by_name,
)

PETS = classes("cat", "dog", below="pets/")
KINDS = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("processes", [1, 2])
def test_the_same_dataset_as_from_a_zip(
    paths: Paths, tmp_path: Path, kind: str, processes: int
) -> None:
    source = pack_tar(tmp_path / f"x{kind}", PETS, KINDS[kind])
    zipped = PathSource(pack(tmp_path / "x.zip", PETS))
    info = import_dataset(paths, PathSource(source), "x", processes=processes)
    other = import_dataset(paths, zipped, "z")
    assert (info.fingerprint, info.imported) == (other.fingerprint, 8)
    assert rows_by_name(open_dataset(paths, "x")) == rows_by_name(open_dataset(paths, "z"))
    assert not list(paths.root.rglob("*.png"))


@pytest.mark.parametrize("kind", [".tar", ".tar.gz"])
def test_what_a_tar_may_hold_besides_files(paths: Paths, tmp_path: Path, kind: str) -> None:
    source = tmp_path / f"x{kind}"
    with tarfile.open(source, KINDS[kind]) as archive:  # type: ignore[call-overload]
        add_to_tar(archive, "pets/cat/0.png", picture(99))
        for name, data in PETS.items():
            add_to_tar(archive, name, data)
        add_to_tar(archive, "pets/empty", kind=tarfile.DIRTYPE)
        add_to_tar(archive, "pets/cat/link.png", kind=tarfile.SYMTYPE)
        add_to_tar(archive, "pets/cat/hard.png", kind=tarfile.LNKTYPE)
        add_to_tar(archive, "pets/cat/pipe.png", kind=tarfile.FIFOTYPE)
        add_to_tar(archive, "pets/cat/disk.png", kind=tarfile.BLKTYPE)
        add_to_tar(archive, "/etc/evil.png", picture(1))
        add_to_tar(archive, "../evil.png", picture(2))
        add_to_tar(archive, "pets/cat/._0.png", b"x")
        add_to_tar(archive, "pets/old.zip", b"x")
        add_to_tar(archive, f"pets/cat/{'ñ' * 150}.png", picture(3))
        add_to_tar(archive, "pets/cat/bytes\udcff.png", picture(4))
    info = import_dataset(paths, PathSource(source), "x")
    report = open_dataset(paths, "x").report()
    assert (info.imported, report.files) == (10, 19)
    assert reasons(report.skipped) == {
        "pets/cat/0.png": "replaced",
        "pets/cat/link.png": "symlink",
        "pets/cat/hard.png": "hard_link",
        "pets/cat/pipe.png": "special",
        "pets/cat/disk.png": "special",
        "/etc/evil.png": "unsafe_path",
        "../evil.png": "unsafe_path",
        "pets/cat/._0.png": "system",
        "pets/old.zip": "nested_archive",
    }
    assert str(info.warnings[0]).endswith("not classes of the dataset: “empty” (1).")
    assert "pets/cat/bytes\\udcff.png" in rows_by_name(open_dataset(paths, "x"))


def test_sparse_files_are_refused(paths: Paths, tmp_path: Path) -> None:
    source = tmp_path / "x.tar"
    with tarfile.open(source, "w") as archive:
        for name, data in PETS.items():
            add_to_tar(archive, name, data)
        member = tarfile.TarInfo("pets/cat/holes.png")
        member.pax_headers = {"GNU.sparse.size": "512", "GNU.sparse.map": "0,0"}
        archive.addfile(member)
    import_dataset(paths, PathSource(source), "x")
    skipped = open_dataset(paths, "x").report().skipped
    assert reasons(skipped) == {"pets/cat/holes.png": "sparse"}


def refused(paths: Paths, source: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        import_dataset(paths, PathSource(source), "x")
    assert left_behind(paths) == []
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keep", [0.2, 0.5, 0.8])
def test_a_download_that_broke_off_is_no_smaller_dataset(
    paths: Paths, tmp_path: Path, kind: str, keep: float
) -> None:
    source = pack_tar(tmp_path / f"x{kind}", {**PETS, "big.png": picture(7, (90, 90))}, KINDS[kind])
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * keep)])
    assert "is not a whole tar archive" in refused(paths, source)


def test_cut_between_two_files(paths: Paths, tmp_path: Path) -> None:
    """Nothing is half there: only the end of the archive is missing."""
    source = pack_tar(tmp_path / "x.tar", PETS)
    with tarfile.open(source) as archive:
        last = archive.getmembers()[-1].offset
    source.write_bytes(source.read_bytes()[:last])
    assert "is not a whole tar archive (empty header)" in refused(paths, source)


def test_damage_in_the_middle(paths: Paths, tmp_path: Path) -> None:
    source = pack_tar(tmp_path / "x.tar", PETS)
    data = bytearray(source.read_bytes())
    data[1024 * 2 : 1024 * 2 + 100] = b"\xff" * 100
    source.write_bytes(data)
    assert "is not a whole tar archive" in refused(paths, source)


def test_wrong_checksum_of_a_compressed_archive(paths: Paths, tmp_path: Path) -> None:
    source = pack_tar(tmp_path / "x.tar.gz", PETS, "w:gz")
    data = bytearray(source.read_bytes())
    data[-8] ^= 1
    source.write_bytes(data)
    assert "CRC check failed" in refused(paths, source)


@pytest.mark.parametrize("size", [-1, 2**40, 2**62])
def test_impossible_sizes(paths: Paths, tmp_path: Path, size: int) -> None:
    """A negative size would be read for ever."""
    member = tarfile.TarInfo("a/1.png")
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12 if size < 0 else b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    source = tmp_path / "x.tar"
    source.write_bytes(bytes(header) + bytes(10240))
    message = refused(paths, source)
    assert "not a whole tar archive" in message or "zip bomb" in message


def test_long_headers_are_not_read_into_memory(paths: Paths, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        add_to_tar(archive, "././@LongLink", bytes(2_000_000), tarfile.GNUTYPE_LONGNAME)
    assert "impossible size" in refused(paths, tmp_path / "x.tar")


def test_chains_of_headers_end(paths: Paths, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for _ in range(3000):
            add_to_tar(archive, "x", b"9 a=b\n", tarfile.XHDTYPE)
    assert "is not a whole tar archive" in refused(paths, tmp_path / "x.tar")


def test_a_declared_bomb_is_not_unpacked(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RATIO_FROM_BYTES", 1_000_000)
    source = pack_tar(tmp_path / "x.tar.gz", {**PETS, "a/1.png": bytes(9_000_000)}, "w:gz")
    read = 0
    original = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        nonlocal read
        data = original(self, size)
        read += len(data)
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    assert "times its size; pictures never do" in refused(paths, source)
    assert read < 100_000


def test_a_bomb_that_declares_nothing_is_stopped(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros behind the end of the archive, which nobody has announced."""
    monkeypatch.setattr(limits, "RATIO_FROM_BYTES", 1_000_000)
    inner = pack_tar(tmp_path / "x.tar", PETS).read_bytes()
    source = tmp_path / "x.tar.gz"
    source.write_bytes(gzip.compress(inner + bytes(30_000_000)))
    assert "times its size" in refused(paths, source)


def test_too_many_files(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ENTRIES", 5)
    assert "at most 5 are read" in refused(paths, pack_tar(tmp_path / "x.tar", PETS))


def test_colour_is_found_anywhere_in_a_stream(paths: Paths, tmp_path: Path) -> None:
    """The first class is grey, the last is not."""
    grey = encode(Image.new("L", (8, 8)))
    files = {f"a/{i:04d}.png": grey for i in range(300)} | classes("b", each=300)
    source = pack_tar(tmp_path / "x.tgz", files, "w:gz")
    options = ImportOptions(size=8)
    assert import_dataset(paths, PathSource(source), "x", options=options).image_shape == (8, 8, 3)


@pytest.mark.parametrize("kind", [".tar", ".tar.gz"])
def test_copies_and_pickles(tmp_path: Path, kind: str) -> None:
    """Data files that a format needs, whatever the order they are asked for in."""
    source = pack_tar(tmp_path / f"x{kind}", {"a.bin": b"one", "b/a.bin": b"two"}, KINDS[kind])
    container = pickle.loads(pickle.dumps(open_container(source)))  # noqa: S301 - our own
    others = [other.entry for other in container.listing().others]
    (tmp_path / "out").mkdir()
    copies = container.copy(others[::-1], tmp_path / "out")
    assert [copy.read_bytes() for copy in copies] == [b"two", b"one"]
    assert list(container.stream(others)) == [b"one", b"two"]
