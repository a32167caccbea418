"""A lab with the digits and a database whose tables are made: copied, not made anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.paths import Paths
from tests.search.helpers import Hall


@pytest.fixture(scope="session")
def prepared_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hall = Hall(Paths(tmp_path_factory.mktemp("prepared")).create())
    hall.rows(hall.create())
    hall.restart()
    hall.store.close()
    shutil.rmtree(hall.paths.studies)
    return hall.paths.root


@pytest.fixture
def paths(tmp_path: Path, prepared_lab: Path) -> Paths:
    shutil.copytree(prepared_lab, tmp_path / "artifacts")
    return Paths(tmp_path / "artifacts").create()


@pytest.fixture
def hall(paths: Paths) -> Iterator[Hall]:
    made = Hall(paths)
    yield made
    made.conductor.close()
