"""Images that occur more than once, side by side."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analysis.groups import Groups, across_splits, contradictory
from ui.gallery import gallery
from ui.i18n import _, ngettext, number
from ui.understand_data import Understood, thumb

GROUPS_PER_PAGE = 18
PICTURES_PER_GROUP = 6


def copies(about: Understood) -> None:
    """Exact and near-duplicates: what they spoil, and which they are."""
    found = about.found.duplicates
    if not found.similar.number:
        st.success(_("No image occurs twice, and no two are nearly the same."))
        return
    across = across_splits(found.similar, about.rows)
    contrary = contradictory(found.similar, about.rows)
    _figures(about, across, contrary)
    wanted = _filter(len(across), int(across.sum()), int(contrary.sum()))
    keep = {"all": np.ones(len(across), bool), "across": across, "contrary": contrary}[wanted]
    # What does most harm comes first.
    order = np.lexsort((np.arange(len(across)), ~across, ~contrary))
    _groups(about, [int(group) for group in order if keep[group]])


def _figures(about: Understood, across: NDArray[np.bool_], contrary: NDArray[np.bool_]) -> None:
    found = about.found.duplicates
    values = {
        _("Identical images"): _amount(found.exact),
        _("Identical or nearly so"): _amount(found.similar),
        _("Groups in several splits"): number(int(across.sum())),
        _("Groups with different labels"): number(int(contrary.sum())),
    }
    with st.container(horizontal=True, gap="large"):
        for label, value in values.items():
            st.metric(label, value, width="content")
    if across.any():
        st.warning(
            _(
                "Some images are in more than one split. What was seen in training is asked again "
                "in the test: the accuracy comes out too good."
            )
        )
    if contrary.any():
        st.warning(
            _("Some images occur with different labels: at least one label of each is wrong.")
        )
    if not found.complete:
        st.info(
            _(
                "There are more than could be followed; these are the ones most alike. The images "
                "may be frames of one film, or simple and therefore similar."
            )
        )


def _amount(groups: Groups) -> str:
    return ngettext("{n} group", "{n} groups", groups.number)


def _filter(every: int, across: int, contrary: int) -> str:
    """Which groups to show; the choice is only offered where it makes a difference."""
    names = {
        "all": _("All"),
        "across": _("In several splits"),
        "contrary": _("With different labels"),
    }
    counts = {"all": every, "across": across, "contrary": contrary}
    offered = [name for name in names if counts[name]]
    if len(offered) == 1:
        return "all"
    if st.session_state.get("data_view.copies") not in offered:
        st.session_state["data_view.copies"] = "all"
    return str(
        st.segmented_control(
            _("Groups to show"),
            offered,
            format_func=lambda name: f"{names[name]} ({number(counts[name])})",
            key="data_view.copies",
            required=True,
            label_visibility="collapsed",
        )
    )


def _groups(about: Understood, groups: list[int]) -> None:
    page = 1
    if len(groups) > GROUPS_PER_PAGE:
        page = st.pagination(-(-len(groups) // GROUPS_PER_PAGE), key=f"copies.{about.key}")
    shown = groups[(page - 1) * GROUPS_PER_PAGE : page * GROUPS_PER_PAGE]
    with st.container(horizontal=True):
        for group in shown:
            with st.container(border=True, width="content"):
                _group(about, group)


def _group(about: Understood, group: int) -> None:
    members = about.found.duplicates.similar.members(group)
    pictures = [thumb(about, int(row)) for row in members[:PICTURES_PER_GROUP]]
    st.caption(_kind(about, members))
    gallery(pictures, key=f"copies.{group}", size=96)


def _kind(about: Understood, members: NDArray[np.int64]) -> str:
    """How many there are and how alike: whether all of them have the same pixels."""
    exact = about.found.duplicates.exact
    same = np.isin(exact.row, members)
    identical = len(set(exact.group[same].tolist())) == 1 and int(same.sum()) == len(members)
    if identical:
        return ngettext("{n} identical image", "{n} identical images", len(members))
    return ngettext("{n} image, nearly the same", "{n} images, nearly the same", len(members))
