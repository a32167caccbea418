"""Tab of the dialog about one picture: does its augmentation change the answer?"""

from __future__ import annotations

import streamlit as st

from core.errors import LabError
from ui.closer_asking import Pixels, alone, augmented, names_of, tone_of
from ui.closer_subject import Subject
from ui.gallery import Thumb, gallery
from ui.i18n import _, ngettext, percent
from ui.messages import show_error
from ui.names import literal

DRAWS = 11
"""With the picture itself two rows of six."""
SIZE = 168
SEED = "closer.seed"


def augment_tab(subject: Subject) -> None:
    """The picture under the augmentation of its run, drawn some times."""
    config = subject.record.config.augment
    if not alone(config).active:
        st.info(
            _(
                "This run learned from images as they are: its augmentation changes none by "
                "itself. The Train page offers changes, the Data page shows what they do."
            )
        )
        return
    seed = int(st.session_state.setdefault(SEED, 0))
    try:
        with st.spinner(_("Asking the network …"), show_time=True):
            images, proba = augmented(subject, DRAWS, seed)
    except LabError as error:
        show_error(error)
        return
    names = names_of(subject)
    said = proba.argmax(axis=1)
    same = int((said == subject.pred).sum())
    st.caption(
        ngettext(
            "In {n} of {all} draws the network says {name}, as it does of the picture itself.",
            "In {n} of {all} draws the network says {name}, as it does of the picture itself.",
            same,
            all=DRAWS,
            name=literal(names[subject.pred]),
        )
        + (" " + _("Mixing with other images is left out.") if config.mixes else "")
    )
    thumbs = [_thumb(subject, subject.pixels, subject.pred, float(subject.proba.max()))]
    thumbs += [
        _thumb(subject, image, int(label), float(row.max()))
        for image, label, row in zip(images, said, proba, strict=True)
    ]
    thumbs[0] = thumbs[0]._replace(caption=(_("original"), *thumbs[0].caption))
    gallery(thumbs, key="closer.augmented", size=SIZE)
    st.button(_("Draw again"), key="closer.draw", icon=":material/casino:", on_click=_draw_again)


def _draw_again() -> None:
    st.session_state[SEED] += 1


def _thumb(subject: Subject, image: Pixels, label: int, sure: float) -> Thumb:
    name = names_of(subject)[label]
    alt = _("as training sees it: {name}, {share}", name=name, share=percent(sure))
    return Thumb(image, (f"{percent(sure, 0)} {name}",), alt, tone_of(subject, label))
