"""Names that users gave to files and classes, where they would be misread or too long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

# Besides Markdown's own signs: $ begins a formula, : an icon or a colour.
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")


def literal(text: str) -> str:
    """The text so that Markdown shows it as it is, on one line."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def shortened(names: Sequence[str], longest: int = 24) -> list[str]:
    """The names for an axis: long ones cut short, unless two would be the same then."""
    short = [name if len(name) <= longest else f"{name[: longest - 1]}…" for name in names]
    times = Counter(short)
    return [cut if times[cut] == 1 else name for cut, name in zip(short, names, strict=True)]
