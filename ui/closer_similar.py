"""The training images that are most like a picture, in the network's own features."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.errors import LabError
from core.inspection.neighbours import nearest
from ui.closer_asking import names_of
from ui.closer_subject import Subject
from ui.digest import digest
from ui.errors_data import judged, pictures
from ui.gallery import Thumb, gallery
from ui.i18n import _, ngettext, number
from ui.inspection_data import known_vectors, vector_of, version
from ui.inspection_panel import damaged, ready
from ui.state import get_lab

SHOWN = 8
SIZE = 96


def similar_tab(subject: Subject) -> None:
    """The nearest training images with their classes, or how to get them."""
    if not ready(subject.record, "features", where="closer"):
        return
    try:
        items = similar(subject)
    except LabError as error:
        damaged(subject.record, "features", error)
        return
    same = sum(item.tone == "good" for item in items)
    st.caption(
        _(
            "The training images to which its last hidden layer gives the most similar features. "
            "Distance: 0 the same, 1 nothing in common."
        )
        + " "
        + ngettext(
            "{n} of {all} is of the class that was predicted.",
            "{n} of {all} are of the class that was predicted.",
            same,
            all=len(items),
        )
    )
    own = (_("this image"), names_of(subject)[subject.pred])
    mine = Thumb(subject.pixels, own, alt=": ".join(own))
    gallery([mine, *items], key="closer.similar", size=SIZE)


def similar(subject: Subject) -> list[Thumb]:
    """The nearest first; marked are those of the predicted class. Raises LabError."""
    record = subject.record
    train = judged(record, "train").predictions
    images = pictures(record, "train")
    found = nearest(_vector(subject)[None], known_vectors(record), SHOWN + 1)
    names = names_of(subject)
    thumbs = []
    for place, apart in zip(found.place[0].tolist(), found.distance[0].tolist(), strict=True):
        row, label = int(train.rows[place]), int(train.y_true[place])
        if subject.split == "train" and row == subject.row:
            continue  # itself
        lines = (names[label], number(round(apart, 3), 2))
        alt = f"{names[label]} · {_('distance {value}', value=lines[1])} · {images.names[row]}"
        alike = label == subject.pred
        thumbs.append(Thumb(images.images[row], lines, alt, "good" if alike else "bad"))
    return thumbs[:SHOWN]


def _vector(subject: Subject) -> NDArray[np.float32]:
    """What is kept of a picture of the dataset; of another one the network is asked."""
    if subject.split is not None and subject.row is not None:
        rows = judged(subject.record, subject.split).predictions.rows
        (found,) = np.nonzero(rows == subject.row)
        if len(found):
            return vector_of(subject.record, subject.split, int(found[0]))
    done = version(subject.record, "features")
    return _asked(subject.record.id, done, digest(subject.pixels), subject.pixels)


@st.cache_data(show_spinner=False, max_entries=200)
def _asked(
    run_id: str, version: int, content: str, _pixels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    vector: NDArray[np.float32] = get_lab().compute.features(run_id, _pixels[None])[0]
    return vector
