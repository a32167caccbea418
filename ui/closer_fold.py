"""An image that a cross-validation has judged, as the fold sees it that has not learned from it."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.crossval.results import judge_of
from core.errors import LabError
from core.records import RunRecord
from ui.closer_subject import Subject
from ui.frame import run_label
from ui.i18n import _
from ui.names import literal
from ui.state import get_lab


def as_its_fold(subject: Subject) -> Subject | None:
    """The same image with the run and the answer of the fold that has judged it; None if it is
    none of a cross-validation's own, or that fold is gone."""
    record = subject.record
    if record.kind != "crossval" or subject.split != "val" or subject.row is None:
        return None
    version = get_lab().paths.run(record.id).predictions.stat().st_mtime_ns
    try:
        found = _judge((record.id, version), subject.row, record)
    except LabError:  # whoever asks all folds together then says which one is missing
        return None
    return found and subject._replace(record=found[0], proba=found[1])


@st.cache_resource(show_spinner=False, max_entries=100)
def _judge(
    about: tuple[str, int], row: int, _record: RunRecord
) -> tuple[RunRecord, NDArray[np.float32]] | None:
    return judge_of(get_lab().paths, _record, row)


def tell_fold(subject: Subject) -> None:
    """Above what the fold says."""
    st.caption(
        _(
            "Asked is only the fold that has not learned from this image: {run}.",
            run=literal(run_label(subject.record)),
        )
    )
