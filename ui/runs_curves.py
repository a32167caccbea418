"""The curves of chosen runs over each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import streamlit as st

from core.continuing import whole_history
from core.datasets.joining import learned_info
from core.datasets.retiring import open_seen
from core.errors import N_, LabError
from core.fields import RunRow
from core.plots.runs import By, Overlay, RunEpochs, RunsLabels, Split, plot_runs, runs_info
from core.records import RunRecord
from core.schedules import steps_per_epoch
from ui.frame import NO_EPOCH, short_name, stopped_at_once
from ui.i18n import _, language
from ui.runs_choice import choose_runs
from ui.runs_diff import what_changed
from ui.state import get_lab, is_dark
from ui.switch import switch

MEASURES = {
    "accuracy": N_("Accuracy"),
    "loss": N_("Loss"),
    "learning_rate": N_("Learning rate"),
}
AXES: dict[By, str] = {"epoch": N_("by epoch"), "step": N_("by step"), "time": N_("by time")}
SPLITS: dict[Split, str] = {"train": N_("training"), "val": N_("validation")}


def curves_view(rows: Sequence[RunRow], chosen: Sequence[RunRecord]) -> None:
    """The chosen runs' curves, and what is different between the runs."""
    left, middle, right = st.columns([6, 2, 2], vertical_alignment="bottom")
    with left:
        chosen = choose_runs(rows, chosen)
    if not chosen:
        st.info(_("Choose one or more runs above to see their curves."))
        return
    with middle:
        smoothing = _smoothing()
    with right:
        log = _log()
    overlay = _overlay(smoothing)
    log &= overlay.measure != "accuracy"
    info = runs_info([_epochs(record, overlay.by) for record in chosen], overlay)
    if info.curves:
        places = {"epoch": _("epoch"), "step": _("step")}
        x = places.get(info.by) or _("training time ({unit})", unit=info.time)
        title = _(MEASURES[overlay.measure])
        labels = RunsLabels(x, title, _("training"), _("validation"))
        st.plotly_chart(
            plot_runs(info, labels, dark=is_dark(), log=log, decimal_comma=language() == "es"),
            key="runs.curves",
            theme=None,
            alt=_("{title} by {axis}, a line per run", title=title, axis=x),
        )
    elif all(map(stopped_at_once, chosen)) and len(chosen) == 1:
        st.caption(_(NO_EPOCH))
    else:
        st.caption(_("None of these runs has finished an epoch in which this was measured."))
    _left_out(chosen, overlay, {curve.name for curve in info.curves})
    what_changed(chosen)


def _left_out(chosen: Sequence[RunRecord], overlay: Overlay, drawn: set[str]) -> None:
    """By step, a run whose dataset is gone has no known place."""
    gone = [short_name(r) for r in chosen if short_name(r) not in drawn]
    if overlay.by == "step" and gone:
        st.caption(
            _(
                "Not drawn: {runs}. The steps of an epoch are known only while the dataset is "
                "there, and once an epoch has ended.",
                runs=", ".join(gone),
            )
        )


def _smoothing() -> float:
    return st.slider(
        _("Smoothing"),
        0.0,
        0.99,
        step=0.01,
        key="runs.smoothing",
        help=_(
            "Every value is averaged with those before it, the nearest counting most; 0 shows "
            "what was measured. The measured line stays, drawn faintly."
        ),
        persist_state="session",
    )


def _log() -> bool:
    return st.toggle(
        _("Log axis"),
        key="runs.log",
        help=_("Powers of ten at equal distances: shows small losses apart; not for accuracies."),
        persist_state="session",
    )


def _overlay(smoothing: float) -> Overlay:
    """Which measure of which splits, over what."""
    names = {key: _(label) for key, label in MEASURES.items()}
    axes = {str(key): _(label) for key, label in AXES.items()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        measure = switch(_("Curve"), names, key="runs.set.measure", default="accuracy")
        splits = st.pills(
            _("Split"),
            list(SPLITS),
            format_func=lambda split: _(SPLITS[split]),
            selection_mode="multi",
            default=list(SPLITS),
            key="runs.set.splits",
            label_visibility="collapsed",
            persist_state="session",
        )
        by = switch(_("Axis"), axes, key="runs.set.by", default="epoch")
    if measure == "learning_rate":
        splits = ["train"]  # it is the training's own
    axis = next(value for value in get_args(By) if value == by)
    return Overlay(measure, tuple(splits), axis, smoothing)


def _epochs(record: RunRecord, by: By) -> RunEpochs:
    paths = get_lab().paths
    history = [epoch.model_dump() for epoch in whole_history(paths.run(record.id))]
    return RunEpochs(short_name(record), history, _steps(record) if by == "step" else None)


def _steps(record: RunRecord) -> int | None:
    """Steps of an epoch, from the dataset that the run has seen; None if it is not here."""
    data = record.config.data
    try:
        info = open_seen(get_lab().paths, data.dataset, record.dataset_fingerprint).info
        return steps_per_epoch(record.config, learned_info(info, data).splits["train"])
    except (LabError, KeyError):  # of a deleted dataset the training images are gone
        return None
