"""What a run has written, to be taken along: its log, and its curves for TensorBoard."""

from __future__ import annotations

import functools
import io
import sys
import zipfile

import streamlit as st

from core.paths import RunPaths
from core.records import RunRecord
from ui.frame import short_name
from ui.i18n import _
from ui.state import get_lab


def run_files(record: RunRecord) -> None:
    """A closed expander; the files are read only when somebody asks for them."""
    files = get_lab().paths.run(record.id)
    if not (files.log.is_file() or files.tensorboard.is_dir()):
        return
    with st.expander(_("Log and TensorBoard"), icon=":material/description:"):
        if files.log.is_file():
            st.download_button(
                _("Download the log"),
                functools.partial(_log, files),
                f"lienzo-{short_name(record)}-log.txt",
                "text/plain",
                key="download_log",
                icon=":material/download:",
                on_click="ignore",
                help=_("What the process of this run has printed, warnings and errors included."),
            )
        if files.tensorboard.is_dir():
            _tensorboard(files, short_name(record))


def _tensorboard(files: RunPaths, name: str) -> None:
    st.write(_("Open its curves in TensorBoard on the machine that this server runs on:"))
    st.code(tensorboard_command(str(files.tensorboard)), language="bash", wrap_lines=True)
    st.caption(
        _(
            "Then open http://localhost:6006 in the browser. With the folder of all runs instead, "
            "TensorBoard compares them. On another computer, download the files and unpack them."
        )
    )
    st.download_button(
        _("Download the TensorBoard files"),
        functools.partial(_zipped, files),
        f"lienzo-{name}-tensorboard.zip",
        "application/zip",
        key="download_tensorboard",
        icon=":material/download:",
        on_click="ignore",
        help=_("A zip with the folders train and validation."),
    )


def tensorboard_command(folder: str) -> str:
    """Of the interpreter that this server runs in, which has TensorBoard installed."""
    return f'"{sys.executable}" -m tensorboard.main --logdir "{folder}"'


def _log(files: RunPaths) -> bytes:
    return files.log.read_bytes()


def _zipped(files: RunPaths) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(files.tensorboard.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(files.tensorboard))
    return packed.getvalue()
