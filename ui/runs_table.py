"""Runs as a table that opens one by a click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.records import RunRecord
from ui.frame import short_name, status_text
from ui.i18n import _, ngettext


def runs_frame(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row per run; accuracies in per cent, durations in seconds, so that they sort."""
    rows = [_row(record) for record in records]
    return pd.DataFrame(rows, columns=list(_columns()))


def _columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "run": config.TextColumn(_("Run")),
        "status": config.TextColumn(_("Status")),
        "started": config.DatetimeColumn(_("Started"), format="D MMM, HH:mm"),
        "dataset": config.TextColumn(_("Dataset")),
        "architecture": config.TextColumn(_("Architecture")),
        "val": config.NumberColumn(_("Best validation accuracy"), format="%.1f %%"),
        "test": config.NumberColumn(_("Test accuracy"), format="%.1f %%"),
        "parameters": config.NumberColumn(_("Parameters"), format="compact"),
        "epochs": config.NumberColumn(_("Epochs")),
        "seconds": config.NumberColumn(_("Duration (s)"), format="%.0f"),
    }


def _row(record: RunRecord) -> dict[str, object]:
    figures = record.summary
    return {
        "run": short_name(record),
        "status": status_text(record.status),
        "started": record.started,
        "dataset": record.config.data.dataset,
        "architecture": record.config.model.architecture.upper(),
        "val": _percent(figures.best_val_accuracy if figures else None),
        "test": _percent(figures.test_accuracy if figures else None),
        "parameters": figures.parameters if figures else None,
        "epochs": figures.epochs if figures else None,
        "seconds": figures.seconds if figures else None,
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def runs_table(records: Sequence[RunRecord], *, key: str, on_open: Callable[[str], None]) -> None:
    """The table; a click on a row opens that run."""
    if not records:
        st.caption(_("No runs yet. Start one above, or set one up on the Train page."))
        return

    def opened() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            on_open(records[rows[0]].id)

    st.dataframe(
        runs_frame(records),
        key=key,
        hide_index=True,
        column_config=_columns(),
        on_select=opened,
        selection_mode="single-row",
        alt=ngettext("{n} run", "{n} runs", len(records)),
    )
