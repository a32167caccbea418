"""Tab of the dialog about one picture: how little it takes to fool the network."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.errors import LabError
from ui.closer_asking import attack, names_of, tone_of
from ui.closer_subject import Subject
from ui.gallery import Thumb, gallery
from ui.i18n import _, ngettext, percent
from ui.messages import show_error
from ui.names import literal

SIZE = 256
LISTED = 3
_MIDDLE = 127.5


def attack_tab(subject: Subject) -> None:
    """The picture changed by the fast gradient sign method, by as much as the slider says."""
    label = subject.pred if subject.truth is None else subject.truth
    st.caption(
        _(
            "Every pixel is made lighter or darker by the same few grey levels, in the direction "
            "in which the loss of {name} rises (fast gradient sign method, Goodfellow 2015).",
            name=literal(names_of(subject)[label]),
        )
    )
    try:
        with st.spinner(_("Asking the network …"), show_time=True):
            images, proba = attack(subject, label)
    except LabError as error:
        show_error(error)
        return
    level = st.slider(
        _("Change of every pixel, in grey levels of 255"),
        0,
        len(images) - 1,
        4,
        key="closer.epsilon",
        help=_("0 is the picture as it is; 16 of 255 can hardly be seen."),
    )
    gallery(
        [
            _thumb(subject, images[0], proba[0], _("The picture")),
            _thumb(subject, images[level], proba[level], _("Changed by {n}", n=level)),
            Thumb(magnified(images[0], images[level]), (_("The change, magnified"),), _("noise")),
        ],
        key="closer.attacked",
        size=SIZE,
    )
    st.markdown(_verdict(subject, proba))


def magnified(image: NDArray[np.uint8], changed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The difference with grey for none, and black and white for the largest there is."""
    difference = changed.astype(np.float64) - image
    top = np.abs(difference).max() or 1.0
    return np.rint(_MIDDLE + _MIDDLE * difference / top).astype(np.uint8)


def fooled_from(proba: NDArray[np.float32]) -> int | None:
    """The least change with which the network says something else than of the picture itself."""
    said = proba.argmax(axis=1)
    others = np.flatnonzero(said != said[0])
    return int(others[0]) if len(others) else None


def _thumb(
    subject: Subject, image: NDArray[np.uint8], proba: NDArray[np.float32], title: str
) -> Thumb:
    names = names_of(subject)
    best = np.argsort(-proba, kind="stable")[:LISTED]
    lines = [f"{percent(float(proba[i]))} {names[i]}" for i in best]
    return Thumb(image, (title, *lines), ", ".join((title, *lines)), tone_of(subject, int(best[0])))


def _verdict(subject: Subject, proba: NDArray[np.float32]) -> str:
    names, level = names_of(subject), fooled_from(proba)
    if subject.truth is not None and subject.pred != subject.truth:
        return _(
            "The network is wrong about this picture without any help; the change only drives it "
            "further from {name}.",
            name=literal(names[subject.truth]),
        )
    if level is None:
        return _(
            "Up to {n} grey levels the answer stays {name}.",
            n=len(proba) - 1,
            name=literal(names[subject.pred]),
        )
    return ngettext(
        "With a change of {n} grey level the network says {name}.",
        "With a change of {n} grey levels the network says {name}.",
        level,
        name=literal(names[int(proba[level].argmax())]),
    )
