"""Shapes: drawn from a seed, as hard as asked for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from core.datasets.dataset import DatasetInfo
from core.datasets.drawing import FIGURES, Figure, Pose, coverage
from core.datasets.importing import import_dataset
from core.datasets.options import ImportOptions
from core.datasets.registry import open_dataset
from core.datasets.shapes import (
    Drawn,
    ShapesOptions,
    ShapesSource,
    class_sizes,
    draw,
)
from core.datasets.vocabularies import SHAPE_NAMES
from core.errors import ConfigError
from core.paths import Paths

STILL = ShapesOptions(position=0, rotation=0, size=0, noise=0)
SQUARE = Figure(np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64), 1.0)


def brightness(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    light: NDArray[np.float64] = pixels @ np.array([0.299, 0.587, 0.114])
    return light


def inside(options: ShapesOptions, which: Drawn) -> NDArray[np.bool_]:
    """Which pixels are the figure's, of a picture without noise: not like the corner."""
    pixels = draw(options, which).astype(int)
    different: NDArray[np.bool_] = np.abs(pixels - pixels[0, 0]).sum(axis=2) > 0
    return different


# Drawing


def test_coverage_is_exact_on_whole_pixels() -> None:
    share = coverage(SQUARE, Pose((4, 4), 2, 0), 8)
    assert share.dtype == np.float32
    assert share.shape == (8, 8)
    assert (share[2:6, 2:6] == 1).all()
    # Pillow draws a polygon's edge on both sides: at most a quarter of a pixel beyond.
    assert share.sum() <= 16 + 4 * 4 * 0.25 + 1
    assert share[:, 7].sum() == share[0].sum() == 0


def test_a_quarter_turn_turns_clockwise() -> None:
    arrow = FIGURES["arrow"]
    up = coverage(arrow, Pose((16, 16), 10, 0), 32)
    right = coverage(arrow, Pose((16, 16), 10, 90), 32)
    assert np.abs(np.rot90(up, -1) - right).mean() < 0.02


@pytest.mark.parametrize("name", SHAPE_NAMES)
def test_every_figure_fits_its_circle_and_has_about_the_same_area(name: str) -> None:
    figure = FIGURES[name]
    assert np.hypot(*figure.body.T).max() == pytest.approx(1, abs=0.01)
    area = coverage(figure, Pose((32, 32), 23, 0), 64).sum()
    assert 680 <= area <= 800  # the mean brightness shall not tell the class


def test_no_two_figures_look_alike() -> None:
    masks = [coverage(FIGURES[name], Pose((16, 16), 11, 0), 32) for name in SHAPE_NAMES]
    for i, one in enumerate(masks):
        for other in masks[:i]:
            assert np.abs(one - other).sum() > 0.05 * one.sum()


# Pictures


def test_a_picture_depends_on_seed_and_number_alone() -> None:
    options = ShapesOptions()
    which = Drawn(7, 3, False)
    assert np.array_equal(draw(options, which), draw(ShapesOptions(), which))
    assert not np.array_equal(draw(options, which), draw(options, Drawn(8, 3, False)))
    assert not np.array_equal(draw(options, which), draw(ShapesOptions(seed=1), which))
    assert draw(options, which).shape == (32, 32, 3)
    assert draw(ShapesOptions(side=64), which).shape == (64, 64, 3)


def test_without_variation_only_colours_differ() -> None:
    masks = [inside(STILL, Drawn(i, 1, False)) for i in range(5)]
    assert masks[0].any()
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


@pytest.mark.parametrize(
    ("change", "moves"),
    [({"position": 1.0}, True), ({"rotation": 180.0}, True), ({"size": 0.6}, True), ({}, False)],
)
def test_each_variation_changes_the_figure(change: dict[str, float], moves: bool) -> None:
    options = STILL.model_copy(update=change)
    masks = {inside(options, Drawn(i, 2, False)).tobytes() for i in range(4)}
    assert (len(masks) > 1) is moves


def test_figures_stay_in_the_picture() -> None:
    options = STILL.model_copy(update={"position": 1.0, "rotation": 180.0, "size": 0.5})
    for i in range(60):
        mask = inside(options, Drawn(i, i % 8, False))
        assert mask.any()
        corners = mask[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert not corners.any()


def test_figure_and_ground_differ_in_brightness_either_way_round() -> None:
    signs = []
    for i in range(60):
        light = brightness(draw(STILL, Drawn(i, 1, False)))
        difference = light[16, 16] - light[0, 0]
        assert abs(difference) >= 68  # 70, but for rounding
        signs.append(difference > 0)
    assert 15 < sum(signs) < 45


def test_colour_tells_the_class_only_where_it_shall() -> None:
    def hues(cue: bool) -> set[tuple[int, ...]]:
        return {tuple(draw(STILL, Drawn(i, 1, cue))[16, 16]) for i in range(6)}

    assert len(hues(cue=True)) == 1
    assert len(hues(cue=False)) == 6
    options = STILL.model_copy(update={"classes": 10})
    cues = {tuple(draw(options, Drawn(i, 1, True))[16, 16]) for i in range(3)}
    others = {tuple(draw(options, Drawn(i, 4, True))[16, 16]) for i in range(3)}
    assert cues.isdisjoint(others)


# Class sizes


@pytest.mark.parametrize(
    ("images", "classes", "imbalance", "expected"),
    [
        (60, 4, 1, [15, 15, 15, 15]),
        (62, 4, 1, [17, 15, 15, 15]),  # the first has what is left over
        (70, 3, 4, [40, 20, 10]),  # halved each time
    ],
)
def test_class_sizes(images: int, classes: int, imbalance: float, expected: list[int]) -> None:
    options = ShapesOptions(images=images, classes=classes, imbalance=imbalance)
    assert class_sizes(options) == expected


def test_the_rarest_class_can_still_be_divided() -> None:
    sizes = class_sizes(ShapesOptions(images=60, classes=10, imbalance=100))
    assert sum(sizes) == 60
    assert min(sizes) == 3
    assert all(before >= after for before, after in pairwise(sizes))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"classes": 11}, "classes"),
        ({"side": 48}, "side"),
        ({"colour": "random"}, "colour"),
        ({"noise": float("nan")}, "noise"),
    ],
)
def test_impossible_options_are_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=f"“{named}” of Shapes is impossible"):
        ShapesOptions.parse(values)


# Datasets


@pytest.fixture
def made(paths: Paths) -> Callable[..., DatasetInfo]:
    def make(
        name: str, processes: int = 1, *, importing: ImportOptions | None = None, **options: object
    ) -> DatasetInfo:
        source = ShapesSource(ShapesOptions.parse(options))
        chosen = importing or ImportOptions()
        return import_dataset(paths, source, name, options=chosen, processes=processes)

    return make


def test_a_whole_dataset(paths: Paths, made: Callable[..., DatasetInfo]) -> None:
    info = made("shapes", images=100, classes=5)
    assert info.class_names == SHAPE_NAMES[:5]
    assert info.image_shape == (32, 32, 3)
    assert (info.imported, info.skipped, info.vocabulary) == (100, 0, "shapes")
    assert info.splits == {"train": 70, "val": 15, "test": 15}
    rows = open_dataset(paths, "shapes").split("train")
    name, number = rows.names[0].split("-")
    assert name == SHAPE_NAMES[rows.labels[0]]
    expected = draw(ShapesOptions(classes=5), Drawn(int(number), int(rows.labels[0]), False))
    assert np.array_equal(rows.images[0], expected)


def test_the_same_options_give_the_same_dataset(made: Callable[..., DatasetInfo]) -> None:
    one, two = made("one", images=300), made("two", processes=2, images=300)
    assert one.fingerprint == two.fingerprint
    assert made("three", images=300, seed=1).fingerprint != one.fingerprint


def test_a_shortcut_is_not_in_the_test(paths: Paths, made: Callable[..., DatasetInfo]) -> None:
    still = {"position": 0, "rotation": 0, "size": 0, "noise": 0, "images": 300, "classes": 2}
    made("cut", color="shortcut", **still)
    dataset = open_dataset(paths, "cut")

    def colours(split: str) -> int:
        rows = dataset.split(split)
        return len({tuple(image[16, 16]) for image in rows.images[rows.labels == 1]})

    assert colours("train") == 1
    assert colours("val") == 1
    assert colours("test") == int((dataset.split("test").labels == 1).sum())


def test_a_shortcut_keeps_to_the_chosen_fractions(made: Callable[..., DatasetInfo]) -> None:
    importing = ImportOptions(fractions=(0.5, 0.25, 0.25))
    info = made("cut", importing=importing, color="shortcut", images=80, classes=2)
    assert info.splits == {"train": 40, "val": 20, "test": 20}


def test_another_size_or_grey_can_be_asked_for(made: Callable[..., DatasetInfo]) -> None:
    info = made("small", importing=ImportOptions(size=16, color="grey"), images=60, classes=2)
    assert info.image_shape == (16, 16, 1)
