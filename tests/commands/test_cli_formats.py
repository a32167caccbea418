from __future__ import annotations

import pytest

from core.commands import formats


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (80, "1 min 20 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_duration_shows_the_two_largest_units(seconds: float | None, shown: str) -> None:
    assert formats.duration(seconds) == shown


@pytest.mark.parametrize(
    ("n", "shown"),
    [
        (None, "–"),
        (0, "0"),
        (9482, "9,482"),
        (10_000, "10.0 k"),
        (999_940, "999.9 k"),
        (999_960, "1.0 M"),
        (1_234_567, "1.2 M"),
        (7_100_000_000, "7.1 G"),
    ],
)
def test_amount_has_a_letter_from_ten_thousand_on(n: float | None, shown: str) -> None:
    assert formats.amount(n) == shown


def test_percent_and_number_show_a_dash_for_what_is_not_known() -> None:
    assert formats.percent(0.935) == "93.5 %"
    assert formats.percent(0.0) == "0.0 %"
    assert formats.percent(None) == "–"
    assert formats.number(0.21345) == "0.213"
    assert formats.number(None) == "–"


def test_table_aligns_columns_by_what_a_terminal_shows() -> None:
    shown = formats.table(
        ("class", "n"), [("ab", "7"), ("猫", "12"), ("e\u0301", "3")], right=["n"]
    )
    assert shown.splitlines() == [
        "class   n",
        "ab      7",
        "猫     12",  # two columns wide
        "e\u0301       3",  # an accent of its own takes no column
    ]


def test_names_cannot_steer_the_terminal() -> None:
    assert formats.printable("a\x1b[2Jb\nc") == "a\\x1b[2Jb\\nc"
    assert "\x1b" not in formats.table(("x",), [("\x1b[31mred",)])
    assert formats.printable("niño 😀") == "niño 😀"


def test_shape_names_width_first() -> None:
    assert formats.shape((48, 64, 3)) == "64×48 px RGB"
    assert formats.shape((8, 8, 1)) == "8×8 px grey"
