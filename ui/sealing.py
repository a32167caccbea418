"""What the pages show of test results that may be sealed: see core/sealing.py."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import streamlit as st

from core.errors import N_, LabError
from core.records import RunRecord
from core.sealing import is_sealed, looks, seals, unlock
from ui.i18n import _, ngettext
from ui.messages import show_error
from ui.names import literal
from ui.people import may_end
from ui.queue_view import not_yours
from ui.state import NAME, get_lab, guarded

LOOKED = "_looked"
"""The runs whose test results this session has seen: a look is counted once."""

WHY = N_(
    "Compare and tune by the validation split. Whoever chooses by the test split fits the choice "
    "to its images, and then its accuracy promises too much. Unlock it when you have decided; "
    "every look is counted."
)
WHY_ONLY = N_(
    "This run kept no images for validation: only the test split shows its mistakes. Unlock it "
    "when nothing is left to be chosen by it; every look is counted."
)


def sealed(record: RunRecord) -> bool:
    """Whether the test results of this run are not to be shown."""
    return is_sealed(get_lab().paths, record.id)


def count_look(record: RunRecord) -> None:
    """Wherever test results of an open run are shown: this session's look, counted once.

    Raises StoreError when it cannot be written down.
    """
    seen = st.session_state.setdefault(LOOKED, set())
    if seals() and record.id not in seen:
        unlock(get_lab().paths, record.id, str(st.session_state.get(NAME, "")))
        seen.add(record.id)


def opened(record: RunRecord, splits: Sequence[str]) -> bool:
    """Before test results are shown: whether they may be. Says why not, or how often they were
    looked at. ``splits``: all that the run has results for."""
    if sealed(record):
        _seal_panel(record, WHY if "val" in splits else WHY_ONLY)
        return False
    try:
        count_look(record)
    except LabError as error:
        show_error(error)
        return False
    if times := len(looks(get_lab().paths, record.id)):
        st.caption(
            ":material/visibility: "
            + ngettext(
                "These test results were looked at {n} time.",
                "These test results were looked at {n} times.",
                times,
            ),
            help=_(
                "Counted once per person and visit. The more often runs are chosen by them, the "
                "more they promise too much."
            ),
        )
    return True


def _seal_panel(record: RunRecord, why: str) -> None:
    """In place of the results: why they are sealed, and the button that unlocks them."""
    with st.container(border=True):
        st.subheader(_("The test results are sealed"), anchor=False)
        st.write(_(why))
        st.button(
            _("Unlock the test results"),
            key="seal.unlock",
            icon=":material/lock_open:",
            type="primary",
            disabled=not may_end(record),
            help=None if may_end(record) else literal(not_yours(record)),
            on_click=guarded,
            args=(functools.partial(count_look, record),),
        )
