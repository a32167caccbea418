"""What is different between runs: only the settings that are not the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.fields import FIELDS, SETTINGS, Field, settings_of
from core.records import RunRecord
from ui.frame import short_name
from ui.i18n import _
from ui.runs_data import field_title, written
from ui.tables import table_height


def differing(records: Sequence[RunRecord]) -> list[tuple[Field, list[object]]]:
    """The fields that differ, in the form's order, each with its value in every run.

    A setting that has no effect (or that an architecture does not have) is ``None`` there; so is
    one of an ensemble, which has none but its dataset and is no difference by that.
    """
    columns = zip(*(settings_of(record) for record in records), strict=True)
    found = []
    for field, values in zip(SETTINGS, map(list, columns), strict=True):
        pairs = zip(records, values, strict=True)
        own = [v for record, v in pairs if record.kind != "ensemble" or v is not None]
        if any(value != own[0] for value in own):
            found.append((field, values))
    return found


def differences(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row per setting that differs, one column per run, in the reader's words; before them,
    from which networks the runs went on and what their datasets were, where that differs."""
    rows = [
        [field_title(field), *(written(field, value) for value in values)]
        for field, values in differing(records)
    ]
    if len({record.config.data.dataset for record in records}) == 1:
        seen = [record.dataset_fingerprint for record in records]
        if len(set(seen) - {None}) > 1:
            rows.insert(0, [_("State of the dataset"), *(_state(f, seen) for f in seen)])
    starts = [_start(record) for record in records]
    if len(set(starts)) > 1:
        rows.insert(0, [_("Goes on from"), *starts])
    if any(record.composition for record in records):
        rows.insert(0, [field_title(FIELDS["network"]), *(record.network for record in records)])
    return pd.DataFrame(rows, columns=[_("Setting"), *map(short_name, records)])


def _state(fingerprint: str | None, seen: Sequence[str | None]) -> str:
    """A dataset of the same name with other images: numbered in the order of the runs."""
    known = list(dict.fromkeys(f for f in seen if f is not None))
    return "–" if fingerprint is None else str(known.index(fingerprint) + 1)


def _start(record: RunRecord) -> str:
    if record.start is None:
        return "–" if record.composition else _("a new network")
    name = short_name(record.changed(id=record.start.run))
    return _("{run}, epoch {epoch}", run=name, epoch=record.start.epochs)


def what_changed(chosen: Sequence[RunRecord]) -> None:
    """The differences between two or more runs, as a table."""
    if len(chosen) < 2:
        return
    st.markdown("**" + _("What is different between them") + "**")
    table = differences(chosen)
    if table.empty:
        st.caption(_("Nothing: all settings are the same."))
        return
    st.dataframe(
        table,
        hide_index=True,
        height=table_height(len(table), 460),
        width="content",
        column_config={table.columns[0]: st.column_config.TextColumn(width="medium")},
        alt=_("Settings that differ"),
    )
