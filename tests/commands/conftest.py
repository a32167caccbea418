"""Fixtures of the command line's tests."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from core.paths import Paths
from core.store import Store
from tests.commands.driving import Cli, png


@pytest.fixture
def cli(paths: Paths, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(paths, capsys)


@pytest.fixture
def store(paths: Paths) -> Store:
    return Store(paths)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two classes of ten pictures each, and two files that are none."""
    file = tmp_path / "pets.zip"
    with zipfile.ZipFile(file, "w") as z:
        for i in range(10):
            z.writestr(f"cats/{i}.png", png((i, 0, 0)))
            z.writestr(f"dogs/{i}.png", png((0, i, 0)))
        z.writestr("dogs/broken.png", b"not a picture")
        z.writestr("__MACOSX/cats/._0.png", b"x")
    return file


@pytest.fixture
def no_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading it is an error."""
    for name in ("keras", "core.training", "core.commands.training_bar", "core.prediction"):
        monkeypatch.setitem(sys.modules, name, None)
