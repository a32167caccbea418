"""Folds: a partition, every class alike, groups whole, the same for everybody; and the images
behind their row numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.config import DataConfig
from core.datasets.dataset import DatasetInfo
from core.datasets.folding import (
    count_groups,
    deal,
    deal_groups,
    group_name,
    group_rows,
)
from core.datasets.joining import learned_from, learned_info, open_as_seen, pool_counts
from core.datasets.registry import open_dataset
from core.datasets.retiring import delete_dataset
from core.errors import DatasetError
from core.paths import Paths
from tests.training.helpers import make_stripes

LABELS = np.array([0] * 7 + [1] * 11 + [2] * 3)


@pytest.fixture
def stripes(paths: Paths) -> DatasetInfo:
    return make_stripes(paths)


def data(**values: object) -> DataConfig:
    return DataConfig.model_validate({"dataset": "stripes", "folds": 3, **values})


class TestDealing:
    def test_every_class_and_all_together_are_alike_to_one(self) -> None:
        dealt = deal(LABELS, 3, (0, 0))
        assert sorted(np.bincount(dealt)) == [7, 7, 7]
        for label in range(3):
            here = np.bincount(dealt[label == LABELS], minlength=3)
            assert here.max() - here.min() <= 1

    def test_the_seed_alone_decides(self) -> None:
        once, again = deal(LABELS, 3, (0, 0)), deal(LABELS, 3, (0, 0))
        assert (once == again).all()
        assert (once != deal(LABELS, 3, (1, 0))).any()
        assert (once != deal(LABELS, 3, (0, 1))).any()

    def test_groups_stay_whole_and_classes_are_spread(self) -> None:
        groups = np.arange(60) // 4
        labels = groups % 3
        dealt = deal_groups(labels, groups, 5, (0, 0))
        assert all(len(set(dealt[groups == g])) == 1 for g in range(15))
        assert np.bincount(dealt).tolist() == [12] * 5
        assert all(np.bincount(dealt[labels == c]).tolist() == [4] * 5 for c in range(3))

    def test_one_large_group_leaves_no_fold_empty(self) -> None:
        groups = np.array([0] * 50 + [1, 2, 3])
        dealt = deal_groups(np.zeros(53, int), groups, 4, (0, 0))
        assert set(dealt) == {0, 1, 2, 3}

    @pytest.mark.parametrize(
        ("name", "rule", "group"),
        [
            ("happy/anna_03_b.png", "prefix", "anna"),
            ("sad/anna-04.png", "prefix", "anna"),
            ("sad/anna_04_b.png", "stem", "anna_04"),
            ("a/b/01.png", "folder", "a/b"),
            ("01.png", "folder", "01.png"),
            ("sad/01.png", "prefix", "sad/01.png"),
        ],
    )
    def test_names_tell_groups(self, name: str, rule: str, group: str) -> None:
        assert group_name(name, rule) == group  # type: ignore[arg-type]


class TestFolds:
    def test_they_are_a_partition_of_everything_but_the_test(
        self, paths: Paths, stripes: DatasetInfo
    ) -> None:
        dataset = open_dataset(paths, "stripes")
        folds = [learned_from(dataset, data(fold=i)) for i in range(3)]
        judged = np.concatenate([fold.rows("val") for fold in folds])
        assert sorted(judged) == list(range(120))
        for fold in folds:
            assert sorted([*fold.rows("val"), *fold.rows("train")]) == list(range(120))
            assert fold.info.splits == {"train": 80, "val": 40, "test": 30}
            labels = fold.split("val").labels[fold.rows("val")]
            assert np.bincount(labels).tolist() == fold.info.class_counts["val"]
            assert (fold.rows("test") == np.arange(30)).all()

    def test_repeats_deal_anew(self, paths: Paths, stripes: DatasetInfo) -> None:
        dataset = open_dataset(paths, "stripes")
        first, second = (learned_from(dataset, data(repeats=2, fold=i)).rows("val") for i in (0, 3))
        assert len(first) == len(second)
        assert (first != second).any()

    def test_a_description_is_about_right_without_the_images(self, stripes: DatasetInfo) -> None:
        about = learned_info(stripes, data(fold=1))
        assert sum(about.splits.values()) == 150
        assert about.splits["val"] == pytest.approx(40, abs=3)
        assert sum(about.class_counts["train"]) == about.splits["train"]
        assert sum(pool_counts(stripes)) == 120

    def test_copies_stay_together(self, paths: Paths, stripes: DatasetInfo) -> None:
        files = paths.dataset("stripes")
        train, val = np.load(files.images("train")), np.load(files.images("val"))
        val[:10] = train[:10]
        np.save(files.images("val"), val)
        dataset = open_dataset(paths, "stripes")
        for fold in range(3):
            judged = set(learned_from(dataset, data(fold=fold, grouping="copies")).rows("val"))
            assert all((i in judged) == (30 + i in judged) for i in range(10))
        pool = open_as_seen(paths, data(), stripes.fingerprint).split("val")
        assert count_groups(120, group_rows(pool, "copies")) == (120, 110, 2)

    def test_refused(self, paths: Paths, stripes: DatasetInfo) -> None:
        dataset = open_dataset(paths, "stripes")
        for split, rows in (("train", 90), ("val", 30)):
            names = [f"{'abcd'[i % 4]}_{i}.png" for i in range(rows)]
            paths.dataset("stripes").names(split).write_text(json.dumps(names))
        with pytest.raises(DatasetError, match="groups of images that stay together"):
            learned_from(open_dataset(paths, "stripes"), data(fold=0, grouping="prefix", folds=5))
        with pytest.raises(DatasetError, match="expected 0 to 2"):
            learned_info(stripes, data(fold=3))
        with pytest.raises(DatasetError, match="learned from"):
            learned_info(stripes, data(fold=0, with_validation=True))
        with pytest.raises(DatasetError, match="no fold is named"):
            learned_info(stripes, data())
        few = make_stripes(paths, "few", train=6, val=3)
        with pytest.raises(DatasetError, match="images only"):
            learned_from(open_dataset(paths, few.name), data(fold=0, folds=5))
        assert learned_from(dataset, data(fold=0)).info.splits["val"] == 40


def test_readers_find_the_image_behind_a_row(paths: Paths, stripes: DatasetInfo) -> None:
    raw = open_dataset(paths, "stripes")
    train, val = raw.split("train"), raw.split("val")
    seen = open_as_seen(paths, data(fold=2), stripes.fingerprint)
    for split in ("val", "train"):
        images = seen.split(split).images
        assert (images[7] == val.images[7]).all()
        assert (images[np.int64(33)] == train.images[3]).all()
        assert (images[29:31] == np.stack([val.images[29], train.images[0]])).all()
        names = seen.split(split).names
        assert (names[29], names[30], names[-1]) == ("val29.png", "train0.png", "train89.png")
        assert names[29:31] == ["val29.png", "train0.png"]
        assert (seen.place(split, 29), seen.place(split, 30)) == (("val", 29), ("train", 0))
    assert seen.split("val").labels[30] == train.labels[0]
    assert (seen.split("test").images[4] == raw.split("test").images[4]).all()
    assert seen.place("test", 4) == ("test", 4)
    both = open_as_seen(
        paths, DataConfig(dataset="stripes", with_validation=True), stripes.fingerprint
    )
    assert (both.split("train").images[90] == val.images[0]).all()
    assert both.place("train", 91) == ("val", 1)
    plain = open_as_seen(paths, DataConfig(dataset="stripes"), stripes.fingerprint)
    assert plain.place("train", 91) == ("train", 91)


def test_of_a_deleted_dataset_the_test_images_stay(paths: Paths, stripes: DatasetInfo) -> None:
    raw = open_dataset(paths, "stripes")
    image = np.array(raw.split("test").images[4])
    delete_dataset(paths, "stripes", {stripes.fingerprint})
    seen = open_as_seen(paths, data(), stripes.fingerprint)
    assert (seen.split("test").images[4] == image).all()
    # Row 0 of what was kept is not row 0 of every fold: better none than another one.
    with pytest.raises(DatasetError, match="no longer here"):
        seen.split("val")
