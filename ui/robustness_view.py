"""How the network fares when images get worse: curves, words, and the images themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import LabError
from core.inspection.distortions import DISTORTIONS, SEVERITIES, distort
from core.inspection.robustness import Reading, Robustness, read_robustness
from core.plots.robustness import Axis, plot_robustness, robustness_info
from core.records import RunRecord
from ui.errors_data import Judged, judged_splits, pictures
from ui.gallery import Thumb, gallery
from ui.i18n import _, language, ngettext, percent, say
from ui.inspection_data import robustness
from ui.inspection_panel import damaged, ready
from ui.messages import show_error
from ui.names import literal
from ui.sealing import opened
from ui.state import is_dark
from ui.tables import readable, table_height

EXAMPLES = 3
THUMBNAIL = 96


@st.fragment
def robustness_section(record: RunRecord, judged: Judged) -> None:
    """The curves of all distortions; one of them in words and pictures."""
    if not ready(record, "robustness"):
        return
    try:
        found = robustness(record)
    except LabError as error:
        damaged(record, "robustness", error)
        return
    # Measured on test images where the run kept none for validation: whatever split is looked at.
    if found.split == "test" != judged.split and not opened(record, judged_splits(record)):
        return
    readings = read_robustness(found, record.config.augment)
    _summary(found, readings)
    _chart(found)
    reading = _chosen(readings)
    parts = [reading.what, *([reading.why] if reading.why else [])]
    st.markdown(literal(" ".join(say(part) for part in parts)))
    _examples(record, found, reading.name)
    with st.expander(_("As a table")):
        _table(found)


def _summary(found: Robustness, readings: list[Reading]) -> None:
    worst = ", ".join(_(DISTORTIONS[reading.name].label) for reading in readings[:3])
    where = {"val": _("validation split"), "test": _("test split")}
    images = ngettext(
        "Measured on {n} image of the {split}, which the network has not learned from.",
        "Measured on {n} images of the {split}, which the network has not learned from.",
        len(found.rows),
        split=where.get(found.split, found.split),
    )
    st.markdown("**" + literal(_("What hurts most: {names}.", names=worst)) + "**")
    st.caption(images + " " + _("The bands are 95 % intervals."))


def _chart(found: Robustness) -> None:
    axes = [
        Axis(_(DISTORTIONS[name].label), _(DISTORTIONS[name].unit), DISTORTIONS[name].levels)
        for name in found.names
    ]
    shares = found.accuracy
    st.plotly_chart(
        plot_robustness(
            robustness_info(axes, found.right),
            _("Accuracy"),
            dark=is_dark(),
            decimal_comma=language() == "es",
        ),
        key="robust.chart",
        theme=None,
        config={"displayModeBar": False},
        alt="; ".join(
            f"{axis.title}: {percent(share[0])} → {percent(share[-1])}"
            for axis, share in zip(axes, shares.tolist(), strict=True)
        ),
    )


def _chosen(readings: list[Reading]) -> Reading:
    """The one that is looked at closely; at first the one that hurts most."""
    by_name = {reading.name: reading for reading in readings}
    names = [name for name in DISTORTIONS if name in by_name]
    st.pills(  # they go on in a second row
        _("What is done to the images"),
        names,
        format_func=lambda name: _(DISTORTIONS[name].label),
        default=readings[0].name,
        key="robust.name",
        required=True,
        persist_state="session",
        label_visibility="collapsed",
    )
    return by_name[str(st.session_state["robust.name"])]


def _examples(record: RunRecord, found: Robustness, name: str) -> None:
    """Some of the measured images, worse from left to right, and how they were judged."""
    try:
        split = pictures(record, found.split)
    except LabError as error:
        show_error(error, "warning")
        return
    row, order = DISTORTIONS[name], found.names.index(name)
    known = np.flatnonzero(found.right[0, 0])
    for place in (known if len(known) else np.arange(len(found.rows)))[:EXAMPLES].tolist():
        image = split.images[found.rows[place]][None]
        thumbs = []
        for level, severity in enumerate(SEVERITIES):
            right = bool(found.right[order, level, place])
            value = say(row.said(row.levels[level]))
            answer = _("judged right") if right else _("judged wrong")
            changed = distort(np.asarray(image), name, severity, first=place)[0]
            thumbs.append(
                Thumb(changed, (value,), f"{value}, {answer}", "good" if right else "bad")
            )
        gallery(thumbs, key=f"robust.example.{place}", size=THUMBNAIL)


def _table(found: Robustness) -> None:
    """The same figures as numbers; the harmless value of each first."""
    frame = pd.DataFrame(
        [
            (_(DISTORTIONS[name].label), say(DISTORTIONS[name].said(value)), share)
            for name, shares in zip(found.names, found.accuracy.tolist(), strict=True)
            for value, share in zip(DISTORTIONS[name].levels, shares, strict=True)
        ],
        columns=["distortion", "value", "accuracy"],
    )
    config = st.column_config
    st.dataframe(
        readable(frame, {"accuracy": percent}),
        key="robust.table",
        hide_index=True,
        height=table_height(len(frame), 420),
        column_config={
            "distortion": config.TextColumn(_("What is done to the images")),
            "value": config.TextColumn(_("How much")),
            "accuracy": config.NumberColumn(_("Accuracy")),
        },
        alt=ngettext("{n} accuracy", "{n} accuracies", len(frame)),
    )
