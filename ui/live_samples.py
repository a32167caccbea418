"""The same validation images after every epoch: what the network takes them for by now."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.errors import LabError
from core.evaluation.watched import NEVER, Watched
from core.records import RunRecord
from ui.errors_data import pictures
from ui.gallery import Thumb, gallery_html
from ui.i18n import _, language, ngettext, percent, say_error
from ui.messages import show
from ui.names import class_names
from ui.state import get_lab

SIZE = 80
"""Pixels: five in a row in half of a page of 1366."""


def samples(record: RunRecord, found: Watched) -> None:
    """The images with the predicted class and its probability, and whether it has changed."""
    changed, compared = int(found.changed.sum()), bool((found.before != NEVER).any())
    words = _("The same images after every epoch: predicted class and probability.")
    if compared:
        words += " " + ngettext(
            "{n} prediction has changed since the epoch before.",
            "{n} predictions have changed since the epoch before.",
            changed,
        )
    st.caption(words)
    try:
        made = _html((record.id, found.epoch), class_names(record), language(), found)
    except LabError as error:
        show(say_error(error), "info")
        return
    with st.container(key="watch-samples"):
        st.html(made)


@st.cache_resource(show_spinner=False, max_entries=32)
def _html(about: tuple[str, int], names: tuple[str, ...], language: str, _found: Watched) -> str:
    """Of a run's epoch; made once and shared by all who watch. Raises LabError without images."""
    record = get_lab().store.read(about[0])
    images = pictures(record, "val").images[_found.rows]
    before = record.start.epochs if record.start else 0
    # Epochs are numbered as under the curves.
    found = _found._replace(since=_found.since + before)
    return gallery_html([_thumb(found, i, images[i], names) for i in range(len(images))], SIZE)


def _thumb(found: Watched, i: int, image: NDArray[np.uint8], names: tuple[str, ...]) -> Thumb:
    def name(classes: NDArray[np.int32]) -> str:
        index = int(classes[i])
        return names[index] if index < len(names) else str(index)

    right = found.y_true[i] == found.y_pred[i]
    said = f"{name(found.y_pred)} {percent(float(found.proba[i]), 0)}"
    caption = [said]
    if not right:
        caption.append(_("is {true}", true=name(found.y_true)))
    if found.changed[i]:
        caption.append(_("was {before}", before=name(found.before)))
    elif found.before[i] != NEVER:
        caption.append(_("since epoch {epoch}", epoch=int(found.since[i])))
    alt = _("{true}, predicted: {said}", true=name(found.y_true), said=said)
    # Under a picture there is no room for long names.
    return Thumb(image, caption, ", ".join([alt, *caption[1:]]), "good" if right else "bad")
