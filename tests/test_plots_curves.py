from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.elements.echarts_chart import _normalize_spec, _serialize_option

from core.evaluation.decimate import Decimator
from core.plots import (
    CurveLabels,
    CurvesInfo,
    Line,
    StepCurveInfo,
    curves_info,
    plot_curves,
    plot_step_curve,
    step_curve_info,
)
from core.plots.style import DARK, LIGHT, Option, Tones

LABELS = CurveLabels("Training", "Validation", "Epoch", "Loss")
HISTORY: list[dict[str, float | None]] = [
    {"epoch": 1, "loss": 2.0, "val_loss": 3.0, "accuracy": 0.25, "learning_rate": 0.1},
    {"epoch": 2, "loss": 1.0, "val_loss": None, "accuracy": 0.5, "learning_rate": 0.1},
    {"epoch": 3, "loss": math.nan, "val_loss": 4.0, "accuracy": 0.75, "learning_rate": 0.01},
]


def wire(option: Option) -> bytes:
    """What Streamlit sends for the option; raises where ``st.echarts_chart`` would."""
    spec, frames = _normalize_spec(option)
    return _serialize_option(spec).encode() + b"".join(frames.values())


def test_loss_of_both_splits_with_gaps() -> None:
    assert curves_info(HISTORY, "loss") == CurvesInfo(
        (1, 2, 3), (Line("loss", (2.0, 1.0, None)), Line("val_loss", (3.0, None, 4.0))), 1
    )


def test_accuracy_is_a_percentage_and_validation_may_be_missing() -> None:
    expected = CurvesInfo((1, 2, 3), (Line("accuracy", (25.0, 50.0, 75.0)),), 100)
    assert curves_info(HISTORY, "accuracy") == expected


def test_before_the_first_epoch() -> None:
    assert curves_info([], "loss") == CurvesInfo((), (), 1)
    assert wire(plot_curves(curves_info([], "loss"), LABELS))


def test_long_histories_are_thinned_but_keep_the_last_epoch_and_the_extremes() -> None:
    history = [{"epoch": e, "loss": 1.0, "val_loss": 2.0} for e in range(1, 1001)]
    history[332]["val_loss"] = 0.5
    history[777]["loss"] = 9.0
    info = curves_info(history, "loss")
    assert len(info.epochs) <= 120
    assert {1, 333, 778, 1000} <= set(info.epochs)
    values = {line.key: dict(zip(info.epochs, line.y, strict=True)) for line in info.lines}
    assert values["val_loss"][333] == 0.5
    assert values["loss"][778] == 9.0


@given(st.integers(0, 500), st.integers(10, 50), st.integers(0, 9))
def test_thinning_is_bounded_and_in_order(n: int, limit: int, seed: int) -> None:
    losses = np.random.default_rng(seed).random(n)
    history = [{"epoch": i, "loss": float(loss)} for i, loss in enumerate(losses)]
    info = curves_info(history, "loss", limit)
    assert len(info.epochs) <= limit
    assert list(info.epochs) == sorted(set(info.epochs))
    if n:
        measured = [y for y in info.lines[0].y if y is not None]
        assert info.epochs[-1] == n - 1
        assert (min(measured), max(measured)) == (losses.min(), losses.max())


def test_step_curve() -> None:
    buckets = [(10, 1.0, 3.0, 2.0), [20, 0.5, 1.5, 1.0]]  # JSON turns tuples into lists
    assert step_curve_info(buckets) == StepCurveInfo(
        (10.0, 20.0), (1.0, 0.5), (3.0, 1.5), (2.0, 1.0), False
    )
    assert step_curve_info(buckets, steps_per_epoch=20).x == (0.5, 1.0)
    assert step_curve_info([]) == StepCurveInfo((), (), (), (), False)
    assert wire(plot_step_curve(step_curve_info([]), LABELS))


def test_the_band_is_stacked_from_low_to_high() -> None:
    option = plot_step_curve(step_curve_info([(10, -1.0, 3.0, 2.0)]), LABELS)
    frame = option["dataset"]["source"]
    assert frame[["x", "low", "spread", "last"]].to_numpy().tolist() == [[10, -1, 4, 2]]
    assert frame.dtypes[["low", "spread", "last"]].tolist() == [np.float32] * 3
    assert [series["encode"]["y"] for series in option["series"]] == ["low", "spread", "last"]
    assert option["legend"]["data"] == ["Training"]


def test_training_is_solid_and_validation_dashed() -> None:
    option = plot_curves(curves_info(HISTORY, "loss"), LABELS)
    styles = {s["name"]: s["lineStyle"]["type"] for s in option["series"]}
    assert styles == {"Training": "solid", "Validation": "dashed"}
    colours = {s["lineStyle"]["color"] for s in option["series"]}
    assert len(colours) == 2
    assert option["animation"] is False
    assert "label" not in json.dumps(option["series"])


def test_numbers_are_written_by_the_callers_locale() -> None:
    def spanish(value: float) -> str:
        return f"{value:.1f}".replace(".", ",")

    option = plot_curves(curves_info(HISTORY, "accuracy"), LABELS, number=spanish)
    assert list(option["dataset"]["source"]["accuracy_text"]) == ["25,0 %", "50,0 %", "75,0 %"]
    option = plot_curves(curves_info(HISTORY, "loss"), LABELS, number=spanish)
    assert list(option["dataset"]["source"]["val_loss_text"]) == ["3,0", "–", "4,0"]


def test_a_log_axis_leaves_out_what_has_no_logarithm() -> None:
    info = CurvesInfo((1, 2, 3), (Line("loss", (1.0, 0.0, -1.0)),), 1)
    option = plot_curves(info, LABELS, log=True)
    assert option["yAxis"]["type"] == "log"
    assert option["dataset"]["source"]["loss"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize(("dark", "tone"), [(False, LIGHT), (True, DARK)])
def test_both_themes_on_a_transparent_ground(dark: bool, tone: Tones) -> None:
    option = plot_curves(curves_info(HISTORY, "loss"), LABELS, dark=dark)
    assert option["backgroundColor"] == "rgba(0,0,0,0)"
    assert option["legend"]["textStyle"]["color"] == tone.text
    other = plot_curves(curves_info(HISTORY, "loss"), LABELS, dark=not dark)
    assert wire(option) != wire(other)


def test_bytes_of_an_update_do_not_grow_with_the_history() -> None:
    def sent(steps: int, epochs: int) -> int:
        rng = np.random.default_rng(0)
        decimator = Decimator()
        for step in range(1, steps + 1):
            decimator.add(step, float(rng.random()))
        history = [
            {"epoch": e, "loss": rng.random(), "val_loss": rng.random()}
            for e in range(1, epochs + 1)
        ]
        return len(wire(plot_step_curve(step_curve_info(decimator.buckets), LABELS))) + len(
            wire(plot_curves(curves_info(history, "loss"), LABELS))
        )

    assert sent(100_000, 10_000) / sent(100, 100) <= 1.2
