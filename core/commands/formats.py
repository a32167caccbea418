"""Numbers and tables for a terminal, in English. Every number has its unit."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

NOTHING = "–"
_SIZES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def percent(share: float | None) -> str:
    """0.935 → "93.5 %"."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def number(value: float | None, digits: int = 3, unit: str = "") -> str:
    """0.21345 → "0.213"."""
    return NOTHING if value is None else f"{value:.{digits}f} {unit}".rstrip()


def amount(n: float | None) -> str:
    """9482 → "9,482"; from ten thousand on "93.5 k", "1.2 M"."""
    if n is None:
        return NOTHING
    if n < 10_000:
        return f"{n:,.0f}"
    for size, letter in _SIZES:
        if n >= 0.99995 * size:  # 999,950 would be shown as 1000.0 k
            return f"{n / size:.1f} {letter}"
    return f"{n:,.0f}"


def duration(seconds: float | None) -> str:
    """80 → "1 min 20 s"; the two largest units."""
    if seconds is None:
        return NOTHING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def shape(image_shape: Sequence[int] | None) -> str:
    """(height, width, channels) → "32×32 px RGB"."""
    if image_shape is None:
        return NOTHING
    height, width, channels = image_shape
    return f"{width}×{height} px {'grey' if channels == 1 else 'RGB'}"


def printable(text: str) -> str:
    """File and class names come from strangers: none may steer the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[str] = ()) -> str:
    """Aligned columns, those named in ``right`` to the right, under a line of titles."""
    cells = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    to_right = [title in set(right) for title in header]
    return "\n".join(_line(row, widths, to_right) for row in cells)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """One aligned "name  value" line each."""
    rows = [(name, printable(value)) for name, value in pairs]
    widths = [max((_width(name) for name, _ in rows), default=0), 0]
    return "\n".join(_line(row, widths, [False, False]) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
    padded = []
    for cell, width, right in zip(row, widths, to_right, strict=True):
        gap = " " * max(0, width - _width(cell))
        padded.append(gap + cell if right else cell + gap)
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns of a terminal: Chinese characters and most emoji take two, accents none."""
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )
