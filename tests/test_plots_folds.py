"""The folds' figures: what is drawn, by numbers that can be counted on the fingers."""

from __future__ import annotations

import numpy as np
import pytest

from core.plots.folds import (
    FoldLabels,
    differences_info,
    plot_differences,
    plot_recall_spread,
    recall_spread_info,
)

LABELS = FoldLabels("x", "y")


def test_the_hardest_classes_come_first_and_gaps_are_left_out() -> None:
    recalls = np.array([[0.9, 0.5, np.nan, 1.0], [0.7, 0.6, np.nan, np.nan]])
    info = recall_spread_info(["a", "<b>", "c", "d"], recalls)
    assert info.classes == ("<b>", "a", "d")
    assert info.values[1] == pytest.approx((90, 70))
    assert info.values[2] == (100.0,)
    assert info.left_out == 0
    assert recall_spread_info(["a", "b", "c", "d"], recalls, most=1).left_out == 2
    figure = plot_recall_spread(info, LABELS, dark=True)
    assert [trace.y[0] for trace in figure.data] == ["&lt;b&gt;", "a", "d"]


def test_differences_in_points_with_their_interval_in_sight() -> None:
    info = differences_info([0, 2], [0.02, -0.01], (-0.03, 0.05))
    assert info.folds == ("1", "3")
    assert info.points == pytest.approx((2, -1))
    assert info.mean == pytest.approx(0.5)
    low, high = plot_differences(info, LABELS).layout.yaxis.range
    assert low < -3
    assert high > 5
    assert plot_differences(differences_info([0, 1], [0, 0], (0, 0)), LABELS).layout.yaxis.range
