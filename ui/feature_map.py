"""The images as the network's last hidden layer sees them, as points of a plane."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.dataset import Split
from core.errors import N_, LabError
from core.inspection.result import SPLITS
from core.records import RunRecord
from ui.errors_data import Judged, pictures
from ui.errors_gallery import thumbs
from ui.gallery import Thumb
from ui.i18n import _, language
from ui.inspection_data import features, version
from ui.inspection_panel import damaged, ready
from ui.scatter_map import METHODS, Cloud, coloured, show_cloud
from ui.switch import switch

COLOURINGS = {
    "truth": N_("True class"),
    "answer": N_("Predicted class"),
    "right": N_("Right or wrong"),
}


@st.fragment
def map_section(record: RunRecord, judged: Judged) -> None:
    """The map of the split, and beside it the images that are selected in it."""
    if not ready(record, "features"):
        return
    try:
        chart = features(record).map
        split = pictures(record, judged.split)
    except LabError as error:
        damaged(record, "features", error)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        method = switch(
            _("How the images are laid out"), METHODS, key="errors.map.method", default="tsne"
        )
        names = {name: _(label) for name, label in COLOURINGS.items()}
        colour = switch(_("Coloured by"), names, key="errors.map.colour", default="truth")
    st.caption(
        _(
            "Every point is an image; close together means alike to the last hidden layer of the "
            "network. A class that it tells apart is an island of its own."
        )
    )
    here = chart.split == SPLITS.index(judged.split)
    if not here.any():
        st.info(_("There are no points of this split on the map."))
        return
    positions = chart.position[here]
    labels, classes = _colours(judged, positions, colour)
    points = (chart.pca if method == "pca" else chart.tsne)[here]
    key = f"{record.id}.{version(record, 'features')}.{judged.split}.{method}.{colour}"
    cloud = Cloud(f"{key}.{language()}", points, labels, classes, judged.summary.n)
    shown = coloured(classes, key=f"map.colours.{record.id}.{colour}")
    show_cloud(cloud, tuple(shown), lambda point: _thumb(judged, split, int(positions[point])))


def _colours(
    judged: Judged, positions: NDArray[np.int64], colour: str
) -> tuple[NDArray[np.integer], tuple[str, ...]]:
    """The number of each image's colour, and what the colours are called."""
    truth = judged.predictions.y_true[positions]
    answer = judged.predictions.y_pred[positions]
    if colour == "right":
        return (truth != answer).astype(np.int64), (_("judged right"), _("judged wrong"))
    return (truth if colour == "truth" else answer), judged.classes


def _thumb(judged: Judged, split: Split, position: int) -> Thumb:
    return thumbs(judged, split, np.array([position]))[0]
