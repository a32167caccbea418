"""A dataset in pictures and figures: samples, balance, original sizes, import report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.dataset import (
    SPLIT_NAMES,
    STORED_SPLITS,
    UNLABELLED,
    Dataset,
    DatasetInfo,
)
from core.datasets.report import Sizes
from core.errors import LabError
from ui.balance_view import class_balance
from ui.i18n import _, ngettext, number
from ui.import_report import import_report, report_of, table_height
from ui.messages import show_error
from ui.names import class_names
from ui.strips import SIZE, Strip, strips

SAMPLES = 11
"""Pictures of a class beside one another: what a laptop's screen has room for."""
FEW_CLASSES = 4
"""Up to so many classes there is room for more and larger pictures of each."""
MORE_SAMPLES = 24
LARGER = 96
CLASSES_PER_PAGE = 20


def look(dataset: Dataset) -> None:
    """Samples, balance, sizes, and how the dataset came about."""
    samples(dataset)
    class_balance(dataset.info)
    about(dataset)


def samples(dataset: Dataset) -> None:
    """Some pictures of every class, page by page where there are many classes."""
    info = dataset.info
    present = [split for split in STORED_SPLITS if info.splits.get(split)]
    where = f"split.{info.name}"
    st.session_state.setdefault(where, present[0])
    st.subheader(_("Samples of every class"))
    with st.container(horizontal=True, vertical_alignment="center"):
        split = st.segmented_control(
            _("Split"),
            present,
            format_func=lambda split: f"{_(SPLIT_NAMES[split])} ({number(info.splits[split])})",
            key=where,
            required=True,
            label_visibility="collapsed",
        )
        st.button(_("Other samples"), key="others", icon=":material/casino:", on_click=_draw_others)
    try:
        if split == UNLABELLED:
            _unlabelled_samples(dataset)
            return
        classes, few = classes_shown(info), len(info.class_names) <= FEW_CLASSES
        each = MORE_SAMPLES if few else SAMPLES
        rows = sample_strips(dataset, str(split), classes, _samples_seed(), each)
        strips(rows, key="samples", size=LARGER if few else SIZE)
    except LabError as error:
        show_error(error)


def _unlabelled_samples(dataset: Dataset) -> None:
    """Pictures that are to be predicted: nobody has said what they show."""
    st.caption(_("Nobody has said what these show: they are kept for predictions, not learned."))
    rows = dataset.split(UNLABELLED)
    chosen = np.random.default_rng(_samples_seed()).permutation(len(rows))[:MORE_SAMPLES]
    strip = Strip(
        name=_(SPLIT_NAMES[UNLABELLED]),
        note=ngettext("{n} image", "{n} images", len(rows)),
        images=[rows.images[row] for row in chosen],
        alts=[rows.names[row] for row in chosen],
    )
    strips([strip], key="samples", size=LARGER)


def _samples_seed() -> int:
    return int(st.session_state.get("_samples_seed", 0))


def _draw_others() -> None:
    st.session_state["_samples_seed"] = _samples_seed() + 1


def classes_shown(info: DatasetInfo) -> list[int]:
    """The classes of the page: all of few; of many those asked for, or one page of them."""
    names = class_names(info)
    if len(names) <= CLASSES_PER_PAGE:
        return list(range(len(names)))
    wanted = st.multiselect(
        _("Only these classes"),
        range(len(names)),
        format_func=names.__getitem__,
        key=f"classes.{info.name}",
        placeholder=_("all, page by page"),
    )
    if wanted:
        return list(wanted)
    page = st.pagination(-(-len(names) // CLASSES_PER_PAGE), key=f"page.{info.name}")
    return list(range(len(names)))[(page - 1) * CLASSES_PER_PAGE : page * CLASSES_PER_PAGE]


def sample_strips(
    dataset: Dataset, split: str, classes: list[int], seed: int, each: int
) -> list[Strip]:
    """Up to ``each`` pictures of every one of ``classes`` (indices), drawn by ``seed``."""
    rows, names = dataset.split(split), class_names(dataset.info)
    found = []
    for label in classes:
        members = np.flatnonzero(rows.labels == label)
        chosen = np.random.default_rng([seed, label]).permutation(members)[:each]
        found.append(
            Strip(
                name=names[label],
                note=ngettext("{n} image", "{n} images", len(members)),
                images=[rows.images[row] for row in chosen],
                alts=[rows.names[row] for row in chosen],
            )
        )
    return found


def about(dataset: Dataset) -> None:
    """The original sizes, and what became of every file."""
    try:
        report = report_of(dataset)
    except LabError as error:
        show_error(error)
        return
    sizes, outcome = st.columns([2, 3], gap="large")
    with sizes:
        _original_sizes(report.sizes)
    with outcome:
        import_report(dataset, report)


def sizes_in_words(sizes: Sizes) -> str:
    """The range of the original widths and heights; one size where all are the same."""
    width, height = sizes.width, sizes.height
    if width[0] == width[2] and height[0] == height[2]:
        return _("All images: {width} × {height} pixels.", width=width[0], height=height[0])
    return _(
        "Width from {w_min} to {w_max} pixels, median {w_median}; "
        "height from {h_min} to {h_max}, median {h_median}.",
        w_min=width[0],
        w_median=width[1],
        w_max=width[2],
        h_min=height[0],
        h_median=height[1],
        h_max=height[2],
    )


def _original_sizes(sizes: Sizes) -> None:
    st.subheader(_("Original sizes"))
    st.caption(sizes_in_words(sizes))
    if len(sizes.common) + bool(sizes.others) < 2:
        return
    rows = [(f"{w} × {h}", n) for h, w, n in sizes.common]
    rows += [(_("other sizes"), sizes.others)] if sizes.others else []
    table = pd.DataFrame(rows, columns=[_("Width × height"), _("Images")])
    st.dataframe(table, key="sizes", hide_index=True, height=table_height(len(rows)))
