"""What the teacher can do about a competition that is there, or being prepared."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import streamlit as st

from core.competition.handing_in import (
    Submitted,
    add_baseline,
    all_submitted,
    dataset_of_competition,
    remove,
)
from core.competition.leaks import Leak, leaks, stop_leak
from core.competition.opening import (
    Request,
    allow,
    cancel_preparing,
    close,
    delete,
    extend,
    launch_hidden,
    open_now,
    read_preparing,
    reveal,
)
from core.competition.settings import MOST_PER_DAY, Competition, Stage
from core.datasets.dataset import DIGITS
from core.errors import N_, LabError
from core.records import now, short_id
from ui.competition_hand_in import choose_fitting
from ui.competition_predict import answers_ready
from ui.competition_scores import score
from ui.i18n import _, moment
from ui.messages import show_error
from ui.names import literal
from ui.state import get_lab, guarded
from ui.task_panel import Panel, is_ready

ASKED = "_competition_asked"
"""What somebody wants to do that must be asked first."""
DONE = "_competition_done"
LEAK = "_competition_leak"
"""What is to be deleted because it shows the labels."""
END = "competition.new_end"
PHASES = {"starting": N_("Starting …"), "copying": N_("Copying the images")}


class Question(NamedTuple):
    """What is asked before it is done."""

    title: str
    text: str
    button: str
    act: Callable[[Competition], object]


def _reveal(competition: Competition) -> None:
    reveal(get_lab().paths, competition.id)


def _delete(competition: Competition) -> None:
    delete(get_lab().paths, competition.id)


def _stop_leak(competition: Competition) -> None:
    """That which the question was about."""
    lab, asked = get_lab(), st.session_state.get(LEAK)
    for leak in leaks(lab.paths, competition):
        if leak == asked:
            stop_leak(lab.store, leak)


QUESTIONS = {
    "reveal": Question(
        N_("Show the final ranking?"),
        N_(
            "Everybody sees the private scores then, and nothing can be handed in or chosen any "
            "more. It cannot be taken back."
        ),
        N_("Show it"),
        _reveal,
    ),
    "delete": Question(
        N_("Delete the competition?"),
        N_(
            "The ranking, all submissions and the labels will be gone for good. The dataset and "
            "everybody’s runs stay."
        ),
        N_("Delete for good"),
        _delete,
    ),
    "leak": Question(
        N_("Delete what shows the labels?"),
        N_(
            "All its images and labels will be gone for good, also where runs show them on the "
            "Errors page. The copy of this competition stays. The runs stay, too, and know the "
            "true classes beside their answers: delete those that were trained on it if nobody "
            "shall find labels by comparing."
        ),
        N_("Delete for good"),
        _stop_leak,
    ),
}


def preparing_panel(request: Request) -> None:
    """A competition whose copy is being made."""
    paths = get_lab().paths
    panel = Panel(
        key=f"competition.prepare.{request.id}",
        what=_(
            "“{title}”: a copy of “{source}” is made in which nobody sees the labels of the test "
            "images.",
            title=literal(request.settings.title),
            source=literal(request.source),
        ),
        button=_("Make the copy"),
        cost=_("It takes some seconds to minutes, and goes on if you leave the page."),
        phases=PHASES,
        read=functools.partial(read_preparing, paths, request.id),
        start=functools.partial(launch_hidden, paths, request.id),
        cancel=functools.partial(cancel_preparing, paths, request.id),
    )
    with st.container(border=True):
        if is_ready(panel):
            st.rerun()  # it is a competition now
        if read_preparing(paths, request.id).status != "running":
            st.button(
                _("Give it up"),
                key=f"competition.drop.{request.id}",
                icon=":material/delete:",
                on_click=guarded,
                args=(functools.partial(delete, paths, request.id),),
            )


def manage(competition: Competition) -> None:
    """Everything about it, folded away from the class."""
    _ask(competition)
    _warn_of_leaks(competition)
    with st.expander(_("For the teacher"), icon=":material/school:", key="competition.manage"):
        end, baselines, entries = st.columns(3, gap="large")
        with end:
            _ending(competition)
        with baselines:
            _run_to_beat(competition)
        with entries:
            _removing(competition)
        st.button(
            _("Delete the competition"),
            key="competition.delete",
            icon=":material/delete:",
            on_click=_want,
            args=("delete",),
        )


def _warn_of_leaks(competition: Competition) -> None:
    """One after the other: the original, its other versions, and what runs show of them."""
    for leak in leaks(get_lab().paths, competition)[:1]:
        name = literal(leak.name)
        st.warning(
            _(
                "Runs still show the test images of “{name}” with their labels: they were kept "
                "when the dataset was deleted.",
                name=name,
            )
            if leak.retired
            else _(
                "“{name}” still shows the labels of this competition’s images to everybody.",
                name=name,
            )
        )
        if leak.name == DIGITS:
            continue
        st.button(
            _("Delete what runs show of “{name}”", name=name)
            if leak.retired
            else _("Delete “{name}”", name=name),
            key="competition.leak",
            icon=":material/delete:",
            on_click=_want_gone,
            args=(leak,),
        )


def _want_gone(leak: Leak) -> None:
    """In a callback."""
    st.session_state[LEAK] = leak
    _want("leak")


def _ending(competition: Competition) -> None:
    st.markdown("**" + _("Rules and end") + "**")
    if competition.revealed:
        st.caption(_("The final ranking is shown: nothing can be changed any more."))
        return
    paths, stage = get_lab().paths, competition.stage(now())
    per_day = int(
        st.number_input(
            _("Submissions per day"),
            1,
            MOST_PER_DAY,
            competition.settings.per_day,
            key=f"competition.allow.{competition.id}",
            help=_("Of each nickname, by the day of the server's clock."),
        )
    )
    if per_day != competition.settings.per_day:
        _act(_("Change it"), "allow", functools.partial(allow, paths, competition.id, per_day))
    st.caption(_("End: {when}", when=moment(competition.settings.closes)))
    new_end = st.datetime_input(
        _("New end"),
        value=None,
        key=END,
        help=_("By this browser’s clock. Empty: it stays open until somebody closes it."),
    )
    later = functools.partial(extend, paths, competition.id, local(new_end))
    _act(_("Set the end"), "extend", later)
    if stage is Stage.CLOSED:
        st.button(
            _("Show the final ranking"),
            key="competition.reveal",
            type="primary",
            icon=":material/emoji_events:",
            on_click=_want,
            args=("reveal",),
        )
    elif stage is Stage.COMING:
        _act(_("Open it now"), "open_now", functools.partial(open_now, paths, competition.id))
    else:
        _act(_("Close it now"), "close", functools.partial(close, paths, competition.id))


def _act(label: str, key: str, action: Callable[[], object]) -> None:
    st.button(label, key=f"competition.{key}", on_click=guarded, args=(action,))


def local(when: datetime | None) -> datetime | None:
    """What was typed at this browser as a moment."""
    if when is None:
        return None
    return when.replace(tzinfo=ZoneInfo(st.context.timezone or "UTC")).astimezone(UTC)


def _run_to_beat(competition: Competition) -> None:
    st.markdown("**" + _("A run to beat") + "**")
    try:
        info = dataset_of_competition(get_lab().paths, competition).info
    except LabError as error:
        show_error(error)
        return
    record = choose_fitting(info, "competition.beat")
    if record is None:
        st.caption(_("No finished run fits the images of this dataset yet."))
        return
    if answers_ready(record, info, where="beat"):
        add = functools.partial(add_baseline, get_lab().paths, competition.id, record.id)
        _act(_("Let its score be one to beat"), "add", add)


def _removing(competition: Competition) -> None:
    st.markdown("**" + _("Remove a submission") + "**")
    entries = {one.id: one for one in all_submitted(get_lab().paths, competition)}
    if not entries:
        st.caption(_("Nobody has handed in yet."))
        return
    chosen = st.selectbox(
        _("Submission"),
        list(entries),
        index=None,
        format_func=lambda entry_id: _label(competition, entries[entry_id]),
        key="competition.remove_which",
        placeholder=_("none chosen"),
        help=_("The newest first. It no longer counts, for the ranking and for the day's limit."),
    )
    if chosen:
        _act(
            _("Remove it"),
            "remove",
            functools.partial(remove, get_lab().paths, competition.id, str(chosen)),
        )


def _label(competition: Competition, one: Submitted) -> str:
    what = short_id(one.what) if one.kind == "run" else one.what
    return f"{one.nickname} · {what} · {score(one.public.value, competition.settings.metric)}"


def _want(what: str) -> None:
    """In a callback: the dialog itself can only be opened by the page."""
    st.session_state[ASKED] = what


def _ask(competition: Competition) -> None:
    """The question, if somebody has pressed such a button in this run of the page."""
    wanted = st.session_state.pop(ASKED, None)
    if wanted in QUESTIONS:
        question = QUESTIONS[wanted]
        st.session_state.pop(DONE, None)
        st.dialog(_(question.title))(_dialog)(competition, question)


def _dialog(competition: Competition, question: Question) -> None:
    if st.session_state.pop(DONE, False):
        st.rerun()  # closes the dialog
    st.write(_(question.text))
    st.button(
        _(question.button),
        key="competition.sure",
        type="primary",
        on_click=_do,
        args=(competition, question),
    )


def _do(competition: Competition, question: Question) -> None:
    """In a callback: what stands in the way is said at the top of the page."""
    guarded(functools.partial(question.act, competition))
    st.session_state[DONE] = True
