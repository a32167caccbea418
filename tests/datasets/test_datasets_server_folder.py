"""The teacher's folder: what is listed, and what can never be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.datasets import server_folder
from core.datasets.server_folder import ServerFile, data_dir, list_server, on_server
from core.errors import DatasetError, NotFoundError
from tests.datasets.making import classes, pack, pack_tar, picture, unpack


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``data/`` is the teacher's, ``secret.zip`` beside it is not."""
    pack(tmp_path / "secret.zip", classes("a", "b"))
    below = tmp_path / "data"
    below.mkdir()
    monkeypatch.setenv("LIENZO_DATA_DIR", str(below))
    return below


def listed(folder: Path) -> dict[str, str]:
    return {file.path: file.guess for file in list_server(folder).files}


def test_files_and_folders_by_name(folder: Path) -> None:
    pack(folder / "pets 10.zip", classes("a", "b"))
    pack(folder / "Pets 2.ZIP", classes("a", "b"))
    unpack(folder / "flowers", classes("daisy", "rose"))
    unpack(folder / "cars", classes("train/fiat", "test/fiat"))
    (folder / "README.md").write_text("not a dataset")
    (folder / "empty").mkdir()
    files = list_server(folder).files
    assert [file.path for file in files] == ["cars", "flowers", "Pets 2.ZIP", "pets 10.zip"]
    assert [file.guess for file in files] == ["classes", "classes"] + 2 * ["class_archive"]
    assert files[1].size is None
    size = (folder / "Pets 2.ZIP").stat().st_size
    assert files[2] == ServerFile("Pets 2.ZIP", size, "class_archive")


def test_two_levels_below_are_listed_but_no_classes(folder: Path) -> None:
    (folder / "one" / "two" / "three").mkdir(parents=True)
    for place in ("one", "one/two", "one/two/three"):
        pack(folder / place / "deep.zip", classes("a", "b"))
    unpack(folder / "course" / "flowers", classes("daisy", "rose"))
    found = listed(folder)
    assert {p for p in found if p.endswith(".zip")} == {"one/deep.zip", "one/two/deep.zip"}
    assert "course/flowers" in found
    assert not any("daisy" in path for path in found)


def test_a_folder_of_data_files_is_one_dataset(folder: Path) -> None:
    unpack(folder / "mnist", {"train-images-idx3-ubyte.gz": b"", "train-labels-idx1-ubyte.gz": b""})
    assert listed(folder)["mnist"] == "mixed"


def test_loose_pictures_are_a_folder_of_pictures(folder: Path) -> None:
    unpack(folder / "loose", {"1.png": picture(1), "2.PNG": picture(2), "labels.csv": b""})
    assert listed(folder)["loose"] == "pictures"


def test_hidden_files_and_links_are_not_listed(folder: Path) -> None:
    pack(folder / ".hidden.zip", classes("a", "b"))
    (folder / "link.zip").symlink_to(folder.parent / "secret.zip")
    (folder / "up").symlink_to(folder.parent)
    assert listed(folder) == {}


def test_a_listing_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_folder, "MAX_LISTED", 3)
    for i in range(5):
        (folder / f"{i}.zip").touch()
    assert list(listed(folder)) == ["0.zip", "1.zip", "2.zip"]
    assert not list_server(folder).complete
    monkeypatch.setattr(server_folder, "MAX_LISTED", 5)
    assert list_server(folder).complete


def test_files_say_what_they_seem_to_be(folder: Path) -> None:
    """By their ending, archives by the first names inside; whatever is damaged is an archive."""
    pictures = {f"{i}.png": picture(i) for i in range(3)}
    pack(folder / "labels.zip", {**pictures, "labels.csv": b"a,b"})
    pack(folder / "asked.zip", {**classes("cat", "dog"), "sample_submission.csv": b"a,b"})
    pack_tar(folder / "one.tar.gz", {f"images/{n}": data for n, data in pictures.items()}, "w:gz")
    pack_tar(folder / "classes.tar.bz2", classes("cat", "dog"), "w:bz2")
    pack(folder / "arrays.zip", {"x/train.npz": b"PK", "x/README": b""})
    pack_tar(folder / "cifar.tar.gz", {"cifar-10-batches-py/data_batch_4": bytes(9000)}, "w:gz")
    pack(folder / "texts.zip", {"a.txt": b""})
    for name in ("cut.zip", "cut.tar.xz", "t.csv", "a.npz", "a.parquet", "t10k-labels-ubyte.gz"):
        (folder / name).write_bytes(b"\xfd7zXZ\0")
    assert listed(folder) == {
        "asked.zip": "class_archive",
        "labels.zip": "table_archive",
        "one.tar.gz": "picture_archive",
        "classes.tar.bz2": "class_archive",
        "arrays.zip": "array_archive",
        "cifar.tar.gz": "cifar",
        "texts.zip": "zip",
        "cut.zip": "zip",
        "cut.tar.xz": "tar",
        "t.csv": "csv",
        "a.npz": "arrays",
        "a.parquet": "parquet",
        "t10k-labels-ubyte.gz": "idx",
    }


def test_names_inside_are_found(folder: Path) -> None:
    pack(folder / "año.zip", classes("a", "b"))
    assert on_server("año.zip") == folder / "año.zip"
    unpack(folder / "one" / "flowers", classes("a", "b"))
    assert on_server("one/flowers") == folder / "one" / "flowers"
    assert on_server("one/../año.zip") == folder / "año.zip"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.zip",
        "one/../../secret.zip",
        "link.zip",
        "up/secret.zip",
        "/etc/passwd",
        "",
        ".",
        "..",
        "a\0b",
        "../data",
        "../data2/x.zip",
        "x" * 5000,
    ],
)
def test_nothing_outside_can_be_named(folder: Path, path: str) -> None:
    (folder / "link.zip").symlink_to(folder.parent / "secret.zip")
    (folder / "up").symlink_to(folder.parent)
    (folder.parent / "data2").mkdir()
    pack(folder.parent / "data2" / "x.zip", classes("a", "b"))
    with pytest.raises(DatasetError) as caught:
        on_server(path)
    assert "not inside" in str(caught.value)


def test_absolute_names_inside_are_no_way_around(folder: Path) -> None:
    pack(folder / "pets.zip", classes("a", "b"))
    assert on_server(str(folder / "pets.zip")) == folder / "pets.zip"
    with pytest.raises(DatasetError, match="not inside"):
        on_server(str(folder.parent / "secret.zip"))


def test_a_name_that_is_not_there(folder: Path) -> None:
    with pytest.raises(NotFoundError, match=r"There is no “no\.zip”"):
        on_server("no.zip")


@pytest.mark.parametrize("value", [None, "", "/nowhere/at/all"])
def test_without_a_folder(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIENZO_DATA_DIR", raising=False)
    if value is not None:
        monkeypatch.setenv("LIENZO_DATA_DIR", value)
    assert data_dir() is None
    with pytest.raises(DatasetError, match="LIENZO_DATA_DIR"):
        on_server("x.zip")


def test_the_folder_itself_may_be_a_link(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(folder / "pets.zip", classes("a", "b"))
    (tmp_path / "linked").symlink_to(folder)
    monkeypatch.setenv("LIENZO_DATA_DIR", str(tmp_path / "linked"))
    assert on_server("pets.zip") == folder / "pets.zip"
