"""Bring your own images: the form, and the imports that are under way or have just ended."""

from __future__ import annotations

import functools
import time
from pathlib import PurePath
from typing import BinaryIO

import streamlit as st

from core.datasets.jobs import (
    ImportState,
    cancel_import,
    dismiss_import,
    list_imports,
    read_import,
    start_import,
)
from core.datasets.options import ImportOptions
from core.datasets.registry import MAX_NAME, validate_name
from core.errors import N_, LabError, NotFoundError
from core.paths import Paths
from ui.i18n import _, duration, number, say
from ui.import_options import import_options, sample_upload
from ui.messages import show, show_error
from ui.names import literal
from ui.state import get_lab, guarded

REFRESH_SECONDS = 1.0
MAX_MEGABYTES = 500
OWN = "_import_job"
"""The import that this session has started and waits for."""
ARRIVED = "_import_arrived"
UPLOADS = "_import_uploads"
"""How many files have become datasets: a new number gives an empty uploader."""
UPLOADED = ("zip", "tar", "gz", "tgz", "bz2", "xz")
PHASES = {
    "listing": N_("Looking through the archive"),
    "probing": N_("Looking at the pictures' sizes"),
    "decoding": N_("Preparing the pictures"),
    "writing": N_("Writing the dataset"),
}
LAYOUTS = """flowers.zip       flowers.tar.gz
├─ daisy          ├─ train
│  ├─ 001.jpg     │  ├─ daisy
│  └─ 002.jpg     │  │  └─ 001.jpg
├─ rose           │  └─ rose
│  └─ 001.png     │     └─ 001.png
└─ tulip          ├─ val …
   └─ a.webp      └─ test …

flowers.zip       labels.csv
├─ images         filename,label
│  ├─ 001.jpg     001.jpg,daisy
│  └─ 002.jpg     002.jpg,rose
└─ labels.csv"""


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
    if state.message:
        st.session_state[ARRIVED] = say(state.message)
    guarded(functools.partial(dismiss_import, get_lab().paths, state.job_id))


def imports_panel() -> None:
    """All imports on the disk, whoever began them; those under way refresh themselves."""
    if message := st.session_state.pop(ARRIVED, None):
        show(message, "success", icon=":material/check_circle:")
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
    text, button = st.columns([6, 1], vertical_alignment="center")
    with text:
        _ended(state) if state.is_over() else _moving(state)
    with button:
        if not state.is_over():
            _job_button(_("Cancel"), "cancel", state, cancel_import)
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
    title = f"**{literal(state.name)}** ({literal(state.filename)})"
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
    phase = _("Receiving the file") if state.status == "uploading" else _(PHASES[progress.phase])
    if not progress.total:
        return phase
    parts = [phase, _("{done} of {total}", done=progress.done, total=progress.total)]
    left = progress.seconds_left()
    if left is not None:
        pace = progress.done / max(0.1, time.time() - progress.started)
        parts.append(_("{rate} images/s", rate=number(round(pace))))
        parts.append(_("{time} left", time=duration(left)))
    return " · ".join(parts)


def import_form() -> None:
    """File, name and how its pictures become images of one size; starts the import."""
    form, hint = st.columns([8, 5], gap="large")
    with form:
        upload = _uploader()
        name = _name()
        options = import_options(sample_upload(upload))
        busy = st.session_state.get(OWN) is not None
        pressed = st.button(
            _("Import"),
            key="import_start",
            type="primary",
            icon=":material/upload:",
            disabled=upload is None or busy,
        )
        if pressed and upload is not None:
            _start(upload, upload.name, name, options)
    with hint:
        _hint()


def _name() -> str:
    return st.text_input(
        _("Name of the dataset"),
        key="import_name",
        max_chars=MAX_NAME,
        placeholder=_("proposed from the file's name"),
        persist_state="session",
    )


def _uploader() -> st.runtime.uploaded_file_manager.UploadedFile | None:
    where = f"upload.{st.session_state.get(UPLOADS, 0)}"
    return st.file_uploader(
        _("An archive of pictures: one folder per class, or a table of labels"),
        type=list(UPLOADED),
        key=where,
        max_upload_size=MAX_MEGABYTES,
        on_change=_name_it,
        args=(where,),
    )


def _name_it(where: str) -> None:
    """In a callback: a new file proposes its name."""
    upload = st.session_state.get(where)
    if upload is not None:
        st.session_state["import_name"] = propose_name(get_lab().paths, upload.name)


def propose_name(paths: Paths, filename: str) -> str:
    """A free name for a dataset, made of what can be kept of ``filename``; or nothing."""
    stem = PurePath(filename).stem.removesuffix(".tar")
    plain = "".join(c if c.isalnum() or c in " ._-" else " " for c in stem)
    stem = " ".join(plain.split()).strip(". ")[: MAX_NAME - 3].strip(". ")
    for name in (stem, *(f"{stem} {i}" for i in range(2, 100))):
        try:
            return validate_name(paths, name)
        except LabError:
            continue
    return ""


def _start(upload: BinaryIO, filename: str, name: str, options: ImportOptions) -> None:
    """Hand the file to the import; whatever is wrong is said below the form, which stays."""
    upload.seek(0)
    try:
        with st.spinner(_("Storing the file …")):
            job_id = start_import(get_lab().paths, upload, filename, name.strip(), options)
    except LabError as error:
        show_error(error)
        return
    st.session_state[OWN] = job_id
    st.rerun()


def _hint() -> None:
    st.markdown(_("Each of these is understood; a folder around it all does no harm:"))
    st.code(LAYOUTS, language=None)
    st.caption(
        _(
            "Without train, val and test folders, 70 % of every class are for training, 15 % for "
            "validation and 15 % for the test. PNG, JPEG, WebP, BMP, GIF and TIFF pictures of any "
            "size and kind; other files are skipped and listed."
        )
    )
