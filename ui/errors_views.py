"""What can be asked about a run's mistakes: one row per view of the Errors page."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from core.errors import N_
from core.records import RunRecord
from ui.errors_classes import classes_section
from ui.errors_curves import curves_section
from ui.errors_data import Judged
from ui.errors_images import images_section
from ui.errors_labels import labels_section
from ui.errors_matrix import matrix_section
from ui.feature_map import map_section
from ui.i18n import _
from ui.robustness_view import robustness_section
from ui.switch import switch


class View(NamedTuple):
    """A view: its name, and what draws it under the headline figures of a split."""

    label: str
    show: Callable[[RunRecord, Judged], None]
    asks_one_network: bool = False
    """It looks into a network, and a run that is made of several has none of its own."""


VIEWS = {
    "matrix": View(N_("Confusion matrix"), matrix_section),
    "classes": View(N_("Classes"), classes_section),
    "curves": View(N_("Curves"), curves_section),
    "mistakes": View(N_("Images"), images_section),
    "labels": View(N_("Labels"), labels_section),
    "robustness": View(N_("Robustness"), robustness_section, asks_one_network=True),
    "map": View(N_("Map"), map_section, asks_one_network=True),
}


def view_switch() -> View:
    names = {key: _(view.label) for key, view in VIEWS.items()}
    return VIEWS[switch(_("View"), names, key="errors.view", default="matrix")]
