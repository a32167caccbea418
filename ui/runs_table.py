"""A few runs as a table that opens one by a click. Figures of the test are for those who ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from core.records import RunRecord
from ui.frame import short_name, status_text
from ui.i18n import _, compact, duration, moment, ngettext, number, percent
from ui.sealing import sealed
from ui.state import get_lab
from ui.tables import readable

SEALED = -1.0
"""In the place of a test accuracy that is not to be shown: sorts below every number."""


def runs_frame(records: Sequence[RunRecord]) -> Styler:
    """One row per run: readable, and sorted by what the figures mean."""
    places = {row.record.id: row.position for row in get_lab().runner.queue()}
    rows = [_row(record, places.get(record.id)) for record in records]
    frame = pd.DataFrame(rows, columns=list(runs_columns()))
    written: dict[str, Callable[[Any], str]] = {
        "started": moment,
        "val": percent,
        "test": lambda share: _("sealed") if share == SEALED else percent(share),
        "parameters": lambda n: compact(int(n)),
        "epochs": lambda n: number(int(n)),
        "seconds": duration,
    }
    return readable(frame, written)


def runs_columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "run": config.TextColumn(_("Run")),
        "status": config.TextColumn(
            _("Status"), help=_("Of a waiting run with its place in the queue.")
        ),
        "started": config.DatetimeColumn(_("Started")),
        "by": config.TextColumn(_("Name"), help=_("Who launched it.")),
        "dataset": config.TextColumn(_("Dataset")),
        "architecture": config.TextColumn(_("Architecture")),
        "val": config.NumberColumn(
            _("Validation"), help=_("Best validation accuracy of all epochs.")
        ),
        "test": config.NumberColumn(
            _("Test"), help=_("Accuracy on the test split, once it is unlocked.")
        ),
        "parameters": config.NumberColumn(_("Parameters"), help=_("Numbers that are learned.")),
        "epochs": config.NumberColumn(_("Epochs")),
        "seconds": config.NumberColumn(_("Duration")),
    }


def _row(record: RunRecord, place: int | None) -> dict[str, object]:
    figures = record.summary
    return {
        "run": short_name(record),
        "status": status_text(record.status) + (f" ({place})" if place else ""),
        "started": record.started,
        "by": record.by or None,
        "dataset": record.config.data.dataset,
        "architecture": record.network,
        "val": figures.best_val_accuracy if figures else None,
        "test": _test(record),
        "parameters": figures.parameters if figures else None,
        "epochs": figures.epochs if figures else None,
        "seconds": figures.seconds if figures else None,
    }


def _test(record: RunRecord) -> float | None:
    if record.summary is None or record.summary.test_accuracy is None:
        return None
    return SEALED if sealed(record) else record.summary.test_accuracy


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
        placeholder="–",
        column_config=runs_columns(),
        on_select=opened,
        selection_mode="single-row",
        alt=ngettext("{n} run", "{n} runs", len(records)),
    )
