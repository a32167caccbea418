"""Random changes to training images: off means off, and every change by an image one can see."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest

from core.augment import MAKERS, apply_augmentation, augmentation_layers, mixing_layer, switched_on
from core.augment.geometry import MOTIONS
from core.augment.layers import smooth
from core.config import AugmentConfig
from core.config_augment import COLOUR_ONLY, GROUPS

ALL_ON = AugmentConfig.model_validate(
    {
        **{"flip": "both", "rotation": 20, "translation": 0.2, "zoom": 0.2, "crop": 0.3},
        **{"shear": 0.2, "perspective": 0.3, "brightness": 0.3, "contrast": 0.3},
        **{"saturation": 0.5, "hue": 90, "colour_jitter": 0.4, "greyscale": 0.5},
        **{"blur": 1.5, "sharpness": 0.8, "noise": 30, "erasing": 0.3},
        **{"rand_augment": 2, "augmix": True, "mixing": "either"},
    }
)
SINGLE = [
    AugmentConfig.model_validate({name: getattr(ALL_ON, name)}) for name in AugmentConfig.switches()
]
ALONE = [config for config in SINGLE if not config.mixes]
EVEN = [c for c in ALONE if not (c.brightness or c.noise or c.erasing or c.colour_jitter)]
SHAPES = [(8, 8, 1), (64, 48, 3)]
Pixels = npt.NDArray[np.uint8]


def name_of(config: AugmentConfig) -> str:
    return "+".join(name for name in config.switches() if config.is_on(name))


def random_images(n: int, shape: tuple[int, ...] = (8, 8, 3)) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)


def hard(n: int) -> npt.NDArray[np.float32]:
    """Every image of a class of its own."""
    return np.eye(n, dtype=np.float32)


def changed(config: AugmentConfig, images: Pixels, seed: int = 0) -> Pixels:
    return apply_augmentation(config, images, hard(len(images)), seed)[0]


def training_model(config: AugmentConfig, shape: tuple[int, ...], seed: int = 0) -> keras.Model:
    pixels = keras.Input(shape)
    x = pixels
    for layer in augmentation_layers(config, shape[-1], seed):
        x = layer(x)
    return keras.Model(pixels, x)


def test_every_switch_has_its_layer_and_its_group() -> None:
    assert {*MOTIONS, *MAKERS, "mixing"} == set(AugmentConfig.switches())
    knobs = AugmentConfig.knobs().values()
    assert list(dict.fromkeys(knob.group for knob in knobs)) == list(GROUPS)
    assert switched_on(ALL_ON, 3) == [*MOTIONS, *MAKERS]


def test_a_strength_alone_switches_nothing_on() -> None:
    config = AugmentConfig(rand_strength=0.9, augmix_strength=0.9, mix_alpha=1, mix_probability=0.1)
    assert not config.active
    assert augmentation_layers(config, 3, 0) == []
    assert mixing_layer(config, 0) is None


def test_off_is_the_identity() -> None:
    images = random_images(4)
    np.testing.assert_array_equal(changed(AugmentConfig(), images), images)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("config", [*ALONE, ALL_ON], ids=name_of)
def test_preview_and_training_draw_the_same(
    config: AugmentConfig, shape: tuple[int, int, int]
) -> None:
    """In a compiled ``fit``-like graph as in the preview: same pixels, in range, none outside
    training; one image alone and an odd batch."""
    import tensorflow as tf

    alone = config.model_copy(update={"mixing": "none"})
    model = training_model(alone, shape)
    fresh = [keras.ops.convert_to_numpy(v) for v in model.variables]
    signature = [tf.TensorSpec((None, *shape), tf.float32)]
    graph = tf.function(lambda x: model(x, training=True), input_signature=signature)
    for n in (1, 7):
        images = random_images(n, shape)
        for variable, value in zip(model.variables, fresh, strict=True):
            variable.assign(value)  # it draws from the beginning again
        seen = graph(images.astype(np.float32)).numpy()
        assert seen.shape == images.shape
        assert seen.min() >= 0
        assert seen.max() <= 255
        # To a rounding; a compiled sum may differ in its last bit, and where levels are cut
        # into steps a pixel falls to the other side once in a while.
        off = np.abs(seen - changed(alone, images)) > 0.51
        assert off.mean() < 1e-3
        same = model(images.astype(np.float32), training=False)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(same), images)


@pytest.mark.parametrize("config", SINGLE, ids=name_of)
def test_each_change_changes_some_images(config: AugmentConfig) -> None:
    images = random_images(16)
    seen = changed(config, images)
    assert seen.dtype == np.uint8
    assert seen.shape == images.shape
    assert (seen != images).any()


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_everything_at_once_in_fit(shape: tuple[int, int, int]) -> None:
    """The last batch is of one image."""
    images, labels = random_images(9, shape), np.arange(9) % 2
    body = training_model(ALL_ON, shape)
    logits = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(body.output))
    model = keras.Model(body.input, logits)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(images, labels, batch_size=4, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.parametrize("name", COLOUR_ONLY)
def test_what_grey_images_do_not_have_is_left_out(name: str) -> None:
    config = AugmentConfig.model_validate({name: getattr(ALL_ON, name)})
    grey = random_images(4, (8, 8, 1))
    assert augmentation_layers(config, 1, 0) == []
    np.testing.assert_array_equal(changed(config, grey), grey)


def test_the_seed_decides() -> None:
    images = random_images(8)
    once, again, other = (apply_augmentation(ALL_ON, images, hard(8), seed) for seed in (1, 1, 2))
    for i in range(2):
        np.testing.assert_array_equal(once[i], again[i])
        assert (once[i] != other[i]).any()


@pytest.mark.parametrize("config", ALONE, ids=name_of)
def test_every_image_and_every_epoch_draws_for_itself(config: AugmentConfig) -> None:
    same = np.repeat(random_images(1), 32, axis=0).astype(np.float32)
    model = training_model(config, same.shape[1:])
    first, second = (keras.ops.convert_to_numpy(model(same, training=True)) for _ in range(2))
    assert len({image.tobytes() for image in first}) > 1
    assert (first != second).any()


def test_random_states_are_variables_of_the_training_model() -> None:
    """What is not a variable of the model is not in its checkpoint."""
    model = training_model(ALL_ON, (8, 8, 3))
    states = [v for v in model.variables if v.path.endswith("seed_generator_state")]
    before = [keras.ops.convert_to_numpy(v).tolist() for v in states]
    saved = [keras.ops.convert_to_numpy(v) for v in model.variables]
    images = random_images(8).astype(np.float32)
    first = keras.ops.convert_to_numpy(model(images, training=True))
    assert [keras.ops.convert_to_numpy(v).tolist() for v in states] != before
    for variable, value in zip(model.variables, saved, strict=True):
        variable.assign(value)
    again = keras.ops.convert_to_numpy(model(images, training=True))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("config", EVEN, ids=name_of)
def test_an_even_picture_stays_as_it_is(config: AugmentConfig) -> None:
    """No black edges come in: what lies beyond the border is the border's own."""
    even = np.full((8, 9, 7, 3), 100, dtype=np.uint8)
    if config.rand_augment or config.augmix:
        seen = changed(config, even, 3)
        assert (seen == seen[:, :1, :1]).all()
    else:
        assert np.abs(changed(config, even, 3).astype(int) - 100).max() <= (config.hue > 0)


class TestShape:
    def test_flips_mirror_some_and_leave_the_others(self) -> None:
        picture = np.arange(12, dtype=np.uint8).reshape(1, 3, 4, 1)
        batch = np.repeat(picture, 32, axis=0)
        mirrored = {
            "horizontal": [picture[0], picture[0, :, ::-1]],
            "vertical": [picture[0], picture[0, ::-1]],
        }
        for direction, either in mirrored.items():
            seen = changed(AugmentConfig.model_validate({"flip": direction}), batch)
            kinds = [[np.array_equal(image, kind) for kind in either] for image in seen]
            assert all(any(kind) for kind in kinds)
            assert {tuple(kind) for kind in kinds} == {(True, False), (False, True)}

    def test_rotation_stays_within_its_angle(self) -> None:
        """A bright top half: its centre may turn by up to 30°, and does turn both ways."""
        batch = np.zeros((64, 33, 33, 1), dtype=np.uint8)
        batch[:, :16] = 200
        seen = changed(AugmentConfig(rotation=30), batch).astype(float)[..., 0]
        axis = np.arange(33) - 16
        disc = (axis[:, None] ** 2 + axis**2) <= 14**2
        x = (seen * disc * axis).sum((1, 2))
        y = (seen * disc * axis[:, None]).sum((1, 2))
        angles = np.degrees(np.arctan2(x, -y))
        assert np.abs(angles).max() <= 31
        assert angles.min() < -20
        assert angles.max() > 20

    def test_perspective_shows_nothing_from_outside(self) -> None:
        """Bright in the middle of a dark frame: of the frame never more is seen than there was."""
        framed = np.full((32, 16, 16, 1), 200, np.uint8)
        framed[:, [0, -1]] = framed[:, :, [0, -1]] = 0
        seen = changed(AugmentConfig(perspective=0.4), framed)
        assert ((seen < 100).sum((1, 2, 3)) <= 60 + 4).all()
        assert len({image.tobytes() for image in seen}) > 16


class TestLight:
    def test_brightness_moves_every_pixel_alike(self) -> None:
        even = np.full((64, 4, 4, 1), 128, np.uint8)
        levels = changed(AugmentConfig(brightness=0.2), even)
        assert (levels == levels[:, :1, :1]).all()
        moved = levels[:, 0, 0, 0].astype(int) - 128
        assert np.abs(moved).max() <= 51
        assert moved.min() < -30
        assert moved.max() > 30

    def test_contrast_goes_both_ways(self) -> None:
        halves = np.full((64, 4, 4, 1), 100, np.uint8)
        halves[:, 2:] = 150
        seen = changed(AugmentConfig(contrast=0.4), halves).astype(int)
        span = seen[:, 3, 0, 0] - seen[:, 0, 0, 0]
        assert span.min() < 40
        assert span.max() > 60
        assert 29 <= span.min() <= span.max() <= 71
        np.testing.assert_allclose(seen.mean((1, 2, 3)), 125, atol=1)

    def test_greyscale_makes_the_channels_equal_in_its_part_of_the_images(self) -> None:
        images = random_images(200)
        seen = changed(AugmentConfig(greyscale=0.3), images)
        grey = (seen == seen[..., :1]).all((1, 2, 3))
        assert 0.2 < grey.mean() < 0.4
        np.testing.assert_array_equal(seen[~grey], images[~grey])

    def test_saturation_keeps_grey_grey_and_brightness_in_range(self) -> None:
        grey = np.repeat(random_images(8, (8, 8, 1)), 3, axis=-1)
        np.testing.assert_allclose(changed(AugmentConfig(saturation=0.9), grey), grey, atol=1)

    def test_hue_turns_red_into_other_full_colours(self) -> None:
        red = np.zeros((64, 2, 2, 3), np.uint8)
        red[..., 0] = 255
        seen = changed(AugmentConfig(hue=180), red)
        assert (seen.max(-1) == 255).all()
        assert (seen.min(-1) == 0).all()
        assert set(seen[:, 0, 0].argmax(-1)) == {0, 1, 2}


class TestQuality:
    def test_a_blur_by_hand(self) -> None:
        """One bright pixel: the weights of the Gaussian, which add up to one."""
        point = np.zeros((1, 9, 9, 1), np.float32)
        point[0, 4, 4] = 100
        seen = keras.ops.convert_to_numpy(smooth(point, 1.0))[0, :, :, 0]
        assert seen.sum() == pytest.approx(100, rel=1e-4)
        assert seen[4, 5] / seen[4, 4] == pytest.approx(np.exp(-0.5), rel=1e-4)
        assert seen[5, 5] / seen[4, 4] == pytest.approx(np.exp(-1.0), rel=1e-4)
        np.testing.assert_allclose(seen, seen.T, rtol=1e-5)

    def test_noise_has_its_deviation(self) -> None:
        even = np.full((100, 16, 16, 1), 128, np.uint8)
        seen = changed(AugmentConfig(noise=30), even).astype(float)
        deviations = seen.std((1, 2, 3))
        assert deviations.max() < 33
        assert deviations.min() < 5
        assert abs(seen.mean() - 128) < 1

    def test_erasing_covers_no_more_than_its_part(self) -> None:
        seen = changed(AugmentConfig(erasing=0.25), np.zeros((64, 20, 20, 3), np.uint8))
        covered = (seen == 127).all(-1)
        assert set(np.unique(seen)) == {0, 127}
        assert covered.mean((1, 2)).max() <= 0.3
        assert covered.mean((1, 2)).max() > 0.15


class TestMixing:
    """Two even images, 50 and 250, of the classes 0 and 1."""

    def mixed(self, config: AugmentConfig, seed: int = 0) -> tuple[Any, Any]:
        images = np.zeros((40, 10, 10, 1), np.uint8)
        images[:20], images[20:] = 50, 250
        labels = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
        seen, shares = apply_augmentation(config, images, labels, seed)
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        return seen.astype(float)[..., 0], shares

    def test_mixup_is_the_mean_by_the_shares_of_the_label(self) -> None:
        seen, shares = self.mixed(AugmentConfig(mixing="mixup", mix_alpha=1))
        assert (seen == seen[:, :1, :1]).all()
        np.testing.assert_allclose(seen[:, 0, 0], shares @ [50, 250], atol=0.51)
        assert shares[:20, 0].std() > 0.2

    def test_cutmix_pastes_as_much_as_the_label_says(self) -> None:
        seen, shares = self.mixed(AugmentConfig(mixing="cutmix", mix_alpha=1))
        assert set(np.unique(seen)) == {50, 250}
        np.testing.assert_allclose((seen == 50).mean((1, 2)), shares[:, 0], atol=1e-6)
        for image in seen[:20] == 250:  # one rectangle
            rows, columns = image.any(1).sum(), image.any(0).sum()
            assert image.sum() == rows * columns
        assert 0.05 < shares[:20, 1].mean() < 0.8

    def test_either_does_the_one_or_the_other(self) -> None:
        seen, shares = self.mixed(AugmentConfig(mixing="either", mix_alpha=1))
        np.testing.assert_allclose(seen.mean((1, 2)), shares @ [50, 250], atol=0.51)
        blended = (seen == seen[:, :1, :1]).all((1, 2)) & ~np.isin(seen[:, 0, 0], (50, 250))
        assert 5 < blended.sum() < 35

    def test_the_probability_leaves_the_others_alone(self) -> None:
        config = AugmentConfig(mixing="mixup", mix_alpha=2, mix_probability=0.25)
        seen, shares = self.mixed(config)
        alone = (shares == 1).any(axis=1)
        assert 0.5 < alone.mean() < 0.95
        assert set(np.unique(seen[alone])) <= {50, 250}

    def test_a_small_alpha_leaves_mostly_one_image(self) -> None:
        _seen, shares = self.mixed(AugmentConfig(mixing="mixup", mix_alpha=0.1))
        assert np.isfinite(shares).all()
        assert np.median(shares.max(axis=1)) > 0.95

    def test_one_image_alone_keeps_its_label(self) -> None:
        image, label = random_images(1), np.array([[0, 1, 0]], np.float32)
        seen, shares = apply_augmentation(AugmentConfig(mixing="either"), image, label, 0)
        np.testing.assert_array_equal(seen, image)
        np.testing.assert_allclose(shares, label, atol=1e-6)
