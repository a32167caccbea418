"""Curves over all thresholds: how well classes are told apart, how far answers can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from core.errors import N_
from core.evaluation.confusions import worst_classes
from core.plots.ranking import RankingInfo, RankingLabels, plot_ranking, ranking_info
from core.plots.style import Option
from core.records import RunRecord
from ui.errors_data import Judged, ap_interval, auc_interval, ranked
from ui.errors_trust import calibration_section, coverage_section, top_k_section
from ui.errors_view import area, interval_of
from ui.i18n import _
from ui.state import is_dark
from ui.switch import switch

CHOSEN = "errors.curve.classes"
FIRST = 3
MOST_CHOSEN = 8
HEIGHT = 340


class Curves(NamedTuple):
    """One question: its name, and what draws the answer."""

    label: str
    show: Callable[[RunRecord, Judged], None]


@st.fragment
def curves_section(record: RunRecord, judged: Judged) -> None:
    """One kind of curve at a time."""
    if not judged.summary.n:
        st.info(_("This split has no images, so there is nothing to draw."))
        return
    names = {kind: _(curves.label) for kind, curves in KINDS.items()}
    kind = switch(_("Kind of curve"), names, key="errors.curve", default="ranking")
    KINDS[kind].show(record, judged)


def ranking_section(record: RunRecord, judged: Judged) -> None:
    """ROC and precision–recall side by side, with the same classes."""
    curves = ranked(judged)
    auc, ap, chooser = st.columns([1, 1, 3], vertical_alignment="bottom")
    auc.metric(
        _("Macro AUC"),
        area(curves.roc.macro.area),
        delta=interval_of(auc_interval(judged), area),
        delta_color="off",
        delta_arrow="off",
        help=_(
            "The mean over the classes of: how often an image of the class gets a higher "
            "probability for it than one of another class. 0.5 is chance. The range is DeLong's "
            "95 % interval."
        ),
    )
    ap.metric(
        _("Macro AP"),
        area(curves.precision_recall.macro.area),
        delta=interval_of(ap_interval(judged), area),
        delta_color="off",
        delta_arrow="off",
        help=_(
            "The mean over the classes of average precision, the area under precision over recall. "
            "The range is the 95 % interval (infinitesimal jackknife)."
        ),
    )
    with chooser:
        chosen = _choose_classes(judged)
    means = (_("mean of the classes"), _("all together"))
    left, right = st.columns(2, gap="medium")
    words = RankingLabels(_("False-positive rate"), _("Recall"), _("AUC"), _("chance"))
    with left:
        st.markdown("**" + _("ROC: one class against the rest") + "**")
        info = ranking_info(curves.roc, judged.classes, chosen, means)
        _draw(plot_ranking(info, words, dark=is_dark(), number=area), "roc", info)
    with right:
        st.markdown("**" + _("Precision over recall") + "**")
        info = ranking_info(curves.precision_recall, judged.classes, chosen, means)
        words = RankingLabels(_("Recall"), _("Precision"), _("AP"))
        _draw(plot_ranking(info, words, dark=is_dark(), number=area), "pr", info)


def _draw(option: Option, key: str, info: RankingInfo) -> None:
    said = ", ".join(f"{line.name} {area(line.area)}" for line in info.lines)
    st.echarts_chart(option, key=f"curves.{key}", height=HEIGHT, alt=said or _("No curve"))


def _choose_classes(judged: Judged) -> list[int]:
    """At first the worst; the others are pale behind them, or left out if they are many."""
    every = range(len(judged.classes))
    kept = st.session_state.get(CHOSEN)
    if kept is None or any(index not in every for index in kept):
        st.session_state[CHOSEN] = [s.index for s in worst_classes(judged.scores, FIRST)]
    chosen: list[int] = st.multiselect(
        _("Classes in colour"),
        every,
        format_func=lambda index: judged.classes[index],
        key=CHOSEN,
        max_selections=MOST_CHOSEN,
        placeholder=_("only the means"),
        persist_state="session",
        help=_("At first those with the lowest recall. Up to 100 classes, the others are pale."),
    )
    return chosen


KINDS = {
    "ranking": Curves(N_("ROC and precision–recall"), ranking_section),
    "calibration": Curves(N_("Calibration"), calibration_section),
    "coverage": Curves(N_("Confidence threshold"), coverage_section),
    "top_k": Curves(N_("Top-k"), top_k_section),
}
