"""Names of files and classes: translated where we know them, never misread, never too long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from core.datasets.dataset import DatasetInfo
from core.datasets.vocabularies import msgid
from core.records import RunRecord
from ui.i18n import _, language

# Besides Markdown's own signs: $ begins a formula, : an icon or a colour.
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])")


def literal(text: str) -> str:
    """The text so that Markdown shows it as it is, on one line."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


def class_names(of: DatasetInfo | RunRecord) -> tuple[str, ...]:
    """The classes of a dataset or run as they are shown: in the reader's language if we know them
    from a vocabulary. What is stored, and what the command line says, stays as it is."""
    if language() == "en":
        return of.class_names
    known = (msgid(of.vocabulary, name) for name in of.class_names)
    return tuple(
        _(said) if said else name for said, name in zip(known, of.class_names, strict=True)
    )


def shortened(names: Sequence[str], longest: int = 24) -> list[str]:
    """The names for an axis: long ones cut short, unless two would be the same then."""
    short = [name if len(name) <= longest else f"{name[: longest - 1]}…" for name in names]
    times = Counter(short)
    return [cut if times[cut] == 1 else name for cut, name in zip(short, names, strict=True)]
