"""The fields of the form with a switch each: one value, or a range to search."""

from __future__ import annotations

from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from core.config import ARCHITECTURES, SECTIONS, AugmentConfig
from core.errors import N_
from core.knobs import Knob
from core.search.ranges import ARCHITECTURE, FieldKind, kind_of
from ui.augment_form import augmentation_fields
from ui.forms import choice_label, key, section_fields, setting_label, setting_widget
from ui.i18n import _
from ui.search_ranges import (
    EVEN,
    LIST,
    LOG,
    Searching,
    base_architecture,
    ends,
    follow_list,
    is_searched,
    place,
    slot,
    switch_off,
    switch_on,
)
from ui.setup import architecture_choice, backbone_caption

WAYS = {EVEN: N_("even"), LOG: N_("logarithmic"), LIST: N_("list")}


class SearchDrawing(Searching):
    """Every field that may be searched has a button that opens its range."""

    def __init__(self, architecture: str, drawn: set[str] | None = None) -> None:
        super().__init__(architecture)
        self._drawn = set() if drawn is None else drawn

    def wants(self, name: str, field: str, *, advanced: bool) -> bool:
        """What is searched is never hidden; what architectures share is drawn once, with the
        first of them (``drawn``, which this fills)."""
        where = place(f"{name}.{field}", self.architecture)
        if where in self._drawn:
            return False
        self._drawn.add(where)
        return advanced or is_searched(where)

    def widget(self, name: str, field: str, info: FieldInfo, knob: Knob) -> None:
        dotted = f"{name}.{field}"
        kind = kind_of(dotted, self.architecture)
        if kind is None:
            setting_widget(key(name, field), info, knob)
        elif self.searched(name, field):
            self._range(dotted, kind, knob)
        else:
            with _beside():
                with st.container():
                    self._value(name, field, info, knob)
                range_button(dotted, self.architecture)

    def _value(self, name: str, field: str, info: FieldInfo, knob: Knob) -> None:
        """Of the form's own architecture it can be set; others begin with their defaults."""
        if name != "model" or self.architecture == base_architecture():
            setting_widget(key(name, field), info, knob)
            return
        st.text_input(
            setting_label(knob),
            choice_label(info.default),
            disabled=True,
            key=f"search.default.{self.architecture}.{field}",
            help=_("Its usual value: the form holds the values of one architecture only."),
        )

    def _range(self, dotted: str, kind: FieldKind, knob: Knob) -> None:
        name = place(dotted, self.architecture)
        with st.container(border=True, gap="small"):
            with st.container(
                horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
            ):
                st.markdown(f"**{setting_label(knob)}**", help=_(knob.help), width="content")
                value_button(name)
            if kind.numeric:
                _number_range(name, kind, _(knob.label))
            else:
                _options(name, kind, _(knob.label))


def _beside() -> Any:
    return st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")


def range_button(dotted: str, architecture: str) -> None:
    """From the value to the range."""
    st.button(
        ":material/arrow_range:",
        key=f"search.on.{place(dotted, architecture)}",
        help=_("Search this setting: a range or a list instead of one value."),
        on_click=switch_on,
        args=(dotted, architecture),
    )


def value_button(name: str) -> None:
    """Back from the range."""
    st.button(
        ":material/arrow_range:",
        key=f"search.off.{name}",
        type="primary",
        help=_("Back to one value; the range is kept for another time."),
        on_click=switch_off,
        args=(name,),
    )


def _options(name: str, kind: FieldKind, label: str) -> None:
    st.multiselect(
        label,
        kind.options,
        format_func=_option,
        key=slot(name, "options"),
        label_visibility="collapsed",
        placeholder=_("none chosen"),
        persist_state="session",
    )


def _option(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return choice_label(value)


def _number_range(name: str, kind: FieldKind, label: str) -> None:
    way = slot(name, "way")
    st.segmented_control(
        _("How {setting} is searched", setting=label),
        list(WAYS),
        format_func=lambda w: _(WAYS[w]),
        key=way,
        required=True,
        label_visibility="collapsed",
        help=_("Logarithmic: from 0.001 to 0.01 as likely as from 0.01 to 0.1."),
        persist_state="session",
    )
    if st.session_state[way] == LIST:
        _list(name, label)
    else:
        _ends(name, kind, stepped=st.session_state[way] == EVEN)


def _list(name: str, label: str) -> None:
    where = slot(name, "list")
    st.multiselect(
        label,
        st.session_state[where],
        key=where,
        accept_new_options=True,
        label_visibility="collapsed",
        placeholder=_("Type a number"),
        persist_state="session",
    )


def _ends(name: str, kind: FieldKind, *, stepped: bool) -> None:
    low, high = ends(kind)
    columns = st.columns(3 if stepped else 2, gap="xsmall")
    with columns[0]:
        _number(_("from"), slot(name, "low"), kind, (low, high))
    with columns[1]:
        _number(_("to"), slot(name, "high"), kind, (low, high))
    if stepped:
        with columns[2]:
            limits = (1, None) if kind.kind == "int" else (0.0, None)
            about = _("Distance between two values; empty: any value in between.")
            _number(_("step"), slot(name, "step"), kind, limits, about)


def _number(
    label: str,
    where: str,
    kind: FieldKind,
    limits: tuple[float | None, float | None],
    about: str | None = None,
) -> None:
    """What comes from elsewhere may lie beyond what can be typed."""
    whole = kind.kind == "int"
    value = st.session_state.get(where)
    low, high = (None if v is None else int(v) if whole else float(v) for v in limits)
    if value is not None:
        st.session_state[where] = value = int(value) if whole else float(value)
        low = None if low is None else min(low, value)
        high = None if high is None else max(high, value)
    st.number_input(
        label,
        low,
        high,
        step=1 if whole else 0.0001,
        format=None if whole else "%.7g",
        key=where,
        placeholder=_("any"),
        help=about,
        persist_state="session",
    )


def network_fields(architectures: tuple[str, ...], *, advanced: bool) -> None:
    """The architecture or the list of them, and the settings of each."""
    searched = is_searched(ARCHITECTURE)
    with _beside():
        if searched:
            _architecture_list()
            value_button(ARCHITECTURE)
        else:
            with st.container():
                architecture_choice()
            range_button(ARCHITECTURE, base_architecture())
    drawn: set[str] = set()
    for architecture in sorted(architectures, key=lambda name: name != base_architecture()):
        if searched:
            st.markdown(f"**{_(ARCHITECTURES[architecture].title)}**")
        drawing = SearchDrawing(architecture, drawn)
        section_fields("model", ARCHITECTURES[architecture], advanced=advanced, drawing=drawing)
    if base_architecture() in architectures:
        backbone_caption(base_architecture())


def _architecture_list() -> None:
    kind = kind_of(ARCHITECTURE, "")
    assert kind is not None
    st.multiselect(
        _("Architectures"),
        kind.options,
        format_func=choice_label,
        key=slot(ARCHITECTURE, "options"),
        placeholder=_("none chosen"),
        help=_("Every trial draws one of them, and the settings that belong to it."),
        on_change=follow_list,
        persist_state="session",
    )


def training_fields(*, advanced: bool) -> None:
    """Optimizer, training and augmentation, which all architectures share."""
    drawing = SearchDrawing(base_architecture())
    st.subheader(_("Optimizer"))
    section_fields("optimizer", SECTIONS["optimizer"], advanced=advanced, drawing=drawing)
    st.subheader(_("Training"))
    section_fields("train", SECTIONS["train"], advanced=advanced, drawing=drawing)
    with st.expander(_("Augmentation"), expanded=any_augmentation()):
        augmentation_fields(drawing=drawing)


def any_augmentation() -> bool:
    return any(is_searched(f"augment.{field}") for field in AugmentConfig.model_fields)
