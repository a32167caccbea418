"""The schedule and the finder's curve as figures."""

from __future__ import annotations

import numpy as np

from core.plots.rates import (
    RatesLabels,
    ScheduleInfo,
    plot_rates,
    plot_schedule,
    rates_info,
    schedule_info,
)

LABELS = RatesLabels("rate", "loss", "batch", "take this")


def test_a_schedule_over_epochs() -> None:
    rates = np.array([1, 0.5, 0.25], dtype=np.float32)
    assert schedule_info(rates, 2) == ScheduleInfo((0, 0.5, 1), (1, 0.5, 0.25))


def test_a_long_schedule_is_thinned_and_keeps_its_peak() -> None:
    rates = np.ones(10_000, dtype=np.float32)
    rates[777] = 3
    info = schedule_info(rates, 100)
    assert len(info.epochs) <= 120
    assert info.rates[info.epochs.index(7.77)] == 3


def test_the_schedule_is_drawn_as_it_is() -> None:
    option = plot_schedule(ScheduleInfo((0, 1), (0.5, 0.25)), "epoch", "rate")
    assert option["dataset"]["source"]["rate"].tolist() == [0.5, 0.25]
    assert (option["xAxis"]["name"], option["yAxis"]["name"]) == ("epoch", "rate")


def test_the_suggestion_is_marked_on_the_curve() -> None:
    info = rates_info([0.1, 1, 10], [3, 2, 9], [3, 2.5, 4], 1)
    assert info.suggestion == (1, 2.5)
    option = plot_rates(info, LABELS, dark=True)
    _batches, curve = option["series"]
    assert curve["markPoint"]["data"] == [{"name": "take this", "coord": [1, 2.5]}]
    assert option["xAxis"]["type"] == "log"
    assert option["yAxis"]["max"] == 4.8  # 1.2 times the smoothed curve's highest


def test_no_suggestion_marks_nothing() -> None:
    info = rates_info([0.1, 1], [1, 2], [1, 1.5], None)
    assert all("markPoint" not in series for series in plot_rates(info, LABELS)["series"])
