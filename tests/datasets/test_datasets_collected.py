"""Pictures of a webcam, until they are a dataset."""

from __future__ import annotations

import os
import time

import pytest

from core.datasets import collected
from core.datasets.collected import (
    KEPT_SECONDS,
    CollectedSource,
    Collection,
    collection,
    sweep_collections,
)
from core.datasets.importing import import_dataset
from core.datasets.registry import open_dataset
from core.errors import DatasetError, ImageError, NotFoundError
from core.paths import Paths
from tests.datasets.making import picture

ID = "0123456789abcdef"


@pytest.fixture
def mine(paths: Paths) -> Collection:
    return collection(paths.create(), ID)


def fill(mine: Collection, **counts: int) -> None:
    for i, (name, count) in enumerate(counts.items()):
        for j in range(count):
            mine.add(name, picture(100 * i + j, fmt="JPEG"))


def test_pictures_are_counted_by_class(mine: Collection) -> None:
    assert (mine.class_names(), mine.pictures(), mine.counts()) == ([], [], {})
    fill(mine, cup=2, pen=3)
    mine.add("  cup ", picture(7))
    assert mine.class_names() == ["cup", "pen"]
    assert mine.counts() == {"cup": 3, "pen": 3}
    assert [snapshot.label for snapshot in mine.pictures()] == [0, 0, 1, 1, 1, 0]


def test_undo_takes_the_last_whatever_its_class(mine: Collection) -> None:
    fill(mine, cup=1, pen=1)
    mine.add("cup", picture(9))
    mine.undo()
    assert mine.counts() == {"cup": 1, "pen": 1}
    mine.undo()
    assert mine.counts() == {"cup": 1}
    mine.undo()
    mine.undo()  # nothing left: no harm
    assert mine.counts() == {}


def test_one_picture_can_be_deleted(mine: Collection) -> None:
    fill(mine, cup=3)
    middle = mine.pictures()[1].file
    mine.remove(middle.name)
    mine.remove(middle.name)  # by another window of the browser
    mine.remove("../../lienzo.db")
    assert middle not in [snapshot.file for snapshot in mine.pictures()]
    assert mine.counts() == {"cup": 2}


def test_another_window_sees_the_same(mine: Collection, paths: Paths) -> None:
    fill(mine, cup=1)
    other = collection(paths, ID)
    other.add("pen", picture(5))
    assert mine.counts() == {"cup": 1, "pen": 1}
    assert collection(paths, "fedcba9876543210").counts() == {}


@pytest.mark.parametrize("name", ["", "   ", "x" * 41])
def test_a_class_needs_a_name(mine: Collection, name: str) -> None:
    with pytest.raises(DatasetError, match="1 to 40 characters"):
        mine.add(name, picture())
    assert not mine.folder.exists()


@pytest.mark.parametrize("name", ["../up", "a/b", "<b>x</b>", "año 🦊", "0", "classes.json"])
def test_class_names_are_words_and_never_paths(mine: Collection, name: str) -> None:
    mine.add(name, picture())
    assert mine.class_names() == [name]
    assert mine.pictures()[0].file.parent == mine.folder / "0"


def test_what_is_no_picture_is_refused(mine: Collection) -> None:
    with pytest.raises(ImageError):
        mine.add("cup", b"hello")
    assert mine.counts() == {}


def test_a_collection_has_an_end(mine: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collected, "MAX_PICTURES", 2)
    fill(mine, cup=2)
    with pytest.raises(DatasetError, match="at most 2 pictures"):
        mine.add("cup", picture(3))
    monkeypatch.setattr(collected, "MAX_BYTES", 10)
    with pytest.raises(DatasetError, match="none larger"):
        mine.add("cup", picture(3))


@pytest.mark.parametrize("name", ["", "..", "../x", "0123", "G" * 16, "a" * 65])
def test_ids_are_no_paths(paths: Paths, name: str) -> None:
    with pytest.raises(NotFoundError):
        collection(paths, name)


def test_it_becomes_a_dataset(mine: Collection, paths: Paths) -> None:
    fill(mine, cup=6, nothing=1, pen=5)
    mine.undo()
    fill(mine, pen=1)
    for snapshot in mine.pictures():
        if snapshot.label == 1:  # a class whose pictures have all been deleted
            mine.remove(snapshot.file.name)
    info = import_dataset(paths, CollectedSource(mine), "things")
    assert info.class_names == ("cup", "pen")
    assert info.origin == "webcam"
    assert sum(info.splits.values()) == 11
    assert all(info.splits[split] for split in ("train", "val", "test"))
    names = open_dataset(paths, "things").split("train").names
    assert all(name.startswith(("cup/", "pen/")) for name in names)
    assert mine.counts() == {"cup": 6, "pen": 5}  # it can go on


@pytest.mark.parametrize("counts", [{}, {"cup": 9}, {"cup": 9, "pen": 4}])
def test_too_few_are_refused_with_what_there_is(
    mine: Collection, paths: Paths, counts: dict[str, int]
) -> None:
    fill(mine, **counts)
    with pytest.raises(DatasetError, match="At least 2 classes with 5 pictures each") as caught:
        import_dataset(paths, CollectedSource(mine), "things")
    for name, count in counts.items():
        assert f"{name} ({count})" in str(caught.value)


def test_old_collections_are_swept(mine: Collection, paths: Paths) -> None:
    sweep_collections(Paths(paths.root / "nowhere"))
    fill(mine, cup=1)
    sweep_collections(paths)
    assert mine.counts() == {"cup": 1}
    old = time.time() - KEPT_SECONDS - 1
    for path in (mine.folder, *mine.folder.iterdir()):
        os.utime(path, (old, old))
    sweep_collections(paths)
    assert not mine.folder.exists()


def test_a_collection_still_in_use_is_kept(mine: Collection, paths: Paths) -> None:
    fill(mine, cup=1)
    os.utime(mine.folder, (0, 0))
    sweep_collections(paths, now=time.time() + KEPT_SECONDS - 60)
    assert mine.counts() == {"cup": 1}


def test_clear_begins_anew(mine: Collection) -> None:
    fill(mine, cup=2)
    mine.clear()
    assert (mine.class_names(), mine.counts()) == ([], {})
    fill(mine, pen=1)
    assert mine.class_names() == ["pen"]
