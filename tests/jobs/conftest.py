from __future__ import annotations

from pathlib import Path

import pytest

from core.datasets.digits import ensure_digits
from core.paths import Paths
from tests.jobs.helpers import lab_with_digits


@pytest.fixture(scope="session")
def prepared_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    paths = Paths(tmp_path_factory.mktemp("digits")).create()
    ensure_digits(paths)
    return paths.datasets


@pytest.fixture
def paths(tmp_path: Path, prepared_digits: Path) -> Paths:
    """A lab with nothing but the digits."""
    return lab_with_digits(tmp_path, prepared_digits)
