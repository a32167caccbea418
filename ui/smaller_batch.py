"""The answer to a run that ran out of memory: the same with half the batch, by one button."""

from __future__ import annotations

import streamlit as st

from core.records import RunRecord
from ui.forms import fill_form
from ui.i18n import _
from ui.state import go_to


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
        help=_("Fills the form with the settings of this run and half the images per step."),
        on_click=_take,
        args=(record, after),
    )


def _take(record: RunRecord, batch: int) -> None:
    """In a callback."""
    fill_form(record.config.with_values({"train.batch_size": batch}))
    st.session_state["train_view"] = "setup"
    go_to("pages/train.py")
