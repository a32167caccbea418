"""The figures of a search: what is shown, by equality, and that it can be rendered."""

from __future__ import annotations

import math

import pytest

from core.plots.search import (
    Axis,
    CurvesInfo,
    Dots,
    Goal,
    HistoryInfo,
    HistoryLabels,
    ImportanceInfo,
    SliceInfo,
    State,
    Trial,
    TrialCurve,
    curves_info,
    history_info,
    importance_info,
    plot_curves_of_trials,
    plot_history,
    plot_importance,
    plot_slice,
    slice_info,
)
from core.plots.search_pairs import contour_info, plot_contour

ACCURACY, LOSS = Goal("Accuracy"), Goal("Loss", higher=False, share=False)
RATE, UNITS = Axis("rate", "Rate", log=True), Axis("units", "Units")
STATES: dict[State, str] = {
    "complete": "done",
    "pruned": "pruned",
    "failed": "failed",
    "running": "running",
}
LABELS = HistoryLabels("Trial", "Best so far", STATES)


def trial(number: int, value: float | None, state: State = "complete", **settings: object) -> Trial:
    return Trial(number, state, value, settings)  # type: ignore[arg-type]


def test_the_history_has_a_stair_of_the_best_of_the_complete() -> None:
    trials = [
        trial(3, 0.25),
        trial(0, 0.5),
        trial(1, 0.75, "pruned"),
        trial(2, 0.625),
        trial(4, None, "failed"),
        trial(5, math.nan),
    ]
    info = history_info(trials, ACCURACY)
    assert info == HistoryInfo(
        (Dots("complete", (1, 3, 4), (50, 62.5, 25)), Dots("pruned", (2,), (75,))),
        ((1, 3, 4), (50, 62.5, 62.5)),
    )
    assert history_info(trials, LOSS).best == ((1, 4), (0.5, 0.25))
    assert history_info([], ACCURACY) == HistoryInfo((), ((), ()))
    figure = plot_history(info, ACCURACY, LABELS, dark=True)
    assert [trace.name for trace in figure.data] == ["done", "pruned", "Best so far"]
    assert len({trace.marker.symbol for trace in figure.data[:2]}) == 2


def test_a_long_history_is_thinned_to_its_extremes_and_evenly() -> None:
    trials = [trial(i, i / 1000) for i in range(1000)]
    ((_state, numbers, values),) = history_info(trials, ACCURACY, most=10).groups
    assert len(numbers) == 8  # ten, of which the extremes are also the ends
    assert (numbers[0], numbers[-1]) == (1, 1000)
    assert values[-1] == pytest.approx(99.9)


def test_of_many_curves_the_best_and_the_newest_are_drawn_the_best_above() -> None:
    curves = [
        TrialCurve(0, "complete", (1, 2), (0.5, 0.75)),
        TrialCurve(1, "pruned", (1,), (0.25,)),
        TrialCurve(2, "complete", (1,), (0.375,)),
        TrialCurve(3, "failed", (), ()),
    ]
    info = curves_info(curves, ACCURACY)
    assert [curve.number for curve in info.curves] == [1, 2, 0]
    assert (info.best, info.left_out) == (0, 0)
    assert info.curves[2].values == (50, 75)
    few = curves_info(curves, ACCURACY, most=2)
    assert ({curve.number for curve in few.curves}, few.left_out) == ({0, 2}, 1)
    assert curves_info(curves, LOSS).best == 2
    # The last epoch of it was kept, which was not its best.
    worse = [curves[0]._replace(value=0.25), *curves[1:]]
    assert curves_info(worse, ACCURACY).best == 2
    assert curves_info([], ACCURACY) == CurvesInfo((), None, 0)
    figure = plot_curves_of_trials(info, ACCURACY, LABELS, epoch="epoch")
    assert [trace.name for trace in figure.data] == ["pruned", "done", "Best so far"]
    assert figure.data[2].x == (1, 2, None)


def test_importance_adds_up_to_a_hundred() -> None:
    info = importance_info({"rate": 3.0, "units": 1.0, "none": 0.0}, most=2)
    assert info == ImportanceInfo(("rate", "units"), (75, 25))
    assert importance_info({"a": 0.0}).shares == (0,)
    assert plot_importance(info, "Share").data[0].x == (75, 25)


def test_a_slice_has_only_trials_with_the_setting() -> None:
    trials = [
        trial(0, 0.5, rate=0.1),
        trial(1, 0.25, units=8),
        trial(2, 0.75, "pruned", rate=0.2),
        trial(3, 1.0, rate=0.01),
    ]
    info = slice_info(trials, RATE, ACCURACY)
    assert info == SliceInfo(RATE, (1, 4), (0.1, 0.01), (50, 100))
    assert plot_slice(info, ACCURACY, "Trial").layout.xaxis.type == "log"
    words = slice_info([trial(0, 0.5, rate=True)], RATE, ACCURACY)
    assert plot_slice(words, ACCURACY, "Trial").layout.xaxis.type == "category"


def test_the_contour_knows_only_the_neighbourhood_of_trials() -> None:
    """Two trials at opposite corners: each corner has its trial's value, the others nothing."""
    trials = [trial(0, 0.25, rate=0.01, units=8), trial(1, 0.75, rate=1.0, units=16)]
    info = contour_info(trials, (RATE, UNITS), ACCURACY, grid=3)
    assert info.x == pytest.approx((0.01, 0.1, 1.0))
    assert info.y == (8, 12, 16)
    assert info.z[0][0] == pytest.approx(25)
    assert info.z[2][2] == pytest.approx(75)
    assert (info.z[0][2], info.z[2][0], info.z[1][1]) == (None, None, None)
    assert info.trials == ((0.01, 1.0), (8, 16), (25, 75))
    assert plot_contour(info, ACCURACY).data[0].type == "contour"


def test_a_contour_over_words_is_a_table_of_means() -> None:
    axes = (Axis("name", "Optimizer"), UNITS)
    trials = [
        trial(0, 0.25, name="adam", units=8),
        trial(1, 0.75, name="adam", units=8),
        trial(2, 0.5, name="sgd", units=8),
    ]
    info = contour_info(trials, axes, ACCURACY)
    assert (info.x, info.y) == (("adam", "sgd"), (8,))
    assert info.z[0] == pytest.approx((50, 50))
    assert plot_contour(info, LOSS).data[0].type == "heatmap"
    assert contour_info([], axes, ACCURACY).z == ()
