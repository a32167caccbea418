"""An inspection of a run that is not there yet: offered, under way, or why there is none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from core.datasets.dataset import DatasetInfo
from core.datasets.retiring import open_seen
from core.errors import N_, LabError, StoreError
from core.inspection.distortions import DISTORTIONS, STEPS
from core.inspection.service import (
    MAP_ROWS,
    SECONDS_PER_POINT,
    TRAIN_ROWS,
    Task,
    cancel_inspection,
    read_inspection,
    robust_rows,
    start_inspection,
)
from core.records import RunRecord
from ui.i18n import _, duration
from ui.messages import show_error
from ui.state import get_lab, guarded
from ui.task_panel import Panel, is_ready

START_SECONDS = 15.0
"""Keras is loaded first."""
FORWARD = 3.0
"""A picture is judged so many times as fast as it is learned from, roughly."""
VERSIONS = 6
"""Of an image, roughly; the run's augmentation decides."""
PHASES = {
    "starting": N_("Starting …"),
    "waiting": N_("Waiting for another inspection to end"),
    "features": N_("Asking the network about the images"),
    "arranging": N_("Arranging the images on the map"),
    "distorting": N_("Judging images that get worse"),
    "versions": N_("Judging several versions of every image"),
}


class Words(NamedTuple):
    """What is computed, the button that begins it, and how many pictures are judged for it."""

    what: str
    button: str
    pictures: Callable[[DatasetInfo], float]
    more_seconds: float = 0.0


def _all_splits(info: DatasetInfo) -> float:
    return min(TRAIN_ROWS, info.splits["train"]) + info.splits["val"] + info.splits["test"]


def _distorted(info: DatasetInfo) -> float:
    return min(robust_rows(info.image_shape), info.splits["val"] or info.splits["test"]) * (
        len(DISTORTIONS) * STEPS + 1
    )


def _several_versions(info: DatasetInfo) -> float:
    return VERSIONS * (info.splits["val"] + info.splits["test"])


WORDS: dict[Task, Words] = {
    "features": Words(
        N_(
            "What the network makes of the images of all splits is computed once and kept with the "
            "run: similar images, a map of them, how it judges its own training images (20,000 at "
            "most), and how to tell pictures that are like none of them."
        ),
        N_("Look into the network"),
        _all_splits,
        3 * MAP_ROWS * SECONDS_PER_POINT,
    ),
    "robustness": Words(
        N_(
            "Images that the network has not learned from are turned, shifted, blurred, darkened "
            "and so on, further and further, and judged again. It is computed once and kept with "
            "the run."
        ),
        N_("Make the images worse"),
        _distorted,
    ),
    "varied": Words(
        N_(
            "Every validation and test image is judged in several versions, changed as in "
            "training, and the probabilities are averaged (test-time augmentation). It is computed "
            "once and kept with the run."
        ),
        N_("Judge several versions"),
        _several_versions,
    ),
}


def ready(record: RunRecord, task: Task, *, where: str = "errors") -> bool:
    """Whether the result is there; if not, what can be done about it stands on the page.

    ``where`` tells several panels of a page apart.
    """
    paths = get_lab().paths
    if read_inspection(paths, record.id, task).status == "finished":
        return True
    try:
        seconds = _seconds(record, task)
    except LabError as error:
        show_error(error, "warning")
        return False
    words = WORDS[task]
    panel = Panel(
        key=f"inspect.{where}.{task}",
        what=_(words.what),
        button=_(words.button),
        cost=_(
            "About {time}, by the speed of the training; it goes on if you leave the page.",
            time=duration(seconds),
        ),
        phases=PHASES,
        read=functools.partial(read_inspection, paths, record.id, task),
        start=functools.partial(start_inspection, paths, record.id, task),
        cancel=functools.partial(cancel_inspection, paths, record.id, task),
    )
    return is_ready(panel)


def _seconds(record: RunRecord, task: Task) -> float:
    """How long it takes, roughly. LabError if the images are gone."""
    data, words = record.config.data, WORDS[task]
    info = open_seen(get_lab().paths, data.dataset, record.dataset_fingerprint).info
    learned = record.summary.images_per_second if record.summary else None
    pace = FORWARD * (learned or 500.0)
    return START_SECONDS + words.pictures(info) / pace + words.more_seconds


def damaged(record: RunRecord, task: Task, error: LabError) -> None:
    """What to do about a result that cannot be read; where something else is missing (the images,
    the computing process), computing it again would not bring that back."""
    show_error(error)
    if not isinstance(error, StoreError):
        return
    again = functools.partial(start_inspection, get_lab().paths, record.id, task, again=True)
    st.button(
        _("Compute it again"),
        key=f"inspect.again.{task}",
        icon=":material/refresh:",
        on_click=guarded,
        args=(again,),
    )
