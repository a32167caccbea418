"""Pictures from files and zips, listed without being read."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.asking.items import Item, Items, open_archive, read_item
from core.datasets import limits
from core.datasets.report import Reason
from core.errors import DatasetError, ImageError
from tests.asking.making import pack, picture


def test_loose_pictures_come_before_those_of_zips(tmp_path: Path) -> None:
    one = open_archive(pack(tmp_path / "1.zip", a__x=picture(0), b__y=picture(9)), "one.zip")
    two = open_archive(pack(tmp_path / "2.zip", z=picture(7)), "two.zip")
    items = Items([Item("k", "loose.png", picture(5))], [one, two])
    names = ["loose.png", "one.zip/a/x.png", "one.zip/b/y.png", "two.zip/z.png"]
    assert [item.name for item in items] == names
    assert [item.name for item in items[1:3]] == names[1:3]
    assert items[-1].name == names[-1]
    assert items[1].folders == ("a",)
    assert [read_item(item) for item in items] == [picture(b) for b in (5, 0, 9, 7)]
    assert len({item.key for item in items}) == 4
    with pytest.raises(IndexError):
        items[4]


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    archive = open_archive(pack(tmp_path / "1.zip", **{".hidden__x": picture(0)}), "1.zip")
    left_out = {(s.name, s.reason) for s in archive.left_out}
    assert left_out == {("notes.txt", Reason.NOT_IMAGE), (".hidden/x.png", Reason.SYSTEM)}
    assert archive.left_out_count == (2, 0)


def test_what_may_not_be_read_is_counted_apart(tmp_path: Path) -> None:
    unsafe = {"..__x": picture(0), "z": picture(1)}
    archive = open_archive(pack(tmp_path / "1.zip", **unsafe), "1.zip")
    assert [s.reason for s in archive.left_out] == [Reason.UNSAFE_PATH, Reason.NOT_IMAGE]
    assert archive.left_out_count == (1, 1)


def test_a_bad_zip_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(DatasetError, match=r"holiday\.zip.*cut off"):
        open_archive(tmp_path / "x", "holiday.zip")


def test_a_zip_that_is_gone_or_a_large_file_is_a_problem_of_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = open_archive(pack(tmp_path / "1.zip", x=picture(0)), "1.zip")
    item = Items([], [archive])[0]
    archive.path.unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        read_item(item)
    loose = Item("k", "x.png", b"", file=str(tmp_path / "x.png"))
    with pytest.raises(ImageError, match="cannot be read"):
        read_item(loose)
    (tmp_path / "x.png").write_bytes(b"1234")
    assert read_item(loose) == b"1234"
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 3)
    with pytest.raises(ImageError, match="too large"):
        read_item(loose)
    with pytest.raises(ImageError, match="too large"):
        read_item(Item("k", "x.png", b"1234"))
