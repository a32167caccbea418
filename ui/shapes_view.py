"""Shapes: what shall be drawn, and at once a look at it."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.shapes import Drawn, ShapesOptions, class_sizes, draw
from core.datasets.vocabularies import SHAPE_NAMES
from ui.forms import key, section_fields
from ui.i18n import _, ngettext
from ui.strips import Strip, strips

SECTION = "shapes"
EACH = 4
"""Pictures of each class in the preview."""
SIDE = 64
"""Of a picture on the screen."""


def shapes_form() -> ShapesOptions:
    """One widget for every option; each keeps to its limits."""
    section_fields(SECTION, ShapesOptions, advanced=True)
    keys = {field: key(SECTION, field) for field in ShapesOptions.model_fields}
    return ShapesOptions(**{f: st.session_state[k] for f, k in keys.items()})


def shapes_preview(options: ShapesOptions) -> None:
    """The first pictures of every class, as they will be in the dataset."""
    sizes = class_sizes(options)
    rows = [
        Strip(
            _(SHAPE_NAMES[label]),
            ngettext("{n} image", "{n} images", sizes[label]),
            pictures,
            [_(SHAPE_NAMES[label])] * EACH,
        )
        for label, pictures in enumerate(_drawn(options))
    ]
    strips(rows, key="shapes_preview", size=SIDE)
    if options.color == "shortcut":
        st.caption(
            _(
                "The first {n} of each row are as in training and validation, the others as in "
                "the test: a network that learns colours will fail there.",
                n=EACH // 2,
            )
        )


@st.cache_data(show_spinner=False, max_entries=50)
def _drawn(options: ShapesOptions) -> list[list[NDArray[np.uint8]]]:
    starts = [0, *np.cumsum(class_sizes(options)).tolist()]
    cues = [_is_cue(options, place) for place in range(EACH)]
    return [
        [draw(options, Drawn(starts[label] + i, label, cue)) for i, cue in enumerate(cues)]
        for label in range(options.classes)
    ]


def _is_cue(options: ShapesOptions, place: int) -> bool:
    """Of a shortcut, the second half of each row is as in the test."""
    return options.color == "cue" or (options.color == "shortcut" and place < EACH // 2)
