"""Images as points of a plane: a click or a lasso shows which they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.plots.scatter import (
    MAP_HEIGHT,
    MOST_CLASSES,
    MapInfo,
    MapLabels,
    map_info,
    plot_map,
    points_at,
)
from ui.gallery import Thumb, gallery
from ui.i18n import _, language, ngettext, number
from ui.names import literal
from ui.state import is_dark

COLOURED = 12
"""Up to so many classes all are coloured; of more, the first six unless others are chosen."""
FIRST = 6
NEIGHBOURS = 11
PICTURES = 24
METHODS = {"pca": "PCA", "tsne": "t-SNE"}


class Cloud(NamedTuple):
    """Images as points (m, 2), with the number of their class (m,) among ``classes``.

    ``key`` names all of it, and its language, in every cache; ``every`` is the number of images of
    which these are a sample.
    """

    key: str
    points: NDArray[np.float32]
    labels: NDArray[np.integer]
    classes: tuple[str, ...]
    every: int


def show_cloud(cloud: Cloud, shown: tuple[int, ...], thumb: Callable[[int], Thumb]) -> None:
    """The map with the classes ``shown`` in colour, and beside it the images selected in it;
    ``thumb`` is asked for point by point."""
    chart, pictures = st.columns([3, 2], gap="medium")
    with chart:
        selected = _chart(cloud, shown)
    with pictures:
        _pictures(cloud, selected, thumb)


def coloured(names: tuple[str, ...], *, key: str) -> list[int]:
    """The classes with a colour of their own: chosen by the user where there are many."""
    if len(names) <= COLOURED:
        return list(range(len(names)))
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


def _chart(cloud: Cloud, shown: tuple[int, ...]) -> list[int]:
    """Draws the map; the selected points."""
    info = _info(cloud.key, shown, language(), _cloud=cloud)
    event = st.echarts_chart(
        _option(cloud.key, shown, language(), is_dark(), _info=info),
        key=f"map.{cloud.key}.{'-'.join(map(str, shown))}",
        on_select="rerun",
        height=MAP_HEIGHT,
        alt=ngettext(
            "Map with {n} image as a point, coloured by class",
            "Map with {n} images as points, coloured by class",
            len(cloud.points),
        ),
    )
    every, drawn = cloud.every, len(cloud.points)
    if drawn < every:
        st.caption(
            _("{drawn} of {every} images, of every class its share.", drawn=drawn, every=every)
        )
    return points_at(info, event)


@st.cache_resource(show_spinner=False, max_entries=32)
def _info(key: str, shown: tuple[int, ...], language: str, *, _cloud: Cloud) -> MapInfo:
    return map_info(_cloud.points, _cloud.labels, _cloud.classes, shown)


@st.cache_data(show_spinner=False, max_entries=32)
def _option(
    key: str, shown: tuple[int, ...], language: str, dark: bool, *, _info: MapInfo
) -> dict[str, Any]:
    labels = MapLabels(
        others=_("other"),
        rect=_("Select a rectangle"),
        polygon=_("Select with a lasso"),
        clear=_("Select nothing"),
    )
    return plot_map(_info, labels, dark=dark)


def _pictures(cloud: Cloud, selected: list[int], thumb: Callable[[int], Thumb]) -> None:
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
        near = neighbours(cloud.points, selected[0])
        st.markdown("**" + _("This image and the nearest on the map") + "**")
        gallery([thumb(i) for i in near], key="map.near", size=96)
        return
    _region(cloud, selected, thumb)


def _region(cloud: Cloud, selected: list[int], thumb: Callable[[int], Thumb]) -> None:
    """Many images: what they are, and the first of them."""
    counts = Counter(_class_name(cloud, point) for point in selected)
    first = ", ".join(f"{literal(name)} {number(n)}" for name, n in counts.most_common(5))
    st.markdown("**" + ngettext("{n} image", "{n} images", len(selected)) + "** · " + first)
    page = 1
    if len(selected) > PICTURES:
        page = st.pagination(-(-len(selected) // PICTURES), key=f"map.page.{cloud.key}")
    shown = selected[(page - 1) * PICTURES : page * PICTURES]
    with st.container(height=MAP_HEIGHT - 90, border=False):
        gallery([thumb(point) for point in shown], key="map.region", size=80)


def _class_name(cloud: Cloud, point: int) -> str:
    label = int(cloud.labels[point])
    return cloud.classes[label] if label >= 0 else _("without label")


def neighbours(points: NDArray[np.float32], index: int) -> list[int]:
    """The point itself, then the nearest ones on the map (m, 2)."""
    apart = ((points - points[index]) ** 2).sum(1)
    apart[index] = -1
    return [int(i) for i in np.argsort(apart, kind="stable")[: NEIGHBOURS + 1]]
