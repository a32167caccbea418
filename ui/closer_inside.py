"""Tab of the dialog about one picture: what the layers look for, and what they find in it."""

from __future__ import annotations

import streamlit as st

from core.errors import LabError
from ui.closer_asking import Layer, activations, filters, layers
from ui.closer_subject import Subject
from ui.gallery import Thumb, gallery
from ui.i18n import _, number
from ui.messages import show_error

MAP = 84
FILTER = 48


def inside_tab(subject: Subject) -> None:
    """The strongest maps of a layer, and the first layer's filters."""
    try:
        with st.spinner(_("Asking the network …"), show_time=True):
            found = layers(subject)
        if found:
            _maps(subject, found)
        else:
            st.info(
                _(
                    "This network lays all pixels in a row at once, so that none of its layers has "
                    "maps that could be shown."
                )
            )
        _first_layer(subject)
    except LabError as error:
        show_error(error)


def _maps(subject: Subject, found: list[Layer]) -> None:
    by_name = {layer.name: layer for layer in found}
    name = st.selectbox(
        _("Layer"),
        list(by_name),
        format_func=lambda name: describe(by_name[name]),
        key=f"closer.layer.{subject.record.id}",
        help=_("From the picture to the classes; later layers see more of it, less finely."),
    )
    with st.spinner(_("Asking the network …"), show_time=True):
        seen = activations(subject, name)
    st.caption(
        _(
            "The {n} strongest of {all} maps, the strongest first: white is the largest value of "
            "the layer, black is zero; below each its number and its mean.",
            n=len(seen.channels),
            all=by_name[name].channels,
        )
    )
    thumbs = [
        Thumb(picture, (f"#{channel} · {number(float(mean), 2)}",), _("Map {n}", n=int(channel)))
        for picture, channel, mean in zip(seen.maps, seen.channels, seen.means, strict=True)
    ]
    gallery(thumbs, key="closer.maps", size=MAP)


def describe(layer: Layer) -> str:
    """``conv1_1 · Conv2D · 32×32×16``: the same in every language."""
    return f"{layer.name} · {layer.kind} · {layer.height}×{layer.width}×{layer.channels}"


def _first_layer(subject: Subject) -> None:
    name, pictures = filters(subject)
    st.caption(
        _(
            "What the first layer ({name}) looks for: its weights as pictures, grey is zero. They "
            "are the same for every image.",
            name=name,
        )
    )
    thumbs = [
        Thumb(picture, (f"#{i}",), _("Filter {n}", n=i)) for i, picture in enumerate(pictures)
    ]
    # Weights of a dense layer are as large as the picture, and twice that on the page.
    gallery(thumbs, key="closer.filters", size=max(FILTER, min(MAP, 2 * max(pictures.shape[1:3]))))
