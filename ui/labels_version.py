"""What comes of decisions about labels: a table of them, a new version of the dataset, a run."""

from __future__ import annotations

import functools

import streamlit as st

from core.datasets.dataset import DatasetInfo
from core.datasets.decision_csv import decisions_csv, parse_decisions
from core.datasets.decisions import Verdict, counts, decide, next_recipe, next_version
from core.datasets.jobs import ImportState, dismiss_import, list_imports, start_work
from core.datasets.recipe import EXCLUDED_BY_HAND, RELABELLED_BY_HAND
from core.datasets.registry import MAX_NAME, list_datasets
from core.datasets.work import Derive
from core.errors import LabError
from core.following import plan_on
from core.records import RunRecord
from ui.downloads import csv_button
from ui.i18n import _, duration, ngettext, number, say, say_error
from ui.labels_desk import Desk
from ui.messages import show
from ui.names import literal
from ui.state import NAME, get_lab, go_to, guarded, launch
from ui.work import WORK_PHASES

REFRESH_SECONDS = 1.0
NEW_NAME = "labels.name"
UPLOAD = "labels.upload"
MAX_MEGABYTES = 20
SHOWN_VERSIONS = 6
WRONG = "_labels_wrong"
"""Why a table was not taken, or a version not begun: said in the popover, which stays open."""
BEGUN = "_labels_begun"
"""A version has been begun: the page around the fragment has something to show."""
BY_HAND = (EXCLUDED_BY_HAND, RELABELLED_BY_HAND)


def version_popover(about: Desk) -> None:
    """Make the next version, and hand decisions on as a table."""
    with st.popover(_("New version"), icon=":material/library_add:"):
        if about.is_gone:
            st.info(_("The dataset was deleted: no version of it can be made any more."))
            return
        _make(about)
        st.divider()
        _tables(about)
        if wrong := st.session_state.pop(WRONG, None):
            show(wrong, "error")


def _make(about: Desk) -> None:
    name = about.dataset.info.name
    many = counts(about.decided)
    changes = many[Verdict.RELABEL] + many[Verdict.EXCLUDE]
    proposed = next_version(name, _taken())
    st.caption(
        _(
            "A copy of “{name}” with the decisions of everybody carried out, in all its splits; "
            "“{name}” itself stays as it is, and so do its runs.",
            name=literal(name),
        )
    )
    if any(p.split == "test" and d.verdict is not Verdict.KEEP for p, d in about.decided.items()):
        st.caption(
            _("Careful: test labels changed on a network's advice flatter that very network.")
        )
    typed = st.text_input(
        _("Name of the new dataset"),
        key=NEW_NAME,
        max_chars=MAX_NAME,
        placeholder=proposed,
        help=_("Left empty, it gets the proposed name."),
    )
    st.button(
        ngettext("Make it with {n} change", "Make it with {n} changes", changes),
        key="labels.make",
        type="primary",
        icon=":material/library_add:",
        disabled=not changes or bool(_under_way(name)),
        help=_("Relabelled images get their new class, those left out are gone from it."),
        on_click=_told,
        args=(functools.partial(_begin, about, typed.strip() or proposed),),
    )


def _taken() -> list[str]:
    """Names of datasets, and of those that are being made."""
    paths = get_lab().paths
    coming = [s.name for s in list_imports(paths) if s.reserves and not s.is_over()]
    return [info.name for info in list_datasets(paths)] + coming


def _begin(about: Desk, name: str) -> None:
    old = about.dataset.info.name
    start_work(get_lab().paths, Derive(recipe=next_recipe(old, about.decided)), name, old)
    st.session_state.pop(NEW_NAME, None)
    # The panel that shows how far it is stands outside of this fragment.
    st.session_state[BEGUN] = True


def _tables(about: Desk) -> None:
    name = about.dataset.info.name
    csv_button(
        _("Download the decisions (CSV)"),
        functools.partial(decisions_csv, about.dataset, about.decided),
        f"{name}-decisions.csv",
        key="labels.download",
        disabled=not about.decided,
        help=_("To look at them in a spreadsheet, or to make the same version elsewhere."),
    )
    st.file_uploader(
        _("Decisions from a table (CSV)"),
        type=["csv"],
        key=UPLOAD,
        max_upload_size=MAX_MEGABYTES,
        help=_("As it was downloaded: split, row, decision (keep, relabel, exclude), new class."),
        on_change=_told,
        args=(functools.partial(_take, about),),
    )


def _take(about: Desk) -> None:
    """In a callback: all lines of a table, or none."""
    file = st.session_state.get(UPLOAD)
    if file is None:
        return
    read = parse_decisions(about.dataset, file.getvalue())
    by = str(st.session_state.get(NAME, ""))
    decide(get_lab().paths, about.fingerprint, read, by=by)
    st.toast(ngettext("{n} decision taken over.", "{n} decisions taken over.", len(read)))


def _told(action: functools.partial[None]) -> None:
    """In a callback: what goes wrong is said where the button is."""
    try:
        action()
    except LabError as error:
        st.session_state[WRONG] = say_error(error)


def versions_panel(about: Desk) -> None:
    """Versions under way, those that failed, and those that are there to be trained on."""
    name = about.dataset.info.name
    states = _of(name)
    active = any(not state.is_over() for state in states)
    if states:
        st.fragment(_jobs, run_every=REFRESH_SECONDS if active else None)(name, active)
    versions = _versions(about.fingerprint)[:SHOWN_VERSIONS]
    for info in versions[:1]:
        _version(about.record, info)
    if versions[1:]:
        with st.expander(_("Earlier versions")):
            for info in versions[1:]:
                _version(about.record, info)


def _of(name: str) -> list[ImportState]:
    """The derivations of a dataset that are not done, the newest first."""
    return [
        state
        for state in list_imports(get_lab().paths)
        if isinstance(state.request.work, Derive)
        and name in state.request.work.needs
        and state.status in ("running", "failed")
    ]


def _under_way(name: str) -> list[ImportState]:
    return [state for state in _of(name) if not state.is_over()]


def _jobs(name: str, active: bool) -> None:
    states = _of(name)
    if active and not any(not state.is_over() for state in states):
        st.rerun()
    for state in states:
        if not state.is_over():
            st.progress(_share(state), text=literal(_how_far(state)))
            continue
        parts = [say(part) for part in (state.message, state.remedy) if part]
        show(" ".join([f"{state.name}:", *parts]), "error")
        st.button(
            _("Dismiss"),
            key=f"labels.dismiss.{state.job_id}",
            on_click=guarded,
            args=(functools.partial(dismiss_import, get_lab().paths, state.job_id),),
        )


def _share(state: ImportState) -> float:
    progress = state.progress
    return min(1.0, progress.done / progress.total) if progress.total else 0.0


def _how_far(state: ImportState) -> str:
    progress = state.progress
    phases = WORK_PHASES["derive"]
    parts = [_("“{name}” is being made", name=state.name), _(phases[progress.phase])]
    if progress.total:
        done, total = number(progress.done), number(progress.total)
        parts.append(_("{done} of {total}", done=done, total=total))
    if (left := progress.seconds_left()) is not None:
        parts.append(_("{time} left", time=duration(left)))
    return " · ".join(parts)


def _versions(fingerprint: str) -> list[DatasetInfo]:
    """Datasets in which labels of this one were changed by hand, the newest first."""
    found = [
        info
        for info in list_datasets(get_lab().paths)
        if info.derived
        and any(a.fingerprint == fingerprint for a in info.derived.ancestors)
        and any(step.msgid in BY_HAND for step in info.derived.steps)
    ]
    return sorted(found, key=lambda info: info.created, reverse=True)


def _version(record: RunRecord, info: DatasetInfo) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        steps = info.derived.steps if info.derived else ()
        changes = " ".join(say(step) for step in steps)
        st.markdown(f"**{literal(info.name)}** · {literal(changes)}", width="stretch")
        st.button(
            _("Retrain on it"),
            key=f"labels.retrain.{info.name}",
            type="primary",
            icon=":material/model_training:",
            help=_(
                "The settings of this run on the new version, as a run of its own. Where test "
                "labels were changed, compare the accuracies of the two with care."
            ),
            on_click=guarded,
            args=(functools.partial(_retrain, record, info.name),),
        )
        st.button(
            _("Look at it"),
            key=f"labels.look.{info.name}",
            icon=":material/grid_view:",
            help=_("On the Data page: the report says what was changed."),
            on_click=_look,
            args=(info.name,),
        )


def _retrain(record: RunRecord, name: str) -> None:
    """In a callback: onto the Train page of the new run."""
    plan = plan_on(get_lab().store, record, name)
    launch(plan.config, start=plan.start)


def _look(name: str) -> None:
    """In a callback."""
    st.session_state["dataset"] = name
    st.session_state["data_view"] = "look"
    go_to("pages/data.py")
