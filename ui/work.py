"""Long work on datasets that are here, as the panel of imports shows it."""

from __future__ import annotations

import functools
from pathlib import Path

import streamlit as st

from core.datasets.duplicates import read_duplicates
from core.datasets.jobs import ImportState, JobPaths, dismiss_import, list_imports, start_work
from core.datasets.registry import open_dataset
from core.datasets.work import FindDuplicates, Work
from core.errors import N_, LabError
from ui.i18n import _
from ui.messages import show_error
from ui.state import get_lab, guarded

OWN = "_import_job"
"""The import, or making of a dataset, that this session has started and waits for."""
WORK_PHASES = {
    "derive": {
        "listing": N_("Choosing the images"),
        "probing": N_("Comparing the images"),
        "decoding": N_("Copying the images"),
        "writing": N_("Writing the dataset"),
    },
    "export": {
        "listing": N_("Opening the dataset"),
        "decoding": N_("Writing the zip file"),
    },
    "duplicates": {
        "listing": N_("Opening the dataset"),
        "probing": N_("Comparing the images"),
    },
}
"""What each kind of work does in each phase; imports have their own words."""


def export_button(state: ImportState) -> None:
    """The zip file of a finished export, read only when somebody wants it."""
    file = JobPaths(get_lab().paths.imports / state.job_id).export
    if state.status == "finished" and file.is_file():
        st.download_button(
            _("Download"),
            functools.partial(Path.read_bytes, file),
            file_name=f"{state.name}.zip",
            mime="application/zip",
            key=f"download.{state.job_id}",
            icon=":material/download:",
            on_click="ignore",
        )


def forget_searches() -> None:
    """What a search has found is on the page; that it ended well need not be said as well."""
    for state in list_imports(get_lab().paths):
        if state.kind == "duplicates" and state.status == "finished":
            guarded(functools.partial(dismiss_import, get_lab().paths, state.job_id))


def look_for_duplicates(name: str) -> None:
    """In a callback: compare the images of a dataset, unless somebody has had it done."""
    paths = get_lab().paths
    info = open_dataset(paths, name).info
    if read_duplicates(paths, info.fingerprint) is None and not under_way("duplicates", name):
        start_work(paths, FindDuplicates(dataset=name), name)


def begin_making(work: Work, name: str, about: str) -> None:
    """Start to make a dataset and look at it when it is there; what is wrong is said here."""
    try:
        st.session_state[OWN] = start_work(get_lab().paths, work, name, about)
    except LabError as error:
        show_error(error)
        return
    st.rerun()


def is_busy() -> bool:
    """Whether this session waits for a dataset already."""
    return st.session_state.get(OWN) is not None


def under_way(kind: str, name: str) -> bool:
    """Whether somebody's work of this kind on this dataset is not over yet."""
    states = list_imports(get_lab().paths)
    return any(s.kind == kind and s.name == name and not s.is_over() for s in states)
