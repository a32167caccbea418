from __future__ import annotations

from pathlib import Path

import pytest

from core.paths import Paths
from core.store import Store
from tests.training.helpers import make_stripes


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A lab with the dataset ``stripes``."""
    made = Paths(tmp_path).create()
    make_stripes(made)
    return made


@pytest.fixture
def store(paths: Paths) -> Store:
    return Store(paths)
