"""A study on the screen: where it stands, its best trials, its figures, what to do with it."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import streamlit as st

from core.errors import LabError
from core.search.backing import RemakingError
from core.search.results import TrialRow, trials_of
from core.search.spec import Study, StudySpec, StudyState, StudyStatus
from core.search.study import (
    continue_study,
    delete_study,
    list_studies,
    read_study,
    stop_study,
)
from ui.i18n import _, duration, number, say, say_error
from ui.messages import show, show_error
from ui.names import literal
from ui.people import may_end
from ui.queue_view import not_yours
from ui.search_after import dashboard, from_here, runs_button
from ui.search_board import all_trials, at_work, leaderboard
from ui.search_data import Standing, shown_value, standing, study_label
from ui.search_figures import figures
from ui.search_form import PART, STUDY
from ui.search_names import settings_name
from ui.state import ERROR, GOTO, get_lab, guarded

LIVE_SECONDS = 2.0
FIGURES_SECONDS = 10.0
"""A figure that is drawn anew loses where it was zoomed to."""
MORE_TRIALS, MORE_MINUTES = "search.more.trials", "search.more.minutes"
DELETING = "_search_deleted"
COLOURS = {
    StudyStatus.RUNNING: "blue",
    StudyStatus.STOPPED: "orange",
    StudyStatus.FINISHED: "green",
    StudyStatus.FAILED: "red",
}
ICONS = {
    StudyStatus.RUNNING: "▶",
    StudyStatus.STOPPED: "■",
    StudyStatus.FINISHED: "✓",
    StudyStatus.FAILED: "✗",
}


def study_view() -> None:
    """Choose a study, and look at it."""
    studies = _studies()
    if not studies:
        _nothing_yet()
        return
    choice, about = st.columns([5, 6], vertical_alignment="bottom", gap="medium")
    with choice:
        study = _choose(studies)
    with about:
        _head(study)
    if study.state.why:
        _reason(study.state)
    try:
        rows = trials_of(get_lab().store, study.spec.id, wait=False)
    except RemakingError:
        st.fragment(_await_trials, run_every=LIVE_SECONDS)(study.spec.id)
        return
    except LabError as error:
        show_error(error)
        return
    _parts(study, rows)


def _await_trials(study_id: str) -> None:
    """As long as the database's rows are made again."""
    try:
        trials_of(get_lab().store, study_id, wait=False)
    except RemakingError as busy:
        st.progress(busy.done / max(1, busy.all), text=literal(say(busy.text)))
        return
    except LabError as error:
        show_error(error)
        return
    st.rerun()


def _parts(study: Study, rows: Sequence[TrialRow]) -> None:
    spec, status = study.spec, study.state.status
    live = status is StudyStatus.RUNNING or any(row.state == "open" for row in rows)
    st.fragment(_standing, run_every=LIVE_SECONDS if live else None)(spec.id, status, live)
    from_here(spec)
    st.fragment(_figures, run_every=FIGURES_SECONDS if live else None)(spec.id)
    _on_demand(spec, rows)
    with st.container(horizontal=True):
        runs_button(spec)
        _delete_button(study)
    dashboard()


def _studies() -> dict[str, Study]:
    """All studies, whoever began them, the newest first."""
    studies = {study.spec.id: study for study in list_studies(get_lab().paths)}
    wanted = st.session_state.get(STUDY)
    if wanted and wanted not in studies:
        try:
            studies[wanted] = read_study(get_lab().paths, str(wanted))
        except LabError as error:  # a mistyped address, deleted, or damaged
            show_error(error, "warning")
            st.session_state[STUDY] = None
    return studies


def _nothing_yet() -> None:
    st.info(
        _(
            "Nothing has been searched yet. A search trains a network many times with other "
            "settings and keeps what works best: set one up."
        )
    )
    st.button(_("Set up a search"), key="search.begin", on_click=_set_up)


def _choose(studies: Mapping[str, Study]) -> Study:
    if not st.session_state.get(STUDY):
        st.session_state[STUDY] = next(iter(studies))
    st.selectbox(
        _("Study"),
        list(studies),
        format_func=lambda study_id: study_label(studies[study_id].spec),
        key=STUDY,
        help=_("All searches of this server, the newest first; the choice stays in the address."),
        persist_state="session",
    )
    return studies[str(st.session_state[STUDY])]


def _set_up() -> None:
    """In a callback."""
    st.session_state[PART] = "setup"


def _standing(study_id: str, drawn: StudyStatus, live: bool) -> None:
    """``drawn`` is the status that the page around this was drawn with, ``live`` whether anything
    was still going on then."""
    if GOTO in st.session_state:
        st.rerun()  # after a click within this fragment, which by itself opens no page
    lab = get_lab()
    try:
        study = read_study(lab.paths, study_id)
        rows = trials_of(lab.store, study_id, wait=False)
    except LabError as error:  # deleted by somebody else, or damaged
        show_error(error, "warning")
        return
    status, now = study.state.status, standing(study, rows)
    if status is not drawn or (live and status is not StudyStatus.RUNNING and not now.open):
        st.rerun()  # a whole run of the page sets the polling anew, or ends it
    _progress(study, now)
    _tiles(study, now)
    if now.best:
        words = f"{shown_value(study.spec, now.best.value)} · {settings_name(now.best.params)}"
        show(_("Best so far: {trial}", trial=words), "success")
    if live:
        at_work(study.spec)
    leaderboard(study.spec, rows)


def _head(study: Study) -> None:
    state = study.state
    with st.container(horizontal=True, vertical_alignment="center"):
        words = f"{ICONS[state.status]} {say(state.status.text)}"
        st.badge(words, color=COLOURS[state.status])  # type: ignore[arg-type]
        if study.spec.by:
            st.caption(literal(study.spec.by), width="content")
        with st.container(horizontal=True, horizontal_alignment="right"):
            _actions(study)


def _reason(state: StudyState) -> None:
    """Why it has ended."""
    assert state.why is not None
    if state.status is StudyStatus.FAILED:
        show(say(state.why), "error")
    else:
        st.caption(literal(say(state.why)))


def _actions(study: Study) -> None:
    spec, paths = study.spec, get_lab().paths
    allowed = may_end(spec)
    why_not = None if allowed else literal(not_yours(spec))
    running = study.state.status is StudyStatus.RUNNING
    if running:
        st.button(
            _("Stop"),
            key="search.stop",
            icon=":material/stop_circle:",
            disabled=not allowed,
            help=why_not or _("Ends the trials at work; the search can go on later."),
            on_click=guarded,
            args=(functools.partial(stop_study, paths, spec.id),),
        )
    _more(study, allowed=allowed)


def _more(study: Study, *, allowed: bool) -> None:
    """Go on, or further than was meant at first."""
    spec = study.spec
    running = study.state.status is StudyStatus.RUNNING
    label = _("Add trials or time") if running else _("Continue")
    for name in (MORE_TRIALS, MORE_MINUTES):
        st.session_state.setdefault(name, 0)
    with st.popover(label, icon=":material/more_time:", disabled=not allowed):
        if spec.trials is not None:
            _added(_("More trials"), MORE_TRIALS, _("Beside those asked for so far."))
        if spec.minutes is not None:
            _added(_("More minutes"), MORE_MINUTES, _("Beside those asked for so far."))
        st.button(
            _("Add") if running else _("Go on"),
            key="search.continue",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_continue,
            args=(spec,),
        )


def _added(label: str, key: str, about: str) -> None:
    st.number_input(label, 0, step=5, key=key, help=about, persist_state="session")


def _continue(spec: StudySpec) -> None:
    """In a callback."""
    trials = int(st.session_state.get(MORE_TRIALS) or 0) if spec.trials is not None else 0
    minutes = float(st.session_state.get(MORE_MINUTES) or 0) if spec.minutes is not None else 0.0
    go_on = functools.partial(
        continue_study, get_lab().paths, spec.id, more_trials=trials, more_minutes=minutes
    )
    guarded(go_on)
    st.session_state[MORE_TRIALS] = st.session_state[MORE_MINUTES] = 0


def _progress(study: Study, now: Standing) -> None:
    """How much of the budget is used: of its trials or of its time, whichever is nearer its end."""
    shares, words = [0.0], []
    if now.total is not None:
        shares.append(now.over / max(1, now.total))
        words.append(_("{done} of {total} trials", done=now.over, total=now.total))
    else:
        words.append(_("{done} trials", done=now.over))
    used = study.state.seconds_used()
    if study.spec.minutes is not None:
        shares.append(used / (60 * study.spec.minutes))
        whole = duration(60 * study.spec.minutes)
        words.append(_("{used} of {whole}", used=duration(used), whole=whole))
    else:
        words.append(duration(used))
    st.progress(min(1.0, max(shares)), text=" · ".join(words))


def _tiles(study: Study, now: Standing) -> None:
    tiles: dict[str, tuple[str, str]] = {
        _("Best"): (
            shown_value(study.spec, now.best.value if now.best else None),
            _("Of the finished trials, on validation images only."),
        ),
        _("Finished"): (number(now.finished), _("Trials that were trained to their end.")),
        _("Ended early"): (number(now.pruned), _("Trials that would not have been the best.")),
        _("Failed"): (number(now.failed), _("The others go on; the table says why.")),
        _("At work"): (number(now.open), _("Trials that wait or are being trained.")),
        _("Time left"): (
            duration(now.left),
            _("By the pace so far, and at most what is left of the minutes."),
        ),
    }
    for column, (label, (value, about)) in zip(st.columns(len(tiles)), tiles.items(), strict=True):
        column.metric(label, value, help=about)


def _figures(study_id: str) -> None:
    lab = get_lab()
    try:
        spec = read_study(lab.paths, study_id).spec
        rows = trials_of(lab.store, study_id, wait=False)
    except LabError:  # said by the other fragment
        return
    figures(spec, rows)


def _on_demand(spec: StudySpec, rows: Sequence[TrialRow]) -> None:
    """The whole table is sent to those who ask for it."""
    asked = st.toggle(
        _("Show all trials"),
        key="search.every",
        help=_("As they are now: what was tried, what came of it, and why some failed."),
        persist_state="session",
    )
    if asked:
        all_trials(spec, rows)


def _delete_button(study: Study) -> None:
    spec = study.spec
    if study.state.status is StudyStatus.RUNNING:
        return
    allowed = may_end(spec)
    st.button(
        _("Delete the study"),
        key="search.delete",
        icon=":material/delete:",
        type="tertiary",
        disabled=not allowed,
        help=None if allowed else literal(not_yours(spec)),
        on_click=st.session_state.__setitem__,
        args=(DELETING, spec.id),
    )
    if st.session_state.get(DELETING) == spec.id:
        st.dialog(_("Delete for good?"), on_dismiss=_keep)(_ask)(spec)


def _keep() -> None:
    st.session_state.pop(DELETING, None)


def _ask(spec: StudySpec) -> None:
    """The dialog's content."""
    st.text(study_label(spec))
    st.write(_("What was tried is forgotten. The runs of its trials stay, unless you say so."))
    st.toggle(
        _("Delete its runs, too"),
        key="search.with_runs",
        help=_("Models, curves and predictions of all its trials are lost."),
    )
    st.button(
        _("Delete the study"),
        key="search.really",
        type="primary",
        on_click=_delete,
        args=(spec.id,),
    )


def _delete(study_id: str) -> None:
    """In a callback."""
    with_runs = bool(st.session_state.get("search.with_runs"))
    st.session_state.pop(DELETING, None)
    try:
        delete_study(get_lab().store, study_id, with_runs=with_runs)
    except LabError as error:
        st.session_state[ERROR] = say_error(error)
    else:
        st.session_state[STUDY] = None
