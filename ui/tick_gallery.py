"""Many small pictures of which some can be ticked, with the mouse or the keyboard, as one element.

A tick costs one rerun of the fragment around it; sixty native checkboxes would cost as many
elements at every rerun.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui.gallery import data_url, shown_size
from ui.i18n import _

_HTML = """<div class="root">
<label class="all"><input type="checkbox"><span></span></label>
<ul role="list"></ul>
</div>"""


def _beside(suffix: str) -> str:
    return Path(__file__).with_suffix(suffix).read_text(encoding="utf-8")


_COMPONENT = st.components.v2.component(
    "lienzo_tick_gallery", html=_HTML, css=_beside(".css"), js=_beside(".js")
)


class Tickable(NamedTuple):
    """A picture uint8 (h, w, c) that can be ticked, the lines of plain text below it, and ``alt``,
    which is also shown when the pointer rests on it."""

    id: str
    image: NDArray[np.uint8]
    lines: Sequence[str]
    alt: str


class Pressed(NamedTuple):
    """A letter that was pressed: what it stands for, and the pictures that are meant."""

    verb: str
    ids: tuple[str, ...]


def tick_gallery(
    items: Sequence[Tickable],
    *,
    key: str,
    size: int,
    keys: Mapping[str, str],
    alone: Collection[str] = (),
    on_press: Callable[[Pressed], None],
) -> None:
    """The pictures, ``size`` pixels large at most. ``keys`` says for letters what they stand for:
    pressed on a picture, they mean those ticked, or if none is, that picture; what is among
    ``alone`` always means that picture."""

    def pressed() -> None:
        act = _state(key).get("act") or {}
        shown = {item.id for item in items}
        # From the browser, so anything: only what was shown and offered counts.
        ids = tuple(i for i in map(str, act.get("ids", ())) if i in shown)
        if ids and act.get("verb") in keys.values():
            on_press(Pressed(str(act["verb"]), ids))

    _COMPONENT(
        key=key,
        data={
            "items": [_sent(item, size) for item in items],
            "size": size,
            "keys": dict(keys),
            "alone": list(alone),
            "all": _("Tick all of this page"),
            "generation": _generation(key),
        },
        on_ticked_change=lambda: None,
        on_act_change=pressed,
    )


def ticked(key: str, shown: Sequence[str]) -> list[str]:
    """The pictures among those ``shown`` that are ticked at present, in their order."""
    found = _state(key).get("ticked") or {}
    if found.get("generation") != _generation(key):
        return []
    ids = set(map(str, found.get("ids", ())))
    return [i for i in shown if i in ids]


def untick(key: str) -> None:
    """In a callback: nothing is ticked any more."""
    st.session_state[f"{key}.generation"] = _generation(key) + 1


def _state(key: str) -> Mapping[str, Any]:
    return dict(st.session_state.get(key) or {})


def _generation(key: str) -> int:
    return int(st.session_state.get(f"{key}.generation", 0))


def _sent(item: Tickable, size: int) -> dict[str, object]:
    width, height, whole = shown_size(item.image.shape, size)
    return {
        "id": item.id,
        "src": data_url(item.image, size),
        "width": width,
        "height": height,
        "whole": whole,
        "lines": list(item.lines),
        "alt": item.alt,
    }
