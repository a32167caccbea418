"""What folders and tables of labels mean."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from core.datasets.deriving import derive_dataset
from core.datasets.formats import manifest
from core.datasets.formats.split_names import split_of, splits_among
from core.datasets.formats.tables import Table, columns_of, decoded, read_table
from core.datasets.importing import import_dataset
from core.datasets.options import ImportOptions
from core.datasets.recipe import Origin, Recipe
from core.datasets.registry import open_dataset
from core.datasets.report_csv import report_csv
from core.datasets.sources import PathSource
from core.errors import DatasetError
from core.paths import Paths
from tests.datasets.making import Files, classes, pack, pack_tar, picture, reasons, rows_by_name

SPLIT_FOLDERS = {
    "train": ["train", "Training", "ENTRENAMIENTO", "entreno", "treino", "Train_Set", "seg_train"],
    "val": ["val", "Valid", "validation", "Validación", "validacion", "dev", "images-val"],
    "test": ["test", "TESTING", "prueba", "Pruebas", "teste", "test_images", "TestSet", "seg_pred"],
}
NO_SPLITS = ["cat", "trainer", "test bench", "contest", "validity", "images", "", "1", "猫 test"]


@pytest.mark.parametrize(("split", "names"), SPLIT_FOLDERS.items())
def test_names_of_splits(split: str, names: Sequence[str]) -> None:
    assert [split_of(name) for name in names] == [split] * len(names)


@pytest.mark.parametrize("name", NO_SPLITS)
def test_other_names(name: str) -> None:
    assert split_of(name) is None


def test_parts_of_one_thing_are_splits() -> None:
    assert splits_among(["pets_train", "pets_test"]) == {"pets_train": "train", "pets_test": "test"}
    assert splits_among(["train_station", "bus_station", "test_tube"]) == {}


def some(folder: str, count: int, seed: int) -> Files:
    return {f"{folder}{i}.png": picture(1000 * seed + i) for i in range(count)}


class Tree(NamedTuple):
    files: Files
    splits: dict[str, int]
    skipped: int = 0


def both(*folders: str, each: int = 3) -> Files:
    """Two classes in each of the folders."""
    found: Files = {}
    for seed, folder in enumerate(folders):
        found |= classes("a", "b", each=each, below=folder, seed=seed)
    return found


THREE = {"train": 6, "val": 6, "test": 6}
TREES = {
    "Kaggle's Intel": Tree(
        both("seg_train/seg_train/", "seg_test/seg_test/", "seg_val/") | some("seg_pred/", 4, 9),
        {**THREE, "unlabelled": 4},
    ),
    "wrapped below images": Tree(
        both("x/y/images/train/", "x/y/images/val/", "x/y/images/test/"), THREE
    ),
    "wrapped inside": Tree(both("Train/imgs/", "VALID/imgs/", "Test/imgs/"), THREE),
    "Spanish": Tree(both("Entrenamiento/", "Validación/", "PRUEBA/"), THREE),
    "named parts": Tree(both("pets_train/", "pets_val/", "pets_test/"), THREE),
    "test without labels": Tree(
        both("train/", "val/") | some("test/", 5, 9),
        {"train": 4, "val": 6, "test": 2, "unlabelled": 5},
    ),
    "test/images": Tree(
        both("train/", "val/") | some("test/images/", 5, 9),
        {"train": 4, "val": 6, "test": 2, "unlabelled": 5},
    ),
    "test/unknown": Tree(
        both("train/", "val/") | some("Pruebas/unknown/", 5, 9),
        {"train": 4, "val": 6, "test": 2, "unlabelled": 5},
    ),
    "a stray in a labelled test": Tree(
        both("train/", "val/", "test/") | some("test/", 1, 9), THREE, skipped=1
    ),
    "a test beside classes": Tree(
        both("x/", each=10) | some("x/test/", 5, 9),
        {"train": 12, "val": 4, "test": 4, "unlabelled": 5},
    ),
    "splits below classes": Tree(
        {
            f"x/{c}/{s}/{i}.png": picture(ord(c) * 99 + len(s) * 9 + i)
            for c in "ab"
            for s in ("train", "Valid", "prueba")
            for i in range(3)
        },
        THREE,
    ),
    "the same wrapper in all splits": Tree(
        both("train/raw-img/", "val/raw-img/", "test/raw-img/"), THREE
    ),
}


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("packed", ["zip", "tar"])
def test_trees(paths: Paths, tmp_path: Path, kind: str, packed: str) -> None:
    tree = TREES[kind]
    pack_it = pack if packed == "zip" else pack_tar
    source = PathSource(pack_it(tmp_path / f"x.{packed}", tree.files))
    info = import_dataset(paths, source, "x")
    assert info.class_names == ("a", "b")
    assert info.splits == tree.splits
    report = open_dataset(paths, "x").report()
    assert (info.skipped, report.files) == (tree.skipped, len(tree.files))
    assert sum(sum(counts) for counts in info.class_counts.values()) == sum(
        info.splits[split] for split in ("train", "val", "test")
    )


def test_unlabelled_pictures_have_no_class(paths: Paths, tmp_path: Path) -> None:
    files = TREES["test without labels"].files
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    rows = open_dataset(paths, "x").split("unlabelled")
    assert set(rows.labels) == {-1}
    assert sorted(rows.names) == [f"test/{i}.png" for i in range(5)]
    assert str(info.warnings[0]) == (
        "Pictures in “test” without a class, kept as the split “unlabelled”: 5."
    )


def test_a_test_beside_one_class_is_a_class(paths: Paths, tmp_path: Path) -> None:
    """Otherwise nothing could be learned."""
    source = pack(tmp_path / "x.zip", classes("cat", "test", each=5))
    info = import_dataset(paths, PathSource(source), "x")
    assert info.class_names == ("cat", "test")
    assert "called like a split: “test” (1)" in str(info.warnings[0])


PICTURES = some("images/", 12, 1)
LABELS = {i: "dog" if i % 2 else "cat" for i in range(12)}


def table(title: str, row: str = "{i}.png,{label}", rows: int = 12) -> bytes:
    lines = [
        title,
        *(row.format(i=i, label=LABELS[i], one=i % 2, other=1 - i % 2) for i in range(rows)),
    ]
    return "\n".join(line for line in lines if line).encode()


TABLES = {
    "plain": table("filename,label"),
    "no extension": table("id,breed", "{i},{label}"),
    "semicolons and BOM": b"\xef\xbb\xbf" + table("Archivo;Clase", "{i}.png;{label}"),
    "tabs in Latin-1": table("Imagen\tCategor\u00eda", "{i}.png\t{label}")
    .decode()
    .encode("latin-1"),
    "UTF-16 of a spreadsheet": table("file\tlabel", "{i}.png\t{label}").decode().encode("utf-16"),
    "quoted": table('"image_id","class"', '"{i}.png","{label}"'),
    "folders": table("path,target", "some/where/images/{i}.png,{label}"),
    "backslashes": table("path,target", "C:\\data\\images\\{i}.png,{label}"),
    "zeros lost": table("id,label", "0{i},{label}"),
    "other columns": table("n,label,x,image", "{i},{label},7,{i}.png"),
    "no titles": table("", "{i}.png,{label}"),
    "one-hot": table("id,dog,cat", "{i},{one},{other}"),
    "Windows lines": table("filename,label").replace(b"\n", b"\r\n"),
    "names before numbers": table("file,class_id,class_name", "{i}.png,{one},{label}"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables(paths: Paths, tmp_path: Path, kind: str) -> None:
    files = {**PICTURES, "labels.csv": TABLES[kind]}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    rows = rows_by_name(open_dataset(paths, "x"))
    assert {name: label for name, (_, label, _) in rows.items()} == {
        f"images/{i}.png": LABELS[i] for i in range(12)
    }
    assert info.splits == {"train": 8, "val": 2, "test": 2}
    assert reasons(open_dataset(paths, "x").report().skipped) == {"labels.csv": "table"}


def test_class_names_stay_text(paths: Paths, tmp_path: Path) -> None:
    rows = table("id,label", "{i},0{one}")
    source = pack(tmp_path / "x.zip", {**PICTURES, "labels.csv": rows})
    assert import_dataset(paths, PathSource(source), "x").class_names == ("00", "01")


def test_split_column(paths: Paths, tmp_path: Path) -> None:
    lines = ["file;etiqueta;Conjunto"]
    splits = ["entrenamiento"] * 6 + ["Validación"] * 3 + ["prueba"] * 3
    lines += [f"{i}.png;{LABELS[i]};{split}" for i, split in enumerate(splits)]
    files = {**PICTURES, "labels.csv": "\n".join(lines).encode("latin-1")}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.splits == {"train": 6, "val": 3, "test": 3}


def test_kaggle_competition(paths: Paths, tmp_path: Path) -> None:
    """Pictures of train and test have the same names; one table is only an example."""
    files = {
        **some("train/", 12, 1),
        **some("test/", 5, 2),
        "trainLabels.csv": table("id,label", "{i},{label}"),
        "sampleSubmission.csv": b"id,label\n0,cat\n1,cat",
    }
    info = import_dataset(paths, PathSource(pack_tar(tmp_path / "x.tgz", files, "w:gz")), "x")
    assert info.splits == {"train": 8, "val": 2, "test": 2, "unlabelled": 5}
    names = open_dataset(paths, "x").split("unlabelled").names
    assert sorted(names) == [f"test/{i}.png" for i in range(5)]
    skipped = open_dataset(paths, "x").report().skipped
    assert reasons(skipped) == {"trainLabels.csv": "table", "sampleSubmission.csv": "submission"}


def test_what_a_competition_asks_for_is_kept(paths: Paths, tmp_path: Path) -> None:
    """Columns and order of the sample, rows of the unlabelled split; also after deriving."""
    files = both("train/", each=10) | some("test/", 5, 9)
    files["sample_submission.csv"] = b"\n".join(
        [b"id;cat;dog", b"4;0.5;0.5", b"nowhere;0.5;0.5", b"1;0.5;0.5"]
    )
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.submission == ("id", "cat", "dog")
    derive_dataset(paths, Recipe(origins=(Origin(name="x"),), per_class=2), "y")
    for name in "xy":
        dataset = open_dataset(paths, name)
        asked, names = dataset.submission(), dataset.split("unlabelled").names
        assert asked is not None
        assert asked.ids == ("4", "nowhere", "1")
        assert [names[i] if i >= 0 else "" for i in asked.rows] == ["test/4.png", "", "test/1.png"]


def test_without_its_pictures_no_submission_is_left(paths: Paths, tmp_path: Path) -> None:
    """All of them broken; what was made of it can still be the origin of others."""
    files = both("train/", each=10) | dict.fromkeys(some("test/", 2, 9), b"broken")
    files["sample_submission.csv"] = b"id,label\n0,1\n1,1\n"
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.submission == ()
    derive_dataset(paths, Recipe(origins=(Origin(name="x"),), per_class=2), "y")


def test_no_sample_no_submission(paths: Paths, tmp_path: Path) -> None:
    """Nor one that is about other pictures."""
    files = both("train/", each=10) | some("test/", 5, 9)
    files["sample_submission.csv"] = b"id,label\nx,1\ny,2\n"
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert info.submission == ()
    assert open_dataset(paths, "x").submission() is None


def test_tables_are_read_one_after_the_other(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, one is in memory."""
    seen: list[weakref.ref[Rows]] = []

    def watched(data: bytes) -> Table | None:
        gc.collect()
        assert not any(one() for one in seen)
        found = read_table(data)
        assert found is not None
        rows = Rows(found.rows)
        seen.append(weakref.ref(rows))
        return found._replace(rows=rows)

    monkeypatch.setattr(manifest, "read_table", watched)
    tables = {f"{i}.csv": table("filename,label") for i in range(3)}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", PICTURES | tables)), "x")
    assert info.imported == 12


class Rows(list[list[str]]):
    """A list that can be watched."""


def test_tables_beside_their_pictures(paths: Paths, tmp_path: Path) -> None:
    """Names repeat in every folder, each with a table of its own."""
    files: Files = {}
    for number, classes_here in enumerate([("cat", "dog"), ("dog", "cat")]):
        files |= some(f"x/bucket{number}/", 4, number)
        lines = ["Filename;Width;Class", *(f"{i}.png;8;{classes_here[i % 2]}" for i in range(4))]
        files[f"x/bucket{number}/GT.csv"] = "\n".join(lines).encode()
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert (info.class_names, info.imported) == (("cat", "dog"), 8)
    rows = rows_by_name(open_dataset(paths, "x"))
    assert [rows[f"x/bucket{n}/0.png"][1] for n in (0, 1)] == ["cat", "dog"]


def test_pictures_and_rows_that_do_not_match(paths: Paths, tmp_path: Path) -> None:
    rows = table("id,label", "{i},{label}", rows=9) + b"\n77,cat\n0,dog\n1,dog\n8,"
    files = {**PICTURES, "other/2.png": picture(5), "labels.csv": rows}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    dataset = open_dataset(paths, "x")
    report = dataset.report()
    assert {s.name: (s.reason.value) for s in report.skipped} == {
        "labels.csv": "table",
        "images/0.png": "conflict",
        "images/2.png": "not_listed",
        "other/2.png": "not_listed",
        "images/9.png": "not_listed",
        "images/10.png": "not_listed",
        "images/11.png": "not_listed",
        "77": "no_file",
    }
    assert (info.imported, report.files) == (7, len(files))
    lines = report_csv(dataset).splitlines()
    assert len(lines) == 1 + len(files) + 1
    assert '77,no file,"“labels.csv” lists it, but there is no such picture.",,' in lines


def test_class_folders_win_over_other_tables(paths: Paths, tmp_path: Path) -> None:
    notes = b"name,type\n" + b"\n".join(f"{i}.png,png".encode() for i in range(4))
    files = {**classes("cat", "dog"), "files.csv": notes}
    info = import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")
    assert (info.class_names, info.imported) == (("cat", "dog"), 8)


BAD_TABLES = {
    "no file column": (table("foo,bar"), "does not tell their classes. Expected: a column with"),
    "no label column": (table("filename,foo"), "does not tell their classes"),
    "other pictures": (table("filename,label", "x{i}.png,{label}"), "does not tell their classes"),
    "one class": (table("id,label", "{i},cat"), "these classes: “cat”. At least two"),
    "no labels": (table("id,label", "{i},"), "these classes: –. At least two classes are needed"),
    "no table": (b"\x00\x01\x02", "does not tell their classes"),
    "empty": (b"", "does not tell their classes"),
    "titles only": (b"filename,label", "does not tell their classes"),
    "one column": (b"filename\n1.png", "does not tell their classes"),
    "field too long": (b"filename,label\n" + b'"' + b"x" * 3_000_000, "does not tell"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_bad_tables(paths: Paths, tmp_path: Path, kind: str) -> None:
    data, message = BAD_TABLES[kind]
    source = pack(tmp_path / "x.zip", {**PICTURES, "labels.csv": data})
    with pytest.raises(DatasetError) as caught:
        import_dataset(paths, PathSource(source), "x")
    assert message in str(caught.value)


def test_a_label_for_every_picture_is_none(paths: Paths, tmp_path: Path) -> None:
    files = some("", 130, 3)
    files["t.csv"] = "\n".join(["id,name_of,label", *(f"{i},x,c{i}" for i in range(130))]).encode()
    with pytest.raises(DatasetError, match=r"130 different values for 130 pictures"):
        import_dataset(paths, PathSource(pack(tmp_path / "x.zip", files)), "x")


def test_text_of_any_program() -> None:
    assert decoded("ñ".encode()) == decoded("ñ".encode("latin-1")) == decoded("ñ".encode("utf-16"))
    found = read_table(b"Ruta;Raza\n1;a")
    assert found is not None
    assert columns_of(found)[:2] == (0, 1)


def given_and_anew() -> Files:
    return both("train/", each=20) | {
        f"test/{c}/{i}.png": picture(7000 + 100 * ord(c) + i) for c in "ab" for i in range(4)
    }


@pytest.mark.parametrize(
    ("options", "splits"),
    [
        (ImportOptions(), {"train": 32, "val": 8, "test": 8}),
        (ImportOptions(splits="anew"), {"train": 32, "val": 8, "test": 8}),
        (
            ImportOptions(splits="anew", fractions=(4 / 6, 1 / 6, 1 / 6)),
            {"train": 32, "val": 8, "test": 8},
        ),
        (
            ImportOptions(splits="anew", fractions=(0.5, 0.25, 0.25)),
            {"train": 24, "val": 12, "test": 12},
        ),
        (ImportOptions(per_class=12), {"train": 16, "val": 4, "test": 4}),
        (ImportOptions(per_class=3), {"train": 2, "val": 2, "test": 2}),
        (ImportOptions(per_class=1000), {"train": 32, "val": 8, "test": 8}),
    ],
)
def test_splits_and_caps(
    paths: Paths, tmp_path: Path, options: ImportOptions, splits: dict[str, int]
) -> None:
    files = given_and_anew()
    source = PathSource(pack(tmp_path / "x.zip", files))
    info = import_dataset(paths, source, "x", options=options)
    assert info.splits == splits
    assert all(counts[0] == counts[1] for counts in info.class_counts.values())
    report = open_dataset(paths, "x").report()
    assert report.imported + len(report.capped) == report.files == len(files)
    assert import_dataset(paths, source, "y", options=options).fingerprint == info.fingerprint
    rows = [line.split(",")[0] for line in report_csv(open_dataset(paths, "x")).splitlines()[1:]]
    assert sorted(rows) == sorted(files)


def test_cap_of_pictures_without_label(paths: Paths, tmp_path: Path) -> None:
    files = both("train/", each=10) | some("test/", 30, 9)
    info = import_dataset(
        paths, PathSource(pack(tmp_path / "x.zip", files)), "x", options=ImportOptions(per_class=5)
    )
    assert info.splits == {"train": 6, "val": 2, "test": 2, "unlabelled": 10}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ImportOptions(per_class=0), "at least 1; received: 0"),
        (ImportOptions(background="no colour"), "must be a colour such as white"),
    ],
)
def test_impossible_options(
    paths: Paths, tmp_path: Path, options: ImportOptions, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        import_dataset(paths, PathSource(tmp_path), "x", options=options)
