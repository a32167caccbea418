"""Runs that were not trained themselves, wherever pages speak of single networks."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.ensembles.choosing import made_of
from core.errors import LabError
from core.networks import members_of, network_version
from core.records import RunRecord
from ui.frame import run_label, short_name
from ui.i18n import _, ngettext, number
from ui.messages import show, show_error
from ui.names import literal
from ui.state import get_lab

LINKED = 12
"""Members that are linked to; more would push everything else off the page."""


def single_networks_only(record: RunRecord, *, where: str = "errors") -> None:
    """In place of a view that looks into one network."""
    st.info(
        _(
            "This looks into a single network, and this run is made of several: open one of its "
            "members."
        )
    )
    member_links(record, page="errors" if where == "errors" else "predict")


def member_links(record: RunRecord, *, page: str = "errors") -> None:
    """A link for each run that is a member, once however many of its snapshots are."""
    runs = list(dict.fromkeys(member.run for member in members_of(record)))
    for run_id in runs[:LINKED]:
        try:
            member = get_lab().store.read(run_id)
        except LabError:
            name = short_name(record.changed(id=run_id))
            st.caption(_("Run {run} was deleted.", run=name))
            continue
        st.page_link(
            f"pages/{page}.py",
            label=literal(_with_epochs(run_label(member), record, run_id)),
            icon=":material/arrow_forward:",
            query_params={"run": run_id},
        )
    if len(runs) > LINKED:
        st.caption(_("… and {n} more", n=len(runs) - LINKED))


def _with_epochs(label: str, record: RunRecord, run_id: str) -> str:
    """Which moments of a training are members, where it is not the network that it has kept."""
    kept = sorted(m.snapshot for m in members_of(record) if m.run == run_id and m.snapshot)
    if not kept:
        return label
    epochs = ", ".join(map(str, kept))
    return ngettext(
        "{run} (epoch {epochs})", "{run} (epochs {epochs})", len(kept), run=label, epochs=epochs
    )


def missing_member(record: RunRecord) -> None:
    """On the Predict page: why a composed run cannot be asked."""
    try:
        network_version(get_lab().paths, record)
    except LabError as error:
        show_error(error, "warning")
    st.caption(_("Or choose a finished run in the sidebar."))


def members_warning(run_ids: Sequence[str]) -> None:
    """Before runs are deleted: which ensembles could not be asked any more."""
    asking = made_of(get_lab().store, run_ids)
    if not asking:
        return
    text = ngettext(
        "{n} run is made of them and could judge no new picture any more; what it has predicted "
        "is kept: {names}",
        "{n} runs are made of them and could judge no new picture any more; what they have "
        "predicted is kept: {names}",
        len(asking),
        names=", ".join(run_label(record) for record in asking[:5]),
    )
    show(text, "warning")


def not_trained(record: RunRecord) -> None:
    """On the Train page, in place of curves."""
    st.markdown(f"**{literal(run_label(record))}**")
    st.info(_("An ensemble is not trained: it has no curves of its own. These are its members."))
    member_links(record, page="train")
    st.page_link("pages/ensemble.py", label=_("Ensembles"), icon=":material/groups:")


def made_from(record: RunRecord) -> None:
    """Under a run whose network is the mean of others, or that asks others: which."""
    if members_of(record):
        share = number(len(members_of(record)))
        st.caption(_("Made of {n} networks:", n=share))
        member_links(record, page="train")
