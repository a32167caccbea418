"""The same settings with several seeds: how far luck alone reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.continuing import whole_history
from core.errors import N_
from core.fields import FIELDS, SEED, SETTINGS, Field, RunRow, differing
from core.grouping import SeedGroup, Spread, seed_groups
from core.plots.runs import RunsLabels, plot_seeds, seeds_info
from core.records import RunRecord
from ui.i18n import _, duration, language, number, percent
from ui.runs_data import field_label, written
from ui.state import get_lab, is_dark
from ui.switch import switch
from ui.tables import table_height

MOST_GROUPS = 100
DRAWN = 6
"""Bands that can still be told apart."""
TOLD = 4
"""Settings that name a group."""
CURVES = {
    "val_accuracy": N_("Validation accuracy"),
    "val_loss": N_("Validation loss"),
    "accuracy": N_("Training accuracy"),
    "loss": N_("Training loss"),
}


def seeds_view(rows: Sequence[RunRow], chosen: Sequence[RunRecord]) -> None:
    """Groups among the runs that fit the filter."""
    st.caption(
        _(
            "Runs that differ in nothing but the seed are one line here: what lies between them is "
            "luck. A difference between two settings that is smaller than that says nothing."
        )
    )
    groups = seed_groups(rows)
    if not groups:
        st.info(
            _(
                "No settings have been trained with two seeds yet. Copy a run into the form, "
                "change nothing but the seed (under “Training”), and train it again."
            )
        )
        return
    shown = groups[:MOST_GROUPS]
    names = group_names(shown)
    ticked = _table(shown, names)
    _curves([(names[i], shown[i]) for i in (ticked or range(min(DRAWN, len(shown))))])


def group_names(groups: Sequence[SeedGroup]) -> list[str]:
    """What tells the groups apart: dataset, network, and the settings in which they differ."""
    firsts = [group.rows[0] for group in groups]
    settings = [f for f in SETTINGS if f.key not in ("data.dataset", "model.architecture", SEED)]
    told = {
        alike: differing([row for row in firsts if _said(row) == alike], settings)
        for alike in {_said(row) for row in firsts}
    }
    names = [_name(row, told[_said(row)]) for row in firsts]
    times = Counter(names)
    return [
        name if times[name] == 1 else f"{name} ({row['run']})"
        for name, row in zip(names, firsts, strict=True)
    ]


def _name(row: RunRow, told: Sequence[Field]) -> str:
    known = [field for field in told if row[field.key] is not None][:TOLD]
    said = [f"{field_label(field)} {written(field, row[field.key])}" for field in known]
    return ", ".join([_said(row), *said])


def _said(row: RunRow) -> str:
    return f"{row['data.dataset']} · {row['network']}"


def _table(groups: Sequence[SeedGroup], names: Sequence[str]) -> list[int]:
    """The groups; returns those that are ticked."""
    frame = pd.DataFrame(
        [
            {
                "settings": name,
                "n": len(group.rows),
                "seeds": ", ".join(map(str, group.seeds)),
                "val": _mean(group, "val_accuracy", percent),
                "best": _mean(group, "best_val_accuracy", percent),
                "loss": _mean(group, "val_loss", _loss),
                "seconds": _mean(group, "seconds", duration),
            }
            for name, group in zip(names, groups, strict=True)
        ]
    )
    event = st.dataframe(
        frame,
        key="runs.seeds." + "-".join(group.rows[0].id[-4:] for group in groups[:20]),
        hide_index=True,
        height=table_height(len(frame), 260),
        column_config=_columns(),
        on_select="rerun",
        selection_mode="multi-row",
        alt=_("Mean and standard deviation of the figures, a row per group of runs"),
    )
    return [i for i in event["selection"]["rows"] if i < len(groups)][:DRAWN]


def _columns() -> dict[str, Any]:
    config = st.column_config
    about = _("Mean ± standard deviation over the seeds.")
    return {
        "settings": config.TextColumn(
            _("Settings"), width=310, help=_("What tells these runs from the other groups.")
        ),
        "n": config.NumberColumn(
            _("Runs"), width="small", help=_("Runs that are averaged, one of each seed.")
        ),
        "seeds": config.TextColumn(_("Seeds")),
        "val": config.TextColumn(field_label(FIELDS["val_accuracy"]), help=about),
        "best": config.TextColumn(field_label(FIELDS["best_val_accuracy"]), help=about),
        "loss": config.TextColumn(field_label(FIELDS["val_loss"]), help=about),
        "seconds": config.TextColumn(field_label(FIELDS["seconds"]), help=about),
    }


def _loss(value: float) -> str:
    return number(round(value, 3))


def _mean(group: SeedGroup, key: str, write: Callable[[float], str]) -> str:
    return with_deviation(group.spread(key), write, of=len(group.rows))


def with_deviation(spread: Spread, write: Callable[[float], str], *, of: int) -> str:
    """``93.5 % ± 0.4 %``, with how many runs that is behind it if not all ``of`` them; a dash
    where nobody has measured."""
    if spread.mean is None:
        return "–"
    either_side = "" if spread.deviation is None else f" ± {write(spread.deviation)}"
    return f"{write(spread.mean)}{either_side}" + (f" ({spread.n})" if spread.n != of else "")


def _curves(groups: Sequence[tuple[str, SeedGroup]]) -> None:
    names = {key: _(label) for key, label in CURVES.items()}
    measure = switch(_("Curve"), names, key="runs.set.seeds", default="val_accuracy")
    paths = get_lab().paths
    histories = {
        name: [
            [epoch.model_dump() for epoch in whole_history(paths.run(row.id))] for row in group.rows
        ]
        for name, group in groups
    }
    info = seeds_info(histories, measure)
    if not info.curves:
        st.caption(_("None of these runs has finished an epoch in which this was measured."))
        return
    labels = RunsLabels(_("epoch"), names[measure])
    st.plotly_chart(
        plot_seeds(info, labels, dark=is_dark(), decimal_comma=language() == "es"),
        key="runs.bands",
        theme=None,
        alt=_("{title} by epoch: the mean of every group in its band", title=names[measure]),
    )
    st.caption(
        _(
            "The line is the mean over the seeds, the band one standard deviation to either side. "
            "Tick groups in the table to draw those; without a tick the first are drawn."
        )
    )
