"""A gallery whose pictures are buttons: one element, whatever the number of pictures.

The pictures are the same HTML as in :mod:`ui.gallery`, each within a ``<button>``; a component
without anything to see listens to all of them and says which one was pressed, by mouse or keyboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from ui.gallery import SIZE, Thumb, gallery_html

_LISTENER = st.components.v2.component(
    "lienzo_picking",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def pick(
    items: Sequence[Thumb], numbers: Sequence[int], *, key: str, size: int = SIZE
) -> int | None:
    """The gallery, and which of its pictures was pressed just now: its number of ``numbers``.

    In one run of the script only: the next one finds ``None``, so that a picture can be pressed
    again.
    """
    with st.container(key=key, gap=None):
        st.html(gallery_html(items, size, buttons=numbers))
        pressed = _LISTENER(key=f"{key}.pressed", on_pressed_change=lambda: None).pressed
    # What comes from a browser may be anything.
    return int(pressed) if pressed in list(numbers) else None
