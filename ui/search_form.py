"""A search before it is launched: the form with its ranges, the method, the budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd
import streamlit as st

from core.config import ARCHITECTURES, RunConfig
from core.datasets.dataset import DatasetInfo
from core.errors import N_, LabError
from core.search.methods import PRUNERS, SAMPLERS
from core.search.space import SearchSpace, check_space, size
from core.search.spec import Wanted
from core.search.study import check_wanted, create_study
from core.search.suggesting import Guided, guided
from ui.forms import read_form
from ui.i18n import _, ngettext, number
from ui.messages import show_error
from ui.search_fields import network_fields, training_fields
from ui.search_names import range_name, setting_name
from ui.search_ranges import (
    SET,
    architectures,
    base_architecture,
    fill_ranges,
    read_space,
    search_nothing,
)
from ui.setup import advanced_switch, dataset_choice, form_config, preset_choice
from ui.state import NAME, get_lab, guarded
from ui.tables import table_height

PART, STUDY = "tune_part", "study"
"""The session's keys of the part of the view, and of the study that is looked at."""
OBJECTIVES: dict[str, tuple[str, str]] = {
    "val_accuracy": (
        N_("Validation accuracy"),
        N_("As many validation images right as possible."),
    ),
    "val_loss": (
        N_("Validation loss"),
        N_("The least validation loss: it also asks how sure the network is, rightly."),
    ),
}
SAMPLER, PRUNER, OBJECTIVE = f"{SET}sampler", f"{SET}pruner", f"{SET}objective"
TRIALS, MINUTES = "search.trials", "search.minutes"
PARALLEL, SEED = "search.parallel", "search.seed"
DEFAULTS: Mapping[str, object] = {
    SAMPLER: "tpe",
    PRUNER: "median",
    OBJECTIVE: "val_accuracy",
    TRIALS: 20,
    MINUTES: None,
    PARALLEL: None,
    SEED: 0,
}


def setup_view() -> None:
    """The form on the left, what will be searched and how on the right."""
    form, summary = st.columns([3, 2], gap="medium")
    with form:
        preset_choice()
        dataset = dataset_choice()
        advanced = advanced_switch()
        st.subheader(_("Network"))
        network_fields(architectures(), advanced=advanced)
        training_fields(advanced=advanced)
    with summary:
        _guided_first()
        st.subheader(_("What is searched"))
        asked = _asked(dataset)
        _method()
        _launch(asked)


def _asked(dataset: DatasetInfo) -> tuple[SearchSpace, RunConfig] | None:
    """What is searched, and the settings around it; what is wrong with them is said."""
    try:
        space, base = read_space(), form_config(dataset)
        if space.fields:
            check_space(space, base)
        _searched(space, base)
    except LabError as error:
        show_error(error)
        return None
    return space, base


def _guided_first() -> None:
    """For those who search for the first time."""
    architecture = base_architecture()
    try:
        plan = guided(architecture, read_form())
    except LabError:
        return  # said below, where the form is read as a whole
    names = ", ".join(setting_name(key) for key in plan.space.fields)
    with st.container(border=True):
        st.markdown(
            "**" + _("A first search for {kind}", kind=ARCHITECTURES[architecture].title) + "**"
        )
        budget = ngettext("{n} trial", "{n} trials", plan.trials)
        st.caption(
            _(
                "{names}: {trials}, {minutes} min at most.",
                names=names,
                trials=budget,
                minutes=plan.minutes,
            )
        )
        with st.container(horizontal=True):
            st.button(
                _("Put it into the form"),
                key="search.guided.fill",
                help=_("Sets the ranges and the budget below; change them as you like."),
                on_click=guarded,
                args=(_fill,),
            )
            st.button(
                _("Start it at once"),
                key="search.guided.start",
                icon=":material/play_arrow:",
                help=_("With all other settings as the form has them."),
                on_click=guarded,
                args=(_start_guided,),
            )


def _plan() -> tuple[Guided, str]:
    """In a callback: for the form as it is now; and its architecture."""
    architecture = base_architecture()
    return guided(architecture, read_form()), architecture


def _fill() -> None:
    """In a callback."""
    plan, architecture = _plan()
    fill_ranges(plan.space, (architecture,))
    state = st.session_state
    state[SAMPLER], state[PRUNER] = plan.sampler, plan.pruner
    state[TRIALS], state[MINUTES] = plan.trials, int(plan.minutes)


def _start_guided() -> None:
    """In a callback."""
    plan, _architecture = _plan()
    launch_study(
        Wanted(
            config=form_config(),
            space=plan.space,
            sampler=plan.sampler,
            pruner=plan.pruner,
            trials=plan.trials,
            minutes=plan.minutes,
            by=st.session_state.get(NAME, ""),
        )
    )


def launch_study(wanted: Wanted) -> None:
    """In a callback: begin a study and look at it.

    Raises:
        LabError: if it cannot work.
    """
    st.session_state[STUDY] = create_study(get_lab().store, wanted)
    st.session_state[PART] = "study"


class _Row(NamedTuple):
    setting: str
    where: str
    values: str


def _searched(space: SearchSpace, base: RunConfig) -> None:
    if not space.fields:
        st.info(
            _(
                "Nothing yet. The button ⟷ beside a setting searches it over a range or a list; "
                "or begin with the first search above."
            )
        )
        return
    rows = [
        _Row(
            setting_name(key),
            range_name(key, wanted),
            _("any") if wanted.all_values() is None else number(len(wanted.all_values() or ())),
        )
        for key, wanted in space.fields.items()
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=table_height(len(rows), 320),
        column_config={
            "setting": st.column_config.TextColumn(_("Setting"), width=125),
            "where": st.column_config.TextColumn(_("Where"), width=170),
            "values": st.column_config.TextColumn(
                _("Values"), help=_("How many there are to choose from."), width=70
            ),
        },
        alt=ngettext("{n} setting is searched", "{n} settings are searched", len(rows)),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_combinations(space, base))
        st.button(
            _("Search nothing"),
            key="search.nothing",
            type="tertiary",
            icon=":material/ink_eraser:",
            help=_("Every setting back to its one value; the ranges are kept."),
            on_click=search_nothing,
        )


def _combinations(space: SearchSpace, base: RunConfig) -> str:
    count = size(space, base)
    if count is None:
        return _("There is no end of combinations: some settings may have any value in between.")
    return ngettext("{n} combination.", "{n} combinations.", count)


def _method() -> None:
    for name, value in DEFAULTS.items():
        st.session_state.setdefault(name, value)
    st.subheader(_("How it is searched"))
    left, right = st.columns(2)
    with left:
        _choice(_("Sampler"), SAMPLER, {k: (v.label, v.help) for k, v in SAMPLERS.items()})
        _choice(_("Aim"), OBJECTIVE, OBJECTIVES)
    with right:
        _choice(_("Pruning"), PRUNER, {k: (v.label, v.help) for k, v in PRUNERS.items()})
        _whole(_("Seed"), SEED, 0, _("Start of all that is drawn: same seed, same first trials."))
    trials, minutes, parallel = st.columns(3)
    slots = len(get_lab().runner.devices)
    with trials:
        _whole(_("Trials"), TRIALS, 1, _("The search ends after so many; empty: no limit."))
    with minutes:
        _whole(_("Minutes"), MINUTES, 1, _("The search ends after so long; empty: no limit."))
    with parallel:
        about = _("Trained at the same time; empty: as many as this server can, {n}.", n=slots)
        _whole(_("At once"), PARALLEL, 1, about, most=slots)


def _choice(label: str, where: str, rows: Mapping[str, tuple[str, str]]) -> None:
    """One of a table; what the chosen one does stands below."""
    st.selectbox(
        label, list(rows), format_func=lambda n: _(rows[n][0]), key=where, persist_state="session"
    )
    st.caption(_(rows[st.session_state[where]][1]))


def _whole(label: str, where: str, least: int, about: str, most: int | None = None) -> None:
    st.number_input(
        label,
        least,
        most,
        step=1,
        key=where,
        placeholder=_("no limit") if most is None else str(most),
        help=about,
        persist_state="session",
    )


def _launch(asked: tuple[SearchSpace, RunConfig] | None) -> None:
    """Off, with the reason, as long as the search could not work."""
    wanted = _wanted(*asked) if asked else None
    if wanted is not None:
        try:
            check_wanted(get_lab().paths, wanted)
        except LabError as error:
            if wanted.space.fields:
                show_error(error)
            wanted = None
    st.button(
        _("Launch the search"),
        key="search.launch",
        type="primary",
        icon=":material/play_arrow:",
        disabled=wanted is None,
        on_click=guarded,
        args=(lambda: launch_study(_wanted(read_space(), form_config())),),
        width="stretch",
    )


def _wanted(space: SearchSpace, base: RunConfig) -> Wanted:
    state = st.session_state
    return Wanted(
        config=base,
        space=space,
        sampler=state[SAMPLER],
        pruner=state[PRUNER],
        objective=state[OBJECTIVE],
        seed=state[SEED] or 0,
        trials=state[TRIALS],
        minutes=state[MINUTES],
        parallel=state[PARALLEL],
        by=state.get(NAME, ""),
    )
