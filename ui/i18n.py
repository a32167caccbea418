"""Two languages: gettext catalogues read straight from ``locales/``, numbers by Babel.

The catalogues are the ``.po`` files themselves, compiled in memory: what a translator edits is
what the app shows.
"""

from __future__ import annotations

import functools
import gettext
import io
from collections.abc import Callable
from datetime import datetime
from numbers import Integral
from pathlib import Path

import streamlit as st
from babel.dates import format_datetime, get_timezone
from babel.messages import mofile, pofile
from babel.numbers import format_decimal

from core.errors import LabError, Text, Value

LANGUAGES = {"en": "English", "es": "Español"}
LOCALES = Path(__file__).parents[1] / "locales"


@functools.lru_cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The translations of a language; English is what stands in the code."""
    source = LOCALES / language / "LC_MESSAGES" / "lienzo.po"
    if not source.is_file():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with source.open("rb") as file:
        mofile.write_mo(compiled, pofile.read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def language() -> str:
    """What this session reads: its own choice, else its browser's, else English."""
    chosen = st.session_state.get("lang") or (st.context.locale or "en")[:2]
    return chosen if chosen in LANGUAGES else "en"


def _(message: str, **values: Value) -> str:
    """The message in the session's language, with numbers in its way of writing them."""
    # An empty msgid would give the catalogue's header.
    translated = catalogue(language()).gettext(message) if message else ""
    return translated.format(**{k: _shown(v) for k, v in values.items()}) if values else translated


def ngettext(one: str, many: str, n: int, **values: Value) -> str:
    """``one`` or ``many``, with ``{n}`` filled in."""
    translated = catalogue(language()).ngettext(one, many, n)
    return translated.format(n=number(n), **{k: _shown(v) for k, v in values.items()})


def say(message: Text) -> str:
    """A sentence of ``core`` in the session's language."""
    return message.render(_, _shown)


def say_error(error: LabError) -> str:
    """An error, and what to do about it."""
    parts = [error.on_screen, *([error.remedy] if error.remedy else [])]
    return " ".join(say(part) for part in parts)


def _shown(value: Value) -> Value:
    return value if isinstance(value, str) else number(value)


def number(value: float, digits: int = 4) -> str:
    """A number as it is written in the session's language: ``12,345`` or ``12.345``, ``0,05``.

    Spanish groups from five digits on: a ``1.797`` would be read as a decimal in half of America.
    """
    grouped = language() != "es" or abs(value) >= 10_000
    if isinstance(value, Integral):
        return str(format_decimal(int(value), locale=language(), group_separator=grouped))
    rounded = float(f"{value:.{digits}g}")
    pattern = "#,##0.########"
    return str(format_decimal(rounded, pattern, language(), group_separator=grouped))


def decimal(value: float, places: int) -> str:
    """A number with so many decimals, for what stands beside others of its kind."""
    return str(format_decimal(value, "#,##0." + "0" * places, language()))


def quick_number(digits: int = 3) -> Callable[[float], str]:
    """A writer of many numbers, as charts need: 50 times as quick as :func:`number`, which
    asks Babel and the session for every single one."""
    comma = str(format_decimal(0.5, locale=language()))[1]
    return lambda value: f"{value:.{digits}g}".replace(".", comma)


def percent(share: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as ``93.5 %``; a dash where there is none."""
    if share is None:
        return "–"
    pattern = "#,##0." + "0" * digits if digits else "#,##0"
    return f"{format_decimal(100 * share, pattern, language())} %"


def compact(count: int | None) -> str:
    """A count as ``1.2 M``, ``350 k`` or ``812``; a dash where there is none."""
    if count is None:
        return "–"
    for limit, suffix in ((999_500, " M"), (10_000, " k")):  # 999,500 would be 1,000 k
        if count >= limit:
            scale = 1_000_000 if suffix == " M" else 1_000
            pattern = "#,##0.0" if count < 100 * scale else "#,##0"
            return f"{format_decimal(count / scale, pattern, language())}{suffix}"
    return number(count)


def duration(seconds: float | None) -> str:
    """Seconds as ``8.4 s``, ``1 min 20 s`` or ``2 h 05 min``; a dash where there are none."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{format_decimal(seconds, '0.0', language())} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def moment(when: datetime | None) -> str:
    """A point in time in the browser's own time zone."""
    if when is None:
        return "–"
    zone = get_timezone(st.context.timezone or "UTC")
    return str(format_datetime(when, "d MMM, HH:mm", tzinfo=zone, locale=language()))
