"""One picture made worse with a slider: what the network takes it for then."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.errors import LabError
from core.inspection.distortions import DISTORTIONS, distort
from core.plots.robustness import ChangeInfo, ChangeLabels, change_info, plot_change
from ui.closer_asking import names_of
from ui.closer_subject import Subject
from ui.digest import digest
from ui.gallery import Thumb, gallery
from ui.i18n import _, percent, say
from ui.messages import show_error
from ui.names import literal, shortened
from ui.state import get_lab, is_dark

SIZE = 192
CLASSES = 6


def distort_tab(subject: Subject) -> None:
    """Choose a change and how much of it; the picture and its probabilities before and after."""
    name, severity = _choice()
    changed = distort(subject.pixels[None], name, severity)[0]
    try:
        after = _proba(subject, changed)
    except LabError as error:
        show_error(error)
        return
    names, row = names_of(subject), DISTORTIONS[name]
    before, now = subject.pred, int(after.argmax())
    looks, chart = st.columns([2, 3], vertical_alignment="center")
    with looks:
        value = say(row.said(row.value(severity)))
        lines = (value, f"{names[now]} {percent(float(after[now]))}")
        thumb = Thumb(changed, lines, alt=", ".join(lines))
        if subject.truth is not None:
            thumb = thumb._replace(tone="good" if now == subject.truth else "bad")
        gallery([thumb], key="closer.distorted", size=SIZE)
        if now != before:
            sentence = _(
                "It was {before}; now it is {after}.", before=names[before], after=names[now]
            )
            st.caption(literal(sentence))
    with chart:
        _chart(change_info(names, subject.proba, after, CLASSES))


def _choice() -> tuple[str, float]:
    """What is done to the picture, and how much of it, in [0, 1]."""
    name = st.selectbox(
        _("What is done to the image"),
        list(DISTORTIONS),
        format_func=lambda name: _(DISTORTIONS[name].label),
        key="closer.distort.name",
        help=_("The same changes as in the view Robustness."),
    )
    strength = st.slider(
        _("How much"),
        0,
        100,
        value=50,
        step=5,
        format="%d %%",
        key="closer.distort.strength",
        help=_("0 %: the image as it is; 100 %: as bad as it gets in the view Robustness."),
    )
    return name, strength / 100


def _proba(subject: Subject, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Those of the changed picture. LabError if the network cannot be asked."""
    model = get_lab().paths.run(subject.record.id).model
    changed = model.stat().st_mtime_ns if model.is_file() else 0
    return _asked(subject.record.id, changed, digest(pixels), pixels)


@st.cache_data(show_spinner=False, max_entries=500)
def _asked(
    run_id: str, version: int, content: str, _pixels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    proba: NDArray[np.float32] = get_lab().compute.predict(run_id, _pixels[None])[0]
    return proba


def _chart(info: ChangeInfo) -> None:
    short = info._replace(classes=tuple(shortened(info.classes)))
    rows = zip(info.classes, info.before, info.after, strict=True)
    st.plotly_chart(
        plot_change(
            short,
            ChangeLabels(before=_("before"), after=_("after")),
            dark=is_dark(),
            percent=percent,
        ),
        key="closer.distort.chart",
        theme=None,
        config={"displayModeBar": False},
        alt="; ".join(f"{name}: {percent(a)} → {percent(b)}" for name, a, b in rows),
    )
