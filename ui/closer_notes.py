"""Tab of the dialog about one picture: what people have written about it."""

from __future__ import annotations

import streamlit as st

from core.comments import LONGEST, Spot, read_comments, write_comment
from core.errors import LabError
from ui.closer_subject import Subject
from ui.i18n import _, moment
from ui.messages import show_error
from ui.names import literal
from ui.state import NAME, get_lab


def notes_tab(subject: Subject) -> None:
    """One comment per image, kept with the run for everybody."""
    assert subject.split is not None
    assert subject.row is not None
    spot = Spot(subject.split, subject.row)
    files = get_lab().paths.run(subject.record.id)
    try:
        written = read_comments(files).get(spot)
    except LabError as error:
        show_error(error)
        return
    words = st.text_area(
        _("Comment on this image"),
        written.text if written else "",
        key=f"closer.note.{subject.record.id}.{spot.split}.{spot.row}",
        max_chars=LONGEST,
        help=_("Everybody who opens this run can read and change it. Empty, there is none."),
    )
    if written:
        by = written.by or "–"
        st.caption(_("Written by {name}, {when}.", name=literal(by), when=moment(written.at)))
    if st.button(_("Save and close"), key="closer.note.save", icon=":material/save:"):
        try:
            write_comment(files, spot, words or "", by=str(st.session_state.get(NAME, "")))
        except LabError as error:
            show_error(error)
            return
        st.rerun()  # closes the dialog, and marks the image behind it
