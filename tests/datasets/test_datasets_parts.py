"""The pure parts: dividing, the row file, the report; and that no file is ever lost."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datasets.decoding import Header
from core.datasets.importing import chunk_files, import_dataset, median_size
from core.datasets.names import natural, safe_parts
from core.datasets.registry import open_dataset
from core.datasets.report import (
    ImportReport,
    Reason,
    Repair,
    Repaired,
    Sizes,
    Skipped,
)
from core.datasets.sources import PathSource
from core.datasets.splitting import part_sizes, stratified
from core.datasets.writer import RowFile, row_digest
from core.errors import DatasetError
from core.paths import Paths
from tests.datasets.making import Files, left_behind, pack, picture, rows_by_name, unpack

FRACTIONS = (0.7, 0.15, 0.15)


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        (0, [0, 0, 0]),
        (1, [1, 0, 0]),
        (2, [2, 0, 0]),
        (3, [1, 1, 1]),
        (10, [6, 2, 2]),
        (100, [70, 15, 15]),
    ],
)
def test_part_sizes(rows: int, sizes: list[int]) -> None:
    assert part_sizes(rows, FRACTIONS) == sizes


def test_parts_not_wanted_stay_empty() -> None:
    assert part_sizes(100, (0.7, 0.0, 0.15)) == [82, 0, 18]
    assert part_sizes(5, (1.0, 0.0, 0.0)) == [5, 0, 0]


@given(
    st.lists(st.integers(0, 5), max_size=200),
    st.tuples(st.floats(0.01, 1), st.floats(0, 1), st.floats(0, 1)),
)
def test_stratified(labels: list[int], fractions: tuple[float, float, float]) -> None:
    array = np.array(labels, np.int32)
    parts = stratified(array, fractions, 0)
    assert (parts == stratified(array, fractions, 0)).all()
    for label in set(labels):
        rows = parts[array == label]
        assert np.bincount(rows, minlength=3).tolist() == part_sizes(len(rows), fractions)
        assert (rows == 0).any()


def test_seeds_divide_differently() -> None:
    labels = np.zeros(100, np.int32)
    assert (stratified(labels, FRACTIONS, 0) != stratified(labels, FRACTIONS, 1)).any()


@given(st.lists(st.booleans(), max_size=40), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_row_file(good: list[bool], random: object) -> None:
    """Rows written in any order, with holes; what remains is what was written, without gaps."""
    rows = np.arange(len(good))
    random.shuffle(rows)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        file = RowFile(Path(folder) / "x.npy", (2, 3, 1))
        file.resize(len(good))
        for row in rows:
            if good[row]:
                file.write(int(row), bytes([row + 1] * 6))
        origin = file.compact(np.array(good, bool))
        file.close()
        array = np.load(Path(folder) / "x.npy")
    assert array.shape == (sum(good), 2, 3, 1)
    assert sorted(origin) == np.flatnonzero(good).tolist()
    assert (array == (origin + 1).reshape(-1, 1, 1, 1)).all()


def test_npy_headers_have_one_length(tmp_path: Path) -> None:
    """They are rewritten in place, and the check for damage counts on their length."""
    for rows in (0, 1, 10**6):
        file = RowFile(tmp_path / f"{rows}.npy", (1024, 1024, 3))
        file.resize(rows)
        file.close()
        assert (tmp_path / f"{rows}.npy").stat().st_size == 128 + rows * 1024 * 1024 * 3
    np.save(tmp_path / "labels.npy", np.zeros(5, np.int32))
    assert (tmp_path / "labels.npy").stat().st_size == 128 + 20


def test_row_digests_tell_rows_apart() -> None:
    assert row_digest(b"a") != row_digest(b"b")
    assert len(row_digest(b"a")) == 16


def test_sizes() -> None:
    counts = Counter({(1, 9): 1, (3, 7): 5, (8, 2): 1})
    sizes = Sizes.of(counts)
    assert sizes.common[0] == (3, 7, 5)
    assert (sizes.height, sizes.width) == ((1, 3, 8), (2, 7, 9))
    many = Sizes.of(Counter({(i, i): 1 for i in range(1, 101)}))
    assert (len(many.common), many.others, many.height) == (20, 80, (1, 50, 100))
    assert Sizes.of(Counter()) == Sizes()


def test_median_size() -> None:
    assert median_size([(10, 20), (12, 22), (14, 90)]) == (12, 22)
    assert median_size([(1000, 500)]) == (128, 64)
    assert median_size([(1, 5000)]) == (1, 128)


def test_large_pictures_go_in_small_chunks() -> None:
    """A chunk must not take longer than a progress bar may stand still."""
    assert chunk_files([Header((32, 32), False)] * 3) == 256
    assert chunk_files([Header((1000, 1000), False), Header((2000, 2000), False)]) == 4
    assert chunk_files([Header((6000, 8000), False)]) == 1
    assert chunk_files([]) == 256


def test_report_counts() -> None:
    report = ImportReport(
        origin="x.zip",
        imported=10,
        skipped=[
            Skipped(name="a.txt", reason=Reason.NOT_IMAGE),
            Skipped(name="b.txt", reason=Reason.NOT_IMAGE),
            Skipped(name="x/._1", reason=Reason.SYSTEM),
            Skipped(name="9.png", reason=Reason.NO_FILE),
        ],
        capped=["1.png", "2.png", "3.png"],
        repaired=[Repaired(repair=Repair.OPAQUE, count=5, examples=["@1.png"])],
    )
    assert (report.left_out, report.files) == (6, 16)
    assert list(report.skipped_by_reason.values()) == [3, 2, 1, 1]
    assert report.skipped_by_reason["not a picture"] == 2
    assert ImportReport.model_validate_json(report.model_dump_json()) == report


def test_natural_order() -> None:
    names = ["img10", "img9", "Img1", "2", "10", "a", "B", ""]
    assert sorted(names, key=natural) == ["", "2", "10", "a", "B", "Img1", "img9", "img10"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a/b.png", ("a", "b.png")),
        ("./a//b.png", ("a", "b.png")),
        ("a..b/c...png", ("a..b", "c...png")),
        ("../a", None),
        ("a/..", None),
        ("/a", None),
        ("c:a", None),
        ("", None),
    ],
)
def test_safe_parts(name: str, parts: tuple[str, ...] | None) -> None:
    assert safe_parts(name) == parts


FOLDERS = st.sampled_from(["a", "b", "train", "val", "test", "x y", "__MACOSX", ".git", "ñ"])
NAMES = st.sampled_from(["1.png", "2.PNG", "3.jpg", "t.txt", ".DS_Store", "z.zip", "none"])
CONTENTS = st.sampled_from([picture(1), picture(2), picture(3), b"", b"text", picture(4)[:60]])
TREES = st.dictionaries(
    st.tuples(st.lists(FOLDERS, max_size=3), NAMES).map(lambda p: "/".join([*p[0], p[1]])),
    CONTENTS,
    max_size=25,
)


@given(TREES, st.booleans())
@settings(max_examples=80, deadline=None)
def test_no_file_is_lost(files: Files, zipped: bool) -> None:
    """Whatever the tree: each file is a row of one split, or skipped; or all is refused."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "artifacts")
        (Path(folder) / "f").mkdir()
        source = (
            pack(Path(folder) / "f.zip", files) if zipped else unpack(Path(folder) / "f", files)
        )
        try:
            info = import_dataset(paths, PathSource(source), "x")
        except DatasetError:
            assert left_behind(paths) == []
            return
        dataset = open_dataset(paths, "x")
        report = dataset.report()
        rows = rows_by_name(dataset)
        skipped = [s.name for s in report.skipped]
        assert sorted([*rows, *skipped]) == sorted(files)
        assert info.imported == report.imported == len(rows) == sum(info.splits.values())
        assert len(info.class_names) >= 2
        counts = np.array([info.class_counts[split] for split in info.splits])
        assert (counts.sum(axis=0) > 0).all()
        for name, (_, label, _) in rows.items():
            assert label in name.split("/")[:-1]
