"""The same training on every backend of Keras that is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.jobs.workers import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_run_is_trained_resumed_kept_and_loaded(backend: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    said = subprocess.run(
        [sys.executable, "-m", "tests.training.on_backend", str(tmp_path / "lab")],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout.splitlines()[-1])
    assert told["backend"] == backend
    assert not told["sklearn"]  # which Keras would load by itself, see core/__init__.py
    assert told["failure"] is None
    assert told["statuses"] == ["interrupted", "finished"]
    whole, broken = told["losses"]
    assert len(whole) == 3
    assert broken == whole
    assert told["off"] < 1e-5
