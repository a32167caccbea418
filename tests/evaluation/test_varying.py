"""Versions of a picture, on images whose pixels can be followed by eye."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.config import AugmentConfig
from core.evaluation.varying import average_over, resampled, variants

IMAGE = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], np.uint8)[None, ..., None]


def versions(**settings: Any) -> list[list[list[int]]]:
    made = variants(AugmentConfig(**settings), (3, 3))
    return [resampled(IMAGE, v.matrix)[0, ..., 0].tolist() for v in made]


def test_a_run_without_augmentation_has_one_version() -> None:
    assert variants(AugmentConfig(), (3, 3)) == []
    # These change colours or mix images: no version of one picture.
    assert variants(AugmentConfig(brightness=0.3, mixing="mixup"), (3, 3)) == []


@pytest.mark.parametrize(
    ("flip", "expected"),
    [
        ("horizontal", [IMAGE[0, :, ::-1, 0]]),
        ("vertical", [IMAGE[0, ::-1, :, 0]]),
        ("both", [IMAGE[0, :, ::-1, 0], IMAGE[0, ::-1, :, 0], IMAGE[0, ::-1, ::-1, 0]]),
    ],
)
def test_flips_are_exact(flip: str, expected: list[Any]) -> None:
    assert versions(flip=flip) == [e.tolist() for e in expected]


def test_shifts_are_half_of_training_s_and_repeat_the_border() -> None:
    # A third of the side in training would be one pixel: two thirds here.
    up, down, left, right = variants(AugmentConfig(translation=0.5), (4, 4))
    image = np.arange(0, 160, 10, dtype=np.uint8).reshape(1, 4, 4, 1)
    flat = image[0, ..., 0]
    assert resampled(image, up.matrix)[0, ..., 0].tolist() == [*flat[1:].tolist(), flat[3].tolist()]
    assert resampled(image, down.matrix)[0, 0, :, 0].tolist() == flat[0].tolist()
    assert resampled(image, left.matrix)[0, 0, :, 0].tolist() == [10, 20, 30, 30]
    assert resampled(image, right.matrix)[0, 0, :, 0].tolist() == [0, 0, 10, 20]


def test_half_a_turn_in_training_is_a_quarter_here() -> None:
    # 180° at most: the versions are turned by 90°, either way.
    one, other = versions(rotation=180)
    turned = [np.rot90(IMAGE[0, ..., 0], k).tolist() for k in (1, -1)]
    assert sorted([one, other]) == sorted(turned)


def test_zooms_keep_the_middle_and_crops_a_corner() -> None:
    for larger, smaller in [versions(zoom=0.5)]:
        assert larger[1][1] == smaller[1][1] == 50
        assert larger[0][0] > 10  # the corner has left the image
        assert smaller[0][0] == 10
    corners = versions(crop=0.5)
    assert [
        c[y][x] for c, (y, x) in zip(corners, ((0, 0), (0, 2), (2, 0), (2, 2)), strict=True)
    ] == [10, 30, 70, 90]


def test_a_mixture_is_between_its_pixels() -> None:
    half = np.array([[1, 0, 0], [0, 1, 0.5]], np.float64)
    assert resampled(IMAGE, half)[0, 0, :, 0].tolist() == [15, 25, 30]


def test_the_mean_of_all_versions() -> None:
    def predict(images: Any) -> Any:
        """Sure of class 0 by the brightness of the upper left pixel."""
        first = images[:, 0, 0, 0] / 100
        return np.stack([first, 1 - first], axis=1).astype(np.float32)

    both = variants(AugmentConfig(flip="both"), (3, 3))
    proba = average_over(IMAGE, both, predict)
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba, [[0.5, 0.5]], atol=1e-6)  # corners 10, 30, 70, 90
    np.testing.assert_allclose(average_over(IMAGE, [], predict), [[0.1, 0.9]], atol=1e-6)
