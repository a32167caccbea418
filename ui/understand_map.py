"""The images as points of a plane: a click or a lasso shows which they are."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.dataset import DatasetInfo
from core.errors import LabError
from core.plots.scatter import (
    MAP_HEIGHT,
    MOST_CLASSES,
    MapInfo,
    MapLabels,
    map_info,
    plot_map,
    points_at,
)
from ui.gallery import gallery
from ui.i18n import _, language, ngettext, number
from ui.messages import show_error
from ui.names import class_names, literal
from ui.state import guarded, is_dark
from ui.switch import switch
from ui.understand_data import Understood, thumb, tsne_points
from ui.understand_task import ready, start_again

COLOURED = 12
"""Up to so many classes all are coloured; of more, the first six unless others are chosen."""
FIRST = 6
NEIGHBOURS = 11
PICTURES = 24
METHODS = {"pca": "PCA", "tsne": "t-SNE"}


@st.fragment
def picture_map(about: Understood) -> None:
    """The map, and beside it the images that are selected in it."""
    method = _method()
    if method == "tsne" and not ready(about.info, "tsne"):
        return
    points = _points(about, method)
    if points is None:
        return
    shown = _classes(about.info)
    chart, pictures = st.columns([3, 2], gap="medium")
    with chart:
        selected = _chart(about, method, points, tuple(shown))
    with pictures:
        _pictures(about, points, selected)


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


def _classes(info: DatasetInfo) -> list[int]:
    """The classes with a colour of their own."""
    names = class_names(info)
    if len(names) <= COLOURED:
        return list(range(len(names)))
    key = f"map.{info.name}"
    st.session_state.setdefault(key, list(range(FIRST)))
    return list(
        st.multiselect(
            _("Classes in colour"),
            range(len(names)),
            format_func=names.__getitem__,
            key=key,
            max_selections=MOST_CLASSES,
            help=_("All other classes are drawn in grey, below them."),
        )
    )


def _chart(
    about: Understood, method: str, points: NDArray[np.float32], shown: tuple[int, ...]
) -> list[int]:
    """Draws the map; the selected points, as numbers of the sample."""
    info = _info(about.key, method, shown, language(), _about=about, _points=points)
    event = st.echarts_chart(
        _option(about.key, method, shown, language(), is_dark(), _info=info),
        key=f"map.{about.key}.{method}.{'-'.join(map(str, shown))}",
        on_select="rerun",
        height=MAP_HEIGHT,
        alt=ngettext(
            "Map with {n} image as a point, coloured by class",
            "Map with {n} images as points, coloured by class",
            len(points),
        ),
    )
    every, drawn = len(about.rows), len(points)
    if drawn < every:
        st.caption(
            _("{drawn} of {every} images, of every class its share.", drawn=drawn, every=every)
        )
    return points_at(info, event)


@st.cache_resource(show_spinner=False, max_entries=32)
def _info(
    key: str,
    method: str,
    shown: tuple[int, ...],
    language: str,
    *,
    _about: Understood,
    _points: NDArray[np.float32],
) -> MapInfo:
    labels = _about.rows.labels[_about.found.sample.row]
    return map_info(_points, labels, class_names(_about.info), shown)


@st.cache_data(show_spinner=False, max_entries=32)
def _option(
    key: str, method: str, shown: tuple[int, ...], language: str, dark: bool, *, _info: MapInfo
) -> dict[str, Any]:
    labels = MapLabels(
        others=_("other"),
        rect=_("Select a rectangle"),
        polygon=_("Select with a lasso"),
        clear=_("Select nothing"),
    )
    return plot_map(_info, labels, dark=dark)


def _pictures(about: Understood, points: NDArray[np.float32], selected: list[int]) -> None:
    rows = about.found.sample.row
    if not selected:
        st.info(
            _(
                "Click a point to see its image and the images around it. With the lasso or the "
                "rectangle above the map you can look at a whole region."
            ),
            icon=":material/touch_app:",
        )
        return
    if len(selected) == 1:
        near = neighbours(points, selected[0])
        st.markdown("**" + _("This image and the nearest on the map") + "**")
        gallery([thumb(about, int(rows[i])) for i in near], key="map.near", size=96)
        return
    _region(about, [int(rows[i]) for i in selected])


def _region(about: Understood, rows: list[int]) -> None:
    """Many images: what they are, and the first of them."""
    counts = Counter(about.class_name(int(about.rows.labels[row])) for row in rows)
    first = ", ".join(f"{literal(name)} {number(n)}" for name, n in counts.most_common(5))
    st.markdown("**" + ngettext("{n} image", "{n} images", len(rows)) + "** · " + first)
    page = 1
    if len(rows) > PICTURES:
        page = st.pagination(-(-len(rows) // PICTURES), key=f"map.page.{about.key}")
    shown = rows[(page - 1) * PICTURES : page * PICTURES]
    with st.container(height=MAP_HEIGHT - 90, border=False):
        gallery([thumb(about, row) for row in shown], key="map.region", size=80)


def neighbours(points: NDArray[np.float32], index: int) -> list[int]:
    """The point itself, then the nearest ones on the map (m, 2)."""
    apart = ((points - points[index]) ** 2).sum(1)
    apart[index] = -1
    return [int(i) for i in np.argsort(apart, kind="stable")[: NEIGHBOURS + 1]]
