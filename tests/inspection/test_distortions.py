"""Pictures made worse: what each change does to a picture whose every pixel is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.inspection.distortions import DISTORTIONS, SEVERITIES, distort

SIDE = 20


def dot(row: int = 10, column: int = 15, channels: int = 1) -> NDArray[np.uint8]:
    """One white 2×2 dot right of the middle of black pictures (1, 20, 20, c)."""
    image = np.zeros((1, SIDE, SIDE, channels), np.uint8)
    image[0, row - 1 : row + 1, column - 1 : column + 1] = 255
    return image


def middle_of(image: NDArray[np.uint8]) -> tuple[float, float]:
    """Where the light is: (row, column) counted from the upper left edge of the picture."""
    light = image[..., 0].astype(float)
    places = np.arange(SIDE) + 0.5
    return (
        float((light.sum(1) * places).sum() / light.sum()),
        float((light.sum(0) * places).sum() / light.sum()),
    )


@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_distortion_keeps_shape_and_type(name: str, channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 9, channels), np.uint8)
    kept = images.copy()
    np.testing.assert_array_equal(distort(images, name, 0.0), images)
    for severity in SEVERITIES[1:]:
        changed = distort(images, name, severity)
        assert changed.shape == images.shape
        assert changed.dtype == np.uint8
        assert (changed != images).any()
    np.testing.assert_array_equal(images, kept)
    again = distort(images[:1], name, 0.5)  # the same alone as among others
    np.testing.assert_array_equal(distort(images, name, 0.5)[:1], again)
    third = distort(images[2:], name, 0.5, first=2)
    np.testing.assert_array_equal(distort(images, name, 0.5)[2:], third)
    assert distort(images[:0], name, 0.5).shape == (0, 12, 9, channels)


def test_values_in_real_units() -> None:
    assert DISTORTIONS["rotation"].levels == (0, 15, 30, 45, 60, 75, 90)
    assert DISTORTIONS["smaller"].levels == (100, 90, 80, 70, 60, 50, 40)
    assert DISTORTIONS["jpeg"].levels == (100, 84, 68, 52, 36, 20, 4)
    for severity in (-0.1, 1.1):
        with pytest.raises(ValueError, match="from 0 to 1"):
            distort(dot(), "rotation", severity)
    with pytest.raises(KeyError):
        distort(dot(), "melting", 0.5)


def test_a_quarter_turn() -> None:
    """What was right of the middle is above or below it, five pixels away."""
    row, column = middle_of(distort(dot(), "rotation", 1.0)[0])
    assert abs(row - 10) == pytest.approx(5, abs=0.1)
    assert column == pytest.approx(10, abs=0.1)
    turned = {distort(np.repeat(dot(), 20, 0), "rotation", 1.0)[i].tobytes() for i in range(20)}
    assert len(turned) == 2  # to either side


def test_shifts_have_the_length_they_say() -> None:
    """At a third of the severity 10 % of the side: 2 pixels, in any direction."""
    for changed in distort(np.repeat(dot(10, 10), 8, 0), "shift", 1 / 3):
        row, column = middle_of(changed)
        assert np.hypot(row - 10, column - 10) == pytest.approx(2, abs=0.05)


def test_scales_move_things_from_and_to_the_middle() -> None:
    assert middle_of(distort(dot(), "smaller", 1.0)[0]) == pytest.approx((10, 12), abs=0.15)
    assert middle_of(distort(dot(10, 13), "larger", 1.0)[0]) == pytest.approx((10, 16.6), abs=0.15)


def test_the_border_goes_on() -> None:
    """A picture of one grey stays what it is: no black corners come in."""
    grey = np.full((2, 9, 12, 3), 130, np.uint8)
    for name in ("rotation", "shift", "smaller", "larger", "blur", "occlusion", "jpeg"):
        assert np.ptp(distort(grey, name, 1.0)) <= 1, name


def test_light_noise_and_cover() -> None:
    grey = np.full((1, 30, 30, 1), 100, np.uint8)
    assert set(distort(grey, "darker", 1.0).ravel()) == {10}
    assert set(distort(grey, "brighter", 1.0).ravel()) == {250}
    assert set(distort(2 * grey, "brighter", 1.0).ravel()) == {255}
    noise = distort(grey, "noise", 0.5).astype(float) - 100
    assert noise.std() == pytest.approx(30, rel=0.1)
    halves = np.zeros((1, 30, 30, 1), np.uint8)
    halves[:, 15:] = 200  # the square is of the mean, 100
    covered = (distort(halves, "occlusion", 1.0) == 100).mean()
    assert covered == pytest.approx(0.6, abs=0.03)


def test_blur_spreads_by_a_share_of_the_side() -> None:
    blurred = distort(dot(10, 10), "blur", 1.0)[0, ..., 0].astype(float)
    places = np.arange(SIDE) + 0.5
    spread = np.sqrt((blurred.sum(0) * (places - 10) ** 2).sum() / blurred.sum())
    assert spread == pytest.approx(np.hypot(0.09 * SIDE, 0.5), rel=0.12)
