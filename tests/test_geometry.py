"""Changes of shape, with random numbers that are given: answers one can work out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from core.augment.geometry import MOTIONS, Drawn, RandomMotion, one_after_another
from core.augment.layers import warp

Picture = npt.NDArray[np.float32]


def matrix_of(name: str, amount: Any, *lots: float, size: tuple[int, int] = (5, 5)) -> Any:
    """(1, 6) of one motion; ``lots`` in [0, 1) decide where an image stands in its range."""
    assert len(lots) == MOTIONS[name].draws
    return MOTIONS[name].matrix(Drawn(amount, [keras.ops.full((1,), lot) for lot in lots], size))


def moved(picture: Picture, *matrices: Any) -> Picture:
    seen = warp(picture[None, :, :, None], one_after_another(list(matrices)))
    answer: Picture = keras.ops.convert_to_numpy(seen)[0, :, :, 0]
    return answer


def ramp(side: int = 5) -> Picture:
    """0, 10, 20, … from left to right."""
    return np.tile(np.arange(side, dtype=np.float32) * 10, (side, 1))


@pytest.mark.parametrize(
    ("left", "row"),
    [(0, [0, 5, 10, 15, 20]), (0.5, [10, 15, 20, 25, 30]), (1, [20, 25, 30, 35, 40])],
)
def test_half_of_a_ramp_enlarged(left: float, row: list[float]) -> None:
    crop = matrix_of("crop", 0.5, 1.0, left, 0.0)
    np.testing.assert_allclose(moved(ramp(), crop), np.tile(row, (5, 1)), atol=1e-4)


def test_the_third_number_of_a_crop_is_its_top() -> None:
    crop = matrix_of("crop", 0.5, 1.0, 0.0, 1.0)
    np.testing.assert_allclose(moved(ramp().T, crop)[:, 0], [20, 25, 30, 35, 40], atol=1e-4)


def test_a_shift_by_a_pixel_repeats_the_border() -> None:
    """By 0.2 of 5 pixels across, none down."""
    shift = matrix_of("translation", 0.2, 1.0, 0.5)
    np.testing.assert_allclose(moved(ramp(), shift)[2], [10, 20, 30, 40, 40], atol=1e-4)
    np.testing.assert_allclose(moved(ramp().T, shift), ramp().T, atol=1e-4)


def test_a_zoom_leaves_the_centre() -> None:
    """Half as large: the middle pixel stays, its neighbours come from two pixels away."""
    zoom = matrix_of("zoom", 0.5, 1.0)
    np.testing.assert_allclose(moved(ramp(), zoom)[2], [0, 5, 20, 35, 40], atol=1e-4)


def test_a_quarter_turn() -> None:
    turn = matrix_of("rotation", 90, 1.0)
    np.testing.assert_allclose(moved(ramp(), turn), np.rot90(ramp()), atol=1e-3)


def test_a_shear_slants_about_the_centre() -> None:
    """By half a pixel a row: the middle row stays, the outer ones move by one, either way."""
    column = np.zeros((5, 5), np.float32)
    column[:, 2] = 10
    seen = moved(column, matrix_of("shear", 0.5, 1.0, 0.5))
    assert seen[::2].argmax(axis=1).tolist() == [3, 2, 1]
    np.testing.assert_allclose(seen[1], [0, 0, 5, 5, 0], atol=1e-5)


def test_the_first_of_several_is_applied_first() -> None:
    """Mirrored and then shifted to the left is not shifted and then mirrored."""
    mirror = matrix_of("flip", "horizontal", 0.0, 0.0)
    shift = matrix_of("translation", 0.2, 1.0, 0.5)
    np.testing.assert_allclose(moved(ramp(), mirror, shift)[2], [30, 20, 10, 0, 0], atol=1e-4)
    np.testing.assert_allclose(moved(ramp(), shift, mirror)[2], [40, 40, 30, 20, 10], atol=1e-4)


def test_all_at_once_are_what_they_are_one_by_one() -> None:
    """On a smooth picture, away from its borders, where one by one blurs and cuts off."""
    y, x = np.mgrid[0:32, 0:32].astype(np.float32)
    picture = 100 + 3 * x + 2 * y
    size = (32, 32)
    motions = [
        matrix_of("flip", "both", 0.9, 0.1, size=size),
        matrix_of("crop", 0.2, 0.7, 0.3, 0.8, size=size),
        matrix_of("rotation", 20, 0.8, size=size),
        matrix_of("translation", 0.1, 0.9, 0.2, size=size),
        matrix_of("zoom", 0.2, 0.3, size=size),
        matrix_of("shear", 0.1, 0.9, 0.3, size=size),
    ]
    step_by_step = picture
    for motion in motions:
        step_by_step = moved(step_by_step, motion)
    together = moved(picture, *motions)
    np.testing.assert_allclose(together[12:20, 12:20], step_by_step[12:20, 12:20], atol=0.01)


def test_every_change_draws_numbers_of_its_own() -> None:
    layer = RandomMotion({"zoom": 0.2, "flip": "both", "rotation": 15}, seed=3)
    assert list(layer.amounts) == ["flip", "rotation", "zoom"]
    batch = np.repeat(ramp(9)[None, :, :, None], 64, axis=0)
    seen = keras.ops.convert_to_numpy(layer(batch, training=True))
    assert len({image.tobytes() for image in seen}) == 64
    assert (keras.ops.convert_to_numpy(layer(batch)) == batch).all()
