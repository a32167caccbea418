"""Any field of the filtered runs against any figure: points, or lines across many axes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import LabError
from core.fields import ABOUT, FIELDS, MEASURES, SEALED, SEED, SETTINGS, Field, Kind, RunRow
from core.plots.fields import (
    LOG_FROM,
    AxisLabels,
    Column,
    FieldsInfo,
    RunPoint,
    fields_info,
    parallel_info,
    plot_fields,
    plot_parallel,
    run_at,
)
from core.records import RunRecord
from ui.frame import run_label
from ui.i18n import _, language, ngettext, quick_number
from ui.messages import show_error
from ui.runs_actions import open_buttons
from ui.runs_data import field_title, key_label, written
from ui.state import get_lab, is_dark
from ui.switch import switch

MOST_POINTS = 2000
"""The newest runs; more would make the page slow and the figure grey."""
MOST_LINES = 300
FIRST_AXES = 5
MOST_AXES = 10
X, Y, COLOUR, AXES = "runs.set.x", "runs.set.y", "runs.set.colour", "runs.set.axes"
COLOURS = ("network", "data.dataset", "optimizer.name", "by", "status", "augment.flip")
SCALES = {Kind.SHARE: 100.0}


def fields_view(rows: Sequence[RunRow], chosen: Sequence[RunRecord]) -> None:
    """All runs that fit the filter."""
    known = [row for row in rows if row["epochs"] is not None]
    if not known:
        st.info(_("None of these runs has figures yet: they come when a training has ended."))
        return
    names = {"points": _("Points"), "lines": _("Parallel coordinates")}
    kind = switch(_("Figure"), names, key="runs.set.figure", default="points")
    {"points": _points, "lines": _lines}[kind](known)


def _points(rows: Sequence[RunRow]) -> None:
    x, y, colour = _axes()
    shown = rows[:MOST_POINTS]
    points = [
        RunPoint(
            row.id,
            _about(row),
            _value(x, row[x.key]),
            _number(y, row[y.key]),
            written(colour, row[colour.key]),
        )
        for row in shown
    ]
    info = fields_info(points)
    if not info.drawn:
        st.info(_("No run has a value on both axes. Choose others."))
        return
    event = st.plotly_chart(
        plot_fields(
            info,
            _labels(x, [p.x for p in points]),
            _labels(y, []),
            others=_("other"),
            dark=is_dark(),
            decimal_comma=language() == "es",
        ),
        key=f"runs.points.{x.key}.{y.key}.{colour.key}",
        theme=None,
        on_select="rerun",
        selection_mode="points",
        alt=_("{y} against {x}, a point per run", y=field_title(y), x=field_title(x)),
    )
    _notes(info, len(rows), MOST_POINTS)
    _clicked(run_at(info, event))


def _axes() -> tuple[Field, Field, Field]:
    left, middle, right = st.columns(3)
    with left:
        _one(_("Horizontal axis"), X, _axis_keys(), "parameters")
    with middle:
        _one(_("Vertical axis"), Y, _measures(), "best_val_accuracy")
    with right:
        _one(_("Colour"), COLOUR, COLOURS, "network")
    keys = (st.session_state[key] for key in (X, Y, COLOUR))
    x, y, colour = (FIELDS[key] for key in keys)
    return x, y, colour


def _axis_keys() -> list[str]:
    """What a run can be placed by. Nobody should choose settings by the figures of the test."""
    no_place = (Kind.TAGS, Kind.MOMENT)
    return [
        field.key
        for field in (*MEASURES, *SETTINGS, *ABOUT)
        if field.key not in {"run", "note", *SEALED} and field.kind not in no_place
    ]


def _measures() -> list[str]:
    return [field.key for field in MEASURES if field.key not in SEALED]


def _one(label: str, key: str, options: Sequence[str], default: str) -> None:
    st.session_state.setdefault(key, default)
    st.selectbox(label, options, format_func=key_label, key=key, persist_state="session")


def _number(field: Field, value: float | None) -> float | None:
    """Counts stay whole."""
    return value * SCALES[field.kind] if value is not None and field.kind in SCALES else value


def _value(field: Field, value: object) -> float | str | None:
    """As it is drawn: numbers as numbers, all else as the reader calls it."""
    if value is None:
        return None
    if field.kind.numeric and isinstance(value, int | float):
        return _number(field, value)
    return written(field, value)


def _labels(field: Field, values: Sequence[float | str | None]) -> AxisLabels:
    title = f"{field_title(field)} (s)" if field.kind is Kind.SECONDS else field_title(field)
    numbers = [value for value in values if isinstance(value, int | float)]
    wide = bool(numbers) and min(numbers) > 0 and max(numbers) >= LOG_FROM * min(numbers)
    return AxisLabels(title, " %" if field.kind is Kind.SHARE else "", wide)


def _about(row: RunRow) -> str:
    return f"{row['run']} · {row['data.dataset']} · {row['network']}"


def _notes(info: FieldsInfo, found: int, most: int) -> None:
    said = [_("Click a point to open its run.")]
    if found > most:
        said.append(_("The newest {n} of {found} runs.", n=most, found=found))
    if info.missing:
        said.append(
            ngettext(
                "{n} run has no value on one of the axes.",
                "{n} runs have no value on one of the axes.",
                info.missing,
            )
        )
    st.caption(" ".join(said))


def _clicked(run_id: str | None) -> None:
    if run_id is None:
        return
    try:
        record = get_lab().store.read(run_id)
    except LabError as error:  # damaged, or deleted: the next look at all runs takes it away
        show_error(error, "warning")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(run_label(record), width="content")
        open_buttons(record)


def _lines(rows: Sequence[RunRow]) -> None:
    shown = rows[:MOST_LINES]
    _choose_axes(shown)
    fields = [FIELDS[key] for key in st.session_state[AXES]]
    measure = FIELDS[st.session_state[Y]]
    fields = [field for field in fields if field != measure]
    columns = [_column(field, shown) for field in [*fields, measure]]
    info = parallel_info([_about(row) for row in shown], columns)
    if not info.lines or not fields:
        st.info(_("Choose at least one axis on which the runs have values."))
        return
    st.echarts_chart(
        plot_parallel(info, dark=is_dark(), number=quick_number(4)),
        key="runs.lines",
        height=440,
        alt=_("A line per run across {n} axes", n=len(info.axes)),
    )
    said = [_("The colour is that of the last axis. Drag along an axis to keep the lines there.")]
    if len(rows) > MOST_LINES:
        said.append(_("The newest {n} of {found} runs.", n=MOST_LINES, found=len(rows)))
    st.caption(" ".join(said))


def _choose_axes(rows: Sequence[RunRow]) -> None:
    """At first the settings that differ: what is the same in all runs explains nothing."""
    if AXES not in st.session_state:
        st.session_state[AXES] = _telling(rows)[:FIRST_AXES] or ["parameters"]
    left, right = st.columns([3, 1])
    with left:
        st.multiselect(
            _("Axes"),
            _axis_keys(),
            format_func=key_label,
            key=AXES,
            max_selections=MOST_AXES,
            help=_("At first the settings in which these runs differ."),
            persist_state="session",
        )
    with right:
        _one(_("Last axis"), Y, _measures(), "best_val_accuracy")


def _telling(rows: Sequence[RunRow]) -> list[str]:
    """The settings that most of the runs have, with more than one value; the seed explains
    nothing."""
    columns = {f.key: [row[f.key] for row in rows if row[f.key] is not None] for f in SETTINGS}
    return [
        key
        for key, values in columns.items()
        if key != SEED and len(values) > len(rows) / 2 and len(set(values)) > 1
    ]


def _column(field: Field, rows: Sequence[RunRow]) -> Column:
    title = f"{field_title(field)} (%)" if field.kind is Kind.SHARE else field_title(field)
    return Column(title, tuple(_value(field, row[field.key]) for row in rows))
