"""Pictures taken with the browser's camera, class by class, until they are a dataset."""

from __future__ import annotations

import functools
from urllib.parse import urlsplit

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from core.datasets.collected import (
    MIN_CLASSES,
    MIN_EACH,
    Collection,
    Snapshot,
    check_enough,
    collection,
    sweep_collections,
)
from core.errors import DatasetError
from ui.browser import browser_id
from ui.i18n import _, ngettext
from ui.messages import show
from ui.state import get_lab, guarded
from ui.strips import Strip, strips

OWN = "_collection"
TAKEN = "_webcam_taken"
"""How many pictures have been taken: a new number gives a camera that is ready again."""
CLASS = "webcam_class"
SHOWN = 24
"""The latest pictures of each class that are shown."""
SIDE = 56
LOCAL = ("localhost", "127.0.0.1", "::1")


def webcam_form() -> str | None:
    """Camera and pictures; the id of the collection once it is enough for a dataset."""
    own = _own_id()
    collected = collection(get_lab().paths, own)
    camera_needs_https()
    camera, pictures = st.columns([5, 7], gap="large")
    with camera:
        _camera(collected)
    with pictures:
        _pictures(collected)
    return own if _is_enough(collected) else None


def _own_id() -> str:
    """That of the browser, so that a reload finds its pictures again."""
    if OWN not in st.session_state:
        sweep_collections(get_lab().paths)
        st.session_state[OWN] = browser_id()
    return str(st.session_state[OWN])


def camera_needs_https() -> bool:
    """Whether the browser will not give the camera at this address; says so if it is so."""
    if insecure := _is_insecure(st.context.url or ""):
        show(
            _(
                "Browsers give the camera to pages of this computer (localhost) or over https "
                "only: at this address it will not start. Ask for an https address."
            ),
            "warning",
        )
    return insecure


def _is_insecure(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in LOCAL


def _camera(collected: Collection) -> None:
    names, new = collected.class_names(), st.session_state.get(CLASS)
    st.selectbox(
        _("Class"),
        names if new in (None, *names) else [*names, new],
        index=None,
        key=CLASS,
        accept_new_options=True,
        placeholder=_("type a name, such as: cup"),
        help=_("What the next pictures show: a new name, or a class that you have already."),
        persist_state="session",
    )
    chosen = st.session_state.get(CLASS)
    where = f"camera.{st.session_state.get(TAKEN, 0)}"
    st.camera_input(
        _("Every picture taken goes into this class"),
        key=where,
        on_change=_take,
        args=(where,),
        disabled=not chosen,
        resolution="480p",
    )
    if not chosen:
        st.caption(_("First name the class, then take its pictures: turn and move the thing."))


def _take(where: str) -> None:
    """In a callback: keep the picture, and make the camera ready for the next."""
    picture = st.session_state.get(where)
    if picture is None:
        return
    collected = collection(get_lab().paths, _own_id())
    guarded(functools.partial(collected.add, st.session_state.get(CLASS) or "", picture.getvalue()))
    st.session_state[TAKEN] = st.session_state.get(TAKEN, 0) + 1


def _pictures(collected: Collection) -> None:
    snapshots = collected.pictures()
    names = collected.class_names()
    if not snapshots:
        show(
            _(
                "No pictures yet. A dataset needs at least {classes} classes with {each} pictures "
                "each; 30 of each are better. They stay on this server for a day.",
                classes=MIN_CLASSES,
                each=MIN_EACH,
            ),
            "info",
        )
        return
    strips(
        [_row(i, names[i], snapshots) for i in range(len(names)) if _of(i, snapshots)],
        key="webcam_pictures",
        size=SIDE,
    )
    try:
        check_enough(collected)
    except DatasetError:
        st.caption(
            _(
                "Needed: {classes} classes with {each} pictures each.",
                classes=MIN_CLASSES,
                each=MIN_EACH,
            )
        )
    _deleting(collected, snapshots, names)


def _of(label: int, snapshots: list[Snapshot]) -> list[Snapshot]:
    return [snapshot for snapshot in snapshots if snapshot.label == label]


def _row(label: int, name: str, snapshots: list[Snapshot]) -> Strip:
    """The latest pictures of a class, the newest first, each with its number."""
    own = _of(label, snapshots)
    latest = list(enumerate(own, 1))[::-1][:SHOWN]
    return Strip(
        name,
        ngettext("{n} image", "{n} images", len(own)),
        [_thumbnail(str(snapshot.file)) for _number, snapshot in latest],
        [f"{name} {place}" for place, _snapshot in latest],
    )


@st.cache_data(show_spinner=False, max_entries=2000)
def _thumbnail(file: str) -> NDArray[np.uint8]:
    """Files are never changed, only deleted: their names tell them apart."""
    with Image.open(file) as image:
        image.thumbnail((2 * SIDE, 2 * SIDE))
        return np.asarray(image.convert("RGB"))


def _deleting(collected: Collection, snapshots: list[Snapshot], names: list[str]) -> None:
    labels = {
        snapshot.file.name: f"{names[label]} {place}"
        for label in range(len(names))
        for place, snapshot in enumerate(_of(label, snapshots), 1)
    }
    with st.container(horizontal=True):
        st.button(
            _("Undo the last picture"),
            key="webcam_undo",
            icon=":material/undo:",
            on_click=collected.undo,
        )
        with st.popover(_("Delete pictures"), icon=":material/delete:", key="webcam_delete"):
            chosen = st.multiselect(
                _("Pictures to delete"),
                list(labels),
                format_func=lambda file: labels.get(file, file),
                key=f"webcam_chosen.{len(snapshots)}",
                help=_("By class and number; the newest stands first in its row."),
            )
            st.button(
                _("Delete these"),
                key="webcam_delete_these",
                disabled=not chosen,
                on_click=_delete,
                args=(collected, chosen),
            )
            st.button(_("Delete all and start anew"), key="webcam_clear", on_click=collected.clear)


def _delete(collected: Collection, files: list[str]) -> None:
    for file in files:
        collected.remove(file)


def _is_enough(collected: Collection) -> bool:
    try:
        check_enough(collected)
    except DatasetError:
        return False
    return True
