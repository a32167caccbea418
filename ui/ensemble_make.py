"""From members to a run: an ensemble at once, a network of averaged weights as a task."""

from __future__ import annotations

import functools

import streamlit as st

from core.ensembles.making import Asked, make_ensemble
from core.ensembles.soups import (
    Order,
    Recipe,
    Soup,
    cancel_soup,
    caution,
    check_soup,
    load_soup,
    read_soup,
    start_soup,
)
from core.errors import N_, LabError
from core.parts import Method
from core.records import RunRecord
from ui.ensemble_data import REMOTE, Chosen, judged
from ui.frame import run_label
from ui.i18n import _, percent, say
from ui.messages import show, show_error
from ui.names import literal
from ui.state import NAME, choose_run, get_lab, go_to, guarded
from ui.switch import switch
from ui.task_panel import Panel, is_ready

MADE = "ensemble_made"
RECIPES: dict[Recipe, str] = {"greedy": N_("Only those that help"), "uniform": N_("All of them")}
PHASES = {
    "starting": N_("Starting …"),
    "waiting": N_("Waiting for another inspection to end"),
    "tasting": N_("Averaging and judging the networks"),
}


def make_bar(found: Chosen, method: Method) -> None:
    """The button that makes a run of the members, and where that run can be looked at."""
    key = f"{found.name}.{method}"
    made = st.session_state.get(MADE, {}).get(key)
    record = _still_there(made)
    if record is None:
        st.button(
            _("Make this ensemble"),
            key="ensemble_make",
            type="primary",
            icon=":material/groups:",
            help=_("It becomes a run of its own, with its Errors and Predict pages."),
            on_click=guarded,
            args=(functools.partial(_make, found, method, key),),
        )
        return
    st.success(
        _(
            "Made: {run}. Its test results stay sealed until unlocked.",
            run=literal(run_label(record)),
        )
    )
    open_links(record)


def _make(found: Chosen, method: Method, key: str) -> None:
    """In a callback."""
    by = str(st.session_state.get(NAME, ""))
    # The page has just judged it.
    cooks = REMOTE._replace(cross_fit=lambda name, _proba, _labels: judged(found, name).proba)
    record = make_ensemble(get_lab().store, Asked(found.members, method, by=by), cooks)
    st.session_state[MADE] = {**st.session_state.get(MADE, {}), key: record.id}
    choose_run(record.id)


def _still_there(run_id: str | None) -> RunRecord | None:
    if run_id is None:
        return None
    try:
        return get_lab().store.read(run_id)
    except LabError:  # deleted since: it can be made again
        return None


def open_links(record: RunRecord) -> None:
    """Buttons to the pages of a run."""
    pages = {
        "errors": (_("See what it gets wrong"), ":material/grid_on:"),
        "predict": (_("Try your own picture"), ":material/image_search:"),
        "runs": (_("Runs"), ":material/table_rows:"),
    }

    def leave(page: str) -> None:
        choose_run(record.id)
        go_to(f"pages/{page}.py")

    with st.container(horizontal=True):
        for page, (label, icon) in pages.items():
            key = f"ensemble_open.{record.kind}.{page}"
            st.button(label, key=key, icon=icon, on_click=leave, args=(page,))


def soup_section(found: Chosen) -> None:
    """One network whose weights are the mean of the members' weights."""
    with st.expander(_("One network out of several: average their weights")):
        st.write(
            _(
                "The mean of the weights is a single network, as fast as any member, and heat maps "
                "work with it. It helps where the members have a common start."
            )
        )
        try:
            records = check_soup(get_lab().paths, found.members)
        except LabError as error:
            show_error(error, "info")
            return
        if warning := caution(records):
            show(say(warning), "warning")
        names = {recipe: _(label) for recipe, label in RECIPES.items()}
        chosen = switch(
            _("Which members are averaged"), names, key="ensemble.recipe", default="greedy"
        )
        recipe: Recipe = next(name for name in RECIPES if name == chosen)
        plain = tuple(member.model_copy(update={"varied": False}) for member in found.members)
        by = str(st.session_state.get(NAME, ""))
        _soup(found, Order(members=plain, recipe=recipe, by=by))


def _soup(found: Chosen, order: Order) -> None:
    paths = get_lab().paths
    panel = Panel(
        key="ensemble_soup",
        what=_(
            "The networks are averaged in a process of its own, the statistics of batch "
            "normalisation are measured anew on training images, and the result becomes a run."
        ),
        button=_("Average the weights"),
        cost=_("Some seconds per member for small networks; it goes on if you leave the page."),
        phases=PHASES,
        read=functools.partial(read_soup, paths, order),
        start=functools.partial(start_soup, paths, order),
        cancel=functools.partial(cancel_soup, paths, order),
    )
    if is_ready(panel):
        _served(found, order)


def _served(found: Chosen, order: Order) -> None:
    """What came of it beside what the members are worth."""
    again = functools.partial(start_soup, get_lab().paths, order, again=True)
    try:
        soup = load_soup(get_lab().paths, order)
        record = get_lab().store.refresh(soup.run)
    except LabError as error:
        show_error(error, "warning")
    else:
        best, used = max(soup.accuracies), ", ".join(_labels_of(found, soup))
        averaged, alone = st.columns(2)
        averaged.metric(
            _("Averaged weights"),
            percent(soup.accuracy),
            help=_("Validation accuracy of the one network."),
        )
        alone.metric(
            _("Best member"),
            percent(best),
            help=_("Validation accuracy of the best of them alone."),
        )
        st.caption(literal(_("Averaged: {members}.", members=used)))
        open_links(record)
    st.button(
        _("Compute it again"),
        key="ensemble_soup_again",
        icon=":material/refresh:",
        on_click=guarded,
        args=(again,),
    )


def _labels_of(found: Chosen, soup: Soup) -> list[str]:
    """What those are called that went in; they may have been asked for in another sequence."""
    labels = {
        (member.run, member.snapshot): label
        for member, label in zip(found.members, found.labels, strict=True)
    }
    used = [soup.members[i] for i in soup.used]
    return [labels[member.run, member.snapshot] for member in used]
