"""Drawings made into images like those of a set."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.datasets.digits import _load
from core.datasets.inking import Ink, coverage, ink_of, inked

LIGHT = Ink(paper=0, pen=255, size=1.0)


def marks(paper: int, pen: int, side: int = 10, box: int = 5) -> NDArray[np.uint8]:
    images = np.full((4, side, side, 1), paper, np.uint8)
    images[:, 2 : 2 + box, 3 : 3 + box - 2] = pen
    return images


@pytest.mark.parametrize(("paper", "pen"), [(0, 255), (255, 0), (20, 200)])
def test_paper_pen_and_size_are_measured(paper: int, pen: int) -> None:
    assert ink_of(marks(paper, pen)) == Ink(paper, pen, 0.5)


def test_the_built_in_digits_are_light_on_dark_and_fill_their_images() -> None:
    images, _labels = _load()
    assert ink_of(images[:256]) == Ink(0, 255, 1.0)


def test_photographs_and_empty_sets_are_no_drawings() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    assert ink_of(noise) is None
    assert ink_of(np.zeros((5, 8, 8, 1), np.uint8)) is None
    assert ink_of(marks(0, 255).repeat(3, axis=-1)) is None
    assert ink_of(np.zeros((0, 8, 8, 1), np.uint8)) is None


def test_an_empty_sheet_is_nothing_whatever_its_colour() -> None:
    assert coverage(Image.new("RGB", (9, 9), "white")) is None
    sheet = Image.new("RGB", (4, 4), "white")
    sheet.putpixel((2, 1), (255, 0, 0))
    drawn = coverage(sheet)
    assert drawn is not None
    assert np.argwhere(drawn == 1).tolist() == [[1, 2]]
    assert drawn.sum() == 1


def test_a_stroke_may_leave_the_sheet_at_a_corner() -> None:
    sheet = Image.new("RGB", (5, 4), "black")
    for corner in ((0, 0), (1, 1), (4, 3)):
        sheet.putpixel(corner, (255, 255, 255))
    drawn = coverage(sheet)
    assert drawn is not None
    assert np.argwhere(drawn == 1).tolist() == [[0, 0], [1, 1], [3, 4]]


def drawing(top: int, left: int, height: int, width: int) -> NDArray[np.float32]:
    sheet = np.zeros((40, 40), np.float32)
    sheet[top : top + height, left : left + width] = 1
    return sheet


@pytest.mark.parametrize(("top", "left"), [(0, 0), (5, 30), (20, 3)])
def test_where_on_the_sheet_it_is_drawn_makes_no_difference(top: int, left: int) -> None:
    image = inked(drawing(top, left, 20, 10), Ink(0, 255, 0.5), (8, 8))
    expected = np.zeros((8, 8), np.uint8)
    expected[2:6, 3:5] = 255
    assert image[..., 0].tolist() == expected.tolist()


def test_the_centre_of_mass_is_in_the_middle() -> None:
    sheet = drawing(0, 0, 20, 4)
    sheet[16:20, :20] = 1  # a foot to the right, as that of an L
    image = inked(sheet, Ink(0, 255, 0.5), (20, 20))[..., 0].astype(float)
    y, x = (image * np.indices(image.shape)).sum(axis=(1, 2)) / image.sum()
    assert abs(y - 9.5) <= 0.5
    assert abs(x - 9.5) <= 0.5
    box = np.argwhere(image > 0)
    assert (box.max(axis=0) - box.min(axis=0) + 1).tolist() == [10, 10]


def test_nothing_is_cut_off_where_the_set_fills_its_images() -> None:
    sheet = drawing(0, 0, 40, 4)
    sheet[36:, :20] = 1
    image = inked(sheet, LIGHT, (8, 8))[..., 0]
    assert min(image[0].max(), image[7].max()) > 200


def test_dark_on_light_where_the_set_is() -> None:
    image = inked(drawing(3, 3, 10, 10), Ink(250, 10, 0.5), (4, 4))
    assert image.shape == (4, 4, 1)
    assert sorted(set(image.ravel().tolist())) == [10, 250]
