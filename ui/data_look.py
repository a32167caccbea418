"""A dataset in pictures and figures: samples, balance, original sizes, import report."""

from __future__ import annotations

import functools
from datetime import datetime

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.balance import shifted
from core.datasets.dataset import SPLITS, Dataset, DatasetInfo
from core.datasets.report import ImportReport, Sizes
from core.errors import N_, LabError
from core.plots.bars import ClassCountsLabels, class_counts_info, plot_class_counts
from ui.i18n import _, catalogue, language, moment, ngettext, number, percent, say
from ui.lineage import dropped_button, lineage, show_duplicates_button
from ui.messages import show, show_error
from ui.names import class_names, literal, shortened
from ui.state import is_dark
from ui.strips import SIZE, Strip, strips

SPLIT_NAMES = {"train": N_("training"), "val": N_("validation"), "test": N_("test")}
SAMPLES = 11
"""Pictures of a class beside one another: what a laptop's screen has room for."""
FEW_CLASSES = 4
"""Up to so many classes there is room for more and larger pictures of each."""
MORE_SAMPLES = 24
LARGER = 96
CLASSES_PER_PAGE = 20
SKEW = 1.5
"""The largest class may have so many times the images of the smallest and still be balanced."""
LISTED_FILES = 500
"""Skipped files listed on the page; all of them are in the CSV file."""


def look(dataset: Dataset) -> None:
    """Samples, balance, sizes, and how the dataset came about."""
    samples(dataset)
    class_balance(dataset.info)
    about(dataset)


def samples(dataset: Dataset) -> None:
    """Some pictures of every class, page by page where there are many classes."""
    info = dataset.info
    present = [split for split in SPLITS if info.splits.get(split)]
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
        classes, few = classes_shown(info), len(info.class_names) <= FEW_CLASSES
        each = MORE_SAMPLES if few else SAMPLES
        rows = sample_strips(dataset, str(split), classes, _samples_seed(), each)
        strips(rows, key="samples", size=LARGER if few else SIZE)
    except LabError as error:
        show_error(error)


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
    labels = ClassCountsLabels(
        splits={split: _(name) for split, name in SPLIT_NAMES.items()},
        x=_("class"),
        y=_("images"),
    )
    st.plotly_chart(
        plot_class_counts(
            class_counts_info(shortened(class_names(info)), info.class_counts),
            labels,
            dark=is_dark(),
            decimal_comma=language() == "es",
        ),
        key="class_counts",
        theme=None,
        config={"displayModeBar": False},
        alt=ngettext(
            "Bar chart: images of {n} class in each split",
            "Bar chart: images of {n} classes in each split",
            len(info.class_names),
        ),
    )


def skewed(info: DatasetInfo) -> tuple[str, str, float] | None:
    """(smallest class, largest class, their ratio) of training, where the ratio matters."""
    counts = np.array(info.class_counts["train"])
    few, many = int(counts.argmin()), int(counts.argmax())
    ratio = counts[many] / max(1, counts[few])
    names = class_names(info)
    return (names[few], names[many], ratio) if ratio > SKEW else None


def about(dataset: Dataset) -> None:
    """The original sizes, and what became of every file."""
    try:
        report = dataset.report()
    except LabError as error:
        show_error(error)
        return
    sizes, outcome = st.columns([2, 3], gap="large")
    with sizes:
        _original_sizes(report.sizes)
    with outcome:
        _report(dataset.info, report)


def _original_sizes(sizes: Sizes) -> None:
    st.subheader(_("Original sizes"))
    width, height = sizes.width, sizes.height
    st.caption(
        _(
            "Width from {w_min} to {w_max} pixels, median {w_median}; "
            "height from {h_min} to {h_max}, median {h_median}.",
            w_min=width[0],
            w_median=width[1],
            w_max=width[2],
            h_min=height[0],
            h_median=height[1],
            h_max=height[2],
        )
    )
    rows = [(f"{w} × {h}", n) for h, w, n in sizes.common]
    rows += [(_("other sizes"), sizes.others)] if sizes.others else []
    table = pd.DataFrame(rows, columns=[_("Width × height"), _("Images")])
    st.dataframe(table, key="sizes", hide_index=True, height=_height(len(rows)))


def _height(rows: int) -> int:
    return min(38 + 35 * max(1, rows), 300)


def _report(info: DatasetInfo, report: ImportReport) -> None:
    st.subheader(_("Import report"))
    sentence = (
        N_("From {origin}, {when}. {imported} of {files} images taken.")
        if info.derived
        else N_("From {origin}, {when}. {imported} of {files} files imported.")
    )
    st.caption(
        literal(
            _(
                sentence,
                origin=report.origin,
                when=moment(datetime.fromisoformat(info.created)),
                imported=report.imported,
                files=report.files,
            )
        )
    )
    lineage(info)
    for warning in report.warnings:
        show(say(warning), "warning")
        show_duplicates_button(warning)
    if not report.skipped and not report.repaired and not report.dropped:
        st.caption(_("Nothing was skipped, and nothing had to be repaired."))
        return
    st.dataframe(_outcomes(report), key="outcomes", hide_index=True)
    if report.skipped:
        with st.expander(_("Skipped files")):
            _skipped_files(report)
    if report.dropped:
        dropped_button(info)
        return
    st.download_button(
        _("Download the report (CSV)"),
        # The language is asked for now: the download itself belongs to no session.
        functools.partial(report.csv, catalogue(language()).gettext),
        file_name=f"{info.name}-report.csv",
        mime="text/csv",
        key="report",
        icon=":material/download:",
        on_click="ignore",
    )


def _outcomes(report: ImportReport) -> pd.DataFrame:
    """Files per outcome and reason."""
    skipped = [(_("skipped"), _(why), n) for why, n in report.skipped_by_reason.items()]
    repaired = [(_("repaired"), say(kind.text), kind.count) for kind in report.repaired]
    dropped = [(_("left out"), say(kind.text), kind.count) for kind in report.dropped]
    columns = [_("Outcome"), _("Reason"), _("Files")]
    return pd.DataFrame([*skipped, *dropped, *repaired], columns=columns)


def _skipped_files(report: ImportReport) -> None:
    shown = report.skipped[:LISTED_FILES]
    if len(shown) < len(report.skipped):
        st.caption(_("The first {n}; all of them are in the CSV file.", n=len(shown)))
    rows = [(file.name, say(file.text)) for file in shown]
    table = pd.DataFrame(rows, columns=[_("File"), _("Reason")])
    st.dataframe(table, key="skipped", hide_index=True, height=_height(len(rows)))
