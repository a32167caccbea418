"""Many small pictures with captions as one element: no column and no request for each of them."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

SIZE = 128
"""Side of a thumbnail on the screen, in pixels, unless the caller wants another."""
LOSSLESS = 96
"""Up to this side every pixel is sent as it is; larger pictures are photographs, sent as JPEG."""
SHARPNESS = 2
"""Pixels sent per pixel of the page at most: what a good screen can show."""

# Blue and orange, for every kind of colour vision; the sign says the same without colour.
_TONES = {"good": ("#0072B2", "✓ "), "bad": ("#D55E00", "× "), None: ("transparent", "")}
_NOTED = "✎ "
# Never with a leading newline: st.html would take a body of style tags only for an event.
_STYLE = """<style>
ul.lz-gallery{display:flex;flex-wrap:wrap;gap:.75rem;list-style:none}
ul.lz-gallery,.lz-gallery li,.lz-gallery figure{margin:0!important;padding:0!important}
.lz-gallery img{display:block;border-radius:.2rem;border-bottom:3px solid transparent}
.lz-gallery img.lz-pixels{image-rendering:pixelated}
.lz-gallery figcaption{font-size:.78rem;line-height:1.3;margin-top:.3rem}
.lz-gallery button{display:block;padding:0;border:0;background:none;cursor:progress}
[data-lz-listens] .lz-gallery button{cursor:pointer}
.lz-gallery button:hover img{filter:brightness(1.15)}
.lz-gallery button:focus-visible{outline:3px solid #E69F00;outline-offset:2px}
.lz-gallery span{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:1;
overflow:hidden;overflow-wrap:anywhere}
.lz-gallery span:first-child{-webkit-line-clamp:2}
.lz-gallery span:not(:first-child){opacity:.75}
</style>"""


class Thumb(NamedTuple):
    """A picture uint8 (h, w, c), c 1 or 3, and what stands under and behind it, as plain text.

    ``tone`` marks a right or a wrong answer; ``alt`` is also shown when the pointer rests on it;
    ``noted`` says that somebody has written about it.
    """

    image: NDArray[np.uint8]
    caption: Sequence[str]
    alt: str
    tone: Literal["good", "bad"] | None = None
    noted: bool = False


def gallery(items: Sequence[Thumb], *, key: str, size: int = SIZE) -> None:
    """The pictures side by side in reading order, ``size`` pixels wide and high at most."""
    with st.container(key=key):
        st.html(gallery_html(items, size))


def gallery_html(
    items: Sequence[Thumb], size: int = SIZE, *, buttons: Sequence[int] | None = None
) -> str:
    """What :func:`gallery` shows; every text in it is escaped.

    With ``buttons``, a number per picture, each can be pressed: see :mod:`ui.picking`.
    """
    numbers = buttons if buttons is not None else [None] * len(items)
    figures = "".join(_figure(*of, size) for of in zip(items, numbers, strict=True))
    return f'{_STYLE}<ul class="lz-gallery" role="list">{figures}</ul>'


def _figure(item: Thumb, number: int | None, size: int) -> str:
    width, height, whole = shown_size(item.image.shape, size)
    colour, sign = _TONES[item.tone]
    alt = attribute(item.alt)
    first, *rest = item.caption or [""]
    sign += _NOTED if item.noted else ""
    lines = "".join(f"<span>{html.escape(line)}</span>" for line in (sign + first, *rest))
    picture = (
        f'<img class="{"lz-pixels" if whole else ""}" style="border-color:{colour}" '
        f'width="{width}" height="{height}" alt="{alt}" src="{data_url(item.image, size)}">'
    )
    if number is not None:
        picture = f'<button type="button" data-lz="{number}">{picture}</button>'
    return (
        f'<li style="width:{size}px"><figure title="{alt}">{picture}'
        f"<figcaption>{lines}</figcaption></figure></li>"
    )


def attribute(text: str) -> str:
    """Text for an attribute. The browser's sanitiser drops those in which it sees a closing tag,
    escaped or not: an invisible joiner keeps it from seeing one."""
    return html.escape(text.replace("<", "<\u2060").replace(">", "\u2060>"))


def shown_size(shape: tuple[int, ...], size: int) -> tuple[int, int, bool]:
    """(width, height) on the page, and whether every pixel is a square of whole page pixels.

    Small pictures grow by a whole factor, because uneven pixels look like a pattern.
    """
    height, width = shape[:2]
    factor = size // max(height, width)
    if factor >= 1:
        return width * factor, height * factor, True
    scale = size / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale)), False


def data_url(image: NDArray[np.uint8], size: int = SIZE) -> str:
    """The picture as the ``src`` of an ``<img>`` that shows it at most ``size`` pixels large."""
    pixels = np.ascontiguousarray(image)
    # By content, so that it never shows yesterday's picture: hashing costs less than encoding.
    digest = blake2b(pixels.data, digest_size=16).hexdigest()
    return _encoded(pixels, digest, pixels.shape, size)


@st.cache_data(show_spinner=False, max_entries=4096)
def _encoded(_pixels: NDArray[np.uint8], digest: str, shape: tuple[int, ...], size: int) -> str:
    if max(shape[:2]) <= LOSSLESS:
        kind, data = "png", _saved(_as_image(_pixels), "PNG", compress_level=3)
    else:
        picture = _as_image(_pixels)
        picture.thumbnail((SHARPNESS * size, SHARPNESS * size))
        kind, data = "jpeg", _saved(picture, "JPEG", quality=90)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _as_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """A Pillow image of (h, w, 1), (h, w, 3) or (h, w) pixels."""
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
