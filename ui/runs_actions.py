"""What can be done with the chosen runs: open, copy, tag, delete."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.crossval.parent import delete_run
from core.errors import LabError
from core.listing import all_tags
from core.records import RunRecord, RunStatus
from core.remarks import LONGEST_NOTE, make_remarks, read_remarks
from ui.composed import members_warning
from ui.frame import run_label, short_name
from ui.i18n import _, ngettext, say_error
from ui.live import clone_button
from ui.messages import show, show_error
from ui.people import may_end
from ui.queue_view import not_yours
from ui.runs_data import all_rows, choose
from ui.runs_view import DIALOG
from ui.state import ERROR, choose_run, get_lab, go_to, watch

DONE = "runs.deleted"
SAID = "runs.remarked"
REFUSED = "runs.refused"


def actions(chosen: Sequence[RunRecord]) -> None:
    """Buttons for the chosen runs."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if not chosen:
            st.caption(_("Tick the box beside a run to open, copy or delete it; two to compare."))
            return
        if len(chosen) == 1:
            open_buttons(chosen[0])
        st.button(
            _("Tags and note") if len(chosen) == 1 else _("Add tags"),
            key="runs.remark",
            icon=":material/sell:",
            on_click=_open,
            args=("runs.say", SAID),
        )
        st.button(
            ngettext("Delete", "Delete {n} runs", len(chosen)),
            key="runs.delete",
            icon=":material/delete:",
            on_click=_open,
            args=("runs.ask", DONE),
        )
        if len(chosen) > 1:
            st.button(
                _("Choose none"),
                key="runs.none",
                icon=":material/deselect:",
                on_click=choose,
                args=([],),
            )
    ask, say = (st.session_state.pop(name, False) for name in ("runs.ask", "runs.say"))
    st.session_state[DIALOG] = ask or say
    if ask:
        st.dialog(_("Delete for good?"), on_dismiss="rerun")(_ask)(list(chosen))
    elif say:
        title = _("Tags and note") if len(chosen) == 1 else _("Add tags")
        st.dialog(title, on_dismiss="rerun")(_say)(list(chosen))


def _open(dialog: str, done: str) -> None:
    """In a callback: open a dialog that has not done its work yet."""
    st.session_state[dialog] = True
    st.session_state.pop(done, None)


def open_buttons(record: RunRecord) -> None:
    """Where one run can be looked at."""

    def errors() -> None:
        choose_run(record.id)
        go_to("pages/errors.py")

    if record.status.is_over():
        st.button(_("Errors"), key="runs.errors", icon=":material/grid_on:", on_click=errors)
    if record.kind != "training":
        return
    st.button(
        _("Curves"),
        key="runs.watch",
        icon=":material/show_chart:",
        on_click=watch,
        args=(record.id,),
    )
    clone_button(record)


def _say(chosen: list[RunRecord]) -> None:
    """The dialog's content: the tags and the note of one run, or tags for several."""
    if st.session_state.pop(SAID, False):
        st.rerun()
    alone = chosen[0] if len(chosen) == 1 else None
    try:
        before = read_remarks(get_lab().paths, chosen[0].id) if alone else None
    except LabError as error:
        show_error(error)
        return
    where = f"runs.words.{chosen[0].id}.{len(chosen)}"
    st.multiselect(
        _("Tags"),
        sorted({*all_tags(all_rows()), *(before.tags if before else ())}, key=str.casefold),
        default=before.tags if before else None,
        accept_new_options=True,
        key=f"{where}.tags",
        placeholder=_("type a word and press Enter"),
        help=_("Short words by which this run can be found, such as “baseline” or “final”."),
    )
    if before is not None:
        st.text_area(
            _("Note"),
            before.note,
            max_chars=LONGEST_NOTE,
            key=f"{where}.note",
            help=_("What was tried and what came of it; the search finds its words."),
        )
    if refused := st.session_state.pop(REFUSED, None):
        show(refused, "error")
    st.button(
        _("Save"),
        key="runs.words.save",
        type="primary",
        on_click=_save,
        args=([record.id for record in chosen], where),
    )


def _save(run_ids: list[str], where: str) -> None:
    """In a callback: replace what is said of one run, or add to the tags of several."""
    # Arguments would hold what stood there before the last word was typed.
    tags = tuple(st.session_state[f"{where}.tags"])
    note = st.session_state.get(f"{where}.note")

    def save() -> None:
        store = get_lab().store
        for run_id in run_ids:
            before = read_remarks(store.paths, run_id)
            said = before.with_tags(add=tags) if note is None else make_remarks(tags, note)
            store.remark(run_id, said)

    try:
        save()
    except LabError as error:  # told in the dialog: what was typed is still there
        st.session_state[REFUSED] = say_error(error)
    else:
        st.session_state[SAID] = True


def _ask(chosen: list[RunRecord]) -> None:
    """The dialog's content."""
    if st.session_state.pop(DONE, False):
        st.rerun()
    running = [record for record in chosen if record.status is RunStatus.RUNNING]
    others = [r for r in chosen if r not in running and not may_end(r)]
    doomed = [record for record in chosen if record not in (*running, *others)]
    for record in others:
        show(f"{run_label(record)}: {not_yours(record)}", "warning")
    for record in running:
        text = _("Run {run} is running: stop it before deleting it.", run=short_name(record))
        show(text, "warning")
    if not doomed:
        return
    st.write(_("The model, the curves and the predictions are lost; the dataset stays."))
    if any(record.kind == "crossval" for record in doomed):
        st.write(_("The folds of a cross-validation are deleted with it."))
    for record in doomed[:10]:
        st.text(run_label(record))
    members_warning([record.id for record in doomed])
    if len(doomed) > 10:
        st.text(_("… and {n} more", n=len(doomed) - 10))
    st.button(
        ngettext("Delete the run", "Delete {n} runs", len(doomed)),
        key="runs.really",
        type="primary",
        on_click=_delete,
        args=([record.id for record in doomed],),
    )


def _delete(run_ids: list[str]) -> None:
    """In a callback: delete what can be deleted, and say what could not."""
    problems: list[str] = []
    gone: list[str] = []
    for run_id in run_ids:
        try:
            if run_id not in gone:
                gone += delete_run(get_lab().store, run_id)
        except LabError as error:
            problems.append(say_error(error))
    if st.session_state.get("run") in (*run_ids, *gone):
        st.session_state["run"] = None
    if problems:
        st.session_state[ERROR] = " ".join(problems)
    st.session_state[DONE] = True
