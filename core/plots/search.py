"""A search as figures: its history, the curves of its trials, which setting mattered, and how."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import plotly.graph_objects as go

from core.plots.curves import thinned
from core.plots.style import CIVIDIS, base_figure, escaped, tones

State = Literal["complete", "pruned", "failed", "running"]
Setting = float | int | str | bool | None
SYMBOLS: dict[State, str] = {
    "complete": "circle",
    "pruned": "x-thin-open",
    "failed": "triangle-down-open",
    "running": "diamond-open",
}
MOST_DOTS = 500
"""A state with more trials is thinned to so many: what is sent does not grow with the study."""
MOST_CURVES = 40
MOST_EPOCHS = 60


class Goal(NamedTuple):
    """What a search aims at: its name, whether more is better, whether it is a share in [0, 1]
    (drawn as a percentage)."""

    title: str
    higher: bool = True
    share: bool = True

    def shown(self, value: float) -> float:
        return 100 * value if self.share else value

    def best(self, values: Sequence[float]) -> float:
        return max(values) if self.higher else min(values)

    @property
    def suffix(self) -> str:
        return " %" if self.share else ""


class Trial(NamedTuple):
    """A trial as figures need it: ``value`` of the goal (of a pruned one the last measured),
    ``settings`` by key: what it was tried with."""

    number: int
    state: State
    value: float | None
    settings: Mapping[str, Setting] = {}


class Dots(NamedTuple):
    """The trials of one state that have a value, in order of their numbers."""

    state: State
    numbers: tuple[int, ...]
    values: tuple[float, ...]


class HistoryInfo(NamedTuple):
    """Every trial's value by its number; ``best`` so far as (numbers, values), a point only where
    it changes, and one at the end. Numbers count from 1, shares are percentages."""

    groups: tuple[Dots, ...]
    best: tuple[tuple[int, ...], tuple[float, ...]]


def history_info(trials: Sequence[Trial], goal: Goal, most: int = MOST_DOTS) -> HistoryInfo:
    """Of the trials that have a finite value; of more than ``most`` in a state, extremes stay."""
    known = [t for t in _in_order(trials) if t.value is not None and math.isfinite(t.value)]
    groups = []
    for state in SYMBOLS:
        numbers = [t.number + 1 for t in known if t.state == state]
        values = [goal.shown(t.value or 0.0) for t in known if t.state == state]
        kept = thinned([values], len(values), most)
        if kept:
            dots = Dots(state, tuple(numbers[i] for i in kept), tuple(values[i] for i in kept))
            groups.append(dots)
    return HistoryInfo(tuple(groups), _best_so_far(known, goal))


def _in_order(trials: Sequence[Trial]) -> list[Trial]:
    return sorted(trials, key=lambda trial: trial.number)


def _best_so_far(known: Sequence[Trial], goal: Goal) -> tuple[tuple[int, ...], tuple[float, ...]]:
    numbers: list[int] = []
    values: list[float] = []
    for trial in known:
        value = goal.shown(trial.value or 0.0)
        if trial.state != "complete":
            continue
        if not values or goal.best([value, values[-1]]) != values[-1]:
            numbers.append(trial.number + 1)
            values.append(value)
    if values and numbers[-1] < known[-1].number + 1:
        numbers.append(known[-1].number + 1)
        values.append(values[-1])
    return tuple(numbers), tuple(values)


class HistoryLabels(NamedTuple):
    """Words, translated: the axis of numbers, the line of the best, and what states are called."""

    trial: str
    best: str
    states: Mapping[State, str]


def plot_history(
    info: HistoryInfo,
    goal: Goal,
    labels: HistoryLabels,
    *,
    dark: bool = False,
    decimal_comma: bool = False,
) -> go.Figure:
    """States by symbol, so that they are told apart without colour; the best as a stair."""
    figure = base_figure(dark, height=400, decimal_comma=decimal_comma)
    tone = tones(dark)
    for dots in info.groups:
        quiet = dots.state != "complete"
        figure.add_scatter(
            x=dots.numbers,
            y=dots.values,
            name=escaped(labels.states[dots.state]),
            mode="markers",
            marker={
                "symbol": SYMBOLS[dots.state],
                "color": grey(dark) if quiet else tone.train,
                "size": 8 if len(dots.numbers) <= 200 else 6,
                "line": {"width": 1.5, "color": grey(dark)} if quiet else {},
            },
            hovertemplate=f"{escaped(labels.trial)} %{{x}}: %{{y:.4~g}}{goal.suffix}"
            "<extra></extra>",
        )
    figure.add_scatter(
        x=info.best[0],
        y=info.best[1],
        name=escaped(labels.best),
        mode="lines",
        line={"color": tone.validation, "shape": "hv", "width": 2},
        hovertemplate=f"%{{y:.4~g}}{goal.suffix}<extra></extra>",
    )
    figure.update_layout(hovermode="closest")
    few = max((n for dots in info.groups for n in dots.numbers), default=0) <= 12
    figure.update_xaxes(title=escaped(labels.trial), dtick=1 if few else None)
    figure.update_yaxes(title=escaped(goal.title), ticksuffix=goal.suffix)
    return figure


def grey(dark: bool) -> str:
    """Of what is there but shall not call attention; three to one against either page."""
    return "#9aa0a8" if dark else "#7a7f87"


class TrialCurve(NamedTuple):
    """A trial's goal after each of its epochs, and what it is worth in the end: not always its best
    epoch, where the last one is kept."""

    number: int
    state: State
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    value: float | None = None


class CurvesInfo(NamedTuple):
    """The curves to draw, the best last so that it lies above; ``left_out`` others."""

    curves: tuple[TrialCurve, ...]
    best: int | None
    left_out: int


def curves_info(
    curves: Sequence[TrialCurve], goal: Goal, most: int = MOST_CURVES, points: int = MOST_EPOCHS
) -> CurvesInfo:
    """Of more than ``most`` trials every second one is of the best, the rest are the newest."""
    known = [curve for curve in curves if curve.values]
    ranked = sorted(known, key=lambda c: _worth(c, goal), reverse=goal.higher)
    complete = [curve for curve in ranked if curve.state == "complete"]
    best = complete[0].number if complete else None
    kept = ranked if len(ranked) <= most else _some(ranked, most)
    drawn = sorted(kept, key=lambda c: (c.number == best, c.state == "complete", c.number))
    return CurvesInfo(
        tuple(_thin(curve, goal, points) for curve in drawn), best, len(known) - len(kept)
    )


def _worth(curve: TrialCurve, goal: Goal) -> float:
    return goal.best(curve.values) if curve.value is None else curve.value


def _some(ranked: Sequence[TrialCurve], most: int) -> list[TrialCurve]:
    best = list(ranked[: most // 2])
    newest = sorted(ranked[most // 2 :], key=lambda c: -c.number)
    return best + newest[: most - len(best)]


def _thin(curve: TrialCurve, goal: Goal, points: int) -> TrialCurve:
    kept = thinned([curve.values], len(curve.values), points)
    return curve._replace(
        epochs=tuple(curve.epochs[i] for i in kept),
        values=tuple(goal.shown(curve.values[i]) for i in kept),
    )


def plot_curves_of_trials(
    info: CurvesInfo,
    goal: Goal,
    labels: HistoryLabels,
    *,
    epoch: str,
    dark: bool = False,
    decimal_comma: bool = False,
) -> go.Figure:
    """Pruned trials grey and dotted, the best thick; one trace per kind, however many trials."""
    figure = base_figure(dark, height=400, decimal_comma=decimal_comma)
    tone = tones(dark)
    kinds = {
        "others": ([c for c in info.curves if c.state != "complete"], grey(dark), 1.0, "dot"),
        "complete": (
            [c for c in info.curves if c.state == "complete" and c.number != info.best],
            tone.train,
            1.0,
            "solid",
        ),
        "best": ([c for c in info.curves if c.number == info.best], tone.validation, 3.0, "solid"),
    }
    names = {
        "others": labels.states["pruned"],
        "complete": labels.states["complete"],
        "best": labels.best,
    }
    for kind, (curves, colour, width, dash) in kinds.items():
        if not curves:
            continue
        figure.add_scatter(
            x=[x for c in curves for x in (*c.epochs, None)],
            y=[y for c in curves for y in (*c.values, None)],
            text=[f"{labels.trial} {c.number + 1}" for c in curves for _ in (*c.epochs, 0)],
            name=escaped(names[kind]),
            mode="lines+markers",
            opacity=1.0 if kind == "best" else 0.6,
            line={"color": colour, "width": width, "dash": dash},
            marker={"size": 4, "symbol": "x" if kind == "others" else "circle"},
            hovertemplate=f"%{{text}}, %{{x}}: %{{y:.4~g}}{goal.suffix}<extra></extra>",
        )
    figure.update_layout(hovermode="closest", showlegend=True)
    longest = max((c.epochs[-1] for c in info.curves), default=0)
    figure.update_xaxes(title=escaped(epoch), dtick=1 if longest <= 12 else None)
    figure.update_yaxes(title=escaped(goal.title), ticksuffix=goal.suffix)
    return figure


class ImportanceInfo(NamedTuple):
    """Settings and their share of what was explained, in percent, the most important first."""

    names: tuple[str, ...]
    shares: tuple[float, ...]


def importance_info(shares: Mapping[str, float], most: int = 15) -> ImportanceInfo:
    """``shares`` by name, of at least 0; brought to a sum of 100 before the rest is cut off."""
    whole = sum(shares.values()) or 1.0
    order = sorted(shares, key=lambda name: (-shares[name], name))[:most]
    return ImportanceInfo(tuple(order), tuple(100 * shares[name] / whole for name in order))


def plot_importance(
    info: ImportanceInfo, title: str, *, dark: bool = False, decimal_comma: bool = False
) -> go.Figure:
    """Bars with their percentages."""
    height = 90 + 34 * max(len(info.names), 2)
    figure = base_figure(dark, height=height, decimal_comma=decimal_comma)
    figure.add_bar(
        x=info.shares,
        y=[escaped(name) for name in info.names],
        orientation="h",
        marker={"color": tones(dark).train},
        texttemplate="%{x:.0f} %",
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(title=escaped(title), ticksuffix=" %", rangemode="tozero")
    return figure


class Axis(NamedTuple):
    """A searched setting as an axis: its key and name, whether it was searched in powers, and the
    numbers that it was chosen from, if it was a list of them."""

    key: str
    title: str
    log: bool = False
    ticks: tuple[float, ...] = ()


class SliceInfo(NamedTuple):
    """The goal of every complete trial by one setting; words where the setting is not a number."""

    axis: Axis
    numbers: tuple[int, ...]
    x: tuple[float | str, ...]
    y: tuple[float, ...]


def slice_info(trials: Sequence[Trial], axis: Axis, goal: Goal, most: int = MOST_DOTS) -> SliceInfo:
    """Of the trials that have the setting (the depth of a CNN only CNNs have)."""
    known = with_value(trials, axis.key)
    values = [goal.shown(t.value or 0.0) for t in known]
    kept = thinned([values], len(known), most)
    return SliceInfo(
        axis,
        tuple(known[i].number + 1 for i in kept),
        tuple(place_of(known[i].settings[axis.key]) for i in kept),
        tuple(values[i] for i in kept),
    )


def with_value(trials: Sequence[Trial], *keys: str) -> list[Trial]:
    """The complete trials that have all these settings, in order of their numbers."""
    return [
        t
        for t in _in_order(trials)
        if t.state == "complete"
        and t.value is not None
        and math.isfinite(t.value)
        and all(t.settings.get(key) is not None for key in keys)
    ]


def place_of(value: Setting) -> float | str:
    """Numbers as numbers, all else as a word."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def plot_slice(
    info: SliceInfo, goal: Goal, trial: str, *, dark: bool = False, decimal_comma: bool = False
) -> go.Figure:
    """A point per trial, early ones darker (on a dark page fainter) than late ones."""
    figure = base_figure(dark, height=380, decimal_comma=decimal_comma)
    figure.add_scatter(
        x=[escaped(x) if isinstance(x, str) else x for x in info.x],
        y=info.y,
        mode="markers",
        text=[f"{escaped(trial)} {number}" for number in info.numbers],
        marker={
            "color": info.numbers,
            "colorscale": _scale(dark),
            "colorbar": {"title": escaped(trial), "thickness": 12},
            "size": 9,
            "line": {"width": 0.5, "color": tones(dark).text},
        },
        hovertemplate=f"%{{text}}<br>%{{x}}: %{{y:.4~g}}{goal.suffix}<extra></extra>",
    )
    set_axis(figure.update_xaxes, info.axis, info.x)
    figure.update_yaxes(title=escaped(goal.title), ticksuffix=goal.suffix)
    figure.update_layout(showlegend=False, hovermode="closest")
    return figure


def set_axis(update: Callable[..., object], axis: Axis, values: Sequence[float | str]) -> None:
    """Title and scale: words as they come, powers where the setting was searched in powers."""
    words = any(isinstance(value, str) for value in values)
    kind = "category" if words else "log" if axis.log else "linear"
    numbers = [value for value in values if isinstance(value, int | float)]
    # Of a short axis in powers Plotly writes the numbers in between, too.
    powers = kind == "log" and bool(numbers) and max(numbers) >= 100 * min(numbers)
    update(
        title=escaped(axis.title),
        type=kind,
        dtick=1 if powers else None,
        tickvals=list(axis.ticks) or None,
        exponentformat="power",
        hoverformat=".4~g",
    )


def _scale(dark: bool) -> list[tuple[float, str]]:
    """Without the end that vanishes on the page."""
    colours = CIVIDIS[2:] if dark else CIVIDIS[:-1]
    return [(i / (len(colours) - 1), colour) for i, colour in enumerate(colours)]
