"""Rows of pictures: any name is shown as it is."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ui.test_ui_gallery import read
from ui.strips import Strip, strips_html


@pytest.mark.parametrize("name", ["<script>x</script>", 'a" onload="x', "</title> it's & <b>"])
def test_any_name_is_shown_as_it_is(name: str) -> None:
    page = read(strips_html([Strip(name, "", [np.zeros((8, 8, 3), np.uint8)], [name])]))
    image = next(attributes for tag, attributes in page.tags if tag == "img")
    assert set(image) == {"class", "width", "height", "alt", "title", "src"}
    assert str(image["title"]).replace("\u2060", "") == name
    # The browser's sanitiser would drop the attribute.
    assert "</" not in str(image["title"])
    assert name in page.words
