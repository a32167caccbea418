"""Adding a dataset: the form, and the imports that are under way or have just ended."""

from __future__ import annotations

import functools
import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets.jobs import (
    ImportState,
    cancel_import,
    dismiss_import,
    list_imports,
    read_import,
    start_import,
)
from core.datasets.options import DEFAULTS, ImportOptions
from core.datasets.registry import MAX_NAME, validate_name
from core.datasets.sampling import SourceSample
from core.datasets.specs import ServerSpec
from core.errors import N_, LabError, NotFoundError
from core.paths import Paths
from ui.i18n import _, duration, number, say
from ui.import_options import import_options, sample_server, sample_upload
from ui.import_sources import UPLOADS, Asked, ask, choose_source, explain, fitted, megabytes
from ui.messages import show, show_error
from ui.names import literal
from ui.state import get_lab, guarded
from ui.work import OWN, WORK_PHASES, export_button, forget_searches

REFRESH_SECONDS = 1.0
ARRIVED = "_import_arrived"
OFFERED = "_import_offered"
"""The name last proposed, and what it was made of."""
PHASES = {
    "listing": N_("Looking through the archive"),
    "fetching": N_("Downloading"),
    "unpacking": N_("Reading the data files"),
    "probing": N_("Looking at the pictures' sizes"),
    "decoding": N_("Preparing the pictures"),
    "writing": N_("Writing the dataset"),
}


def welcome_import() -> None:
    """Once the import of this session is done: look at the new dataset."""
    job_id = st.session_state.get(OWN)
    if not job_id:
        return
    paths = get_lab().paths
    try:
        state = read_import(paths, job_id)
    except NotFoundError:  # dismissed, perhaps in another window
        del st.session_state[OWN]
        return
    if state.status == "finished":
        _open_finished(state)
    elif state.is_over():
        del st.session_state[OWN]  # its message stays until it is dismissed


def _open_finished(state: ImportState) -> None:
    """Look at what has been imported, and forget the import."""
    st.session_state["dataset"] = state.name
    st.session_state["data_view"] = "look"
    if st.session_state.pop(OWN, None) == state.job_id:
        st.session_state[UPLOADS] = st.session_state.get(UPLOADS, 0) + 1
        st.session_state.pop("import_name", None)
        st.session_state.pop(OFFERED, None)
    if state.message:
        st.session_state[ARRIVED] = say(state.message)
    guarded(functools.partial(dismiss_import, get_lab().paths, state.job_id))


def imports_panel() -> None:
    """All imports on the disk, whoever began them; those under way refresh themselves."""
    if message := st.session_state.pop(ARRIVED, None):
        show(message, "success", icon=":material/check_circle:")
    forget_searches()
    states = list_imports(get_lab().paths)
    if states:
        active = any(not state.is_over() for state in states)
        st.fragment(_panel, run_every=REFRESH_SECONDS if active else None)(_outline(states))


def _outline(states: list[ImportState]) -> list[tuple[str, str]]:
    return [(state.job_id, state.status) for state in states]


def _panel(drawn: list[tuple[str, str]]) -> None:
    states = list_imports(get_lab().paths)
    if _outline(states) != drawn:
        st.rerun()  # the page around it has something new to show, too
    for state in states:
        with st.container(border=not state.is_over()):
            _card(state)


def _card(state: ImportState) -> None:
    # The zip file of an export is offered beside the button to dismiss it.
    shares = [3, 1] if state.kind == "export" and state.is_over() else [6, 1]
    text, button = st.columns(shares, vertical_alignment="center")
    with text:
        _ended(state) if state.is_over() else _moving(state)
    with button:
        if not state.is_over():
            _job_button(_("Cancel"), "cancel", state, cancel_import)
        elif state.kind == "export":
            with st.container(horizontal=True, horizontal_alignment="right"):
                export_button(state)
                _job_button(_("Dismiss"), "dismiss", state, dismiss_import)
        elif state.status == "finished":
            st.button(
                _("Look at it"), key=f"open.{state.job_id}", on_click=_open_finished, args=(state,)
            )
        else:
            _job_button(_("Dismiss"), "dismiss", state, dismiss_import)


def _job_button(label: str, name: str, state: ImportState, action: object) -> None:
    assert callable(action)
    st.button(
        label,
        key=f"{name}.{state.job_id}",
        on_click=guarded,
        args=(functools.partial(action, get_lab().paths, state.job_id),),
    )


def _ended(state: ImportState) -> None:
    about = f" ({literal(state.filename)})" if state.filename else ""
    title = f"**{literal(state.name)}**{about}"
    parts = [say(part) for part in (state.message, state.remedy) if part]
    body = f"{title}: {literal(' '.join(parts))}"
    box = {"finished": st.success, "failed": st.error}.get(state.status, st.info)
    box(body)


def _moving(state: ImportState) -> None:
    progress = state.progress
    share = progress.done / progress.total if progress.total else 0.0
    st.progress(min(1.0, share), text=f"**{literal(state.name)}** · {literal(_how_far(state))}")


def _how_far(state: ImportState) -> str:
    """Phase, pictures, pace and what is left of it, as far as they are known."""
    progress = state.progress
    phases = WORK_PHASES.get(state.kind, PHASES)
    phase = _("Receiving the file") if state.status == "uploading" else _(phases[progress.phase])
    if not progress.total:
        return phase
    fetching = progress.phase == "fetching"
    done, total = (
        (megabytes(n) if fetching else number(n)) for n in (progress.done, progress.total)
    )
    parts = [phase, _("{done} of {total}", done=done, total=total)]
    left = progress.seconds_left()
    if left is not None:
        pace = progress.done / max(0.1, time.time() - progress.started)
        if fetching:
            parts.append(f"{megabytes(round(pace))}/s")
        else:
            parts.append(_("{rate} images/s", rate=number(round(pace))))
        parts.append(_("{time} left", time=duration(left)))
    return " · ".join(parts)


def import_form() -> None:
    """Source, name and how its pictures become images of one size; starts the import."""
    kind = choose_source()
    form, hint = (st.container(), st.empty()) if kind == "collected" else _two_columns()
    with form:
        asked = ask(kind)
        _offer_name(asked.suggestion)
        _name()
        options = import_options(_sample(asked)) if fitted(kind) else DEFAULTS
        busy = st.session_state.get(OWN) is not None
        pressed = st.button(
            _("Import"),
            key="import_start",
            type="primary",
            icon=":material/upload:",
            disabled=asked.spec is None or busy,
        )
        if busy:
            st.fragment(_own_progress, run_every=REFRESH_SECONDS)()
        if pressed:
            _start(asked, st.session_state["import_name"], options)
    with hint:
        explain(kind, asked)


def _own_progress() -> None:
    """Below the button, too: the panel at the top is out of sight where the button is."""
    job_id = st.session_state.get(OWN)
    for state in list_imports(get_lab().paths):
        if state.job_id == job_id and not state.is_over():
            _moving(state)


def _sample(asked: Asked) -> SourceSample | None:
    """A look at what shall be imported, where that costs little."""
    if isinstance(asked.spec, ServerSpec):
        return sample_server(asked.spec)
    return sample_upload(asked.upload)


def _two_columns() -> list[DeltaGenerator]:
    return st.columns([4, 3], gap="large")


def _name() -> None:
    st.text_input(
        _("Name of the dataset"),
        key="import_name",
        max_chars=MAX_NAME,
        placeholder=_("proposed from the file's name"),
        persist_state="session",
    )


def _offer_name(suggestion: str) -> None:
    """Another source proposes another name, unless the user has written one."""
    offered, before = st.session_state.get(OFFERED, ("", ""))
    if not suggestion or suggestion == before:
        return
    name = propose_name(get_lab().paths, suggestion)
    if st.session_state.get("import_name", "") in ("", offered):
        st.session_state["import_name"] = name
    st.session_state[OFFERED] = (name, suggestion)


def propose_name(paths: Paths, suggestion: str) -> str:
    """A free name for a dataset, made of what can be kept of ``suggestion``; or nothing."""
    plain = "".join(c if c.isalnum() or c in " ._-" else " " for c in suggestion)
    stem = " ".join(plain.split()).strip(". ")[: MAX_NAME - 3].strip(". ")
    for name in (stem, *(f"{stem} {i}" for i in range(2, 100))):
        try:
            return validate_name(paths, name)
        except LabError:
            continue
    return ""


def _start(asked: Asked, name: str, options: ImportOptions) -> None:
    """Begin the import; whatever is wrong is said below the form, which stays."""
    assert asked.spec is not None
    if asked.upload is not None:
        asked.upload.seek(0)
    try:
        with st.spinner(_("Storing the file …")):
            job_id = start_import(get_lab().paths, asked.spec, name.strip(), options, asked.upload)
    except LabError as error:
        show_error(error)
        return
    st.session_state[OWN] = job_id
    st.rerun()
