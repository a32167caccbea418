"""An analysis of a dataset that is not there yet: offered, under way, or why there is none."""

from __future__ import annotations

import functools
from typing import NamedTuple

from core.analysis.computing import Cost, map_seconds
from core.analysis.service import Task, cancel_task, read_task, start_task
from core.datasets.dataset import DatasetInfo
from core.errors import N_
from ui.i18n import _, duration, ngettext
from ui.state import get_lab
from ui.task_panel import Panel, is_ready

AUTO_SECONDS = 5.0
"""What takes no longer is begun without asking."""
PHASES = {
    "starting": N_("Starting …"),
    "waiting": N_("Waiting for another analysis to end"),
    "reading": N_("Reading the images"),
    "comparing": N_("Comparing the images with one another"),
    "arranging": N_("Arranging the images on the map"),
}


class Words(NamedTuple):
    """What is computed, and the button that begins it."""

    what: str
    start: str


WORDS: dict[Task, Words] = {
    "basic": Words(
        N_(
            "Mean images, brightness, images unlike their class, duplicates and a map of the "
            "images are computed once and kept, beside your other work."
        ),
        N_("Analyse the images"),
    ),
    "tsne": Words(
        N_(
            "t-SNE lays images that are alike side by side; the distance between groups means "
            "little. It is computed once and kept, beside your other work."
        ),
        N_("Compute the t-SNE map"),
    ),
}


def ready(info: DatasetInfo, task: Task) -> bool:
    """Whether the result is there; if not, what can be done about it stands on the page."""
    paths, images = get_lab().paths, sum(info.splits.values())
    needed, words = seconds(info, task), WORDS[task]
    panel = Panel(
        key=f"analysis.{task}",
        what=_(words.what),
        button=_(words.start),
        cost=ngettext(
            "{n} image: up to {time} on a slow machine.",
            "{n} images: up to {time} on a slow machine.",
            images,
            time=duration(max(10.0, needed)),
        ),
        phases=PHASES,
        read=functools.partial(read_task, paths, info, task),
        start=functools.partial(start_task, paths, info, task),
        cancel=functools.partial(cancel_task, paths, info, task),
    )
    return is_ready(panel, unasked=needed <= AUTO_SECONDS)


def seconds(info: DatasetInfo, task: Task) -> float:
    """How long it takes on a slow machine, roughly."""
    return map_seconds(info) if task == "tsne" else Cost.of(info).seconds


def start_again(info: DatasetInfo, task: Task) -> None:
    """In a callback: compute what is damaged anew."""
    start_task(get_lab().paths, info, task, again=True)
