"""Decisions about labels: who decided what, undone, by several at once, as a table, carried out."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.datasets.dataset import Dataset, DatasetInfo
from core.datasets.decision_csv import decisions_csv, parse_decisions
from core.datasets.decisions import (
    Decided,
    Decision,
    Place,
    Verdict,
    counts,
    decide,
    decisions,
    next_recipe,
    next_version,
    read_acts,
    relabel,
    undo,
    undoable,
)
from core.datasets.deriving import derive_dataset
from core.datasets.recipe import Recipe
from core.datasets.registry import open_dataset
from core.errors import DatasetError, StoreError
from core.paths import Paths
from tests.datasets.prepared import opened, prepared

PETS = {
    "train": [("cat", 1), ("dog", 2), ("cow", 3), ("cat", 4), ("dog", 5)],
    "val": [("dog", 7), ("cat", 8)],
    "test": [("cow", 9), ("cat", 10), ("dog", 11)],
}
KEEP, RELABEL, EXCLUDE = Verdict


@pytest.fixture
def pets(paths: Paths) -> DatasetInfo:
    return prepared(paths, "pets", PETS)


def keep(split: str, *rows: int) -> list[Decided]:
    return [Decided(split=split, row=row, verdict=KEEP) for row in rows]


def exclude(split: str, *rows: int) -> list[Decided]:
    return [Decided(split=split, row=row, verdict=EXCLUDE) for row in rows]


def held(paths: Paths) -> dict[Place, Decision]:
    return decisions(read_acts(paths, "f"))


def test_the_last_word_counts(paths: Paths) -> None:
    assert held(paths) == {}
    decide(paths, "f", keep("test", 1, 2), by="Ana")
    decide(paths, "f", [relabel("test", 2, "cow", "cat")], by="Leo")
    assert held(paths) == {
        Place("test", 1): Decision(KEEP, "", "Ana"),
        Place("test", 2): Decision(RELABEL, "cat", "Leo"),
    }
    assert counts(held(paths)) == {KEEP: 1, RELABEL: 1}


def test_the_class_that_it_has_means_keep() -> None:
    assert relabel("test", 2, "cat", "cat").verdict is KEEP


def test_undo_takes_back_ones_own_last_act(paths: Paths) -> None:
    decide(paths, "f", keep("test", 1), by="Ana")
    decide(paths, "f", exclude("test", 1, 2), by="Ana")
    decide(paths, "f", keep("val", 0), by="Leo")
    assert undo(paths, "f", "Ana") == 2
    assert set(held(paths)) == {("test", 1), ("val", 0)}
    assert held(paths)[Place("test", 1)].verdict is KEEP
    assert undo(paths, "f", "Ana") == 1
    assert undo(paths, "f", "Ana") == 0
    assert undoable(read_acts(paths, "f"), "Ana") is None
    assert set(held(paths)) == {("val", 0)}


def test_undoing_spares_what_another_decided_since(paths: Paths) -> None:
    decide(paths, "f", exclude("test", 1, 2), by="Ana")
    decide(paths, "f", keep("test", 1), by="Leo")
    undo(paths, "f", "Ana")
    assert held(paths) == {Place("test", 1): Decision(KEEP, "", "Leo")}


def test_nobody_overwrites_what_they_have_not_seen(paths: Paths) -> None:
    decide(paths, "f", keep("test", 0), by="Ana")
    seen = len(read_acts(paths, "f"))
    decide(paths, "f", exclude("test", 1), by="Leo")
    added = decide(paths, "f", keep("test", 0, 1, 2), by="Ana", seen=seen)
    assert added == (2, (Place("test", 1),))
    assert held(paths)[Place("test", 1)] == Decision(EXCLUDE, "", "Leo")
    # Having seen it, she may.
    assert decide(paths, "f", keep("test", 1), by="Ana", seen=len(read_acts(paths, "f"))).left == ()
    assert held(paths)[Place("test", 1)].by == "Ana"


def test_many_at_once_lose_nothing(paths: Paths) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: decide(paths, "f", keep("test", i), by=str(i % 3)), range(24)))
    assert len(held(paths)) == len(read_acts(paths, "f")) == 24


def test_what_cannot_be_written_is_told(paths: Paths) -> None:
    paths.decisions("f").mkdir(parents=True)
    with pytest.raises(StoreError, match="could not be written"):
        decide(paths, "f", keep("test", 1))


def test_a_torn_line_harms_no_other(paths: Paths) -> None:
    decide(paths, "f", keep("test", 1))
    file = paths.decisions("f")
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 2])
    assert len(held(paths)) == 1
    decide(paths, "f", keep("test", 2))
    assert set(held(paths)) == {("test", 1), ("test", 2)}


@pytest.mark.parametrize(
    ("name", "taken", "expected"),
    [
        ("pets", [], "pets-v2"),
        ("pets-v2", ["pets-v2"], "pets-v3"),
        ("pets", ["pets", "Pets-V2", "pets-v3"], "pets-v4"),
        ("x" * 64, [], "x" * 58 + "-v2"),
    ],
)
def test_the_name_of_the_next_version(name: str, taken: list[str], expected: str) -> None:
    assert next_version(name, taken) == expected


def decided_pets(paths: Paths, pets: DatasetInfo) -> Dataset:
    acts = [
        relabel("test", 0, "cow", "cat"),
        relabel("train", 3, "cat", "dog"),
        *exclude("train", 0),
        *exclude("val", 1),
        *keep("test", 1),
    ]
    decide(paths, pets.fingerprint, acts, by="Ana")
    return open_dataset(paths, "pets")


def test_the_next_version(paths: Paths, pets: DatasetInfo) -> None:
    decided_pets(paths, pets)
    recipe = next_recipe("pets", decisions(read_acts(paths, pets.fingerprint)))
    info = derive_dataset(paths, recipe, "pets-v2")
    assert opened(paths, "pets-v2") == {
        "train": [("dog", 2), ("cow", 3), ("dog", 4), ("dog", 5)],
        "val": [("dog", 7)],
        "test": [("cat", 9), ("cat", 10), ("dog", 11)],
    }
    assert opened(paths, "pets") == PETS
    assert info.class_names == ("cat", "dog", "cow")
    assert info.class_counts == {"train": [0, 3, 1], "val": [0, 1, 0], "test": [2, 1, 0]}
    assert info.fingerprint != pets.fingerprint
    assert info.derived is not None
    assert info.derived.ancestors[0].fingerprint == pets.fingerprint
    assert [str(s) for s in info.derived.steps] == [
        "Images left out by hand: 2.",
        "Images given another class: 2.",
    ]
    files = paths.dataset("pets-v2")
    assert list(csv.reader(files.relabelled.open(encoding="utf-8"))) == [
        ["dataset", "split", "row", "file", "old", "new"],
        ["pets", "test", "0", "test/0.png", "cow", "cat"],
        ["pets", "train", "3", "train/3.png", "cat", "dog"],
    ]
    dropped = list(csv.reader(files.dropped.open(encoding="utf-8")))
    assert [(line[1], line[2], line[5]) for line in dropped[1:]] == [
        ("train", "0", "excluded"),
        ("val", "1", "excluded"),
    ]
    # The recipe is all that it takes to make it again.
    again = Recipe.model_validate_json(files.recipe.read_bytes())
    assert derive_dataset(paths, again, "again").fingerprint == info.fingerprint


def test_a_set_in_which_nothing_was_relabelled_has_no_such_list(
    paths: Paths, pets: DatasetInfo
) -> None:
    derive_dataset(paths, next_recipe("pets", {Place("train", 0): Decision(EXCLUDE, "", "")}), "v2")
    assert not paths.dataset("v2").relabelled.exists()


def test_keeping_everything_makes_no_version(paths: Paths) -> None:
    with pytest.raises(DatasetError, match="Nothing would change"):
        next_recipe("pets", {Place("test", 1): Decision(KEEP, "", "Ana")})


def test_a_table_comes_back_as_it_went(paths: Paths, pets: DatasetInfo) -> None:
    dataset = decided_pets(paths, pets)
    held = decisions(read_acts(paths, pets.fingerprint))
    written = decisions_csv(dataset, held)
    assert written.splitlines() == [
        "split,row,file,given,decision,new,by",
        "test,0,test/0.png,cow,relabel,cat,Ana",
        "test,1,test/1.png,cat,keep,,Ana",
        "train,0,train/0.png,cat,exclude,,Ana",
        "train,3,train/3.png,cat,relabel,dog,Ana",
        "val,1,val/1.png,cat,exclude,,Ana",
    ]
    read = parse_decisions(dataset, written.encode("utf-8-sig"))
    assert {one.place: (one.verdict, one.label) for one in read} == {
        place: (decision.verdict, decision.label) for place, decision in held.items()
    }
    # As a Spanish spreadsheet saves it.
    assert parse_decisions(dataset, written.replace(",", ";").encode("cp1252")) == read


def test_names_that_look_like_formulas(paths: Paths) -> None:
    prepared(paths, "odd", {"train": [("=a", 1), ("-b", 2)]})
    dataset = open_dataset(paths, "odd")
    held = {Place("train", 0): Decision(RELABEL, "-b", "")}
    written = decisions_csv(dataset, held)
    assert "'=a" in written
    (read,) = parse_decisions(dataset, written.encode())
    assert read.label == "-b"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("test,7,,,keep,", "no row 7 in the split “test”: it has 3"),
        ("probe,0,,,keep,", "no row 0 in the split “probe”: it has 0"),
        ("test,-1,,,keep,", "no row -1"),
        (f"test,{'9' * 5000},,,keep,", "has no row 999"),
        ("test,0,test/1.png,,keep,", "another dataset than “pets”: here stands “test/0.png”"),
        ("test,0,,dog,keep,", "here stands “cow”, in the table “dog”"),
        ("test,0,,,perhaps,", "one of keep, relabel, exclude; received: “perhaps”"),
        ("test,0,,,relabel,horse", "no class “horse”. There are: “cat”, “cow”, “dog”"),
        ("test,0", "received: “”"),
    ],
)
def test_what_a_table_cannot_say(paths: Paths, pets: DatasetInfo, line: str, words: str) -> None:
    table = f"split,row,file,given,decision,new\ntest,1,,,keep,\n{line}\n"
    with pytest.raises(DatasetError, match="Line 3") as caught:
        parse_decisions(open_dataset(paths, "pets"), table.encode())
    assert words in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"file,label\na.png,cat\n", b"\x00\x01"])
def test_another_table_is_refused(paths: Paths, pets: DatasetInfo, data: bytes) -> None:
    with pytest.raises(DatasetError, match="has the columns split, row"):
        parse_decisions(open_dataset(paths, "pets"), data)
