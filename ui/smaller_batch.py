"""The answer to a run that ran out of memory: the same with half the batch, by one button."""

from __future__ import annotations

import streamlit as st

from core.continuing import same_start
from core.records import RunRecord
from ui.forms import fill_form_from
from ui.i18n import _
from ui.state import launch


def smaller_batch_button(record: RunRecord) -> None:
    """Nothing where memory was not what was short, or the batch is small already."""
    if record.failure is None or record.failure.smaller_batch is None:
        return
    before, after = record.config.train.batch_size, record.failure.smaller_batch
    st.button(
        _("Batch size {before} → {after}?", before=before, after=after),
        key="smaller_batch",
        type="primary",
        icon=":material/memory:",
        help=_take_help(record),
        on_click=_take,
        args=(record, after),
    )


def _take(record: RunRecord, batch: int) -> None:
    """In a callback."""
    values: dict[str, object] = {"train.batch_size": batch}
    if record.start is None:
        fill_form_from(record, values)
    else:
        launch(record.config.with_values(values), start=same_start(record))


def _take_help(record: RunRecord) -> str:
    if record.start is None:
        return _("Fills the form with the settings of this run and half the images per step.")
    return _(
        "Starts a run from the same network with the settings of this one and half the images per "
        "step."
    )
