"""The last validation of a run as a confusion matrix, with some of its images beside it."""

from __future__ import annotations

import functools
from typing import Any

import streamlit as st

from core.errors import LabError
from core.evaluation.ordering import most_wrong
from core.evaluation.watched import MOST_CLASSES, Watched, read_watched
from core.paths import RunPaths
from core.plots.matrix import LABELLED, MatrixLabels, matrix_height, matrix_info, plot_matrix
from core.records import RunRecord, RunStatus, enough_names
from ui.i18n import _, language, ngettext, number, percent
from ui.live import CURVES_SECONDS
from ui.live_samples import samples
from ui.names import class_names
from ui.state import get_lab, is_dark

MOST_DRAWN = 100
"""Classes: at most some 10,000 cells go to every viewer after every epoch."""
HIGHEST = 640
"""Pixels: a matrix that is only watched need not be hit by a mouse."""


def last_validation(record: RunRecord) -> None:
    """Matrix and samples, drawn once per epoch, refreshed by themselves while the run trains."""
    live = not record.status.is_over()
    st.fragment(_panel, run_every=CURVES_SECONDS if live else None)(record.id, live)


def _panel(run_id: str, live: bool) -> None:
    lab = get_lab()
    files = lab.paths.run(run_id)
    try:
        record = lab.store.read(run_id)
        # As with the curves: at most one new drawing per tick for everybody.
        version = files.watched.stat().st_mtime_ns
    except LabError:  # deleted by somebody else: the panel above says so
        return
    except FileNotFoundError:
        _nothing_yet(record)
        return
    found = _watched(files, version // int(CURVES_SECONDS * 1e9) if live else version)
    if found is not None:
        _show(record, found)


def _nothing_yet(record: RunRecord) -> None:
    """Nothing to say before the first epoch has ended, or of runs made before this was watched."""
    if record.status is RunStatus.RUNNING and record.config.data.with_validation:
        st.caption(
            _(
                "The validation images are learned from, too: there is no validation curve and no "
                "matrix until the test at the end."
            )
        )


@functools.lru_cache(maxsize=64)
def _watched(files: RunPaths, _version: int) -> Watched | None:
    return read_watched(files.watched)


def _show(record: RunRecord, found: Watched) -> None:
    before = record.start.epochs if record.start else 0
    epoch = found.epoch + before  # as under the curves
    st.markdown("**" + _("Validation after epoch {epoch}", epoch=epoch) + "**")
    left, beside = st.columns([1, 1], gap="medium")
    with left:
        if found.classes > MOST_CLASSES:
            st.caption(
                _(
                    "With more than {most} classes there is no matrix while the run trains; the "
                    "Errors page has it at the end.",
                    most=MOST_CLASSES,
                )
            )
        else:
            _matrix(record, found)
    with beside:
        samples(record, found)


def _matrix(record: RunRecord, found: Watched) -> None:
    words = ngettext(
        "{n} validation image, {share} of them right.",
        "{n} validation images, {share} of them right.",
        found.images,
        share=percent(found.right / max(found.images, 1)),
    )
    if found.classes > MOST_DRAWN:
        words += " " + _(
            "Drawn are the {n} classes with the most mistakes, of {all}.",
            n=MOST_DRAWN,
            all=found.classes,
        )
    st.caption(words)
    names = _names(record, found.classes)
    st.echarts_chart(
        _option((record.id, found.epoch, names), language(), is_dark(), found),
        key="watch.matrix",
        height=min(HIGHEST, matrix_height(min(found.classes, MOST_DRAWN))),
        alt=_(
            "Confusion matrix: {right} of {n} images right.",
            right=number(found.right),
            n=number(found.images),
        ),
    )


def _names(record: RunRecord, classes: int) -> tuple[str, ...]:
    """As many as there are classes, whatever a folder from elsewhere says."""
    return enough_names(class_names(record), classes)


@st.cache_resource(show_spinner=False, max_entries=32)
def _option(
    about: tuple[str, int, tuple[str, ...]], language: str, dark: bool, _found: Watched
) -> dict[str, Any]:
    """Of a run's epoch; drawn once and shared by all who watch. Nothing in it can be clicked."""
    names = about[2]
    labels = MatrixLabels(
        true=_("True class"), pred=_("Predicted class"), images=_("Images"), share=_("Share")
    )
    matrix = _found.matrix()
    info = matrix_info(matrix, names, shown=most_wrong(matrix, MOST_DRAWN))
    option = plot_matrix(info, labels, dark=dark, percent=percent)
    cells = option["series"][0]
    del cells["selectedMode"], cells["encode"]["itemName"]
    option["dataset"]["source"] = option["dataset"]["source"].drop(columns="cell")
    option["dataZoom"] = []  # every epoch would undo it, and it takes the wheel from the page
    if len(info.classes) > LABELLED:
        # In half of the page and in this height the names would lie over each other.
        for axis in ("xAxis", "yAxis"):
            option[axis]["axisLabel"]["interval"] = "auto"
    return option
