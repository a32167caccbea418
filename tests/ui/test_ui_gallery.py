"""Thumbnails: nothing but text in the captions, every pixel in the picture."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from ui.gallery import SHARPNESS, Thumb, data_url, gallery_html, shown_size

RNG = np.random.default_rng(0)


def picture(side: int, channels: int = 3) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return RNG.integers(0, 256, (side, side, channels), dtype=np.uint8)


def decoded(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2])))


class Reader(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


@pytest.mark.parametrize("name", ["<script>x</script>", 'a" onload="x', "it's & <b>", "🦊"])
def test_any_name_is_shown_as_it_is(name: str) -> None:
    page = read(gallery_html([Thumb(picture(8), (name, name), name, "bad")]))
    assert {tag for tag, _ in page.tags} == {
        "style", "ul", "li", "figure", "img", "figcaption", "span",
    }  # fmt: skip
    image = next(attributes for tag, attributes in page.tags if tag == "img")
    # Joiners cannot be seen; without them the browser would drop a text with a tag in it.
    assert str(image["alt"]).replace("\u2060", "") == name
    assert "</script" not in str(image["alt"])
    assert set(image) == {"class", "style", "width", "height", "alt", "src"}
    assert page.words[-2:] == [f"× {name}", name]


@pytest.mark.parametrize("channels", [1, 3])
def test_small_pictures_keep_every_pixel(channels: int) -> None:
    pixels = picture(28, channels)
    found = np.asarray(decoded(data_url(pixels)))
    assert np.array_equal(found, pixels[..., 0] if channels == 1 else pixels)


def test_photographs_are_sent_no_larger_than_seen() -> None:
    image = decoded(data_url(picture(600), 100))
    assert image.size == (SHARPNESS * 100, SHARPNESS * 100)


def test_another_picture_is_another_url() -> None:
    one = picture(8)
    other = one.copy()
    other[0, 0, 0] ^= 1
    assert data_url(one) == data_url(one.copy()) != data_url(other)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((8, 8), (96, 96, True)),
        ((28, 28), (84, 84, True)),
        ((8, 16), (96, 48, True)),
        ((1, 1), (96, 96, True)),
        ((96, 96), (96, 96, True)),
        ((192, 96), (48, 96, False)),
        ((2, 2000), (96, 1, False)),
    ],
)
def test_shown_size(shape: tuple[int, int], size: tuple[int, int, bool]) -> None:
    assert shown_size(shape, 96) == size


def test_an_empty_gallery_is_html_too() -> None:
    assert gallery_html([]).endswith("</ul>")


def test_pictures_as_buttons_and_marked() -> None:
    items = [Thumb(picture(8), ("cat",), "a cat"), Thumb(picture(8), ("dog",), "dog", noted=True)]
    page = read(gallery_html(items, buttons=[40, 7]))
    buttons = [attributes for tag, attributes in page.tags if tag == "button"]
    assert buttons == [{"type": "button", "data-lz": "40"}, {"type": "button", "data-lz": "7"}]
    assert page.words[-2:] == ["cat", "✎ dog"]
    assert "button" not in {tag for tag, _ in read(gallery_html(items)).tags}
