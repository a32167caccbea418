"""A dataset understood before training: balance, means, brightness, oddities, copies, a map."""

from __future__ import annotations

import functools
from collections.abc import Callable

import streamlit as st

from core.datasets.dataset import Dataset
from core.errors import LabError
from ui.balance_view import class_balance
from ui.i18n import _
from ui.messages import show_error
from ui.state import guarded
from ui.switch import switch
from ui.understand_copies import copies
from ui.understand_data import Understood, understood
from ui.understand_map import picture_map
from ui.understand_parts import brightness_and_size, means, unlike
from ui.understand_task import ready, start_again

PARTS: dict[str, Callable[[Understood], None]] = {
    "means": means,
    "brightness": brightness_and_size,
    "unlike": unlike,
    "copies": copies,
    "map": picture_map,
}


def understand(dataset: Dataset) -> None:
    """One part of it at a time, so that each is on the screen at once."""
    names = {
        "balance": _("Class balance"),
        "means": _("Mean images"),
        "brightness": _("Brightness and size"),
        "unlike": _("Unlike their class"),
        "copies": _("Duplicates"),
        "map": _("Map of the images"),
    }
    part = switch(_("What to look at"), names, key="data_view.part", default="balance")
    if part not in PARTS:
        class_balance(dataset.info)
    elif ready(dataset.info, "basic"):
        _show(dataset, PARTS[part])


def _show(dataset: Dataset, part: Callable[[Understood], None]) -> None:
    try:
        about = understood(dataset)
    except LabError as error:
        show_error(error)
        st.button(
            _("Compute it again"),
            key="analysis.again",
            icon=":material/refresh:",
            on_click=guarded,
            args=(functools.partial(start_again, dataset.info, "basic"),),
        )
        return
    part(about)
