"""Labelled rows of small pictures as one element: samples by class, draws of an augmentation."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui.gallery import attribute, data_url, shown_size

SIZE = 64
"""Side of a picture on the screen, in pixels."""

# Never with a leading newline: st.html would take a body of style tags only for an event.
_STYLE = """<style>
.lz-strips{display:grid;grid-template-columns:fit-content(10rem) 1fr;gap:.35rem 1.25rem;
align-items:center}
.lz-strip-head{font-size:.85rem;line-height:1.25;overflow-wrap:anywhere}
.lz-strip-head small{display:block;opacity:.75}
.lz-strip-row{display:flex;flex-wrap:wrap;gap:.25rem}
.lz-strip-row img{display:block;border-radius:.15rem}
.lz-strip-row img.lz-pixels{image-rendering:pixelated}
.lz-strip-row.lz-lead img:first-child{margin-right:1rem}
</style>"""


class Strip(NamedTuple):
    """One row: a name and a note, plain text, and pictures uint8 (h, w, c), each with its words."""

    name: str
    note: str
    images: Sequence[NDArray[np.uint8]]
    alts: Sequence[str]


def strips(rows: Sequence[Strip], *, key: str, size: int = SIZE, lead: bool = False) -> None:
    """The rows below one another; with ``lead`` the first picture stands apart from the others."""
    with st.container(key=key):
        st.html(strips_html(rows, size, lead=lead))


def strips_html(rows: Sequence[Strip], size: int = SIZE, *, lead: bool = False) -> str:
    """What :func:`strips` shows; every text in it is escaped."""
    kind = "lz-strip-row lz-lead" if lead else "lz-strip-row"
    parts = [
        f'<div class="lz-strip-head">{html.escape(row.name)}'
        f"<small>{html.escape(row.note)}</small></div>"
        f'<div class="{kind}">{_pictures(row, size)}</div>'
        for row in rows
    ]
    return f'{_STYLE}<div class="lz-strips">{"".join(parts)}</div>'


def _pictures(row: Strip, size: int) -> str:
    return "".join(
        _picture(image, attribute(alt), size)
        for image, alt in zip(row.images, row.alts, strict=True)
    )


def _picture(image: NDArray[np.uint8], alt: str, size: int) -> str:
    width, height, whole = shown_size(image.shape, size)
    return (
        f'<img class="{"lz-pixels" if whole else ""}" width="{width}" height="{height}" '
        f'alt="{alt}" title="{alt}" src="{data_url(image, size)}">'
    )
