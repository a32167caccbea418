"""How many images each class has: in words, as bars, and where there are very many page by page."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.analysis.balance import shifted
from core.datasets.dataset import SPLIT_NAMES, SPLITS, UNLABELLED, DatasetInfo
from core.plots.balance import (
    ClassOrder,
    CountSpreadLabels,
    chosen_classes,
    count_spread_info,
    most_images,
    ordered_classes,
    plot_count_spread,
    plot_ranked_counts,
)
from core.plots.bars import (
    ClassCountsInfo,
    ClassCountsLabels,
    class_counts_info,
    plot_class_counts,
)
from ui.i18n import _, language, ngettext, number, percent
from ui.names import class_names, literal, shortened
from ui.state import is_dark

SKEW = 1.5
"""The largest class may have so many times the images of the smallest and still be balanced."""
MANY_CLASSES = 30
"""More bars beside one another cannot be read."""
PER_PAGE = 25
NAMED = 3


def class_balance(info: DatasetInfo) -> None:
    """Images per class and split, and a sentence where they are far from equal."""
    st.subheader(_("Images per class"))
    if skew := skewed(info):
        few, many, times = skew
        st.info(
            _(
                "“{many}” has {times} times as many training images as “{few}”. Look at each "
                "class by itself on the Errors page: accuracy alone hides a weak small class.",
                many=literal(many),
                few=literal(few),
                times=round(times, 1),
            )
        )
    if shift := shifted(info.class_counts):
        st.info(
            _(
                "“{name}” makes up {share} of the split “{split}”, but {train} of the training "
                "images: the splits are not the same mixture.",
                name=literal(class_names(info)[shift.label]),
                share=percent(shift.share),
                split=_(SPLIT_NAMES.get(shift.split, shift.split)),
                train=percent(shift.train_share),
            )
        )
    if unlabelled := info.splits.get(UNLABELLED):
        st.caption(
            ngettext(
                "Not counted here: {n} image without label.",
                "Not counted here: {n} images without label.",
                unlabelled,
            )
        )
    counts = class_counts_info(shortened(class_names(info)), info.class_counts)
    if len(counts.classes) > MANY_CLASSES:
        _very_many(info, counts)
        return
    _plot(
        plot_class_counts(counts, _labels(), dark=is_dark(), decimal_comma=language() == "es"),
        "class_counts",
        ngettext(
            "Bar chart: images of {n} class in each split",
            "Bar chart: images of {n} classes in each split",
            len(info.class_names),
        ),
    )


def _labels() -> ClassCountsLabels:
    splits = {split: _(SPLIT_NAMES[split]) for split in SPLITS}
    return ClassCountsLabels(splits=splits, x=_("class"), y=_("images"))


def _plot(figure: go.Figure, key: str, alt: str) -> None:
    bar = {"displayModeBar": False}
    st.plotly_chart(figure, key=key, theme=None, config=bar, alt=alt)


def _very_many(info: DatasetInfo, counts: ClassCountsInfo) -> None:
    """The extremes in words, how the counts are spread, and all classes page by page."""
    _extremes(info)
    ranking, spread = st.columns([3, 2], gap="large")
    with ranking:
        _ranking(info, counts)
    with spread:
        _spread(info)


def _extremes(info: DatasetInfo) -> None:
    """The smallest and largest classes by name."""
    train, names = info.class_counts["train"], class_names(info)
    if min(train) == max(train):
        st.caption(_("Every class has {n} training images.", n=train[0]))
        return
    order = sorted(range(len(train)), key=train.__getitem__)

    def said(labels: list[int]) -> str:
        return ", ".join(f"{literal(names[i])} ({number(train[i])})" for i in labels)

    st.caption(
        _(
            "Fewest training images: {few}. Most: {many}. In the middle: {median}.",
            few=said(order[:NAMED]),
            many=said(order[: -NAMED - 1 : -1]),
            median=number(float(np.median(train))),
        )
    )


def _ranking(info: DatasetInfo, counts: ClassCountsInfo) -> None:
    words: dict[ClassOrder, str] = {
        "most": _("Largest first"),
        "fewest": _("Smallest first"),
        "name": _("By name"),
    }
    order: ClassOrder = st.segmented_control(
        _("Order of the classes"),
        list(words),
        format_func=words.__getitem__,
        default="most",
        key=f"classes.order.{info.name}",
        required=True,
        label_visibility="collapsed",
    )
    ranked = ordered_classes(counts, order)
    pages = -(-len(ranked) // PER_PAGE)
    place = st.container()
    page = st.pagination(pages, key=f"page.balance.{info.name}.{order}") - 1
    shown = chosen_classes(counts, ranked[page * PER_PAGE : (page + 1) * PER_PAGE])
    with place:
        _plot(
            plot_ranked_counts(
                shown,
                _labels(),
                most_images(counts),
                dark=is_dark(),
                decimal_comma=language() == "es",
            ),
            "class_counts",
            ngettext(
                "Bar chart: images of {n} class in each split",
                "Bar chart: images of {n} classes in each split",
                len(shown.classes),
            ),
        )


def _spread(info: DatasetInfo) -> None:
    train = info.class_counts["train"]
    if min(train) == max(train):
        return
    st.markdown(_("**How many classes have how many training images**"))
    labels = CountSpreadLabels(x=_("training images of a class"), y=_("classes"))
    found = count_spread_info(train)
    _plot(
        plot_count_spread(found, labels, dark=is_dark(), decimal_comma=language() == "es"),
        "class_spread",
        _("Histogram: number of classes by their number of training images"),
    )


def skewed(info: DatasetInfo) -> tuple[str, str, float] | None:
    """(smallest class, largest class, their ratio) of training, where the ratio matters."""
    counts = np.array(info.class_counts["train"])
    few, many = int(counts.argmin()), int(counts.argmax())
    ratio = counts[many] / max(1, counts[few])
    names = class_names(info)
    return (names[few], names[many], ratio) if ratio > SKEW else None
