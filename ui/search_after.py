"""What can be done with what a study has found."""

from __future__ import annotations

import streamlit as st

from core.records import short_id
from core.search.results import best_config, final_runs
from core.search.spec import StudySpec
from core.search.study import dashboard_command
from ui.forms import fill_form
from ui.i18n import _, ngettext
from ui.runs_filters import PARTS
from ui.state import get_lab, go_to, guarded

SEEDS = "search.seeds"
QUEUED = "_search_final"
"""The session's key of how many last trainings were just queued."""


def from_here(spec: StudySpec) -> None:
    """Where to go from the best trial, whichever it is at the moment of the click."""
    left, right = st.columns(2, gap="medium")
    with left:
        st.button(
            _("Take the best into the form"),
            key="search.take",
            icon=":material/edit_note:",
            help=_("Opens the Train page with these settings, to be changed or trained again."),
            on_click=_take,
            args=(spec.id,),
            width="stretch",
        )
    with right:
        _final(spec)


def _take(study_id: str) -> None:
    """In a callback."""

    def take() -> None:
        fill_form(best_config(get_lab().store, study_id))
        st.session_state["train_view"] = "setup"
        go_to("pages/train.py")

    guarded(take)


def _final(spec: StudySpec) -> None:
    """The last training: the search is over, so its validation images may be learned from."""
    st.session_state.setdefault(SEEDS, 3)
    with st.popover(
        _("Train the best on train + validation"),
        icon=":material/flag:",
        width="stretch",
        help=_("For the end of the work, when nothing is left to be chosen."),
    ):
        st.write(
            _(
                "Trains these settings again, from the training and the validation images, for as "
                "many epochs as were best here. Nothing judges the epochs then: only the test at "
                "the end does, so do it once."
            )
        )
        st.number_input(
            _("Seeds"),
            1,
            10,
            key=SEEDS,
            help=_("So many trainings that differ in nothing but luck; their spread says how far."),
            persist_state="session",
        )
        n = int(st.session_state[SEEDS])
        st.button(
            ngettext("Queue {n} training", "Queue {n} trainings", n),
            key="search.final",
            type="primary",
            on_click=_train_finally,
            args=(spec.id,),
        )
    if queued := st.session_state.pop(QUEUED, 0):
        words = ngettext("{n} training is in the queue.", "{n} trainings are in the queue.", queued)
        st.toast(words)


def _train_finally(study_id: str) -> None:
    """In a callback."""

    def train() -> None:
        lab = get_lab()
        first = best_config(lab.store, study_id).train.seed
        seeds = range(first, first + int(st.session_state[SEEDS]))
        st.session_state[QUEUED] = len(final_runs(lab.store, lab.runner, study_id, seeds))

    guarded(train)


def runs_button(spec: StudySpec) -> None:
    st.button(
        _("All runs of this search on the Runs page"),
        key="search.runs",
        icon=":material/table_rows:",
        type="tertiary",
        on_click=_runs,
        args=(spec.id,),
    )


def dashboard() -> None:
    """The study in Optuna's own viewer."""
    with st.expander(_("Open it in optuna-dashboard")):
        st.caption(
            _(
                "A viewer of its own, not part of this app: install it on the server with "
                "`pip install optuna-dashboard`, type this there, and open the address that it "
                "prints."
            )
        )
        st.code(dashboard_command(get_lab().paths), language="bash")


def _runs(study_id: str) -> None:
    """In a callback."""
    st.session_state[PARTS] = [short_id(study_id)]
    go_to("pages/runs.py")
