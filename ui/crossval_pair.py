"""Two configurations on the same folds: is one better, or were its folds the luckier ones?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.crossval.results import Paired, compare
from core.crossval.standing import finished
from core.errors import LabError
from core.evaluation.resampled import in_words, probability_in_words
from core.plots.folds import FoldLabels, differences_info, plot_differences
from core.records import RunRecord
from ui.crossval_data import Folds, read_parent
from ui.frame import short_name
from ui.i18n import _, language, number, percent, say
from ui.messages import show, show_error
from ui.names import literal
from ui.runs_diff import what_changed
from ui.state import get_lab, is_dark
from ui.tables import readable, table_height

OTHER = "crossval_other"


def pair(parent: RunRecord, folds: Folds, labels: dict[str, str]) -> None:
    """The chosen cross-validation (B) against another one (A)."""
    others = {run_id: label for run_id, label in labels.items() if run_id != parent.id}
    if not finished(folds):
        return
    st.subheader(_("Against another configuration"))
    if not others:
        st.caption(
            _("Cross-validate another configuration with the same folds to compare the two.")
        )
        return
    if st.session_state.get(OTHER) not in others:
        st.session_state[OTHER] = None
    st.selectbox(
        _("Compare with"),
        list(others),
        index=None,
        format_func=others.__getitem__,
        key=OTHER,
        placeholder=_("choose a cross-validation"),
        help=_("One with the same folds of the same images; it is then run A, this one run B."),
        persist_state="session",
    )
    found = read_parent(st.session_state[OTHER])
    if found is None:
        return
    try:
        both = compare(get_lab().paths, found, (parent, folds))
    except LabError as error:
        show_error(error, "warning")
        return
    _verdict(both, found[0], parent)
    _folds(both)
    what_changed([found[0], parent])


def _verdict(both: Paired, a: RunRecord, b: RunRecord) -> None:
    names = (f"A ({short_name(a)})", f"B ({short_name(b)})")
    sure = both.test.verdict.value == "sure"
    show(say(in_words(both.test, *names)), "success" if sure else "info")
    st.caption(literal(say(probability_in_words(both.test))))


def _points(share: float) -> str:
    return f"{'+' if share > 0 else ''}{number(round(100 * share, 1))}"


def _folds(both: Paired) -> None:
    """The differences, drawn and as numbers."""
    test = both.test
    left, right = st.columns([3, 2], gap="medium")
    info = differences_info(both.numbers, test.differences, (test.low, test.high))
    with left:
        labels = FoldLabels(_("Fold"), _("B minus A (points)"))
        st.plotly_chart(
            plot_differences(info, labels, dark=is_dark(), decimal_comma=language() == "es"),
            key="crossval.differences",
            theme=None,
            alt=_("Difference in accuracy by fold"),
        )
        st.caption(
            _(
                "Dashed: the mean difference; the band is its 95 % interval. If 0 lies in the "
                "band, the two cannot be told apart."
            )
        )
    frame = pd.DataFrame(
        {
            "fold": [number + 1 for number in both.numbers],
            "A": both.a,
            "B": both.b,
            "difference": test.differences,
        }
    )
    config = st.column_config
    with right:
        st.dataframe(
            readable(frame, {"A": percent, "B": percent, "difference": _points}),
            key="crossval.pairs",
            hide_index=True,
            height=table_height(len(frame), 300),
            column_config={
                "fold": config.NumberColumn(_("Fold"), width="small"),
                "difference": config.NumberColumn(_("B minus A (points)")),
            },
            alt=_("Accuracy of both, a row per fold"),
        )
