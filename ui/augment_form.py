"""The random changes as a small form by groups, and what to beware of on a dataset."""

from __future__ import annotations

import streamlit as st

from core.config_augment import GROUPS, AugmentConfig
from core.datasets.dataset import DatasetInfo
from core.datasets.meaning import Caution, augmentation_cautions
from ui.forms import (
    PLAIN,
    Drawing,
    augmentation_from_form,
    choice_label,
    key,
    section_fields,
)
from ui.i18n import _, number, say
from ui.messages import show

DISMISSED = "_augment_dismissed"
"""The session's key of the cautions that need not be shown again: (dataset, setting)."""


def augmentation_fields(*, columns: int = 2, drawing: Drawing = PLAIN) -> None:
    """One group of changes at a time, and what is switched on in all of them."""
    group = st.radio(
        _("Kind of change"),
        list(GROUPS),
        format_func=lambda group: _(GROUPS[group]),
        horizontal=True,
        key="augment_group",
        help=_("Changes of several kinds can be switched on together."),
        persist_state="session",
    )
    section_fields(
        "augment", AugmentConfig, advanced=True, columns=columns, group=group, drawing=drawing
    )
    _switched_on(augmentation_from_form())


def _switched_on(config: AugmentConfig) -> None:
    """What the other groups hold is not on the screen: here it is, with a way to be rid of it."""
    names = [name for name in config.switches() if config.is_on(name)]
    if not names:
        st.caption(_("Nothing is switched on."))
        return
    listed = " · ".join(_setting(config, name) for name in names)
    st.caption(_("Switched on: {changes}", changes=listed))
    st.button(
        _("Switch all off"),
        key="augment_off",
        icon=":material/ink_eraser:",
        help=_("Images are trained with as they are; how strong a change would be is kept."),
        on_click=_switch_all_off,
        width="stretch",
    )


def _setting(config: AugmentConfig, name: str) -> str:
    """``Rotation 20°``: a change and how it is set."""
    knob, value = AugmentConfig.knobs()[name], getattr(config, name)
    if value is True:
        return _(knob.label)
    written = choice_label(value) if isinstance(value, str) else number(value)
    unit = knob.unit if knob.unit in ("", "°") else f" {knob.unit}"
    return f"{_(knob.label)} {written}{unit}"


def _switch_all_off() -> None:
    """In a callback; how strong a change would be stays as it was."""
    for name in AugmentConfig.switches():
        st.session_state[key("augment", name)] = AugmentConfig.model_fields[name].default


def show_cautions(info: DatasetInfo, config: AugmentConfig) -> None:
    """What these changes may do to the meaning of these images, until it is dismissed."""
    dismissed: set[tuple[str, str]] = st.session_state.get(DISMISSED, set())
    for caution in augmentation_cautions(info, config):
        if (info.name, caution.about) not in dismissed:
            _caution(info.name, caution)


def _caution(dataset: str, caution: Caution) -> None:
    box, button = st.columns([5, 1], vertical_alignment="center")
    with box:
        show(say(caution.text), "warning")
    button.button(
        _("Dismiss"),
        key=f"augment_dismiss.{caution.about}",
        type="tertiary",
        help=_("Do not show this again for this dataset."),
        on_click=_dismiss,
        args=(dataset, caution.about),
    )


def _dismiss(dataset: str, about: str) -> None:
    """In a callback. A new set: the session's values are not to be changed in place."""
    st.session_state[DISMISSED] = {*st.session_state.get(DISMISSED, set()), (dataset, about)}
