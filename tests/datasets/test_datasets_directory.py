"""Our reading of a zip's table of contents against that of ``zipfile``, and listings in bytes."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets.containers.directory import read_records
from core.datasets.containers.entries import Entries, Entry, orders, taken
from core.datasets.containers.zip import ZipContainer
from core.errors import DatasetError

REFUSED = (zipfile.BadZipFile, struct.error, ValueError, EOFError, NotImplementedError)


def an_archive(prefix: bytes = b"", comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    out.write(prefix)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("a/plain.png", b"1234", zipfile.ZIP_DEFLATED)
        archive.writestr("b/ñandú.png", b"5")
        archive.writestr(zipfile.ZipInfo("b\\back.png"), b"")
        with archive.open("large.png", "w", force_zip64=True) as file:
            file.write(b"large")
        archive.writestr("a/plain.png", b"again")
        archive.comment = comment
    return out.getvalue()


def by_zipfile(file: Path) -> list[tuple[Any, ...]]:
    with zipfile.ZipFile(file) as archive:
        return [
            (
                *(i.orig_filename, i.flag_bits, i.compress_type, i.CRC),
                *(i.compress_size, i.file_size, i.external_attr, i.header_offset),
            )
            for i in archive.infolist()
        ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("prefix", [b"", b"a program before it"])
@pytest.mark.parametrize("comment", [b"", b"and some words"])
def test_the_same_as_zipfile(tmp_path: Path, prefix: bytes, comment: bytes) -> None:
    file = tmp_path / "x.zip"
    file.write_bytes(an_archive(prefix, comment))
    assert [tuple(record) for record in read_records(file)] == by_zipfile(file)


def test_numbers_of_more_than_32_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of an archive over 4 GB, which zipfile writes for any size if told so."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    file = tmp_path / "x.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in "abc":
            archive.writestr(name, b"more than ten bytes")
    assert b"PK\x06\x06" in file.read_bytes()
    records = [tuple(record) for record in read_records(file)]
    assert records == by_zipfile(file)
    assert next(read_records(file)).offset == 0


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_offset_that_no_file_has_is_refused(tmp_path: Path) -> None:
    """zipfile lists it; its place could not be kept in 64 bits with a sign."""
    good = an_archive()
    start = good.index(b"PK\x01\x02")
    record = bytearray(good[start : start + 46 + len("a/plain.png")])
    record[42:46] = b"\xff" * 4
    struct.pack_into("<H", record, 30, 12)
    record += struct.pack("<HHQ", 1, 8, 2**63)
    end = bytearray(good[-22:])
    struct.pack_into("<HHI", end, 8, 1, 1, len(record))
    file = tmp_path / "x.zip"
    file.write_bytes(good[:start] + record + end)
    assert len(by_zipfile(file)) == 1
    with pytest.raises(DatasetError, match="table of contents is missing or damaged"):
        ZipContainer(file, "x.zip").listing()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_damage_is_refused_as_there(tmp_path: Path) -> None:
    """Some bytes changed in the table of contents: the same records, or refused by both."""
    good, file = an_archive(), tmp_path / "x.zip"
    start = good.index(b"PK\x01\x02")
    rng = np.random.default_rng(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(400):
        bad = bytearray(good)
        for at in rng.integers(start, len(bad), rng.integers(1, 4)):
            bad[at] = rng.integers(256)
        file.write_bytes(bad)
        try:
            expected = by_zipfile(file)
        except REFUSED:
            with pytest.raises(REFUSED):
                list(read_records(file))
            outcomes["refused"] += 1
        else:
            assert [tuple(record) for record in read_records(file)] == expected
            outcomes["read"] += 1
    assert min(outcomes.values()) > 50


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_entries_of_the_same_name_the_last_counts(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(an_archive())
    listing = ZipContainer(tmp_path / "x.zip", "x").listing()
    assert [entry.name for entry in listing.entries].count("a/plain.png") == 1
    assert [(s.name, s.reason) for s in listing.skipped] == [("a/plain.png", "replaced")]


def test_entries_come_back_as_they_went_in() -> None:
    given = [
        Entry("a/ñ.png", ("a",), b"\0\xff", 30),
        Entry("a/2.png", ("a",), "a/2\udcff.png", 10),
        Entry("top.png", (), 7, 20),
    ]
    entries = Entries()
    for entry in given:
        entries.append(entry)
    assert list(entries) == given
    assert entries[-1] == given[-1]
    assert list(entries[1:]) == given[1:]
    some = taken(entries, np.array([2, 0, 1]))
    assert [entry.name for entry in some] == ["top.png", "a/ñ.png", "a/2.png"]
    assert list(taken(some, np.argsort(orders(some)))) == [given[1], given[2], given[0]]
    with pytest.raises(IndexError):
        entries[3]
