"""What was found out about a run's network, read once for all sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.inspection.neighbours import Vectors
from core.inspection.result import (
    Features,
    load_features,
    load_robustness,
    load_vectors,
)
from core.inspection.robustness import Robustness
from core.inspection.service import Task
from core.records import RunRecord
from core.task_paths import InspectionPaths
from ui.state import get_lab


def files_of(record: RunRecord) -> InspectionPaths:
    return get_lab().paths.run(record.id).inspection


def version(record: RunRecord, task: Task) -> int:
    """Changes when the task is done anew; 0 if it never was."""
    file = files_of(record).result(task)
    return file.stat().st_mtime_ns if file.is_file() else 0


def features(record: RunRecord) -> Features:
    """StoreError if they are missing or damaged."""
    return _features(files_of(record), version(record, "features"))


@st.cache_resource(show_spinner=False, max_entries=8)
def _features(files: InspectionPaths, version: int) -> Features:
    return load_features(files)


def robustness(record: RunRecord) -> Robustness:
    """StoreError if it is missing or damaged."""
    return _robustness(files_of(record), version(record, "robustness"))


@st.cache_resource(show_spinner=False, max_entries=8)
def _robustness(files: InspectionPaths, version: int) -> Robustness:
    return load_robustness(files)


def known_vectors(record: RunRecord) -> Vectors:
    """The unit vectors (n, d) of training images, ready to be compared. Raises StoreError."""
    return _known(files_of(record).features("train"), version(record, "features"))


# At most 40 MB each: in half precision, as on the disk, a comparison would take ten times as long.
@st.cache_resource(show_spinner=False, max_entries=3)
def _known(file: Path, version: int) -> Vectors:
    return load_vectors(file).astype(np.float32)


def vector_of(record: RunRecord, split: str, position: int) -> NDArray[np.float32]:
    """That (d,) of one image, by its place in the predictions of its split. Raises StoreError."""
    vectors = load_vectors(files_of(record).features(split))
    return np.array(vectors[position], np.float32)
