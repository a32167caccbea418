"""What the cross-validation view shows, read and computed once for all sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.crossval.standing import finished, folds_of
from core.errors import LabError
from core.evaluation.pooling import recalls
from core.evaluation.predictions import load_split
from core.fields import RunRow
from core.records import RunRecord
from ui.messages import show_error
from ui.runs_data import all_rows
from ui.state import choose_run, get_lab

CHOSEN = "crossval_chosen"
"""The session's key of the cross-validation that is looked at."""
PART = "crossval_part"
Folds = dict[int, RunRecord]


def parents() -> dict[str, str]:
    """Id and label of every cross-validation, newest first. No label ever changes."""
    return {row.id: _label(row) for row in all_rows() if is_parent(row)}


def is_parent(row: RunRow) -> bool:
    """By its settings: a row knows no more of its record."""
    return row["data.folds"] is not None and row["data.fold"] is None


def _label(row: RunRow) -> str:
    return f"{row['run']} · {row['data.dataset']} · {row['network']}"


def read_parent(run_id: str | None) -> tuple[RunRecord, Folds] | None:
    """A cross-validation with its folds; None if there is none or it is gone, which is said."""
    if not run_id:
        return None
    store = get_lab().store
    try:
        return store.read(run_id), folds_of(store, run_id)
    except LabError as error:
        show_error(error, "warning")
        return None


def recalls_of(folds: Folds) -> NDArray[np.float64]:
    """The recall (folds, classes) of every finished fold. Raises LabError."""
    files = [get_lab().paths.run(r.id).predictions for r in finished(folds).values()]
    known = [file for file in files if file.is_file()]
    return _recalls(tuple((str(file), file.stat().st_mtime_ns) for file in known))


@st.cache_resource(show_spinner=False, max_entries=32)
def _recalls(files: tuple[tuple[str, int], ...]) -> NDArray[np.float64]:
    return recalls([load_split(Path(file), "val") for file, _ in files])


def look_at(run_id: str) -> None:
    """In a callback: the cross-validation in front on the Tune page."""
    choose_run(run_id)
    st.session_state[CHOSEN] = run_id
    st.session_state[PART] = "result"
    st.session_state["tune_view"] = "crossval"
