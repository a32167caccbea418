"""Where the pictures come from: files and zips, the clipboard, the camera, a sheet to draw on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.asking.items import Archive, Item, Items, open_archive
from core.datasets.decoding import EXTENSIONS
from core.errors import N_, ImageError, LabError
from core.records import RunRecord
from ui.i18n import _, ngettext, say, say_error
from ui.messages import show
from ui.names import literal
from ui.predict_draw import paste_place, sheet
from ui.predict_kept import Kept, kept_from_before, note_change, show_kept, stored
from ui.predict_pictures import Picture, drawn, ink_for
from ui.webcam_view import camera_needs_https

MAX_MEGABYTES = 20
"""Of one picture."""
MAX_ZIP_MEGABYTES = 500
FILES, CAMERA, DRAW = "files", "camera", "draw"
PLACES = {FILES: N_("Files"), CAMERA: N_("Camera"), DRAW: N_("Draw")}
ICONS = {FILES: ":material/upload:", CAMERA: ":material/photo_camera:", DRAW: ":material/draw:"}
UPLOADER = "pictures"
HIDDEN = "predict_files_hidden"


Problems = Sequence[tuple[str, LabError]]


class Given(NamedTuple):
    """What the user has given: pictures to be read, or a drawing; and what cannot be used."""

    items: Items = Items()
    drawing: Picture | None = None
    problems: Problems = ()


def _choose_place(first: str) -> str:
    """Where the pictures come from: ``first`` until the user chooses."""
    st.segmented_control(
        _("Your pictures"),
        list(PLACES),
        format_func=lambda place: f"{ICONS[place]} {_(PLACES[place])}",
        key="predict_place",
        default=first,
        required=True,
        help=_("Any size and kind; they are made to fit as the training images were."),
        persist_state="session",
    )
    return str(st.session_state["predict_place"])


def given(records: Sequence[RunRecord], *, guest: bool = False) -> Given:
    """The way to give pictures that is chosen, and what has been given so far. A ``guest`` gives no
    zips, and draws first where that is what the network knows."""
    place = _choose_place(DRAW if guest and ink_for(records[0]) else FILES)
    files, problems = _stored(_uploaded(zips=not guest, shown=place == FILES))
    before = kept_from_before(files)
    if place == CAMERA:
        return _from_camera()
    if place == DRAW:
        return _from_sheet(records)
    paste_place(UPLOADER)
    show_kept(before)
    return _sorted([*before, *files], problems)


def _from_camera() -> Given:
    if camera_needs_https():
        st.caption(_("A phone can take a photo under “Files”, too."))
    photo = st.camera_input(_("A photo of what shall be recognised"), key="predict_camera")
    if photo is None:
        return Given()
    return Given(Items([Item(photo.file_id, _("photo"), photo.getvalue())]))


def _from_sheet(records: Sequence[RunRecord]) -> Given:
    ink = ink_for(records[0])
    try:
        drawing = sheet(ink)
    except ImageError as error:
        return Given(problems=[(_("drawing"), error)])
    if drawing is None:
        st.caption(
            _("Draw large. It is cut out, scaled and centred as the training images were.")
            if ink
            else _("The sheet is taken as a picture of white paper.")
        )
        return Given()
    return Given(drawing=drawn(drawing, records, _("drawing")))


def _uploaded(*, zips: bool, shown: bool) -> list[UploadedFile]:
    """The files that were given. The uploader is there in any case: whoever only looks at the sheet
    shall not lose them."""
    kinds = [extension.removeprefix(".") for extension in EXTENSIONS]
    with st.container(key="predict_files" if shown else HIDDEN):
        if not shown:
            st.html(f"<style>.st-key-{HIDDEN} {{ display: none }}</style>")
        return st.file_uploader(
            _("Pictures, or zips of pictures") if zips else _("Pictures"),
            type=[*kinds, "zip"] if zips else kinds,
            accept_multiple_files=True,
            key=UPLOADER,
            on_change=note_change,
            max_upload_size=MAX_ZIP_MEGABYTES if zips else MAX_MEGABYTES,
            help=_("In a zip, folders called like the classes tell what is right.")
            if zips
            else None,
        )


def _stored(files: Sequence[UploadedFile]) -> tuple[list[Kept], Problems]:
    """The uploads as files on the disk, and what is wrong with the others."""
    kept: list[Kept] = []
    problems: list[tuple[str, LabError]] = []
    for file in files:
        try:
            _check_size(file)
            kept.append(stored(file))
        except LabError as error:
            problems.append((file.name, error))
    return kept, problems


def _check_size(file: UploadedFile) -> None:
    if not _is_zip(file.name) and file.size > MAX_MEGABYTES * 1_000_000:
        raise ImageError(
            N_("The picture has {megabytes} MB; at most {most} MB are read."),
            megabytes=round(file.size / 1e6),
            most=MAX_MEGABYTES,
        )


def _is_zip(name: str) -> bool:
    return name.casefold().endswith(".zip")


def _sorted(files: Sequence[Kept], problems: Problems) -> Given:
    loose: list[Item] = []
    archives: list[Archive] = []
    wrong = [*problems]
    for file in files:
        try:
            if _is_zip(file.name):
                archives.append(_listed(file.path, file.name))
            else:
                loose.append(Item(file.key, file.name, b"", file=str(file.path)))
        except LabError as error:
            wrong.append((file.name, error))
    return Given(Items(loose, archives), None, wrong)


@st.cache_resource(show_spinner=False, max_entries=16)
def _listed(path: Path, name: str) -> Archive:
    return open_archive(path, name)


def show_problems(problems: Problems) -> None:
    """What cannot be judged, and why."""
    for name, error in problems:
        st.error(f"**{literal(name)}**: {literal(say_error(error))}")


def show_left_out(archives: Sequence[Archive]) -> None:
    """Every file of the zips that is not judged, with the reason: nothing is lost silently."""
    for archive in archives:
        if not archive.listing.entries:
            show(_("There is no picture in “{name}”.", name=archive.name), "warning")
    counts = [archive.left_out_count for archive in archives]
    others, unread = (sum(each) for each in zip((0, 0), *counts, strict=True))
    titles = [
        ngettext("{n} file is no picture", "{n} files are no pictures", others) if others else "",
        ngettext("{n} file was not read", "{n} files were not read", unread) if unread else "",
    ]
    if not any(titles):
        return
    title = " · ".join(filter(None, titles))
    with st.expander(
        title, icon=":material/rule:", key="predict_left_out", on_change="rerun"
    ) as it:
        if it.open:
            rows = [
                (f"{archive.name}/{skipped.name}", say(skipped.text))
                for archive in archives
                for skipped in archive.left_out
            ]
            st.dataframe(
                pd.DataFrame(rows, columns=[_("File"), _("Reason")]),
                hide_index=True,
                width="stretch",
            )
