"""Pictures and zips that were given, kept on the disk while their session goes elsewhere: a widget
that is not drawn loses its files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.asking.batches import sweep
from core.datasets import limits
from ui.i18n import _, ngettext
from ui.names import literal
from ui.state import get_lab

SHOWN, KEPT = "_predict_shown", "_predict_kept"
"""The files of the uploader, and those that it has lost when another page was looked at."""
CHANGED = "_predict_changed"
"""Whether the user has added or removed some since: what is gone otherwise was lost."""
MOST_FILES = 200
MOST_BYTES = 1_000_000_000
"""Of one session: the latest are kept, and none longer than a day (:func:`sweep`)."""
NAMED = 5


class Kept(NamedTuple):
    """A file as it was called, and where it lies."""

    name: str
    path: Path
    size: int

    @property
    def key(self) -> str:
        return self.path.name


def note_change() -> None:
    """In the uploader's callback."""
    st.session_state[CHANGED] = True


def kept_from_before(shown: Sequence[Kept]) -> list[Kept]:
    """What the uploader has lost by itself, where these are in it now. Files that have been swept
    are gone."""
    lost = list(st.session_state.get(KEPT, []))
    if not st.session_state.pop(CHANGED, False):
        lost += [file for file in st.session_state.get(SHOWN, []) if file not in shown]
    st.session_state[SHOWN] = list(shown)
    st.session_state[KEPT] = _bounded([file for file in lost if file.path.is_file()])
    return list(st.session_state[KEPT])


def _bounded(files: list[Kept]) -> list[Kept]:
    latest: list[Kept] = []
    room = MOST_BYTES
    for file in reversed(files[-MOST_FILES:]):
        room -= file.size
        if room < 0:
            break
        latest.insert(0, file)
    return latest


def stored(file: UploadedFile) -> Kept:
    """The upload as a file on the disk, which any process can read in place.

    Raises:
        DatasetError: if the disk is full.
    """
    folder = get_lab().paths.tried
    # Hashed: what the browser calls an upload is no path.
    name = hashlib.blake2b(file.file_id.encode(), digest_size=16).hexdigest()
    path = folder / f"{name}.upload"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        limits.check_disk(folder, file.size)
        partial = path.with_suffix(".part")
        partial.write_bytes(file.getbuffer())
        partial.replace(path)
    return Kept(file.name, path, file.size)


def show_kept(files: Sequence[Kept]) -> None:
    """What is still here from before, and a button that clears it away."""
    if not files:
        return
    names = ", ".join(file.name for file in files[:NAMED]) + (" …" if len(files) > NAMED else "")
    words, button = st.columns([5, 1], vertical_alignment="center")
    words.caption(
        literal(
            ngettext(
                "{n} file from before is still here: {names}",
                "{n} files from before are still here: {names}",
                len(files),
                names=names,
            )
        )
    )
    button.button(
        _("Clear"),
        key="predict_clear",
        icon=":material/close:",
        on_click=_clear,
        help=_("Removes the files from before; those in the list above have a cross of their own."),
    )


def _clear() -> None:
    """In a callback."""
    for file in st.session_state.pop(KEPT, []):
        file.path.unlink(missing_ok=True)
