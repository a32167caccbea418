"""A sheet to draw on, and the place where pictures are pasted: two small components of our own.

Their scripts lie beside this file and come from this server, as all of the app does.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

from core.datasets.decoding import decode_image, read_header
from core.datasets.inking import Ink
from core.errors import N_, ImageError
from ui.i18n import _

SIDE = 280
WIDTH = 34
"""Of a stroke: an eighth of the sheet reads best, tried on the built-in digits."""
PENS: tuple[tuple[str, str], ...] = (
    ("#000000", N_("black")),
    ("#666666", N_("grey")),
    ("#D55E00", N_("red")),
    ("#E69F00", N_("orange")),
    ("#F0E442", N_("yellow")),
    ("#009E73", N_("green")),
    ("#56B4E9", N_("light blue")),
    ("#0072B2", N_("blue")),
    ("#7a4a21", N_("brown")),
    ("#ffffff", N_("white")),
)
PNG = "data:image/png;base64,"
LONGEST = 2_000_000
"""Characters of a drawing: what the browser sends is a stranger's."""
HERE = Path(__file__).parent


@functools.lru_cache(maxsize=1)
def _sheet() -> Callable[..., Any]:
    return st.components.v2.component(
        "lienzo_sheet",
        html=f'<div class="sheet">\n<canvas width="{SIDE}" height="{SIDE}" role="img"></canvas>'
        '<div class="tools"></div></div>',
        css=(HERE / "canvas.css").read_text(encoding="utf-8"),
        js=(HERE / "canvas.js").read_text(encoding="utf-8"),
    )


@functools.lru_cache(maxsize=1)
def _paste_place() -> Callable[..., Any]:
    return st.components.v2.component(
        "lienzo_paste",
        html="<span></span>",
        css="span {\n font-family: var(--st-font); font-size: .875rem; opacity: .75 }",
        js=(HERE / "paste.js").read_text(encoding="utf-8"),
    )


def sheet(ink: Ink | None) -> Image.Image | None:
    """The sheet, and what is drawn on it so far; a dark one with a light pen where the run has
    learnt from such images, a white one with colours for photographs."""
    if ink is None:
        paper, pens = "#ffffff", [{"colour": colour, "name": _(name)} for colour, name in PENS]
    else:
        paper, pens = _grey(ink.paper), [{"colour": _grey(ink.pen), "name": ""}]
    result = _sheet()(
        data={
            "paper": paper,
            "pens": pens,
            "width": WIDTH,
            "label": _("Draw here with mouse, finger or pen"),
            "undo": _("Undo"),
            "clear": _("Clear"),
            "brush": _("Brush"),
        },
        # Another paper is another sheet: strokes in the colour of the paper would be lost on it.
        key=f"sheet.{paper}",
        on_png_change=lambda: None,
    )
    return decoded(result.png or "")


def decoded(url: object) -> Image.Image | None:
    """The drawing that the browser has sent; None for an empty sheet.

    Raises:
        ImageError: if it is no drawing.
    """
    if not url:
        return None
    nothing = ImageError(N_("What the browser has sent is not a drawing."))
    if not isinstance(url, str) or not url.startswith(PNG) or len(url) > LONGEST:
        raise nothing
    try:
        data = base64.b64decode(url.removeprefix(PNG), validate=True)
    except ValueError as error:
        raise nothing from error
    # Before it is decoded: a picture of one colour has few bytes and many pixels.
    if read_header(data).size != (SIDE, SIDE):
        raise nothing
    return decode_image(data).image


def _grey(level: int) -> str:
    return f"#{level:02x}{level:02x}{level:02x}"


def paste_place(uploader: str) -> None:
    """Pictures pasted anywhere on the page go to the uploader of this key."""
    _paste_place()(
        data={
            "uploader": uploader,
            "hint": _("Or paste a picture from the clipboard: Ctrl+V (Mac: ⌘V)."),
            "name": _("pasted"),
        },
        key=f"paste.{uploader}",
        height="content",
    )
