"""Mean, variance and brightness; how pictures are made small; the mixture of the splits."""

from __future__ import annotations

import numpy as np
import pytest

from core.analysis.balance import Shift, shifted
from core.analysis.rows import BLOCK_BYTES, Place, Rows
from core.analysis.shrinking import shrink
from core.analysis.stats import BINS, ClassSums, brightness, class_brightness, mean_side
from core.datasets.registry import open_dataset
from core.paths import Paths
from tests.analysis.making import Part, photographs, rows_of, write


def constant(n: int, level: int) -> np.ndarray:
    return np.full((n, 4, 6, 3), level, np.uint8)


def test_two_classes_of_one_grey_each() -> None:
    sums = ClassSums(3, 2, (4, 6, 3))
    sums.add(np.concatenate([constant(5, 10), constant(3, 201)]), np.array([0] * 5 + [1] * 3), 0)
    sums.add(constant(2, 10), np.array([0, -1], np.int32), 1)
    found = sums.result()
    assert found.mean.shape == found.variance.shape == (3, 4, 6, 3)
    assert [np.unique(mean).tolist() for mean in found.mean] == [[10], [201], [0]]
    assert not found.variance.any()
    assert found.brightness.shape == (2, 4, BINS)
    assert found.brightness[0, 0, 10 // 4] == 5
    assert found.brightness[0, 1, 201 // 4] == 3
    assert found.brightness[1, [0, -1], 10 // 4].tolist() == [1, 1]
    assert found.brightness.sum() == 10
    assert class_brightness(found.brightness)[:2].tolist() == [10, 202]  # the middles of the bins
    assert np.isnan(class_brightness(found.brightness)[2])


def test_the_variance_is_per_pixel() -> None:
    images = np.zeros((2, 2, 2, 1), np.uint8)
    images[1, 0, 1] = 100
    sums = ClassSums(1, 1, (2, 2, 1))
    for image in images:  # however the pictures come
        sums.add(image[None], np.zeros(1, np.int32), 0)
    found = sums.result()
    assert found.mean[0, :, :, 0].tolist() == [[0, 50], [0, 0]]
    assert found.variance[0, :, :, 0].tolist() == [[0, 2500], [0, 0]]


def test_large_pictures_have_small_means() -> None:
    images = np.full((2, 128, 256, 1), 7, np.uint8)
    sums = ClassSums(1, 1, (128, 256, 1))
    sums.add(images, np.zeros(2, np.int32), 0)
    assert sums.result().mean.shape == (1, 64, 64, 1)
    assert np.allclose(sums.result().mean, 7)
    assert mean_side(10, 3) == 64
    assert mean_side(1000, 3) ** 2 * 1000 * 3 * 16 <= 64 << 20


def test_brightness_of_nothing_and_of_everything() -> None:
    assert brightness(np.zeros((0, 2, 2, 3), np.uint8)).tolist() == []
    assert brightness(np.full((1, 2, 2, 3), 255, np.uint8)).tolist() == [255]


@pytest.mark.parametrize("channels", [1, 3])
def test_shrinking_averages_areas(channels: int) -> None:
    image = np.arange(4 * 6 * channels, dtype=np.uint8).reshape(1, 4, 6, channels)
    small = shrink(image, 2)
    expected = image.reshape(1, 2, 2, 2, 3, channels).mean((2, 4))
    assert small.shape == (1, 2, 2, channels)
    assert np.allclose(small, expected)
    assert np.array_equal(shrink(image, 6), image)


def test_shrinking_cuts_pixels() -> None:
    """Three pixels into two: the middle one counts half for each."""
    image = np.array([0, 90, 30], np.uint8).reshape(1, 1, 3, 1)
    assert np.allclose(shrink(image, 2).ravel(), [30, 50])


def test_rows_run_through_all_splits(paths: Paths) -> None:
    """From mapped files too, block by block, and with a split nobody has heard of."""
    side = 64
    train = photographs(2 * BLOCK_BYTES // (side * side * 3) + 5, side=side)
    parts = {
        "train": Part(train, [0] * len(train)),
        "extra": Part(photographs(3, 1, side), [-1] * 3),
    }
    write(paths, "d", parts)
    rows = Rows.of(open_dataset(paths, "d"))
    assert rows.splits == ("train", "extra")
    assert len(rows) == len(train) + 3
    blocks = list(rows.blocks())
    assert len(blocks) == 4
    assert np.array_equal(np.concatenate([b.images for b in blocks])[: len(train)], train)
    assert [b.first for b in blocks][-1] == len(train)
    assert blocks[-1].labels.tolist() == [-1] * 3
    assert rows.place(len(train) + 1) == Place("extra", 1)
    assert rows.place(len(train) - 1) == Place("train", len(train) - 1)
    assert rows.name(len(train)) == "extra-0.png"
    assert np.array_equal(rows.image(1), train[1])
    assert rows.split_of.tolist() == [0] * len(train) + [1] * 3


def test_numbers_without_a_file() -> None:
    rows = rows_of(val=Part(photographs(2), [1, 0]))
    assert rows.labels.tolist() == [1, 0]
    assert [len(b.images) for b in rows.blocks()] == [2]


def test_splits_with_another_mixture() -> None:
    assert shifted({"train": [50, 50], "val": [5, 5], "test": [0, 0]}) is None
    assert shifted({"train": [500, 500], "test": [20, 80]}) == Shift(0, "test", 0.2, 0.5)
    # Four pictures of one class are luck; and without training there is nothing to compare.
    assert shifted({"train": [50, 50], "val": [4, 1]}) is None
    assert shifted({"train": [0, 0], "test": [20, 80]}) is None
    assert shifted({"train": [900, 100], "test": [100, 900], "val": [80, 20]}) == Shift(
        0, "test", 0.1, 0.9
    )
