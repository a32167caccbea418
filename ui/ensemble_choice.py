"""Who is to be in an ensemble: chosen by hand, by a rule, or the snapshots of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from core.ensembles.choosing import (
    Rule,
    accuracy_of,
    candidates,
    chosen_by,
    snapshot_members,
    snapshots_of,
)
from core.ensembles.votes import MOST_MEMBERS, has_varied
from core.errors import N_
from core.evaluation.varying import variants
from core.inspection.service import read_inspection, start_inspection
from core.parts import Member
from core.records import RunRecord
from core.store import Stamp, Store
from ui.frame import run_label, short_name
from ui.i18n import _, ngettext, percent
from ui.inspection_panel import ready
from ui.names import literal
from ui.state import get_lab, guarded
from ui.switch import switch

SOURCES = {
    "hand": N_("By hand"),
    "rule": N_("By a rule"),
    "snapshots": N_("Snapshots of one run"),
}
DATASET = "ensemble_dataset"
RUNS = "ensemble_runs"
VARIED = "ensemble_varied"


def choose_members() -> list[Member]:
    """The members that this session has chosen; says what to do where there are none."""
    store = get_lab().store
    groups = _by_dataset(_candidates(str(store.paths.root), store.stamp(), store))
    enough = {key: found for key, found in groups.items() if len(found) > 1 or _kept(found)}
    if not enough:
        _nothing_yet(any(groups.values()))
        return []
    dataset, how = st.columns([2, 3], vertical_alignment="bottom")
    with dataset:
        records = enough[_choose_dataset(enough)]
    with how:
        names = {key: _(label) for key, label in SOURCES.items()}
        source = switch(_("How members are chosen"), names, key="ensemble.source", default="hand")
    return CHOOSERS[source](records)


@st.cache_resource(show_spinner=False, max_entries=2)
def _candidates(root: str, stamp: Stamp, _store: Store) -> list[RunRecord]:
    """Read once for all sessions whenever any run changes: of thousands it takes a second."""
    return candidates(_store)


def _by_dataset(records: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """By fingerprint, the newest first; within, the best first."""
    groups: dict[str, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(record.dataset_fingerprint or "", []).append(record)
    return {
        key: sorted(found, key=lambda r: -(accuracy_of(r) or 0)) for key, found in groups.items()
    }


def _nothing_yet(any_run: bool) -> None:
    if any_run:
        st.info(
            _(
                "An ensemble takes two finished runs on the same dataset: train one more, best "
                "with another architecture, or with snapshots."
            )
        )
    else:
        st.info(
            _(
                "Several networks together are nearly always better than the best of them. Train "
                "two or more on the same dataset, then combine them here."
            )
        )
    st.page_link("pages/train.py", label=_("Train"), icon=":material/model_training:")


def _choose_dataset(groups: Mapping[str, Sequence[RunRecord]]) -> str:
    """The fingerprint of the dataset; of two that were called the same, its beginning is told."""
    keys = list(groups)
    if st.session_state.get(DATASET) not in keys:
        st.session_state[DATASET] = keys[0]
    called = [found[0].config.data.dataset for found in groups.values()]

    def label(key: str) -> str:
        name = groups[key][0].config.data.dataset
        return name if called.count(name) == 1 else f"{name} ({key[:6]})"

    st.selectbox(
        _("Dataset"),
        keys,
        format_func=label,
        key=DATASET,
        help=_("Only runs on the very same images can be combined."),
        persist_state="session",
    )
    return str(st.session_state[DATASET])


def _by_hand(records: Sequence[RunRecord]) -> list[Member]:
    by_id = {record.id: record for record in records}
    kept = [run_id for run_id in st.session_state.get(RUNS, []) if run_id in by_id]
    if kept != st.session_state.get(RUNS, kept):
        st.session_state[RUNS] = kept
    st.multiselect(
        _("Members"),
        list(by_id),
        format_func=lambda run_id: run_label(by_id[run_id]),
        key=RUNS,
        max_selections=MOST_MEMBERS,
        placeholder=_("runs, the best on validation first"),
        help=_("The more they differ in what they get wrong, the more they gain together."),
        persist_state="session",
    )
    if not st.session_state[RUNS]:
        st.info(
            _(
                "Choose two runs or more: what they gain together is shown here at once, from "
                "their saved answers to the validation images."
            )
        )
    return _varied([by_id[run_id] for run_id in st.session_state[RUNS]])


def _by_rule(records: Sequence[RunRecord]) -> list[Member]:
    least, best = st.columns(2)
    accuracy = least.number_input(
        _("All runs of at least (%)"),
        0.0,
        100.0,
        95.0,
        step=1.0,
        format="%g",
        key="ensemble_rule_accuracy",
        help=_("Validation accuracy; 100 takes hardly any run in by this."),
        persist_state="session",
    )
    per = best.number_input(
        _("And the best of each architecture"),
        0,
        10,
        1,
        step=1,
        key="ensemble_rule_best",
        help=_("So many runs of each architecture are taken, however good they are."),
        persist_state="session",
    )
    found = chosen_by(Rule(float(accuracy) / 100, int(per)), records)
    st.caption(ngettext("{n} run fits the rule.", "{n} runs fit the rule.", len(found)))
    return _varied(found)


def _kept(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Those that have kept snapshots."""
    paths = get_lab().paths
    wanted = [r for r in records if r.config.train.snapshots != "none" and r.kind == "training"]
    return [record for record in wanted if snapshots_of(paths.run(record.id))]


def _snapshots(records: Sequence[RunRecord]) -> list[Member]:
    kept = {record.id: record for record in _kept(records)}
    if not kept:
        st.info(
            _(
                "No run on this dataset has kept snapshots. Under “Training” of the form, with "
                "the advanced settings shown, choose “Keep snapshots”; the schedule “cosine with "
                "restarts” makes the best ones."
            )
        )
        return []
    if st.session_state.get("ensemble_of") not in kept:
        st.session_state["ensemble_of"] = next(iter(kept))
    run, epochs = st.columns(2)
    run.selectbox(
        _("Run"),
        list(kept),
        format_func=lambda run_id: run_label(kept[run_id]),
        key="ensemble_of",
        help=_("One training, whose network at several moments is several members."),
        persist_state="session",
    )
    run_id = str(st.session_state["ensemble_of"])
    offered = snapshots_of(get_lab().paths.run(run_id))
    taken = epochs.multiselect(
        _("After the epochs"),
        offered,
        default=offered,
        key=f"ensemble_epochs.{run_id}",
        help=_("The moments at which the network was kept."),
        persist_state="session",
    )
    return snapshot_members(run_id, taken)


CHOOSERS: dict[str, Callable[[Sequence[RunRecord]], list[Member]]] = {
    "hand": _by_hand,
    "rule": _by_rule,
    "snapshots": _snapshots,
}


def _varied(records: Sequence[RunRecord]) -> list[Member]:
    """The runs as members, with test-time augmentation where that is wanted and there."""
    plain = [Member(run=record.id) for record in records]
    if not records:
        return []
    wanted = st.toggle(
        _("Average over small changes"),
        key=VARIED,
        help=_(
            "Test-time augmentation: each member judges every image in several versions, changed "
            "as in its training. Computed once per run and kept with it."
        ),
        persist_state="session",
    )
    if not wanted:
        return plain
    paths = get_lab().paths
    able = [record for record in records if _versions(record)]
    there = {record.id for record in able if has_varied(paths, record.id)}
    _compute_missing([record for record in able if record.id not in there])
    if len(able) < len(records):
        names = ", ".join(short_name(r) for r in records if r not in able)
        st.caption(literal(_("As they are, because trained without changes: {runs}.", runs=names)))
    return [member.model_copy(update={"varied": member.run in there}) for member in plain]


def _versions(record: RunRecord) -> bool:
    shape = record.image_shape
    return shape is not None and bool(variants(record.config.augment, shape[:2]))


def _compute_missing(missing: Sequence[RunRecord]) -> None:
    """What is not there yet: a button for all of them, and how far those are that are under way."""
    paths = get_lab().paths
    if not missing:
        return
    states = {r.id: read_inspection(paths, r.id, "varied").status for r in missing}
    waiting = [record for record in missing if states[record.id] != "running"]

    def start() -> None:
        for record in waiting:
            start_inspection(paths, record.id, "varied")

    st.caption(
        ngettext(
            "{n} member is judged as it is until its versions are computed.",
            "{n} members are judged as they are until their versions are computed.",
            len(missing),
        )
    )
    if waiting:
        st.button(
            ngettext("Compute for {n} run", "Compute for {n} runs", len(waiting)),
            key="ensemble_compute",
            icon=":material/query_stats:",
            on_click=guarded,
            args=(start,),
        )
    for record in missing:
        if states[record.id] != "none":
            st.text(f"{run_label(record)} · {percent(accuracy_of(record))}")
            ready(record, "varied", where=f"ensemble.{record.id}")
