"""Where formats, containers and the import meet: nothing is lost, nothing takes for ever."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.datasets import importing, limits
from core.datasets.containers.entries import Entry
from core.datasets.exporting import export_dataset
from core.datasets.formats import tables
from core.datasets.formats.base import NOT_TOLD, Found
from core.datasets.formats.pickles import read_pickle
from core.datasets.importing import chunked, import_dataset
from core.datasets.options import DEFAULTS, ImportOptions
from core.datasets.planning import make_plan
from core.datasets.reading import InlineReader
from core.datasets.registry import open_dataset
from core.datasets.report import Reason
from core.datasets.sources import PathSource
from core.errors import DatasetError
from core.paths import Paths
from core.store import Store
from tests.datasets.making import classes, left_behind, pack, picture
from tests.datasets.making_formats import cifar10
from tests.datasets.prepared import prepared


def test_nothing_to_learn_from(paths: Paths, tmp_path: Path) -> None:
    damaged = dict.fromkeys(classes("cat", "dog", below="train/"), b"no picture")
    archive = pack(tmp_path / "x.zip", {**damaged, **classes("cat", "dog", below="test/")})
    with pytest.raises(DatasetError, match="No picture of the split “training” can be read"):
        import_dataset(paths, PathSource(archive), "x")
    assert left_behind(paths) == []


def test_unlabelled_beside_a_labelled_test_comes_back(paths: Paths, tmp_path: Path) -> None:
    rows = {"train": [("cat", 1), ("dog", 2)], "test": [("cat", 3)], "unlabelled": [("", 4)]}
    prepared(paths, "pets", rows)
    export_dataset(open_dataset(paths, "pets"), tmp_path / "pets.zip")
    info = import_dataset(paths, PathSource(tmp_path / "pets.zip"), "again")
    assert (info.splits["test"], info.splits["unlabelled"], info.skipped) == (1, 1, 0)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_longer_than_the_disk_allows(paths: Paths, tmp_path: Path, kind: str) -> None:
    name, data = "a" * 300 + ".npz", BytesIO()
    np.savez(data, x=np.zeros((6, 4, 4), np.uint8), y=[0, 1, 0, 1, 0, 1])
    file = tmp_path / f"x.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, data.getvalue())
    else:
        with tarfile.open(file, "w") as tar:
            member = tarfile.TarInfo(name)
            member.size = len(data.getvalue())
            tar.addfile(member, BytesIO(data.getvalue()))
    assert import_dataset(paths, PathSource(file), "x").imported == 6


def parquet_of(file: Path, labels: Any, images: Sequence[bytes] | None = None) -> PathSource:
    images = images or [picture(i) for i in range(len(labels))]
    pq.write_table(pa.table({"image": pa.array(images), "label": labels}), file)
    return PathSource(file)


@pytest.mark.parametrize(
    ("labels", "names", "unlabelled"),
    [
        (pa.array([0.0, 1.0, float("nan"), 1.0]), ("0", "1"), 1),
        (pa.array([b"cat", b"dog", b"cat", b"dog"]), ("cat", "dog"), 0),
        (pa.array([2**64 - 1, 1, 1, 1], pa.uint64()), ("1", str(2**64 - 1)), 0),
    ],
    ids=["gaps", "bytes", "huge"],
)
def test_labels_of_parquet(
    paths: Paths, tmp_path: Path, labels: Any, names: tuple[str, ...], unlabelled: int
) -> None:
    info = import_dataset(paths, parquet_of(tmp_path / "x.parquet", labels), "x")
    assert info.class_names == names
    assert info.splits.get("unlabelled", 0) == unlabelled


def test_parquet_of_broken_text(paths: Paths, tmp_path: Path) -> None:
    ends = pa.py_buffer(np.arange(5, dtype="<i4").tobytes())
    labels = pa.StringArray.from_buffers(4, ends, pa.py_buffer(b"a\xffa\xff"))
    with pytest.raises(DatasetError, match="is damaged, cut off or no parquet file"):
        import_dataset(paths, parquet_of(tmp_path / "x.parquet", labels), "x")


def test_limits_of_parquet(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [*(picture(i) for i in range(4)), b"x" * 5000]
    source = parquet_of(tmp_path / "x.parquet", [0, 1, 0, 1, 0], images)
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 4000)
    import_dataset(paths, source, "x")
    report = open_dataset(paths, "x").report()
    assert [(s.name, s.reason) for s in report.skipped] == [("x.parquet#4", Reason.TOO_LARGE)]
    many = parquet_of(tmp_path / "y.parquet", [0, 1] * 100, [picture(1)] * 200)
    monkeypatch.setattr(limits, "MAX_TOTAL_BYTES", 64 * len(picture(1)))
    with pytest.raises(DatasetError, match="would unpack to"):
        import_dataset(paths, many, "y")


def test_rows_and_classes_of_a_pixel_table(paths: Paths, tmp_path: Path) -> None:
    lines = ["label," + ",".join(f"p{i}" for i in range(16))]
    lines += [f"{label}," + ",".join("7" * 16) for label in ("None", "dog", "NA", "dog,5")]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    info = import_dataset(paths, PathSource(tmp_path / "x.csv"), "x")
    assert info.class_names == ("dog", "NA", "None")
    (skipped,) = open_dataset(paths, "x").report().skipped
    assert str(skipped.text) == "The row has more than the 17 columns expected."


def test_a_table_may_call_rows_unlabelled(paths: Paths, tmp_path: Path) -> None:
    files = {f"{i}.png": picture(i) for i in range(8)}
    lines = [f"{i}.png,{'ab'[i % 2]},{'train' if i < 6 else 'Unlabelled'}" for i in range(8)]
    table = "\n".join(["file,label,split", *lines]).encode()
    info = import_dataset(
        paths, PathSource(pack(tmp_path / "x.zip", files | {"t.csv": table})), "x"
    )
    assert info.splits["unlabelled"] == 2


def test_labels_of_a_pixel_table_that_are_infinite(paths: Paths, tmp_path: Path) -> None:
    lines = ["label," + ",".join(f"p{i}" for i in range(16))]
    lines += [f"{label}," + ",".join("7" * 16) for label in ("1", "2", "inf", "1")]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    info = import_dataset(paths, PathSource(tmp_path / "x.csv"), "x")
    assert info.imported == 4


def test_parts_of_different_ranges(paths: Paths, tmp_path: Path) -> None:
    whole, parts = np.full((6, 4, 4), 200, np.uint8), np.full((2, 4, 4), 0.8)
    np.savez(tmp_path / "x.npz", x_train=whole, y_train=[0, 1] * 3, x_test=parts, y_test=[0, 1])
    with pytest.raises(DatasetError, match=r"x_test” go up to 0\.8, those of another part to 200"):
        import_dataset(paths, PathSource(tmp_path / "x.npz"), "x")


def test_too_many_entries_are_not_even_listed(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(tmp_path / "x.zip", classes("cat", "dog", each=10))
    monkeypatch.setattr(limits, "MAX_ENTRIES", 20)
    assert import_dataset(paths, PathSource(archive), "x").imported == 20
    monkeypatch.setattr(limits, "MAX_ENTRIES", 19)
    monkeypatch.setattr(zipfile.ZipFile, "infolist", None)
    with pytest.raises(DatasetError, match="The archive has 20 entries; at most 19 are read"):
        import_dataset(paths, PathSource(archive), "y")


# Sixty times a pair of what was there before: 2 to the 60 values, in 300 bytes.
NESTED = b"".join(b"h" + bytes([i, ord("h"), i]) + b"\x86q" + bytes([i + 1]) for i in range(60))


@pytest.mark.parametrize("end", [b"}h<K\x01s.", b"h<h<\x93."], ids=["key", "name"])
def test_pickle_that_would_take_for_ever(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "x").write_bytes(b"\x80\x02)q\x00" + NESTED + end)
    with pytest.raises(DatasetError, match="nothing in it was executed"):
        read_pickle(tmp_path / "x", "x")


def test_class_names_in_a_pickle_that_would_take_for_ever(paths: Paths, tmp_path: Path) -> None:
    for name, data in cifar10().items():
        (tmp_path / name.rpartition("/")[2]).write_bytes(data)
    (tmp_path / "batches.meta").write_bytes(
        b"\x80\x02)q\x00" + NESTED + b"}X\x0b\0\0\0label_names](" + b"h<" * 10 + b"es."
    )
    info = import_dataset(paths, PathSource(tmp_path), "x")
    assert set(info.class_names) == {"tuple"}


def test_npz_whose_beginning_is_lost(paths: Paths, tmp_path: Path) -> None:
    data = BytesIO()
    np.savez(data, x=np.zeros((6, 4, 4), np.uint8), y=[0, 1] * 3)
    (tmp_path / "x.npz").write_bytes(data.getvalue()[40:])
    with pytest.raises(DatasetError, match="is damaged or cut off"):
        import_dataset(paths, PathSource(tmp_path / "x.npz"), "x")
    pack(tmp_path / "x.zip", {"x.npz": data.getvalue()})
    (tmp_path / "x.zip").write_bytes((tmp_path / "x.zip").read_bytes()[40:])
    with pytest.raises(DatasetError, match="in the archive is damaged"):
        import_dataset(paths, PathSource(tmp_path / "x.zip"), "x")


def test_what_is_sent_along_bounds_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    def stream(entries: Sequence[Entry]) -> Iterator[bytes]:
        return (b"x" * 40 for _ in entries)

    found = Found(
        [Entry(str(i), (), i, i) for i in range(10)],
        ["a", "b"],
        np.array([0, 1] * 5, np.int32),
        np.full(10, NOT_TOLD, np.int8),
        InlineReader,
        stream=stream,
    )
    monkeypatch.setattr(importing, "CHUNK_BYTES", 100)
    plan = make_plan(found, DEFAULTS)
    chunks = list(chunked(plan, importing.row_numbers(plan, 0), 256))
    assert [len(chunk) for chunk in chunks] == [3, 3, 3, 1]


def test_a_table_larger_than_any_of_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MAX_CELLS", 6)
    assert tables.read_table(b"id,label\n1,a\n2,b\n") is not None
    assert tables.read_table(b"id,label\n1,a\n2,b\n3,c\n") is None


def test_renaming_leaves_the_name_of_an_import_alone(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.datasets import jobs
    from core.datasets.specs import UploadSpec

    prepared(paths, "pets", {"train": [("cat", 1), ("dog", 2)]})
    # It stays as if it were being uploaded by this very process.
    monkeypatch.setattr(jobs, "_launch", lambda files: None)
    jobs.start_import(paths, UploadSpec(filename="x.zip"), "Animals")
    with pytest.raises(DatasetError, match="is being made right now"):
        Store(paths).rename_dataset("pets", "animals")
    assert open_dataset(paths, "pets").info.name == "pets"


def test_superclasses_are_refused_where_there_are_none(paths: Paths, tmp_path: Path) -> None:
    source = PathSource(pack(tmp_path / "x.zip", classes("a", "b")))
    with pytest.raises(DatasetError, match="only one set of labels"):
        import_dataset(paths, source, "x", options=ImportOptions(labels="coarse"))
    assert left_behind(paths) == []
