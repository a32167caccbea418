"""What an analysis has found, read once for all sessions, and the pictures it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analysis.result import Analysis, load_analysis, load_points
from core.analysis.rows import Rows
from core.analysis.service import analysis_paths
from core.datasets.dataset import SPLIT_NAMES, Dataset, DatasetInfo
from core.datasets.registry import open_dataset
from core.errors import N_
from ui.gallery import Thumb
from ui.i18n import _
from ui.names import class_names
from ui.state import get_lab

UNLABELLED = N_("without label")


@dataclass(frozen=True)
class Understood:
    """Shared by all sessions and never changed; ``key`` names it in every cache."""

    dataset: Dataset
    key: str
    rows: Rows
    found: Analysis

    @property
    def info(self) -> DatasetInfo:
        return self.dataset.info

    def class_name(self, label: int) -> str:
        return class_names(self.info)[label] if label >= 0 else _(UNLABELLED)


def understood(dataset: Dataset) -> Understood:
    """DatasetError if the dataset or its analysis is damaged, or there is none."""
    files = analysis_paths(get_lab().paths, dataset.info)
    file = files.result("basic")
    changed = file.stat().st_mtime_ns if file.is_file() else 0
    root = str(get_lab().paths.root)
    return Understood(
        dataset,
        f"{files.folder.name}-{changed}",
        _rows(root, dataset.info.name, files.folder.name),
        _analysis(file, changed),
    )


@st.cache_resource(show_spinner=False, max_entries=8)
def _analysis(file: Path, changed: int) -> Analysis:
    return load_analysis(file)


@st.cache_resource(show_spinner=False, max_entries=8)
def _rows(root: str, name: str, key: str) -> Rows:
    return Rows.of(open_dataset(get_lab().paths, name))


def tsne_points(dataset: Dataset) -> NDArray[np.float32]:
    """The t-SNE map; DatasetError if it is damaged or there is none."""
    file = analysis_paths(get_lab().paths, dataset.info).result("tsne")
    return _points(file, file.stat().st_mtime_ns if file.is_file() else 0)


@st.cache_resource(show_spinner=False, max_entries=8)
def _points(file: Path, changed: int) -> NDArray[np.float32]:
    return load_points(file)


def split_name(split: str) -> str:
    return _(SPLIT_NAMES.get(split, split))


def thumb(about: Understood, row: int, more: Sequence[str] = ()) -> Thumb:
    """A picture with its class, its split and its file name."""
    place = about.rows.place(row)
    name = about.rows.name(row)
    words = [about.class_name(int(about.rows.labels[row])), split_name(place.split)]
    return Thumb(
        image=about.rows.image(row),
        caption=[words[0], " · ".join([words[1], *more]), name],
        alt=" · ".join([*words, name]),
    )
