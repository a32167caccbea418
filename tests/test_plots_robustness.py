from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.metrics import wilson_interval
from core.plots.robustness import (
    Axis,
    ChangeInfo,
    ChangeLabels,
    RobustCurve,
    change_info,
    plot_change,
    plot_robustness,
    robustness_info,
)

TURNED = Axis("Rotation", "degrees", (0, 45, 90))
DARK = Axis("<Dark>", "%", (100, 50, 0))


def test_a_curve_is_the_share_of_right_answers_with_its_interval() -> None:
    right = np.array([[[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]]], np.bool_)
    around = [wilson_interval(n, 4) for n in (4, 2, 0)]
    assert robustness_info([TURNED], right) == (
        RobustCurve(
            TURNED,
            (1.0, 0.5, 0.0),
            tuple(low for low, _ in around),
            tuple(high for _, high in around),
        ),
    )
    assert robustness_info([], np.zeros((0, 3, 4), np.bool_)) == ()


@pytest.mark.parametrize("dark", [False, True])
def test_every_axis_has_a_chart_of_its_own(dark: bool) -> None:
    info = robustness_info([TURNED, DARK], np.ones((2, 3, 4), np.bool_))
    figure = plot_robustness(info, "Accuracy", dark=dark)
    assert len(figure.data) == 4  # band and line
    assert figure.data[1].y == (1.0, 1.0, 1.0)
    assert figure.layout.xaxis2.range == (106, -6)  # harmless at the left
    assert figure.layout.xaxis2.tickvals == (100, 0)
    assert [a.text for a in figure.layout.annotations] == ["Rotation", "&lt;Dark&gt;"]
    assert plot_robustness((), "Accuracy").data == ()


def test_a_change_shows_what_is_likely_before_or_after() -> None:
    before = np.array([0.7, 0.2, 0.1, 0.0], np.float32)
    after = np.array([0.1, 0.1, 0.1, 0.7], np.float32)
    info = change_info("abcd", before, after, 3)
    assert info.classes == ("a", "b", "d")
    np.testing.assert_allclose(info.before, (0.7, 0.2, 0.0))
    np.testing.assert_allclose(info.after, (0.1, 0.1, 0.7))
    one = change_info(["only"], np.ones(1), np.ones(1))
    assert one == ChangeInfo(("only",), (1.0,), (1.0,))
    figure = plot_change(one._replace(classes=("<b>",)), ChangeLabels("before", "after"))
    assert [(bar.name, bar.y, bar.x) for bar in figure.data] == [
        ("before", ("&lt;b&gt;",), (1.0,)),
        ("after", ("&lt;b&gt;",), (1.0,)),
    ]
