"""How figures of the Errors page are written."""

from __future__ import annotations

import pytest

from ui.errors_view import area


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "–"), (0.5, "0.5"), (0.79219, "0.792"), (0.99972, "0.9997"), (1.0, "1")],
)
def test_only_a_whole_area_is_written_as_one(value: float | None, written: str) -> None:
    assert area(value) == written
