"""Datasets as zip files, and back."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from core.datasets.exporting import _Names, export_dataset, safe_name
from core.datasets.importing import import_dataset
from core.datasets.registry import open_dataset
from core.datasets.sources import PathSource
from core.datasets.ticking import WorkCancelledError
from core.paths import Paths
from tests.datasets.making import rows_by_name
from tests.datasets.prepared import contents, prepared

ROWS = {
    "train": [("cat", 1), ("dog", 2), ("cat", 3)],
    "val": [("dog", 4)],
    "test": [("cat", 5), ("dog", 6)],
}


@pytest.mark.parametrize("shape", [(5, 3, 3), (4, 4, 1)])
def test_there_and_back(paths: Paths, tmp_path: Path, shape: tuple[int, int, int]) -> None:
    prepared(paths, "pets", ROWS, shape=shape)
    before = open_dataset(paths, "pets")
    assert export_dataset(before, tmp_path / "pets.zip") == 6
    info = import_dataset(paths, PathSource(tmp_path / "pets.zip"), "again")
    after = open_dataset(paths, "again")
    assert info.image_shape == shape
    assert info.class_names == before.info.class_names
    for split, rows in contents(before).items():
        assert sorted(contents(after)[split]) == sorted(rows)
    pixels = sorted(data for _, _, data in rows_by_name(before).values())
    assert sorted(data for _, _, data in rows_by_name(after).values()) == pixels


def test_names_in_the_archive(paths: Paths, tmp_path: Path) -> None:
    prepared(paths, "x", {"train": [("a/b", 1), ("A:b", 2), ("con", 3)], "unlabelled": [("", 9)]})
    paths.dataset("x").names("train").write_text('["x/1.png", "1.jpg", "y/1.gif"]')
    export_dataset(open_dataset(paths, "x"), tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.namelist() == [
            "train/a_b/1.png",
            "train/A_b (2)/1.png",
            "train/_con/1.png",
            "test/0.png",
        ]


def test_equal_names_are_told_apart() -> None:
    names = _Names()
    assert names.each(["a", "A", "b", "a (2)", "a"]) == ["a", "A (2)", "b", "a (2) (2)", "a (3)"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("cat", "cat"),
        ("ñandú 1", "ñandú 1"),
        ("a/b\\c:d", "a_b_c_d"),
        ("..", "_"),
        ("", "_"),
        ("NUL", "_NUL"),
        ("com1.x", "_com1.x"),
        ("end. ", "end"),
        ("line\nbreak", "line_break"),
        ("x" * 300, "x" * 80),
    ],
)
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_cancelled_leaves_nothing(paths: Paths, tmp_path: Path) -> None:
    prepared(paths, "pets", ROWS)
    with pytest.raises(WorkCancelledError):
        export_dataset(open_dataset(paths, "pets"), tmp_path / "p.zip", should_stop=lambda: True)
    assert not list(tmp_path.glob("*.zip*"))
