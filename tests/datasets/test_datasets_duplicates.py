"""Equal images: found, judged, remembered."""

from __future__ import annotations

import numpy as np
import pytest

from core.datasets.dataset import SPLITS
from core.datasets.dropped import DropReason
from core.datasets.duplicates import (
    Trouble,
    find_duplicates,
    judge,
    read_duplicates,
    save_duplicates,
    worst_first,
)
from core.datasets.registry import open_dataset
from core.datasets.rows import digests, row_blocks
from core.paths import Paths
from tests.datasets.prepared import prepared

TRAIN, VAL, TEST = range(3)


def test_digests_tell_pixels_apart() -> None:
    images = np.zeros((3, 2, 2, 3), np.uint8)
    images[1, 1, 1, 2] = 1
    first, other, again = digests(images)
    assert first == again != other


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_blocks_are_all_rows(paths: Paths, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("core.datasets.rows.BLOCK_BYTES", size)
    prepared(paths, "x", {"train": [("a", 1), ("b", 2), ("a", 3)]})
    blocks = list(row_blocks(open_dataset(paths, "x"), "train"))
    assert np.concatenate([b.images for b in blocks])[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert blocks[0].start == 0


def test_groups_and_what_is_wrong_with_them(paths: Paths) -> None:
    info = prepared(
        paths,
        "x",
        {
            "train": [("a", 1), ("a", 1), ("b", 2), ("a", 3), ("b", 7)],
            "val": [("b", 2), ("b", 8)],
            "test": [("b", 3)],
            "unlabelled": [("", 1), ("", 7), ("", 7)],
        },
    )
    found = find_duplicates(open_dataset(paths, "x"))
    groups = {}
    for group, trouble in enumerate(found.troubles()):
        here = found.members(group)
        places = zip(found.split[here].tolist(), found.row[here].tolist(), strict=True)
        groups[trouble] = [(SPLITS[split], row) for split, row in places]
    assert groups == {
        Trouble.REPEAT: [("train", 0), ("train", 1)],
        Trouble.LEAK: [("train", 2), ("val", 0)],
        Trouble.CONTRADICTION: [("train", 3), ("test", 0)],
    }
    worst = [found.troubles()[group] for group in worst_first(found.troubles())]
    assert worst == list(Trouble)
    save_duplicates(paths, info.fingerprint, found)
    again = read_duplicates(paths, info.fingerprint)
    assert again is not None
    assert [x.tolist() for x in again] == [x.tolist() for x in found]


def test_none(paths: Paths) -> None:
    info = prepared(paths, "x", {"train": [("a", 1), ("b", 2)]})
    found = find_duplicates(open_dataset(paths, "x"))
    assert (found.groups, found.troubles()) == (0, [])
    assert read_duplicates(paths, info.fingerprint) is None
    save_duplicates(paths, info.fingerprint, found)
    assert read_duplicates(paths, info.fingerprint) is not None


def test_damaged_memory_is_forgotten(paths: Paths) -> None:
    file = paths.duplicates("x")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"PK\x03\x04 half of it")
    assert read_duplicates(paths, "x") is None
    assert not file.exists()


def test_fingerprints_from_elsewhere_are_no_paths(paths: Paths) -> None:
    assert paths.duplicates("../../x").parent == paths.root / "cache" / "duplicates"
    assert paths.retired("..").folder == paths.root / "retired" / "__"


def judged(*rows: tuple[int, int, int], keep_one: bool = False) -> dict[str, list[int]]:
    """``rows`` of (pixels, split, label) → the rows to leave out, by reason."""
    values, split, label = (np.array(column) for column in zip(*rows, strict=True))
    hashes = digests(values.astype(np.uint8)[:, None, None, None])
    found = judge(hashes, split.astype(np.int8), label.astype(np.int32), keep_one=keep_one)
    return {reason.value: sorted(rows.tolist()) for reason, rows in found.items() if len(rows)}


def test_the_rules() -> None:
    assert judged((1, TRAIN, 0), (2, TRAIN, 0), (1, TRAIN, 0)) == {"duplicate": [2]}
    assert judged((1, TRAIN, 0), (1, VAL, 0)) == {"leak": [0]}
    assert judged((1, VAL, 0), (1, TEST, 0), (1, TEST, 0)) == {"leak": [0], "duplicate": [2]}
    assert judged((1, TRAIN, 0), (1, TRAIN, 1), (1, TEST, 1)) == {"contradiction": [0, 1, 2]}
    assert judged((1, TRAIN, 0), (1, VAL, 1), keep_one=True) == {"leak": [0]}
    assert judged((1, TRAIN, 0), (2, TRAIN, 0)) == {}


def test_no_rows() -> None:
    none = np.zeros(0)
    assert judge(none.astype("V16"), none.astype(np.int8), none.astype(np.int32)) == {}


def test_random_rows_leave_exactly_one_of_each() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 40, 300)
    split = rng.integers(0, 3, 300)
    label = values % 3
    out = judged(*zip(values.tolist(), split.tolist(), label.tolist(), strict=True))
    assert DropReason.CONTRADICTION not in out
    gone = [row for rows in out.values() for row in rows]
    assert len(gone) == len(set(gone))
    left = np.setdiff1d(np.arange(300), gone)
    assert sorted(values[left].tolist()) == np.unique(values).tolist()
    # The copy that is left lies in the test if any of them did.
    for row in left:
        assert split[row] == split[values == values[row]].max()
