"""The figures of a study, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import plotly.graph_objects as go
import streamlit as st

from core.errors import N_
from core.plots.fields import Column, parallel_info, plot_parallel
from core.plots.search import (
    Axis,
    Goal,
    HistoryLabels,
    TrialCurve,
    curves_info,
    history_info,
    importance_info,
    plot_curves_of_trials,
    plot_history,
    plot_importance,
    plot_slice,
    slice_info,
    with_value,
)
from core.plots.search import Trial as Plotted
from core.plots.search_pairs import contour_info, plot_contour
from core.search.results import LEAST_TRIALS, TrialRow
from core.search.spec import StudySpec
from ui.i18n import _, language, ngettext, quick_number
from ui.messages import show
from ui.search_data import (
    PLOT_STATES,
    axes_of,
    goal_of,
    parameters_that_matter,
    plot_trials,
)
from ui.search_names import TRIAL_STATES, setting_name
from ui.state import is_dark
from ui.switch import switch

FIGURE, AXIS = "search.set.figure", "search.set.axis"
PAIR = ("search.set.pair.x", "search.set.pair.y")
MOST_LINES = 300
LEAST_PAIR = 4
"""Finished trials from which on a map of two settings says anything."""


class Shown(NamedTuple):
    """What all figures are made of."""

    spec: StudySpec
    rows: Sequence[TrialRow]
    trials: Sequence[Plotted]
    goal: Goal
    axes: Sequence[Axis]

    @property
    def finished(self) -> int:
        return sum(trial.state == "complete" for trial in self.trials)


class Figure(NamedTuple):
    """A figure: its name, how many finished trials it needs, and what draws it."""

    label: str
    least: int
    draw: Callable[[Shown], None]


def figures(spec: StudySpec, rows: Sequence[TrialRow]) -> None:
    """A switch between them, and the chosen one."""
    names = {key: _(figure.label) for key, figure in FIGURES.items()}
    figure = FIGURES[switch(_("Figure"), names, key=FIGURE, default="history")]
    shown = Shown(spec, rows, plot_trials(spec, rows), goal_of(spec), axes_of(spec))
    if shown.finished < figure.least:
        st.info(
            ngettext(
                "This figure needs {n} finished trial; there are {here}.",
                "This figure needs {n} finished trials; there are {here}.",
                figure.least,
                here=shown.finished,
            )
        )
        return
    figure.draw(shown)


def _labels() -> HistoryLabels:
    return HistoryLabels(
        _("Trial"),
        _("Best so far"),
        {state: _(TRIAL_STATES[name]) for name, state in PLOT_STATES.items()},
    )


def _style() -> dict[str, bool]:
    return {"dark": is_dark(), "decimal_comma": language() == "es"}


def _draw(figure: go.Figure, name: str, alt: str) -> None:
    st.plotly_chart(figure, key=f"search.figure.{name}", theme=None, alt=alt)


def _history(shown: Shown) -> None:
    info = history_info(shown.trials, shown.goal)
    if not info.groups:
        _nothing_measured()
        return
    figure = plot_history(info, shown.goal, _labels(), **_style())
    _draw(figure, "history", _("{aim} of every trial, and the best so far", aim=shown.goal.title))


def _curves(shown: Shown) -> None:
    curves = [
        TrialCurve(
            *(r.number, PLOT_STATES[r.state], tuple(sorted(r.values)), _in_order(r.values)),
            value=r.value,
        )
        for r in shown.rows
        if r.values
    ]
    info = curves_info(curves, shown.goal)
    if not info.curves:
        _nothing_measured()
        return
    figure = plot_curves_of_trials(info, shown.goal, _labels(), epoch=_("epoch"), **_style())
    _draw(figure, "curves", _("{aim} by epoch, a line per trial", aim=shown.goal.title))
    if info.left_out:
        st.caption(
            _(
                "{n} trials are drawn: the best and the newest; {more} others are not.",
                n=len(info.curves),
                more=info.left_out,
            )
        )


def _nothing_measured() -> None:
    st.info(_("The figure begins with the first epoch that a trial has finished."))


def _in_order(values: dict[int, float]) -> tuple[float, ...]:
    return tuple(values[epoch] for epoch in sorted(values))


def _importance(shown: Shown) -> None:
    with st.spinner(_("Asking which settings mattered …")):
        found = parameters_that_matter(shown.spec.id, shown.finished)
    if isinstance(found, str):
        show(found, "info")
        return
    info = importance_info({setting_name(key): share for key, share in found.items()})
    title = _("Part of what sets the better trials apart")
    _draw(plot_importance(info, title, **_style()), "importance", title)
    st.caption(
        _(
            "Of the settings that every finished trial has (PED-ANOVA). With few trials it is a "
            "first impression, no proof."
        )
    )


def _parallel(shown: Shown) -> None:
    trials = with_value(shown.trials)
    best = sorted(trials, key=lambda t: t.value or 0.0, reverse=shown.goal.higher)
    kept = best[:MOST_LINES][::-1]  # the best are drawn last, above the others
    columns = [_column(axis, kept) for axis in shown.axes]
    title = f"{shown.goal.title} (%)" if shown.goal.share else shown.goal.title
    columns.append(Column(title, tuple(shown.goal.shown(t.value or 0.0) for t in kept), False))
    names = [_("Trial {n}", n=trial.number + 1) for trial in kept]
    st.echarts_chart(
        plot_parallel(parallel_info(names, columns), dark=is_dark(), number=quick_number(4)),
        key="search.figure.parallel",
        height=440,
        alt=_("A line per trial across {n} axes", n=len(columns)),
    )
    said = [_("The colour is that of the last axis. Drag along an axis to keep the lines there.")]
    if len(trials) > len(kept):
        said.append(_("The best {n} of {all} finished trials.", n=len(kept), all=len(trials)))
    st.caption(" ".join(said))


def _column(axis: Axis, trials: Sequence[Plotted]) -> Column:
    """The numbers of a list stand as they were chosen from, evenly; others on their scale."""
    cells = tuple(_cell(trial, axis.key) for trial in trials)
    write = quick_number(4)
    if not axis.ticks:
        return Column(axis.title, cells, axis.log)
    words = tuple(None if cell is None else write(float(cell)) for cell in cells)
    return Column(axis.title, words, order=tuple(write(tick) for tick in axis.ticks))


def _cell(trial: Plotted, key: str) -> float | str | None:
    value = trial.settings.get(key)
    return value if value is None or isinstance(value, float | int | str) else str(value)


def _slice(shown: Shown) -> None:
    axis = _one_of(_("Setting"), AXIS, shown.axes, 0)
    info = slice_info(shown.trials, axis, shown.goal)
    if not info.x:
        st.info(_("No finished trial has this setting."))
        return
    figure = plot_slice(info, shown.goal, _("Trial"), **_style())
    alt = _("{y} against {x}, a point per trial", y=shown.goal.title, x=axis.title)
    _draw(figure, "slice", alt)


def _contour(shown: Shown) -> None:
    if len(shown.axes) < 2:
        st.info(_("This figure needs two searched settings."))
        return
    left, right = st.columns(2)
    with left:
        x = _one_of(_("Horizontal axis"), PAIR[0], shown.axes, 0)
    with right:
        y = _one_of(_("Vertical axis"), PAIR[1], shown.axes, 1)
    info = contour_info(shown.trials, (x, y), shown.goal)
    if x == y or not info.z:
        st.info(_("Choose two different settings that the same finished trials have."))
        return
    alt = _("{aim} over {x} and {y}", aim=shown.goal.title, x=x.title, y=y.title)
    _draw(plot_contour(info, shown.goal, **_style()), "contour", alt)
    st.caption(
        _(
            "Bright is good. Every place has the mean of the trials around it, the nearer the "
            "more; where no trial was near it stays empty. The dots are the trials."
        )
    )


def _one_of(label: str, key: str, axes: Sequence[Axis], first: int) -> Axis:
    """One of this study's settings; that of another study is not chosen here."""
    names = {axis.key: axis for axis in axes}
    if st.session_state.get(key) not in names:
        st.session_state[key] = axes[min(first, len(axes) - 1)].key
    st.selectbox(
        label,
        list(names),
        format_func=lambda name: names[name].title,
        key=key,
        persist_state="session",
    )
    return names[str(st.session_state[key])]


FIGURES = {
    "history": Figure(N_("History"), 0, _history),
    "curves": Figure(N_("Learning curves"), 0, _curves),
    "importance": Figure(N_("What matters"), LEAST_TRIALS, _importance),
    "parallel": Figure(N_("Parallel coordinates"), 2, _parallel),
    "slice": Figure(N_("One setting"), 1, _slice),
    "contour": Figure(N_("Two settings"), LEAST_PAIR, _contour),
}
