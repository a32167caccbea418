"""Heat maps over pictures: nothing where they say nothing, blue and orange where they do."""

from __future__ import annotations

import numpy as np
import pytest

from core.plots.heat import AGAINST, FOR, LEGEND, Overlay, coloured, legend, overlay

RED = np.array([[[200, 0, 0], [0, 0, 0]]], np.uint8)


def test_colours_of_the_ends_and_the_middle() -> None:
    found = coloured(np.array([0.0, 0.5, 1.0, -1.0, -0.5]))
    assert found.tolist() == [list(c) for c in (FOR[0], FOR[1], FOR[2], AGAINST[2], AGAINST[1])]


def test_where_it_says_nothing_the_picture_is_grey() -> None:
    found = overlay(Overlay(RED, np.zeros((1, 2), np.float32)))
    assert found.tolist() == [[[60, 60, 60], [0, 0, 0]]]  # 0.299 · 200


@pytest.mark.parametrize(("value", "colour"), [(1.0, FOR[-1]), (-1.0, AGAINST[-1])])
def test_opacity_is_the_share_of_the_colour(value: float, colour: tuple[int, ...]) -> None:
    heat = np.full((1, 2), value, np.float32)
    assert overlay(Overlay(RED, heat, 1.0)).tolist() == [[list(colour)] * 2]
    half = overlay(Overlay(RED, heat, 0.5))[0, 1]
    np.testing.assert_allclose(half, np.array(colour) / 2, atol=0.5)
    assert overlay(Overlay(RED, heat, 0.0)).tolist() == [[[60] * 3, [0] * 3]]


def test_grey_pictures_too() -> None:
    grey = np.array([[[7], [250]]], np.uint8)
    found = overlay(Overlay(grey, np.zeros((1, 2), np.float32)))
    assert found.tolist() == [[[7] * 3, [250] * 3]]


def test_a_legend_runs_from_the_least_value_to_the_largest() -> None:
    one_sided, two_sided = legend(signed=False, opacity=1.0), legend(signed=True, opacity=1.0)
    assert one_sided.shape == two_sided.shape == (*LEGEND, 3)
    assert one_sided[0, 0].tolist() == [128] * 3
    assert two_sided[0, 0].tolist() == list(AGAINST[-1])
    assert one_sided[0, -1].tolist() == two_sided[0, -1].tolist() == list(FOR[-1])
