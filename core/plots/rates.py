"""Learning rates: the planned schedule over the epochs, and what the finder saw at each rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.plots.curves import MAX_POINTS, thinned
from core.plots.style import CLEAR, Number, Option, plain_number, tones


class ScheduleInfo(NamedTuple):
    """At most :data:`~core.plots.curves.MAX_POINTS` places of a schedule; epoch 1.0 is the end
    of the first."""

    epochs: tuple[float, ...]
    rates: tuple[float, ...]


class RatesInfo(NamedTuple):
    """What the finder saw: ``losses`` of single batches, ``smoothed`` over some; the suggestion
    and the loss there (None if there is none)."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestion: tuple[float, float] | None


class RatesLabels(NamedTuple):
    """Words, translated."""

    rate: str
    loss: str
    batch: str
    suggestion: str


def schedule_info(rates: npt.NDArray[np.float32], steps_per_epoch: int) -> ScheduleInfo:
    """The learning rate of every step (steps,), thinned with its extremes kept."""
    values = [float(rate) for rate in rates]
    chosen = thinned([values], len(values), MAX_POINTS)
    return ScheduleInfo(
        tuple(step / steps_per_epoch for step in chosen), tuple(values[step] for step in chosen)
    )


def rates_info(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float | None,
) -> RatesInfo:
    """``suggestion`` is one of the ``rates``."""
    point = None
    if suggestion is not None:
        nearest = min(range(len(rates)), key=lambda i: abs(rates[i] - suggestion))
        point = (float(rates[nearest]), float(smoothed[nearest]))
    return RatesInfo(tuple(rates), tuple(losses), tuple(smoothed), point)


def plot_schedule(
    info: ScheduleInfo,
    epoch: str,
    rate: str,
    *,
    dark: bool = False,
    number: Number = plain_number,
) -> Option:
    """The rate over the epochs, as it will be used. ``epoch`` and ``rate`` name the axes."""
    frame = pd.DataFrame(
        {
            "epoch": np.array(info.epochs, dtype=np.float32),
            "rate": np.array(info.rates, dtype=np.float32),
            "epoch_text": [number(value) for value in info.epochs],
            "rate_text": [number(value) for value in info.rates],
        }
    )
    option = _base(frame, (epoch, rate), dark=dark)
    option["tooltip"]["formatter"] = f"{epoch} {{@epoch_text}}<br>{rate}: <b>{{@rate_text}}</b>"
    option["xAxis"] |= {"type": "value", "max": "dataMax"}
    option["series"] = [_curve("epoch", "rate", rate, tones(dark).train)]
    return option


def plot_rates(
    info: RatesInfo,
    labels: RatesLabels,
    *,
    dark: bool = False,
    number: Number = plain_number,
) -> Option:
    """Loss over rate (logarithmic), the batches' own pale behind the smoothed curve."""
    tone = tones(dark)
    frame = pd.DataFrame(
        {
            "rate": np.array(info.rates, dtype=np.float32),
            "batch": np.array(info.losses, dtype=np.float32),
            "loss": np.array(info.smoothed, dtype=np.float32),
            "rate_text": [number(value) for value in info.rates],
            "loss_text": [number(value) for value in info.smoothed],
        }
    )
    option = _base(frame, (labels.rate, labels.loss), dark=dark)
    words = f"{labels.rate} {{@rate_text}}<br>{labels.loss}: <b>{{@loss_text}}</b>"
    option["tooltip"]["formatter"] = words
    option["legend"] = {"top": 0, "right": 48, "textStyle": {"color": tone.text}}
    option["xAxis"] |= {"type": "log", "min": "dataMin", "max": "dataMax"}
    # Where it diverges, the loss of a batch can be any number: the curve decides what is seen.
    option["yAxis"]["max"] = round(1.2 * max(info.smoothed), 3)
    pale = _curve("rate", "batch", labels.batch, tone.neutral) | {"z": 1}
    curve = _curve("rate", "loss", labels.loss, tone.train)
    if info.suggestion is not None:
        curve["markPoint"] = _mark(info.suggestion, labels.suggestion, tone.validation)
    option["series"] = [pale, curve]
    return option


def _mark(point: tuple[float, float], name: str, colour: str) -> Option:
    return {
        "symbol": "circle",
        "symbolSize": 14,
        "itemStyle": {"color": colour},
        "label": {"formatter": name, "position": "top", "color": colour, "fontWeight": "bold"},
        "data": [{"name": name, "coord": list(point)}],
    }


def _curve(x: str, y: str, name: str, colour: str) -> Option:
    return {
        "type": "line",
        "name": name,
        "encode": {"x": x, "y": y},
        "showSymbol": False,
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "width": 2},
    }


def _base(frame: pd.DataFrame, names: tuple[str, str], *, dark: bool) -> Option:
    tone = tones(dark)
    axis = {
        "nameTextStyle": {"color": tone.text},
        "axisLabel": {"color": tone.text, "hideOverlap": True},
        "splitLine": {"lineStyle": {"color": tone.faint}},
    }
    x, y = names
    return {
        "animation": False,
        "backgroundColor": CLEAR,
        "grid": {"left": 8, "right": 24, "top": 36, "bottom": 24, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "dataset": {"source": frame},
        "xAxis": {**axis, "name": x, "nameLocation": "middle", "nameGap": 26},
        "yAxis": {
            **axis,
            "type": "value",
            "name": y,
            "nameTextStyle": {"color": tone.text, "align": "left"},
        },
    }
