"""The images of a dataset as points of a plane, by how they look."""

from __future__ import annotations

import functools

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.errors import LabError
from ui.i18n import _
from ui.messages import show_error
from ui.names import class_names
from ui.scatter_map import METHODS, Cloud, coloured, show_cloud
from ui.state import guarded
from ui.switch import switch
from ui.understand_data import Understood, thumb, tsne_points
from ui.understand_task import ready, start_again


@st.fragment
def picture_map(about: Understood) -> None:
    """The map, and beside it the images that are selected in it."""
    method = _method()
    if method == "tsne" and not ready(about.info, "tsne"):
        return
    points = _points(about, method)
    if points is None:
        return
    rows, names = about.found.sample.row, class_names(about.info)
    cloud = Cloud(f"{about.key}.{method}", points, about.rows.labels[rows], names, len(about.rows))
    shown = coloured(names, key=f"map.colours.{about.info.name}")
    show_cloud(cloud, tuple(shown), lambda point: thumb(about, int(rows[point])))


def _method() -> str:
    with st.container(horizontal=True, vertical_alignment="center"):
        method = switch(
            _("How the images are laid out"), METHODS, key="data_view.map", default="pca"
        )
        st.caption(
            _("Two directions in which the images differ most: mainly light and colour.")
            if method == "pca"
            else _("Images that are alike lie side by side; distances between groups mean little."),
            width="content",
        )
    return method


def _points(about: Understood, method: str) -> NDArray[np.float32] | None:
    if method == "pca":
        return about.found.sample.points
    try:
        points = tsne_points(about.dataset)
    except LabError as error:
        show_error(error)
        st.button(
            _("Compute it again"),
            key="map.again",
            icon=":material/refresh:",
            on_click=guarded,
            args=(functools.partial(start_again, about.info, "tsne"),),
        )
        return None
    # Of another analysis it would be a map of other images.
    return points if len(points) == len(about.found.sample.row) else about.found.sample.points
