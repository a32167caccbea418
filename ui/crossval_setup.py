"""A new cross-validation: of what, into how many folds, and what stays together."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from core.config import DataConfig, RunConfig
from core.continuing import NO_FOLD, check_trained
from core.crossval.parent import (
    FIXED_EPOCHS,
    Folding,
    check,
    chooses_epochs,
    launch,
    whole,
)
from core.datasets.folding import GroupCounts, Grouping
from core.datasets.registry import open_dataset
from core.errors import LabError
from core.following import on_its_images
from core.records import RunRecord
from ui.crossval_data import look_at
from ui.forms import choice_label, form_is_empty, read_form
from ui.i18n import _, ngettext, number
from ui.messages import show_error
from ui.names import literal
from ui.state import NAME, chosen_run, get_lab, guarded
from ui.switch import switch


def setup() -> None:
    """What to cross-validate, how, and the button."""
    left, right = st.columns(2, gap="medium")
    with left:
        base = _configuration()
        if base is None:
            return
        how, fixed = _folding(base)
    with right:
        try:
            config = _whole(base, how, fixed=fixed)
            _about(config)
        except LabError as error:
            show_error(error)
            _button(None)
            return
        _button(config)


def _whole(base: RunConfig, how: Folding, *, fixed: bool) -> RunConfig:
    config = whole(base, how)
    return config.with_values(FIXED_EPOCHS) if fixed else config


def _configuration() -> RunConfig | None:
    """Of the form or of the chosen run; None with a word where there is none."""
    record = chosen_run()
    names = {"form": _("The form of the Train page"), "run": _("The chosen run")}
    source = switch(_("Settings of"), names, key="crossval_source", default="form")
    if source == "run" and record is None:
        st.info(_("No run is chosen: pick one in the sidebar."))
        return None
    if source == "form" and form_is_empty():
        st.info(_("The form is still empty: choose a network and its settings there first."))
        st.page_link("pages/train.py", label=_("Train"), icon=":material/model_training:")
        return None
    try:
        return _settings(source)
    except LabError as error:
        show_error(error)
        return None


def _settings(source: str) -> RunConfig:
    """Raises LabError."""
    record = chosen_run()
    return _of_run(record) if source == "run" and record else read_form()


def _of_run(record: RunRecord) -> RunConfig:
    if record.kind != "crossval":
        check_trained(record)
    return on_its_images(get_lab().store, record, record.config.with_values(NO_FOLD))


def _folding(base: RunConfig) -> tuple[Folding, bool]:
    """How the images are dealt, and whether no epoch is chosen."""
    knobs = DataConfig.knobs()
    folds_knob, repeats_knob = knobs["folds"], knobs["repeats"]
    grouping_knob, fold_seed_knob = knobs["grouping"], knobs["fold_seed"]
    one, two = st.columns(2)
    st.session_state.setdefault("crossval.folds", 5)
    folds = one.slider(
        _(folds_knob.label),
        2,
        20,
        key="crossval.folds",
        help=_(folds_knob.help),
        persist_state="session",
    )
    repeats = two.slider(
        _(repeats_knob.label),
        1,
        10,
        key="crossval.repeats",
        help=_(repeats_knob.help),
        persist_state="session",
    )
    grouping = st.selectbox(
        _(grouping_knob.label),
        get_args(Grouping),
        format_func=_together_label,
        key="crossval.grouping",
        help=_(grouping_knob.help),
        persist_state="session",
    )
    seed = st.number_input(
        _(fold_seed_knob.label),
        0,
        key="crossval.seed",
        help=_("To compare two networks, leave it as it is: then both have the same folds."),
        persist_state="session",
    )
    fixed = _fixed_epochs(base)
    return Folding(folds, repeats, grouping, int(seed)), fixed


def _together_label(grouping: str) -> str:
    return _("none: every image by itself") if grouping == "none" else choice_label(grouping)


def _fixed_epochs(base: RunConfig) -> bool:
    """Only where something would be chosen by what judges."""
    if not chooses_epochs(base):
        return False
    fixed = st.toggle(
        _("Fixed number of epochs"),
        key="crossval.fixed",
        help=_("No early stopping, and the last epoch is kept: the fold that judges chooses none."),
        persist_state="session",
    )
    if not fixed:
        st.caption(
            _(
                "These settings choose the epoch by the validation accuracy or loss, and here that "
                "is the very fold that judges: the figures will be a little too good. A fixed "
                "number of epochs avoids that."
            )
        )
    return fixed


@st.cache_data(show_spinner=False, max_entries=100)
def _counts(fingerprint: str, config: str) -> GroupCounts:
    """Once for all sessions: to tell copies apart all pixels are read. Raises LabError."""
    return check(get_lab().paths, RunConfig.model_validate_json(config))


def _about(config: RunConfig) -> None:
    """What would be trained, on what; raises LabError for what cannot be trained."""
    data = config.data
    info = open_dataset(get_lab().paths, data.dataset).info
    counts = _counts(info.fingerprint, config.model_dump_json())
    st.markdown(f"**{literal(data.dataset)} · {literal(config.model.short_name)}**")
    _sizes(data, counts)
    if data.grouping != "none":
        words = ngettext("{n} group stays together", "{n} groups stay together", counts.groups)
        largest = ngettext(
            "the largest has {n} image", "the largest has {n} images", counts.largest
        )
        st.caption(words + "; " + largest + ".")
    _held_out(info.splits.get("test", 0), config.train.epochs)


def _sizes(data: DataConfig, counts: GroupCounts) -> None:
    """As many as a training would learn from and be judged by, under its limit; groups make it
    a few more or less."""
    judged = counts.images // (data.folds or 1)
    learned = counts.images - judged
    if data.limit is not None:
        learned = min(learned, data.limit)
        judged = min(judged, data.judging_limit or judged)
    about = "" if data.grouping == "none" else "≈ "
    columns = st.columns(3)
    columns[0].metric(_("Trainings"), number(data.all_folds))
    columns[1].metric(_("To learn from"), about + number(learned))
    columns[2].metric(_("To judge with"), about + number(judged))


def _held_out(test: int, epochs: int) -> None:
    words = _("Training and validation images are dealt anew.")
    if test:
        words += " " + ngettext(
            "{n} test image stays held out.", "{n} test images stay held out.", test
        )
    words += " " + ngettext(
        "Each training takes {n} epoch at most.", "Each training takes {n} epochs at most.", epochs
    )
    st.caption(words)


def _button(config: RunConfig | None) -> None:
    st.button(
        _("Launch cross-validation"),
        key="crossval.launch",
        type="primary",
        icon=":material/play_arrow:",
        disabled=config is None,
        on_click=guarded,
        args=(_launch,),
        width="stretch",
    )


def _launch() -> None:
    """In a callback: as the session has it now, with what was typed just before the click."""
    lab, state = get_lab(), st.session_state
    base = _settings(state.get("crossval_source", "form"))
    names = ("folds", "repeats", "grouping", "seed")
    how = Folding(*(state[f"crossval.{name}"] for name in names))
    fixed = chooses_epochs(base) and bool(state.get("crossval.fixed"))
    config = _whole(base, how, fixed=fixed)
    record = launch(lab.store, config, by=state.get(NAME, ""))
    look_at(record.id)
