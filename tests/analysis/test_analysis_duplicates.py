"""Identical and nearly identical pictures, and which of them could be dropped."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

from core.analysis.computing import thumb_side
from core.analysis.duplicates import (
    ALIKE,
    Duplicates,
    digest_rows,
    find_duplicates,
    unit_vectors,
)
from core.analysis.groups import (
    Groups,
    across_splits,
    contradictory,
    drop_across_splits,
    drop_contradictory,
    drop_repeats,
)
from core.analysis.rows import Rows
from core.analysis.shrinking import shrink
from tests.analysis.making import Part, photographs, rows_of


def find(rows: Rows) -> Duplicates:
    images = np.concatenate([block.images for block in rows.blocks()])
    thumbs = np.rint(shrink(images, 16)).astype(np.uint8)
    return find_duplicates(rows, digest_rows(images), thumbs)


def groups(found: Groups) -> list[list[int]]:
    return [found.members(group).tolist() for group in range(found.number)]


def recompressed(image: np.ndarray) -> np.ndarray:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=60)
    return np.asarray(Image.open(out))


def test_planted_copies_are_found_and_nothing_else() -> None:
    images = photographs(60)
    images[10] = images[3]
    images[41] = images[3]
    images[50] = recompressed(images[20])
    brighter = np.clip(images[30].astype(int) * 0.8 + 40, 0, 255)
    images[55] = brighter.astype(np.uint8)
    found = find(rows_of(train=Part(images, [0] * 60)))
    assert groups(found.exact) == [[3, 10, 41]]
    assert sorted(groups(found.similar)) == [[3, 10, 41], [20, 50], [30, 55]]
    assert found.complete


def test_chains_are_one_group() -> None:
    images = photographs(20)
    images[5] = recompressed(images[2])
    images[9] = images[5]
    assert groups(find(rows_of(train=Part(images, [0] * 20))).similar) == [[2, 5, 9]]


def test_flat_pictures_are_no_storm() -> None:
    """White walls with a little noise: identical only where they are."""
    rng = np.random.default_rng(0)
    images = np.clip(250 + rng.integers(-3, 4, (200, 32, 32, 3)), 0, 255).astype(np.uint8)
    images[100:103] = 255
    found = find(rows_of(train=Part(images, [0] * 200)))
    assert groups(found.similar) == groups(found.exact) == [[100, 101, 102]]


def test_single_colours_are_flat_too() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (50, 1, 1, 3), np.uint8)
    images = colours.repeat(32, 1).repeat(32, 2)
    assert find(rows_of(train=Part(images, [0] * 50))).similar.number == 0


def test_simple_pictures_are_no_storm() -> None:
    """A hundred strokes by different hands are alike, and not the same."""
    rng = np.random.default_rng(0)
    images = np.zeros((1000, 28, 28, 1), np.uint8)
    for image in images:
        stroke = Image.new("L", (112, 112))
        top, bottom, width = *rng.integers(44, 68, 2), rng.integers(9, 14)
        ImageDraw.Draw(stroke).line((top, 16, bottom, 96), 255, int(width))
        image[..., 0] = np.asarray(stroke.resize((28, 28), Image.Resampling.BOX))
    thumbs = np.rint(shrink(images, 16)).astype(np.uint8)
    vectors = unit_vectors(thumbs)[0]
    assert np.triu(vectors @ vectors.T > ALIKE, 1).sum() > 5000
    found = find(rows_of(train=Part(images, [1] * 1000)))
    assert len(found.similar.row) - len(found.exact.row) < 50


def test_the_same_object_elsewhere_is_another_picture() -> None:
    """A bird on the same sky: thumbnails alike, edges not."""
    sky = np.linspace(60, 220, 32)[:, None, None].repeat(32, 1).repeat(3, 2)
    images = np.stack([sky, sky]).astype(np.uint8)
    images[0, 6:9, 6:9] = 20
    images[1, 20:23, 22:25] = 20
    assert find(rows_of(train=Part(images, [0, 0]))).similar.number == 0


def test_very_few_pictures() -> None:
    assert find(rows_of(train=Part(photographs(1), [0]))).similar.number == 0
    twins = photographs(1).repeat(2, 0)
    assert groups(find(rows_of(train=Part(twins, [0, 1]))).similar) == [[0, 1]]


def test_the_search_can_be_watched_and_ended() -> None:
    seen: list[int] = []
    images = photographs(2500, side=8)
    rows = rows_of(train=Part(images, [0] * 2500))
    find_duplicates(rows, digest_rows(images), images, seen.append)
    assert seen == [0, 1024, 2048]


def dropping() -> tuple[Groups, Rows]:
    """Groups over train (rows 0 to 5), val (6, 7), test (8, 9) and unlabelled (10, 11)."""
    rows = rows_of(
        train=Part(photographs(6), [0, 0, 0, 1, 1, 0]),
        val=Part(photographs(2), [0, 1]),
        test=Part(photographs(2), [0, 0]),
        unlabelled=Part(photographs(2), [-1, -1]),
    )
    row = np.array([0, 1, 8, 2, 3, 6, 4, 5, 11, 7, 10])
    key = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3])
    return Groups.of(row, key), rows


def test_groups() -> None:
    found, rows = dropping()
    assert groups(found) == [[0, 1, 8], [2, 3, 6], [4, 5, 11], [7, 10]]
    assert across_splits(found, rows).tolist() == [True, True, True, True]
    assert contradictory(found, rows).tolist() == [False, True, True, False]
    assert found.repeats().tolist() == [1, 8, 3, 6, 5, 11, 10]
    assert found.links().tolist() == [[0, 1], [0, 8], [2, 3], [2, 6], [4, 5], [4, 11], [7, 10]]


def test_the_test_split_stays_as_it_is() -> None:
    found, rows = dropping()
    assert drop_across_splits(found, rows) == {"train": [0, 1, 2, 3, 4, 5], "val": [1]}


def test_repeats_and_contradictions() -> None:
    found, rows = dropping()
    assert drop_repeats(found, rows) == {"train": [1]}
    assert drop_contradictory(found, rows) == {"train": [2, 3, 4, 5], "val": [0]}


def test_no_groups() -> None:
    rows = dropping()[1]
    none = Groups.of(np.arange(3), np.arange(3))
    assert none.number == 0
    assert groups(none) == []
    assert not len(across_splits(none, rows))
    assert not len(contradictory(none, rows))
    assert drop_across_splits(none, rows) == drop_repeats(none, rows) == {}
    assert drop_contradictory(none, rows) == {}


def test_thumbnails_stay_within_bounds() -> None:
    assert thumb_side(60_000, 3) == 16
    assert 8 < thumb_side(300_000, 3) < 16
    assert thumb_side(10_000_000, 3) == 8
