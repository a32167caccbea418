"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

from core.paths import Paths

LONG = (
    "jobs/test_processes.py",
    "training/test_transfer.py",
    "test_augment.py",
    "commands/test_cli_training.py",
    "test_architectures.py",
    "search/test_search_processes.py",
    "browser/test_journey.py",
    "training/test_resume_knobs.py",
    "training/test_resume.py",
    "browser/test_browser_errors.py",
    "training/test_training.py",
    "ensembles/test_ensemble_runs.py",
    "browser/test_browser_tune.py",
    "inspection/test_inspection_jobs.py",
    "browser/test_data_predict.py",
    "jobs/test_compute.py",
    "training/test_backends.py",
    "training/test_caps_of_runs.py",
)
"""The files that take longest, to be begun first; those that mostly wait (for processes, for
Chromium) stand between those that compute. Left to the end, when there is nothing else to do
meanwhile, the last tenth of all tests took as long as the nine before it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONG)}
    here = Path(__file__).parent
    items.sort(key=lambda item: place.get(item.path.relative_to(here).as_posix(), len(LONG)))


def pytest_collection_finish() -> None:
    """Keras and Streamlit are loaded by now: a million objects that stay to the end. Out of the
    sight of the garbage collection they cost a tenth less of the processor time of all tests.

    TensorFlow rewrites every graph before its first step, to save time in the next thousand; here
    most make six. The processes that tests start, and all users', still do so."""
    gc.collect()
    gc.freeze()
    if "tensorflow" in sys.modules:
        options = {"disable_meta_optimizer": True}
        sys.modules["tensorflow"].config.optimizer.set_experimental_options(options)


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a lab of their own."""
    for name in [name for name in os.environ if name.startswith("LIENZO_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """An empty artifacts directory."""
    return Paths(tmp_path / "artifacts").create()
