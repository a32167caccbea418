"""How the tests call the command line, and what they let it work on."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.__main__ import main
from core.config import RunConfig
from core.evaluation.predictions import Predictions, save_predictions
from core.paths import Paths
from core.records import RunRecord, RunStatus, RunSummary
from core.store import Store


class Cli:
    """Runs commands on one artifacts directory and gives back what they printed."""

    def __init__(self, paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
        self.paths = paths
        self._capsys = capsys
        self.err = ""

    def text(self, *words: str, code: int = 0) -> str:
        self._capsys.readouterr()
        received = main(["--artifacts", str(self.paths.root), *words])
        out, self.err = self._capsys.readouterr()
        assert received == code, self.err
        return out

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.text(*words, "--json", code=code))

    def refused(self, *words: str) -> str:
        """Wrong use: exit code 2, one sentence, no traceback, the same sentence in JSON."""
        answer = self.json(*words, code=2)
        assert set(answer) == {"error", "kind", "remedy"}
        lines = self.err.strip().splitlines()
        assert len(lines) == 1
        assert lines[0].startswith(f"error: {answer['error']}")
        assert "Traceback" not in self.err
        assert self.text(*words, code=2) == ""
        return str(answer["error"])


def png(color: tuple[int, int, int], size: tuple[int, int] = (12, 10)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return buffer.getvalue()


def finished_run(store: Store, **changes: Any) -> RunRecord:
    """A run over three images of three classes; image 1, of class 1, was taken for class 0."""
    record = store.create(RunConfig(), owner="cli", preset="digits-quick").changed(
        status=RunStatus.FINISHED,
        class_names=("zero", "one", "two"),
        image_shape=(8, 8, 1),
        resize="stretch",
        summary=RunSummary(
            epochs=3, best_epoch=2, parameters=1_234_567, seconds=80, test_accuracy=0.935
        ),
    )
    record = record.changed(**changes)
    store.save(record)
    proba = np.array([[0.8, 0.1, 0.1], [0.7, 0.3, 0.0], [0.1, 0.9, 0.0]], np.float32)
    split = Predictions(np.array([0, 1, 1], np.int32), proba, np.array([5, 3, 9]))
    save_predictions(store.paths.run(record.id).predictions, {"test": split, "val": split})
    return record
