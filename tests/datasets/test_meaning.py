"""Which changes are warned of on which dataset: learnt from class names, channels and size."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.config import AugmentConfig
from core.datasets.dataset import DatasetInfo
from core.datasets.meaning import augmentation_cautions

STRONG = AugmentConfig.model_validate(
    {
        **{"flip": "both", "rotation": 180, "crop": 0.5, "erasing": 0.5, "blur": 3},
        **{"saturation": 0.5, "hue": 90, "colour_jitter": 0.3, "greyscale": 0.5},
    }
)
PETS = ("cat", "dog", "bird")


def about(
    classes: Sequence[str], config: AugmentConfig, shape: tuple[int, int, int] = (32, 32, 3)
) -> dict[str, str]:
    info = DatasetInfo(
        name="mine",
        class_names=tuple(classes),
        image_shape=shape,
        splits={},
        class_counts={},
        resize="stretch",
        origin="",
        created="",
        fingerprint="",
        imported=0,
        skipped=0,
    )
    return {c.about: str(c.text) for c in augmentation_cautions(info, config)}


def test_nothing_to_say_of_photographs() -> None:
    assert about(PETS, STRONG) == {}
    assert about(PETS, AugmentConfig()) == {}


@pytest.mark.parametrize(
    "classes",
    [
        tuple("0123456789"),
        tuple("abcdefgh"),
        ("0 (cero)", "1 (uno)", "2 (dos)"),
        ("seven - 7", "eight - 8"),
        ("letra_ñ", "letra_A", "Letra É"),
        ("A_upper", "a_lower"),
    ],
)
def test_digits_and_letters_are_not_mirrored_nor_turned(classes: Sequence[str]) -> None:
    assert set(about(classes, AugmentConfig(flip="horizontal", rotation=90))) == {
        "flip",
        "rotation",
    }
    assert about(classes, AugmentConfig(rotation=15, translation=0.2, zoom=0.3)) == {}
    assert "by 90°" in about(classes, AugmentConfig(rotation=90))["rotation"]


@pytest.mark.parametrize(
    "classes",
    [("vitamin a", "vitamin b"), ("x-ray", "scan"), ("0", "healthy", "ill"), ("one",), ("class",)],
)
def test_what_only_looks_a_little_like_it(classes: Sequence[str]) -> None:
    assert about(classes, AugmentConfig(flip="both")) == {}


def test_directions_in_class_names() -> None:
    turns = ("turn left", "turn_right", "straight")
    assert "left and right" in about(turns, AugmentConfig(flip="horizontal"))["flip"]
    assert about(turns, AugmentConfig(flip="vertical")) == {}
    assert "rotation" in about(turns, AugmentConfig(rotation=90))
    thumbs = ("pulgar arriba", "pulgar abajo")
    assert "up and down" in about(thumbs, AugmentConfig(flip="both"))["flip"]
    assert about(thumbs, AugmentConfig(flip="horizontal")) == {}


def test_colours_in_class_names() -> None:
    apples = ("Manzana Roja", "manzana verde")
    assert set(about(apples, AugmentConfig(hue=30, greyscale=0.1))) == {"hue", "greyscale"}
    assert about(apples, AugmentConfig(brightness=0.3)) == {}
    assert about(("black bear", "dog"), AugmentConfig(hue=30)) == {}


def test_grey_images_have_no_colours() -> None:
    found = about(PETS, STRONG, (64, 64, 1))
    assert set(found) == {"saturation", "hue", "colour_jitter", "greyscale"}
    assert found["hue"].startswith("Hue is left out")


def test_tiny_images_lose_what_counts() -> None:
    found = about(PETS, STRONG, (8, 12, 3))
    assert set(found) == {"crop", "erasing", "blur"}
    assert "of 8 pixels a side only 4" in found["crop"]
    assert about(PETS, AugmentConfig(crop=0.2, erasing=0.2, blur=1), (8, 8, 3)) == {}
