"""A training out of time."""

from __future__ import annotations

import time
from pathlib import Path

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
