"""A training out of time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.signals import StopSignal


def test_the_signal_comes_when_the_time_is_over_and_not_before(tmp_path: Path) -> None:
    signal = StopSignal()
    with signal.watching(tmp_path / "stop", seconds=3600):
        time.sleep(0.25)
        assert signal.reason is None
    with signal.watching(tmp_path / "stop", seconds=-1):
        end = time.monotonic() + 10
        while signal.reason is None and time.monotonic() < end:
            time.sleep(0.01)
    assert signal.reason == "minutes"
    signal.set("user")
    assert signal.reason == "minutes"


@pytest.mark.parametrize(("content", "reason"), [("", "user"), ("pruned", "pruned")])
def test_the_file_says_who_asks(tmp_path: Path, content: str, reason: str) -> None:
    signal = StopSignal()
    (tmp_path / "stop").write_text(content)
    with signal.watching(tmp_path / "stop"):
        end = time.monotonic() + 10
        while signal.reason is None and time.monotonic() < end:
            time.sleep(0.01)
    assert signal.reason == reason
