"""``lr-find`` in the foreground."""

from __future__ import annotations

import pytest

from core.datasets.registry import ensure_digits
from core.paths import Paths
from tests.commands.driving import Cli

WORDS = ("lr-find", "--preset", "mlp", "--dataset", "digits", "--set", "model.units=16")


@pytest.mark.slow
def test_it_suggests_a_rate_and_keeps_nothing(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_digits(paths)
    cli = Cli(paths, capsys)
    found = cli.json(*WORDS)
    assert 1e-4 < found["valley"] < 0.3
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert list(paths.runs.iterdir()) == []
    assert f"optimizer.learning_rate={found['valley']:.2g}" in cli.text(*WORDS)


def test_what_cannot_work_is_refused_before_keras_is_loaded(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure_digits(paths)
    cli = Cli(paths, capsys)
    assert "optimizer.name" in cli.refused(*WORDS, "--set", "optimizer.name=best")
    assert "no preset" in cli.refused("lr-find", "--preset", "best", "--dataset", "digits")
