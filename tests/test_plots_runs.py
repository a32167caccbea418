"""Figures over many runs: what is shown, by equality, and that it can be rendered."""

from __future__ import annotations

import math

import pytest
from streamlit.elements.echarts_chart import _normalize_spec, _serialize_option

from core.plots.fields import (
    AxisLabels,
    ClassGains,
    Column,
    FieldsInfo,
    ParallelAxis,
    ParallelInfo,
    PointGroup,
    RunPoint,
    class_gains_info,
    fields_info,
    parallel_info,
    plot_class_gains,
    plot_fields,
    plot_parallel,
    run_at,
)
from core.plots.runs import (
    Overlay,
    RunCurve,
    RunEpochs,
    RunsInfo,
    RunsLabels,
    SeedCurve,
    SeedsInfo,
    plot_runs,
    plot_seeds,
    runs_info,
    seeds_info,
    smoothed,
)

HISTORY: list[dict[str, float | None]] = [
    {"epoch": 1, "accuracy": 0.5, "val_accuracy": None, "loss": 4, "val_loss": 3, "seconds": 60},
    {"epoch": 2, "accuracy": 0.75, "val_accuracy": 0.25, "loss": 2, "val_loss": 5, "seconds": 120},
]
LABELS = RunsLabels("Epoch", "Loss", "training", "validation")


def test_training_and_validation_together() -> None:
    runs = [RunEpochs("a", HISTORY), RunEpochs("new", []), RunEpochs("b", HISTORY[1:])]
    info = runs_info(runs, Overlay("accuracy"))
    assert info == RunsInfo(
        "epoch",
        100,
        (
            RunCurve(0, "a", "train", (1, 2), (50, 75)),
            RunCurve(0, "a", "val", (2,), (25,)),
            RunCurve(2, "b", "train", (2,), (75,)),
            RunCurve(2, "b", "val", (2,), (25,)),
        ),
    )
    figure = plot_runs(info, LABELS, decimal_comma=True)
    assert [(t.name, t.line.dash) for t in figure.data] == [
        ("a · training", "solid"),
        ("a · validation", "dash"),
        ("b · training", "solid"),
        ("b · validation", "dash"),
    ]
    assert figure.data[0].line.color == figure.data[1].line.color != figure.data[2].line.color
    assert figure.layout.separators == ",."


def test_by_step_and_by_time() -> None:
    runs = [RunEpochs("a", HISTORY, (30, 10)), RunEpochs("steps unknown", HISTORY)]
    by_step = runs_info(runs, Overlay("loss", ("val",), "step"))
    assert by_step.curves == (RunCurve(0, "a", "val", (30, 40), (3, 5)),)
    by_time = runs_info(runs[:1], Overlay("loss", ("val",), "time"))
    assert by_time == RunsInfo("time", 1, (RunCurve(0, "a", "val", (1, 3), (3, 5)),), "min")
    assert runs_info([RunEpochs("a", HISTORY[:1])], Overlay("loss", by="time")).time == "s"


def test_no_run_and_nothing_measured() -> None:
    assert runs_info([], Overlay("loss")) == RunsInfo("epoch", 1, ())
    assert runs_info([RunEpochs("a", [])], Overlay("loss", by="time")).curves == ()
    assert len(plot_runs(runs_info([], Overlay("loss")), LABELS).data) == 0


def test_smoothing_by_hand() -> None:
    # 0.5 of each, divided by 1 - 0.5**n.
    assert smoothed([4, 2, 2], 0.5) == pytest.approx((4, (0.25 * 4 + 0.5 * 2) / 0.75, 2 + 2 / 7))
    assert smoothed([3.0] * 5, 0.99) == pytest.approx((3.0,) * 5)
    assert smoothed([1, 2], 0) == (1, 2)
    assert smoothed([], 0.9) == ()


def test_smooth_lines_are_before_faint_ones() -> None:
    info = runs_info([RunEpochs("a", HISTORY)], Overlay("loss", ("train",), smoothing=0.5))
    (curve,) = info.curves
    assert (curve.x, curve.y) == ((1, 2), (4, 2))
    assert curve.smooth == pytest.approx((4, 8 / 3))
    faint, line = plot_runs(info, LABELS, log=True).data
    assert (faint.opacity, faint.showlegend, faint.y) == (0.3, False, (4, 2))
    assert line.y == pytest.approx((4, 8 / 3))


def test_twelve_runs_can_be_told_apart() -> None:
    runs = [RunEpochs(f"r{i}", HISTORY) for i in range(12)]
    figure = plot_runs(runs_info(runs, Overlay("loss", ("train",))), LABELS)
    assert len({(t.line.color, t.marker.symbol) for t in figure.data}) == 12


def test_a_run_name_is_text_and_not_markup() -> None:
    info = runs_info([RunEpochs("<b>x", HISTORY)], Overlay("loss", ("train",)))
    assert plot_runs(info, LABELS).data[0].name == "&lt;b&gt;x"


def test_long_histories_are_thinned() -> None:
    history = [{"epoch": i, "loss": float(i)} for i in range(1, 1001)]
    (curve,) = runs_info([RunEpochs("a", history)], Overlay("loss", ("train",))).curves
    assert len(curve.x) <= 120
    assert (curve.x[0], curve.x[-1]) == (1, 1000)


def test_seeds_are_a_line_in_a_band() -> None:
    def run(*losses: float) -> list[dict[str, float]]:
        return [{"epoch": i, "loss": loss} for i, loss in enumerate(losses, start=1)]

    groups = {"a": [run(1, 3, 5, 9), run(3, 3, 7), run(2, 3)], "b": [run(1)], "none": []}
    info = seeds_info(groups, "loss")
    assert info == SeedsInfo(
        1,
        (
            # The fourth epoch was reached by one of three.
            SeedCurve(
                "a",
                (1, 2, 3),
                (2, 3, 6),
                (1, 3, 6 - math.sqrt(2)),
                (3, 3, 6 + math.sqrt(2)),
                (3, 3, 2),
            ),
            SeedCurve("b", (1,), (1,), (1,), (1,), (1,)),
        ),
    )
    band, line, *_ = plot_seeds(info, LABELS).data
    assert band.fill == "toself"
    assert line.y == (2, 3, 6)
    assert seeds_info({}, "val_accuracy") == SeedsInfo(100, ())
    assert len(plot_seeds(SeedsInfo(1, ()), LABELS).data) == 0


POINTS = [
    RunPoint("1", "one", 10, 0.5, "cnn"),
    RunPoint("2", "two", None, 0.5, "cnn"),
    RunPoint("3", "three", 20, 0.25, "cnn"),
    RunPoint("4", "four", 5, float("nan"), "mlp"),
    RunPoint("5", "five", 6, 0.75, "mlp"),
]


def test_scatter_of_two_fields() -> None:
    info = fields_info(POINTS)
    cnn = PointGroup("cnn", ("1", "3"), ("one", "three"), (10, 20), (0.5, 0.25))
    mlp = PointGroup("mlp", ("5",), ("five",), (6,), (0.75,))
    assert info == FieldsInfo((cnn, mlp), None, 2)
    figure = plot_fields(info, AxisLabels("Parameters", log=True), AxisLabels("Accuracy", " %"))
    assert [t.name for t in figure.data] == ["cnn", "mlp"]
    assert (figure.layout.xaxis.type, figure.layout.yaxis.ticksuffix) == ("log", " %")


def test_scatter_of_no_run_and_of_one() -> None:
    assert fields_info([]) == FieldsInfo((), None, 0)
    assert fields_info(POINTS[1:2]) == FieldsInfo((), None, 1)
    one = fields_info(POINTS[:1])
    assert not plot_fields(one, AxisLabels("x"), AxisLabels("y")).layout.showlegend
    assert len(plot_fields(fields_info([]), AxisLabels("x"), AxisLabels("y")).data) == 0


def test_small_groups_are_grey_and_words_are_an_axis() -> None:
    points = [RunPoint(str(i), str(i), "<b>adam", 1.0, f"g{min(i, 7)}") for i in range(9)]
    info = fields_info(points)
    assert [g.name for g in info.groups] == ["g7", "g0", "g1", "g2", "g3", "g4"]
    assert info.others is not None
    assert info.others.run_ids == ("5", "6")
    figure = plot_fields(info, AxisLabels("x"), AxisLabels("y"), others="other")
    assert figure.data[-1].name == "other"
    assert set(figure.data[-1].x) == {"&lt;b&gt;adam"}


def test_a_click_leads_to_its_run() -> None:
    info = fields_info(POINTS)

    def clicked(trace: object, place: object) -> str | None:
        point = {"curve_number": trace, "point_index": place}
        return run_at(info, {"selection": {"points": [point]}})

    assert clicked(0, 1) == "3"
    assert clicked(1, 0) == "5"
    assert clicked(5, 0) is clicked(0, 99) is clicked(0, -1) is clicked(None, "x") is None
    assert run_at(info, {"selection": {"points": []}}) is None


def test_parallel_coordinates() -> None:
    columns = [
        Column("Optimizer", ("sgd", "adam", None)),
        Column("Rate", (0.1, 0.0001, 0.01)),
        Column("Accuracy", (50.0, 75.0, None)),
    ]
    info = parallel_info(["a", "b", "c"], columns)
    assert info == ParallelInfo(
        (
            ParallelAxis("Optimizer", ("adam", "sgd"), False, False),
            ParallelAxis("Rate", (), True, False),
            ParallelAxis("Accuracy", (), False, False),
        ),
        ("a", "b"),
        ((1, 0.1, 50), (0, 0.0001, 75)),
    )
    option = plot_parallel(info)
    assert [axis["type"] for axis in option["parallelAxis"]] == ["category", "log", "value"]
    assert (option["visualMap"]["min"], option["visualMap"]["max"]) == (50, 75)
    assert _serialize_option(_normalize_spec(option)[0])


def test_parallel_coordinates_of_nothing_and_of_one() -> None:
    assert parallel_info([], []) == ParallelInfo((), (), ())
    one = parallel_info(["a"], [Column("Rate", (None,)), Column("Accuracy", (5.0,))])
    assert one.lines == ((None, 5),)
    (layers,) = parallel_info(["a"], [Column("Layers", (2,))]).axes
    assert layers.whole
    batch = Column("Batch", ("128", "none", "16"), order=("16", "64", "128"))
    listed = parallel_info(["a", "b", "c"], [batch, Column("Accuracy", (1.0, 2.0, 3.0))])
    assert listed.axes[0].words == ("16", "64", "128", "none")
    assert [line[0] for line in listed.lines] == [2, 3, 0]
    assert plot_parallel(one)["series"][0]["data"][0]["value"] == ["-", 5]
    for info in (one, parallel_info([], []), parallel_info(["a"], [Column("x", (None,))])):
        assert _serialize_option(_normalize_spec(plot_parallel(info))[0])


def test_gains_of_classes() -> None:
    assert class_gains_info(["a", "b", "c"], [-0.1, 0.5, 0]) == ClassGains(
        ("b", "c", "a"), (50, 0, -10), 0
    )
    many = class_gains_info([str(i) for i in range(100)], [i / 100 for i in range(100)], most=4)
    assert many == ClassGains(("99", "98", "1", "0"), (99, 98, 1, 0), 96)
    assert class_gains_info([], []) == ClassGains((), (), 0)
    assert plot_class_gains(many, "points").data[0].y == ("99", "98", "1", "0")
    assert plot_class_gains(ClassGains((), (), 0), "points")
