"""What the Errors page shows, read and computed once for all sessions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.dataset import Dataset, Split
from core.datasets.joining import open_as_seen
from core.errors import N_, NotFoundError
from core.evaluation.confusions import ConfusedPair, most_confused
from core.evaluation.curves import OneVsRest, one_vs_rest
from core.evaluation.intervals import (
    UNKNOWN,
    Interval,
    Intervals,
    bootstrap,
    ece_interval,
    macro_ap_interval,
    macro_auc_interval,
)
from core.evaluation.metrics import (
    ClassScore,
    Summary,
    confusion_matrix,
    per_class,
    summary,
)
from core.evaluation.predictions import Predictions, load_split, saved_splits
from core.records import RunRecord, enough_names
from ui.names import class_names
from ui.state import get_lab

PAIRS = 30
"""So many of the most confused pairs are listed."""
SPLIT_ORDER = ("val", "test", "train")
Name = tuple[str, int, str, tuple[str, ...]]


@dataclass(frozen=True)
class Judged:
    """One split as one run judged it: the arrays are shared by all sessions, and never changed."""

    run_id: str
    version: int
    """When its file was written; with ``run_id`` and ``split`` the name of this in every cache."""
    split: str
    classes: tuple[str, ...]
    """As they are shown."""
    predictions: Predictions
    summary: Summary
    matrix: NDArray[np.int64]
    scores: tuple[ClassScore, ...]
    pairs: tuple[ConfusedPair, ...]
    intervals: Intervals = UNKNOWN

    @property
    def wrong(self) -> int:
        return self.summary.n - int(self.matrix.diagonal().sum())

    @property
    def name(self) -> Name:
        return self.run_id, self.version, self.split, self.classes


def judged_splits(record: RunRecord) -> list[str]:
    """The splits that the run has predictions for, the validation split first.

    Raises LabError when there are none or the file cannot be read.
    """
    path = get_lab().paths.run(record.id).predictions
    saved = saved_splits(path)
    if not saved:
        raise NotFoundError(N_("There are no predictions at {path}."), path=str(path))
    if _file_of(record, "train").is_file():
        saved = [*saved, "train"]
    return sorted(saved, key=lambda s: SPLIT_ORDER.index(s) if s in SPLIT_ORDER else 9)


def judged(record: RunRecord, split: str) -> Judged:
    """Raises LabError when the predictions cannot be read."""
    path = _file_of(record, split)
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError as error:  # deleted since the splits were listed
        raise NotFoundError(N_("There are no predictions at {path}."), path=str(path)) from error
    which = (record.id, changed, split, class_names(record))
    return _judged(which, path)


def _file_of(record: RunRecord, split: str) -> Path:
    """Where the predictions of a split are: those of training images come later, if at all."""
    files = get_lab().paths.run(record.id)
    return files.inspection.train_predictions if split == "train" else files.predictions


@st.cache_resource(show_spinner=False, max_entries=16)
def _judged(which: Name, path: Path) -> Judged:
    run_id, changed, split, names = which
    predictions = load_split(path, split)
    classes = predictions.proba.shape[1]
    matrix = confusion_matrix(predictions.y_true, predictions.y_pred, classes)
    return Judged(
        run_id=run_id,
        version=changed,
        split=split,
        classes=enough_names(names, classes),
        predictions=predictions,
        summary=summary(predictions),
        matrix=matrix,
        scores=tuple(per_class(matrix)),
        pairs=tuple(most_confused(matrix, PAIRS)),
        intervals=bootstrap(predictions),
    )


def pictures(record: RunRecord, split: str) -> Split:
    """The images that the predictions are about.

    Raises LabError when the dataset is gone and nothing was kept of it.
    """
    paths, data = get_lab().paths, record.config.data
    dataset = open_as_seen(paths, data, record.dataset_fingerprint)
    # Two runs on one dataset may number its rows differently.
    numbered = (bool(data.folds), data.with_validation, split)
    return _pictures(dataset.info.fingerprint, numbered, str(dataset.files.folder), dataset)


@st.cache_resource(show_spinner=False, max_entries=16)
def _pictures(
    fingerprint: str, numbered: tuple[bool, bool, str], folder: str, _dataset: Dataset
) -> Split:
    return _dataset.split(numbered[-1])


def ranked(judged: Judged) -> OneVsRest:
    """ROC and precision–recall curves of the split, with their areas."""
    return _ranked(judged.name, judged)


@st.cache_resource(show_spinner=False, max_entries=16)
def _ranked(name: Name, _judged: Judged) -> OneVsRest:
    return one_vs_rest(_judged.predictions.y_true, _judged.predictions.proba)


def auc_interval(judged: Judged) -> Interval | None:
    """Of the macro AUC."""
    return _auc_interval(judged.name, judged)


@st.cache_resource(show_spinner=False, max_entries=64)
def _auc_interval(name: Name, _judged: Judged) -> Interval | None:
    return macro_auc_interval(_judged.predictions.y_true, _judged.predictions.proba)


def ap_interval(judged: Judged) -> Interval | None:
    """Of the macro average precision."""
    return _ap_interval(judged.name, judged)


@st.cache_resource(show_spinner=False, max_entries=64)
def _ap_interval(name: Name, _judged: Judged) -> Interval | None:
    return macro_ap_interval(_judged.predictions.y_true, _judged.predictions.proba)


def calibration_interval(judged: Judged) -> Interval | None:
    """Of the expected calibration error."""
    return _calibration_interval(judged.name, judged)


@st.cache_resource(show_spinner=False, max_entries=64)
def _calibration_interval(name: Name, _judged: Judged) -> Interval | None:
    found = _judged.predictions
    return ece_interval(found.confidence, found.y_pred == found.y_true)
