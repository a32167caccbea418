"""What the curves of a run say, in a sentence, with the next experiment as a button."""

from __future__ import annotations

import functools

import streamlit as st

from core.continuing import own_epochs
from core.errors import LabError, text
from core.failures import TOO_LONG
from core.paths import RunPaths
from core.proposing import LABEL_RATE, Proposal
from core.reading_curves import GOOD, Reading, State, read_curves
from core.records import Epoch, RunRecord
from ui.forms import fill_form_from
from ui.i18n import _, say
from ui.live import CURVES_SECONDS
from ui.messages import Kind, show
from ui.names import literal
from ui.state import GOTO, get_lab, guarded

TRIED = "_tried"
"""The session's key of a change that has just been put into the form."""
ICONS = {
    State.BEGINNING: ":material/hourglass_top:",
    State.IMPROVING: ":material/trending_up:",
    State.PLATEAU: ":material/trending_flat:",
    State.DONE: ":material/check_circle:",
    State.OVERFITTING: ":material/call_split:",
    State.OVERCONFIDENT: ":material/call_split:",
    State.DIVERGING: ":material/north_east:",
    State.RATE_HIGH: ":material/speed:",
    State.RATE_LOW: ":material/hourglass_bottom:",
}


def reading(record: RunRecord) -> None:
    """The reading, refreshed by itself while the run trains."""
    live = not record.status.is_over()
    st.fragment(_reading, run_every=CURVES_SECONDS if live else None)(record.id)


def _reading(run_id: str) -> None:
    if GOTO in st.session_state:
        st.rerun()  # after a click within this fragment, which by itself opens no page
    lab = get_lab()
    try:
        record = lab.store.read(run_id)
    except LabError:  # deleted by somebody else: the panel above says so
        return
    found = read_run(record, lab.paths.run(run_id))
    if found is not None:
        _show(found, record)
    elif (proposal := _after_failure(record)) is not None:
        _offer(proposal, record)


def read_run(record: RunRecord, files: RunPaths) -> Reading | None:
    """What there is to say about a run; nothing about one that has failed for another reason."""
    if record.failure is not None or not files.metrics.is_file():
        return None
    own = _epochs(files, files.metrics.stat().st_mtime_ns)
    return read_curves(own, record.config, len(record.class_names))


@functools.lru_cache(maxsize=64)
def _epochs(files: RunPaths, _version: int) -> list[Epoch]:
    return own_epochs(files)


def _show(found: Reading, record: RunRecord) -> None:
    kind: Kind = "info" if found.state in GOOD else "warning"
    sentences = [found.sentence, *([found.remark] if found.remark else [])]
    said = " ".join(map(say, sentences))
    if found.proposal is None:
        show(said, kind, icon=ICONS[found.state])
        return
    words, offer = st.columns([5, 3], vertical_alignment="center")
    with words:
        show(said, kind, icon=ICONS[found.state])
    with offer:
        _offer(found.proposal, record)


def _offer(proposal: Proposal, record: RunRecord) -> None:
    st.button(
        _("Try: {change}", change=say(proposal.label)),
        key="try_next",
        icon=":material/science:",
        help=_("Fills the form with the settings of this run and this one change."),
        on_click=guarded,
        args=(functools.partial(_fill, proposal, record),),
    )
    st.caption(literal(say(proposal.why)))


def _fill(proposal: Proposal, record: RunRecord) -> None:
    """In a callback: the settings of the run with one change, ready to be launched."""
    fill_form_from(record, proposal.values)
    st.session_state[TRIED] = say(proposal.label)


def tell_change() -> None:
    """On the form, once: the one change may lie in a part of it that is folded up."""
    if change := st.session_state.pop(TRIED, None):
        st.toast(
            _("As the run before, but: {change}", change=change),
            icon=":material/science:",
            duration="long",
        )


def _after_failure(record: RunRecord) -> Proposal | None:
    """For a training whose loss was no longer a number: the rate that its remedy names."""
    remedy = record.failure.remedy if record.failure else None
    if remedy is None or remedy.msgid != TOO_LONG:
        return None
    rate = float(str(remedy.params["rate"]))
    return Proposal(text(LABEL_RATE, rate=rate), remedy, {"optimizer.learning_rate": rate})
