from __future__ import annotations

import json

import numpy as np
import pytest

from core.evaluation.calibration import reliability
from core.evaluation.curves import one_vs_rest
from core.evaluation.metrics import wilson_interval
from core.plots.ranking import (
    RankingInfo,
    RankingLabels,
    RankingLine,
    Which,
    plot_ranking,
    ranking_info,
)
from core.plots.sureness import (
    CoverageInfo,
    ReliabilityInfo,
    ReliabilityLabels,
    ScoresInfo,
    TopAccuracyInfo,
    coverage_info,
    plot_coverage,
    plot_reliability,
    plot_scores,
    plot_top_accuracy,
    reliability_info,
    scores_info,
    top_accuracy_info,
)
from tests.pages.making import make_predictions

MEANS = ("mean", "all")
LABELS = RankingLabels("fpr", "tpr", "AUC", "chance")
# Two classes, told apart perfectly; of a third there is no image, and it is never predicted.
Y = np.array([0, 0, 1], dtype=np.int32)
PROBA = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.3, 0.7, 0]], dtype=np.float32)
PERFECT = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0))


def test_lines_of_the_means_and_the_chosen_class() -> None:
    info = ranking_info(one_vs_rest(Y, PROBA).roc, "abc", [1, 2], MEANS)
    _, micro, chosen = info.lines
    assert chosen == RankingLine(Which.CLASS, "b", *PERFECT, area=1.0)
    assert (micro.which, micro.name, micro.area) == (Which.MICRO, "all", 1.0)
    # Class a is behind; c has no curve, chosen or not.
    assert [line.name for line in info.lines] == ["mean", "all", "b"]
    assert info.pale == (((0.0, 0.0), (0.0, 0.5), (0.0, 1.0), (1.0, 1.0)),)


@pytest.mark.parametrize("shape", [(0, 3), (4, 1)])
def test_nothing_to_draw(shape: tuple[int, int]) -> None:
    """No image; or one class, which has no negatives."""
    proba = np.ones(shape, np.float32)
    info = ranking_info(one_vs_rest(np.zeros(shape[0], np.int32), proba).roc, "abc", [0], MEANS)
    assert info == RankingInfo((), ())
    assert json.dumps(plot_ranking(info, LABELS))


def test_a_hundred_classes_stay_light_and_more_leave_the_pale_ones_out() -> None:
    for classes, most, pale in ((100, 80_000, 97), (101, 15_000, 0)):
        y_true = (np.arange(2000) % classes).astype(np.int32)
        family = one_vs_rest(y_true, make_predictions(y_true, classes, 0.5).proba).roc
        info = ranking_info(family, [f"c{i}" for i in range(classes)], [0, 1, 2], MEANS)
        assert len(info.pale) == pale
        assert len(json.dumps(plot_ranking(info, LABELS))) < most


def test_series_have_the_area_in_their_name() -> None:
    info = ranking_info(one_vs_rest(Y, PROBA).roc, "abc", [1], MEANS)
    option = plot_ranking(info, LABELS, number=lambda value: f"<{value}>")
    assert option["legend"]["data"] == ["mean · AUC <1.0>", "all · AUC <1.0>", "b · AUC <1.0>"]
    assert [series["name"] for series in option["series"]] == [
        "",
        "chance",
        *option["legend"]["data"],
    ]
    assert "chance" not in str(plot_ranking(info, LABELS._replace(chance="")))


def test_axes_are_percentages_which_are_whole_in_every_language() -> None:
    info = ranking_info(one_vs_rest(Y, PROBA).roc, "abc", [1], MEANS)
    option = plot_ranking(info, LABELS)
    assert option["series"][-1]["data"] == [[0, 0], [0, 100], [100, 100]]
    for axis in ("xAxis", "yAxis"):
        assert (option[axis]["max"], option[axis]["axisLabel"]["formatter"]) == (100, "{value} %")


CONFIDENCE = np.array([0.3, 0.5, 0.6, 0.9, 1.0])
RIGHT = np.array([True, False, True, True, True])


def test_reliability() -> None:
    info = reliability_info(reliability(CONFIDENCE, RIGHT, bins=4))
    assert info == ReliabilityInfo(
        ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)),
        (0, 2, 1, 2),
        (None, 0.4, 0.6, 0.95),
        (None, 0.5, 1.0, 1.0),
    )
    bars, marks = plot_reliability(info, ReliabilityLabels("x", "y", "a", "c", "n"))["series"]
    assert [bar["value"] for bar in bars["data"]] == [None, 50, 100, 100]
    assert bars["data"][1]["tooltip"]["formatter"] == "n: 2<br>a: 50.0 %<br>c: 40.0 %"
    assert marks["data"] == [None, 40, 60, 95]


def test_coverage() -> None:
    info = coverage_info(CONFIDENCE, RIGHT)
    at = {round(100 * t): (c, a) for t, c, a in zip(*info, strict=True)}
    assert (at[0], at[30], at[31]) == ((1.0, 0.8), (1.0, 0.8), (0.8, 0.75))
    assert (at[60], at[91], at[100]) == ((0.6, 1.0), (0.2, 1.0), (0.2, 1.0))
    option = plot_coverage(info, ("t", "c", "a"), 0.6)
    assert option["series"][0]["markLine"]["data"] == [{"xAxis": 60}]


def test_coverage_without_images_or_sure_answers() -> None:
    none = coverage_info(CONFIDENCE[:0], RIGHT[:0])
    assert none == CoverageInfo(none.thresholds, (0.0,) * 101, (None,) * 101)
    assert coverage_info(CONFIDENCE[:3], RIGHT[:3]).accuracy[-1] is None
    assert json.dumps(plot_coverage(none, ("t", "c", "a"), 0.5))


def test_top_k() -> None:
    proba = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], np.float32)
    info = top_accuracy_info(np.array([1, 2]), proba)
    assert info == TopAccuracyInfo(
        (0.0, 0.5, 1.0), tuple(wilson_interval(right, 2) for right in (0, 1, 2))
    )
    assert top_accuracy_info(np.zeros(0, int), proba[:0]) == TopAccuracyInfo((), ())
    assert plot_top_accuracy(info, ("k", "a"))["series"][0]["data"] == [0, 50, 100]


def test_scores() -> None:
    scores = np.array([0.1, 0.9, 1.0, 0.4])
    positive = np.array([False, True, True, False])
    info = scores_info(scores, positive, bins=2)
    assert info == ScoresInfo((0, 2), (2, 0))
    assert scores_info(scores, np.zeros(4, bool), bins=2) == ScoresInfo((0, 0), (2, 2))
    drawn = plot_scores(info, ("x", "y"), ("of it", "others"))["series"]
    assert [series["data"] for series in drawn] == [[0, 100], [100, 0]]
