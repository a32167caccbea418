"""Names that users gave, in the places where Streamlit reads Markdown."""

from __future__ import annotations

import re

# Besides Markdown's own signs: $ begins a formula, : an icon or a colour.
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")


def literal(text: str) -> str:
    """The text so that Markdown shows it as it is, on one line."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
