"""Datasets made of datasets: which rows, with which labels, in which splits, and what is said."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from core.datasets.dataset import DatasetInfo
from core.datasets.deriving import convert, derive_dataset
from core.datasets.options import ImportProgress
from core.datasets.recipe import Origin, Recipe
from core.datasets.registry import list_datasets, open_dataset
from core.datasets.selecting import shares
from core.datasets.ticking import WorkCancelledError
from core.datasets.writer import RowFile
from core.errors import DatasetError, NotFoundError
from core.paths import Paths
from tests.datasets.making import left_behind
from tests.datasets.prepared import opened, prepared

PETS = {
    "train": [("cat", 1), ("dog", 2), ("cow", 3), ("cat", 4), ("cat", 5), ("dog", 6)],
    "val": [("dog", 7), ("cat", 8)],
    "test": [("cow", 9), ("cat", 10), ("dog", 11)],
    "unlabelled": [("", 12), ("", 13)],
}


@pytest.fixture
def pets(paths: Paths) -> DatasetInfo:
    return prepared(paths, "pets", PETS)


def recipe(*names: str, **values: object) -> Recipe:
    origins = [Origin(name=name) for name in names or ("pets",)]
    return Recipe.model_validate({"origins": origins, **values})


def reasons(paths: Paths, name: str) -> dict[str, int]:
    return {d.reason.value: d.count for d in open_dataset(paths, name).report().dropped}


def dropped_file(paths: Paths, name: str) -> list[list[str]]:
    with paths.dataset(name).dropped.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_nothing_asked_gives_the_same(paths: Paths, pets: DatasetInfo) -> None:
    info = derive_dataset(paths, recipe(), "copy")
    assert opened(paths, "copy") == PETS
    assert info.fingerprint == pets.fingerprint
    assert info.splits == {"train": 6, "val": 2, "test": 3, "unlabelled": 2}
    assert (info.imported, info.skipped, info.resize) == (13, 0, "stretch")
    assert info.derived is not None
    assert [(a.name, a.fingerprint) for a in info.derived.ancestors] == [("pets", pets.fingerprint)]
    assert info.derived.steps == ()
    names = open_dataset(paths, "copy").split("train").names
    assert names[:] == [f"train/{i}.png" for i in range(6)]


def test_only_some_classes(paths: Paths, pets: DatasetInfo) -> None:
    info = derive_dataset(paths, recipe(classes=("dog", "cat")), "two")
    assert opened(paths, "two") == {
        "train": [("cat", 1), ("dog", 2), ("cat", 4), ("cat", 5), ("dog", 6)],
        "val": [("dog", 7), ("cat", 8)],
        "test": [("cat", 10), ("dog", 11)],
        "unlabelled": [("", 12), ("", 13)],
    }
    assert info.class_counts["train"] == [3, 2]
    assert info.derived is not None
    assert [str(s) for s in info.derived.steps] == ["Only the classes “cat”, “dog”."]
    report = open_dataset(paths, "two").report()
    assert (report.imported, report.files, report.origin) == (11, 13, "pets")
    assert reasons(paths, "two") == {"class": 2}
    assert dropped_file(paths, "two")[1:] == [
        ["pets", "train", "2", "train/2.png", "cow", "class"],
        ["pets", "test", "0", "test/0.png", "cow", "class"],
    ]


def test_merged_classes(paths: Paths, pets: DatasetInfo) -> None:
    info = derive_dataset(paths, recipe(rename={"dog": "animal", "cow": "animal"}), "merged")
    assert info.class_names == ("cat", "animal")
    assert opened(paths, "merged")["test"] == [("animal", 9), ("cat", 10), ("animal", 11)]
    assert info.derived is not None
    assert str(info.derived.steps[0]) == "Classes renamed: “dog” → “animal”, “cow” → “animal”."


def test_single_rows(paths: Paths, pets: DatasetInfo) -> None:
    """A row may get a class that was not there; the recipe beside the data names every row."""
    origin = Origin(name="pets", relabel={"train": {1: "fox", 3: "cow"}}, exclude={"val": [0]})
    asked = Recipe(origins=(origin,))
    info = derive_dataset(paths, asked, "cleaned")
    assert info.class_names == ("cat", "dog", "cow", "fox")
    assert opened(paths, "cleaned")["train"][1::2] == [("fox", 2), ("cow", 4), ("dog", 6)]
    assert opened(paths, "cleaned")["val"] == [("cat", 8)]
    assert reasons(paths, "cleaned") == {"excluded": 1}
    saved = paths.dataset("cleaned").recipe.read_bytes()
    assert Recipe.model_validate_json(saved) == asked
    assert info.derived is not None
    assert [str(s) for s in info.derived.steps] == [
        "Images left out by hand: 1.",
        "Images given another class: 2.",
    ]


def test_at_most_so_many_of_each_class(paths: Paths) -> None:
    rows = {"train": [("a", i) for i in range(8)], "val": [("a", i) for i in range(20, 24)]}
    rows["train"] += [("b", 30), ("b", 31)]
    prepared(paths, "x", rows)
    info = derive_dataset(paths, recipe("x", per_class=6), "few")
    assert info.class_counts == {"train": [4, 2], "val": [2, 0], "test": [0, 0]}
    assert set(opened(paths, "few")["train"]) < set(rows["train"])
    assert reasons(paths, "few") == {"cap": 6}
    again = derive_dataset(paths, recipe("x", per_class=6, seed=1), "others")
    assert again.fingerprint != info.fingerprint


@pytest.mark.parametrize(
    ("counts", "most", "expected"),
    [
        ([8, 4, 0], 6, [4, 2, 0]),
        ([2, 2, 2], 9, [2, 2, 2]),
        ([5, 3, 2], 4, [2, 1, 1]),
        ([0, 0, 0], 1, [0, 0, 0]),
        ([100, 1, 1], 1, [1, 0, 0]),
    ],
)
def test_shares(counts: list[int], most: int, expected: list[int]) -> None:
    assert shares(counts, most) == expected


def test_divided_anew(paths: Paths, pets: DatasetInfo) -> None:
    rows = {"train": [(c, 10 * i + j) for i, c in enumerate("ab") for j in range(10)]}
    prepared(paths, "x", rows)
    info = derive_dataset(paths, recipe("x", fractions=(0.6, 0.2, 0.2), seed=3), "y")
    assert info.class_counts == {"train": [6, 6], "val": [2, 2], "test": [2, 2]}
    found = opened(paths, "y")
    assert sorted(r for part in found.values() for r in part) == sorted(rows["train"])
    # Shuffled: a stretch of a split is a fair sample.
    assert found["train"] != sorted(found["train"])
    assert derive_dataset(
        paths, recipe("x", fractions=(0.6, 0.2, 0.2), seed=3), "z"
    ).fingerprint == (info.fingerprint)


def test_unlabelled_images_stay_so_when_divided(paths: Paths, pets: DatasetInfo) -> None:
    info = derive_dataset(paths, recipe(fractions=(1, 0, 0)), "all")
    assert info.splits == {"train": 11, "val": 0, "test": 0, "unlabelled": 2}
    assert sorted(opened(paths, "all")["unlabelled"]) == [("", 12), ("", 13)]


def test_combined(paths: Paths, pets: DatasetInfo) -> None:
    """Classes are one by name; smaller grey pictures become what the first ones are."""
    more = {"train": [("dog", 50), ("fox", 51)], "test": [("fox", 52)]}
    prepared(paths, "more", more, shape=(2, 2, 1))
    info = derive_dataset(paths, recipe("pets", "more"), "both")
    assert (info.image_shape, info.resize) == ((4, 4, 3), "crop")
    assert info.class_names == ("cat", "dog", "cow", "fox")
    found = opened(paths, "both")
    assert sorted(found["train"]) == sorted(PETS["train"] + more["train"])
    assert sorted(found["test"]) == sorted(PETS["test"] + more["test"])
    split = open_dataset(paths, "both").split("train")
    fox = split.labels.tolist().index(3)
    assert split.names[fox] == "more/train/1.png"
    assert (split.images[fox] == 51).all()
    sizes = open_dataset(paths, "both").report().sizes
    assert sorted(sizes.common) == [(2, 2, 3), (4, 4, 13)]


def test_of_one_size(paths: Paths, pets: DatasetInfo) -> None:
    info = derive_dataset(paths, recipe(size=(2, 3), resize="pad"), "small")
    assert (info.image_shape, info.resize) == ((2, 3, 3), "pad")
    assert info.derived is not None
    assert str(info.derived.steps[0]).startswith("Images brought to 3×2 pixels")


def test_convert() -> None:
    grey = np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)
    assert convert(grey, (2, 2, 1), "crop") is grey
    colour = convert(grey, (2, 2, 3), "crop")
    assert colour.shape == (2, 2, 2, 3)
    assert (colour == grey).all()
    wide = np.zeros((1, 2, 4, 3), np.uint8)
    wide[:, :, 1:3] = 200
    assert (convert(wide, (2, 2, 3), "crop") == 200).all()
    assert convert(wide, (4, 4, 3), "pad")[0, 0].max() == 0
    assert convert(grey[:0], (3, 3, 1), "crop").shape == (0, 3, 3, 1)


def test_duplicates_are_dropped(paths: Paths) -> None:
    """Train learns nothing that is measured, the test stays whole, contradictions go."""
    rows = {
        "train": [("a", 1), ("a", 1), ("b", 2), ("b", 3), ("a", 4), ("a", 9)],
        "val": [("b", 2), ("b", 5), ("b", 9)],
        "test": [("b", 3), ("b", 5), ("a", 6), ("a", 6)],
    }
    prepared(paths, "x", rows)
    derive_dataset(paths, recipe("x", duplicates="drop"), "y")
    assert opened(paths, "y") == {
        "train": [("a", 1), ("a", 4)],
        "val": [("b", 2)],
        "test": [("b", 3), ("b", 5), ("a", 6)],
    }
    assert reasons(paths, "y") == {"contradiction": 2, "leak": 3, "duplicate": 2}
    derive_dataset(paths, recipe("x", duplicates="drop_but_one"), "z")
    assert ("b", 9) in opened(paths, "z")["val"]
    assert ("a", 9) not in opened(paths, "z")["train"]


def test_duplicates_between_datasets(paths: Paths) -> None:
    """Of other shapes, but equal once they are brought to one."""
    prepared(paths, "x", {"train": [("a", 1), ("b", 2)], "test": [("a", 3)]})
    prepared(paths, "y", {"train": [("a", 3), ("b", 4)]}, shape=(2, 2, 1))
    derive_dataset(paths, recipe("x", "y", duplicates="drop"), "z")
    assert sorted(opened(paths, "z")["train"]) == [("a", 1), ("b", 2), ("b", 4)]
    # Without, the report warns of the leak.
    info = derive_dataset(paths, recipe("x", "y"), "w")
    assert any("also in “training”" in str(w) for w in info.warnings)


def test_merging_ends_contradictions(paths: Paths) -> None:
    prepared(paths, "x", {"train": [("a", 1), ("b", 1), ("c", 2)]})
    derive_dataset(paths, recipe("x", rename={"b": "a"}, duplicates="drop"), "y")
    assert opened(paths, "y") == {"train": [("a", 1), ("c", 2)]}


def test_emptied_classes_are_named(paths: Paths, pets: DatasetInfo) -> None:
    origin = Origin(name="pets", exclude={"train": [2], "test": [0]})
    info = derive_dataset(paths, Recipe(origins=(origin,)), "x")
    assert info.class_names == ("cat", "dog")
    assert str(info.warnings[0]) == ("Classes left out, as no image of them remains: “cow” (1).")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": ("cat", "fish")}, "There are no classes “fish”. There are: “cat”, “cow”"),
        ({"rename": {"fish": "x"}}, "There are no classes “fish”"),
        ({"rename": {"cat": " "}}, "A class must have a name"),
        ({"classes": ("cat",)}, "at least two classes; there would be “cat”"),
        ({"classes": ()}, "at least two classes; there would be 0"),
        ({"per_class": 0}, "At least one image per class must remain; received: 0"),
        ({"fractions": (0, 0.5, 0.5)}, "The fractions must lie between 0 and 1"),
        ({"fractions": (float("nan"), 0, 0)}, "The fractions must lie"),
        ({"size": (0, 4)}, "The picture size must be from 1 to"),
        ({"origins": ()}, "at least one dataset"),
        ({"origins": ({"name": "pets"},) * 2}, "only once; received: pets, pets"),
        ({"origins": ({"name": "pets", "exclude": {"val": [2]}},)}, "no row 2 in the split “val”"),
        ({"origins": ({"name": "pets", "exclude": {"x": [0]}},)}, "no row 0 in the split “x”"),
        (
            {"origins": ({"name": "pets", "relabel": {"unlabelled": {0: "cat"}}},)},
            "in the split “unlabelled” cannot be given a class",
        ),
        (
            {"origins": ({"name": "pets", "exclude": {"train": range(6)}},)},
            "No image would be left for training",
        ),
    ],
)
def test_what_cannot_be(
    paths: Paths, pets: DatasetInfo, values: dict[str, object], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        derive_dataset(paths, recipe(**values), "x")
    assert [info.name for info in list_datasets(paths)] == ["pets"]
    assert not [file for file in left_behind(paths) if "staging" in file]


def test_names_and_origins_must_be_right(paths: Paths, pets: DatasetInfo) -> None:
    with pytest.raises(DatasetError, match="“pets” exists already"):
        derive_dataset(paths, recipe(), "pets")
    with pytest.raises(NotFoundError, match="There is no dataset called “fish”"):
        derive_dataset(paths, recipe("fish"), "x")


def test_cancelled_in_the_middle(
    paths: Paths, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[ImportProgress] = []
    monkeypatch.setattr("core.datasets.ticking.REPORT_SECONDS", 0.0)
    monkeypatch.setattr("core.datasets.rows.BLOCK_BYTES", 48)
    with pytest.raises(WorkCancelledError):
        derive_dataset(
            paths,
            recipe(),
            "x",
            on_progress=seen.append,
            should_stop=lambda: bool(seen) and seen[-1].done >= 5,
        )
    assert (seen[-1].phase, seen[-1].done, seen[-1].total) == ("decoding", 5, 13)
    assert not [f for f in left_behind(paths) if "staging" in f or f.startswith("datasets/x")]


def test_cut_off_images_are_said(paths: Paths, pets: DatasetInfo) -> None:
    file = paths.dataset("pets").images("train")
    data = file.read_bytes()
    file.write_bytes(data[:-1])
    with pytest.raises(DatasetError, match="“pets” is damaged"):
        derive_dataset(paths, recipe(), "x")


def test_full_disk(paths: Paths, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, row: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RowFile, "write", full)
    with pytest.raises(DatasetError, match="The disk is full; nothing was kept"):
        derive_dataset(paths, recipe(), "x")
    assert not [f for f in left_behind(paths) if "staging" in f]


def test_small_blocks_change_nothing(
    paths: Paths, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.datasets.rows.BLOCK_BYTES", 100)
    derive_dataset(paths, recipe(classes=("dog", "cow")), "x")
    assert opened(paths, "x")["train"] == [("dog", 2), ("cow", 3), ("dog", 6)]


def test_old_descriptions_still_load(paths: Paths, pets: DatasetInfo) -> None:
    file: Path = paths.dataset("pets").info
    old = pets.model_dump_json(exclude={"derived"})
    file.write_text(old)
    assert open_dataset(paths, "pets").info == pets
