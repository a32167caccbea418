"""What the teacher allows."""

from __future__ import annotations

import pytest

from core.caps import check_caps, has_teacher_pin, is_teacher_pin, max_minutes, within_caps
from core.config import RunConfig
from core.errors import ConfigError

LONG = RunConfig().with_values({"train.epochs": 50, "train.time_limit": 30})


def test_without_caps_everything_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIENZO_MAX_EPOCHS", raising=False)
    monkeypatch.setenv("LIENZO_MAX_MINUTES", " ")
    check_caps(LONG)
    assert within_caps(LONG) == LONG


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("LIENZO_MAX_EPOCHS", "limited to 10 on this server; 50 were asked for"),
        ("LIENZO_MAX_MINUTES", "at most 10 min per run; the time limit is 30 min"),
    ],
)
def test_what_is_longer_is_refused_and_can_be_shortened(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setenv(name, "10")
    with pytest.raises(ConfigError, match=said):
        check_caps(LONG)
    shorter = within_caps(LONG)
    check_caps(shorter)
    assert sorted([shorter.train.epochs, shorter.train.time_limit])[0] == 10
    check_caps(RunConfig().with_values({"train.epochs": 10, "train.time_limit": 0}))


@pytest.mark.parametrize("wanted", ["0", "-3", "1.5", "ten"])
def test_a_cap_that_cannot_be_meant_is_told(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setenv("LIENZO_MAX_MINUTES", wanted)
    with pytest.raises(ConfigError, match=f"LIENZO_MAX_MINUTES: expected.*received {wanted}"):
        max_minutes()


def test_the_teachers_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIENZO_TEACHER_PIN", raising=False)
    assert not has_teacher_pin()
    assert not is_teacher_pin("")
    monkeypatch.setenv("LIENZO_TEACHER_PIN", "pinguño")
    assert has_teacher_pin()
    assert is_teacher_pin("pinguño")
    assert not is_teacher_pin("pinguno")
