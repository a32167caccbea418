"""An empty artifacts directory for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "artifacts")
