"""One picture looked at closely, in a dialog: every tab answers one question about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import streamlit as st

from core.errors import N_
from core.plots.bars import plot_top_k, top_k_info
from ui.closer_asking import names_of
from ui.closer_attack import attack_tab
from ui.closer_augment import augment_tab
from ui.closer_distort import distort_tab
from ui.closer_fold import as_its_fold, tell_fold
from ui.closer_heat import heat_tab
from ui.closer_inside import inside_tab
from ui.closer_notes import notes_tab
from ui.closer_similar import similar_tab
from ui.closer_subject import Subject
from ui.composed import single_networks_only
from ui.gallery import Thumb, gallery
from ui.i18n import _, percent
from ui.names import literal, shortened
from ui.state import is_dark

SIZE = 256
GUESSES = 10


class Tab(NamedTuple):
    """One question: its name, for which pictures it can be asked, and what draws the answer."""

    label: str
    applies: Callable[[Subject], bool]
    show: Callable[[Subject], None]
    asks_one_network: bool = False
    """It looks into a network, and a run that is made of several has none of its own."""
    asks: bool = True
    """It asks a network, and does not only show what is known."""


def probabilities_tab(subject: Subject) -> None:
    """The picture, and the likeliest classes."""
    names = names_of(subject)
    picture, chart = st.columns([2, 3], vertical_alignment="center")
    with picture:
        truth = names[subject.truth] if subject.truth is not None else "–"
        lines = (subject.name, _("in truth: {name}", name=truth))
        gallery([Thumb(subject.pixels, lines, alt=subject.name)], key="closer.picture", size=SIZE)
    with chart:
        info = top_k_info(names, subject.proba, GUESSES)
        st.plotly_chart(
            plot_top_k(
                info._replace(classes=tuple(shortened(info.classes))),
                dark=is_dark(),
                percent=percent,
            ),
            key="closer.proba",
            theme=None,
            config={"displayModeBar": False},
            alt=", ".join(
                f"{name}: {percent(p)}" for name, p in zip(info.classes, info.proba, strict=True)
            ),
        )


def _any(subject: Subject) -> bool:
    return True


def _is_in_a_dataset(subject: Subject) -> bool:
    return subject.split is not None and subject.row is not None


TABS: tuple[Tab, ...] = (
    Tab(N_("Probabilities"), _any, probabilities_tab, asks=False),
    Tab(N_("Heat map"), _any, heat_tab, asks_one_network=True),
    Tab(N_("Augmented"), _any, augment_tab, asks_one_network=True),
    Tab(N_("Similar images"), _any, similar_tab, asks_one_network=True),
    Tab(N_("Distort"), _any, distort_tab),
    Tab(N_("Inside"), _any, inside_tab, asks_one_network=True),
    Tab(N_("Attack"), _any, attack_tab, asks_one_network=True),
    Tab(N_("Comment"), _is_in_a_dataset, notes_tab, asks=False),
)


def look_closer(subject: Subject, *, on_dismiss: Literal["ignore", "rerun"] = "ignore") -> None:
    """Open the dialog on a picture; ``on_dismiss`` as in ``st.dialog``."""
    title = _("A closer look at {name}", name=literal(subject.name))
    st.dialog(title, width="large", on_dismiss=on_dismiss)(_tabs)(subject)


def _tabs(subject: Subject) -> None:
    """Only the tab that is looked at is computed: a heat map takes a second."""
    asked = [tab for tab in TABS if tab.applies(subject)]
    places = st.tabs([_(tab.label) for tab in asked], key="closer.tab", on_change="rerun")
    for tab, place in zip(asked, places, strict=True):
        if place.open:
            with place:
                _show(tab, subject)


def _show(tab: Tab, subject: Subject) -> None:
    # The other folds of a cross-validation have learned from the image.
    fold = as_its_fold(subject) if tab.asks else None
    if fold is not None:
        tell_fold(fold)
        tab.show(fold)
    elif tab.asks_one_network and subject.record.is_composed:
        single_networks_only(subject.record, where="closer")
    else:
        tab.show(subject)
