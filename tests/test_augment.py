"""Random changes to training images: off means off, and every change by an image one can see."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from core.augment import MAKERS, RandomCropResize, apply_augmentation, augmentation_layers
from core.config import AugmentConfig

ALL_ON = AugmentConfig(flip="both", rotation=20, translation=0.2, zoom=0.2, crop=0.3, contrast=0.3)
ONE_EACH = [
    AugmentConfig.model_validate({name: getattr(ALL_ON, name)})
    for name in AugmentConfig.model_fields
]
Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def images() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3)).astype(np.uint8)


def test_every_setting_has_its_layer() -> None:
    assert set(MAKERS) == set(AugmentConfig.model_fields)
    assert len(augmentation_layers(ALL_ON, 0)) == len(MAKERS)


def test_off_is_the_identity(images: Pixels) -> None:
    assert augmentation_layers(AugmentConfig(), 0) == []
    np.testing.assert_array_equal(apply_augmentation(AugmentConfig(), images, 0), images)


@pytest.mark.parametrize("config", [*ONE_EACH, ALL_ON], ids=str)
def test_each_change_changes_bytes_into_bytes(config: AugmentConfig, images: Pixels) -> None:
    changed = apply_augmentation(config, images, 0)
    assert changed.dtype == np.uint8
    assert changed.shape == images.shape
    assert (changed != images).any()


@pytest.mark.parametrize("config", ONE_EACH, ids=str)
def test_nothing_is_changed_outside_training(config: AugmentConfig, images: Pixels) -> None:
    floats = images.astype(np.float32)
    for layer in augmentation_layers(config, 0):
        same = keras.ops.convert_to_numpy(layer(floats, training=False))
        np.testing.assert_array_equal(same, floats)


def test_the_seed_decides(images: Pixels) -> None:
    once, again, other = (apply_augmentation(ALL_ON, images, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_every_draw_is_another(images: Pixels) -> None:
    (layer,) = augmentation_layers(AugmentConfig(crop=0.3), 0)
    floats = images.astype(np.float32)
    first, second = (keras.ops.convert_to_numpy(layer(floats, training=True)) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize(
    "config",
    [c for c in ONE_EACH if not c.contrast],
    ids=str,
)
def test_an_even_picture_stays_as_it_is(config: AugmentConfig) -> None:
    """No black edges come in: what lies beyond the border is the border's own."""
    even = np.full((8, 9, 7, 3), 123, dtype=np.uint8)
    np.testing.assert_array_equal(apply_augmentation(config, even, 3), even)


def test_flips_mirror_some_and_leave_the_others() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(1, 3, 4, 1)
    batch = np.repeat(picture, 32, axis=0)
    mirrored = {
        "horizontal": [picture[0], picture[0, :, ::-1]],
        "vertical": [picture[0], picture[0, ::-1]],
    }
    for direction, either in mirrored.items():
        config = AugmentConfig.model_validate({"flip": direction})
        seen = apply_augmentation(config, batch, 0)
        kinds = [[np.array_equal(image, kind) for kind in either] for image in seen]
        assert all(any(kind) for kind in kinds)
        assert {tuple(kind) for kind in kinds} == {(True, False), (False, True)}


def test_rotation_stays_within_its_angle() -> None:
    """A bright top half: its centre may turn by up to 30°, and does turn both ways."""
    batch = np.zeros((64, 33, 33, 1), dtype=np.uint8)
    batch[:, :16] = 200
    seen = apply_augmentation(AugmentConfig(rotation=30), batch, 0).astype(float)[..., 0]
    axis = np.arange(33) - 16
    disc = (axis[:, None] ** 2 + axis**2) <= 14**2
    x = (seen * disc * axis).sum((1, 2))
    y = (seen * disc * axis[:, None]).sum((1, 2))
    angles = np.degrees(np.arctan2(x, -y))
    assert np.abs(angles).max() <= 31
    assert angles.min() < -20
    assert angles.max() > 20


class TestRandomCropResize:
    @staticmethod
    def crop(images: Any, scale: float, left: float, top: float) -> npt.NDArray[np.float32]:
        """With the three draws of every image fixed: a part ``1 - scale`` is cut away."""
        layer = RandomCropResize(0.5, seed=0)
        draws = iter([1 - scale, left, top])
        original = keras.random.uniform
        keras.random.uniform = lambda shape, *_a, **_k: keras.ops.full(shape, next(draws))
        try:
            cropped: npt.NDArray[np.float32] = keras.ops.convert_to_numpy(
                layer(images, training=True)
            )
        finally:
            keras.random.uniform = original
        return cropped

    def test_a_crop_by_hand(self) -> None:
        """Half of a 5-pixel ramp, from its left end, from its right end, from the middle."""
        ramp = np.tile(np.arange(5, dtype=np.float32)[None, None, :, None] * 10, (1, 5, 1, 1))
        left = self.crop(ramp, scale=0.5, left=0, top=0)[0, :, :, 0]
        np.testing.assert_allclose(left, np.tile([0, 5, 10, 15, 20], (5, 1)), atol=1e-4)
        right = self.crop(ramp, scale=0.5, left=1, top=0)[0, :, :, 0]
        np.testing.assert_allclose(right, np.tile([20, 25, 30, 35, 40], (5, 1)), atol=1e-4)
        middle = self.crop(ramp, scale=0.5, left=0.5, top=1)[0, :, :, 0]
        np.testing.assert_allclose(middle, np.tile([10, 15, 20, 25, 30], (5, 1)), atol=1e-4)

    def test_top_is_vertical(self) -> None:
        ramp = np.tile(np.arange(5, dtype=np.float32)[None, :, None, None] * 10, (1, 1, 5, 1))
        bottom = self.crop(ramp, scale=0.5, left=0, top=1)[0, :, :, 0]
        np.testing.assert_allclose(bottom.T, np.tile([20, 25, 30, 35, 40], (5, 1)), atol=1e-4)

    def test_each_image_draws_its_own_window(self) -> None:
        same = np.repeat(np.random.default_rng(0).random((1, 8, 8, 1)), 6, axis=0)
        seen = keras.ops.convert_to_numpy(RandomCropResize(0.5, seed=1)(same, training=True))
        assert all((seen[0] != other).any() for other in seen[1:])

    def test_it_comes_back_from_its_config(self) -> None:
        layer = RandomCropResize(0.25, seed=4)
        again = RandomCropResize.from_config(layer.get_config())
        assert (again.amount, again.seed) == (0.25, 4)
