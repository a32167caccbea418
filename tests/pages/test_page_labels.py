"""The label check of the Errors page: what is offered, what is decided, and what comes of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.decisions import Decided, Verdict, decide, decisions, read_acts
from core.datasets.deriving import derive_dataset
from core.datasets.jobs import JobProgress, list_imports
from core.datasets.recipe import Recipe
from core.datasets.work import Derive
from core.errors import RunError
from core.evaluation.labels import find_issues
from core.evaluation.predictions import Predictions, save_predictions
from core.lab import Lab
from core.paths import write_atomic
from core.records import RunRecord, RunStatus
from tests.datasets.prepared import opened, prepared
from tests.pages.conftest import OpenPage, plain
from ui import labels_version
from ui.errors_labels import GALLERY
from ui.tick_gallery import Pressed

MakeRun = Callable[..., RunRecord]
WRONG = (5, 9)
"""Rows of the test split that are planted: labelled as the next class."""
NAMES = ("cat", "dog", "cow")


@pytest.fixture(autouse=True)
def _in_this_process(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the computing process."""
    monkeypatch.setattr(lab.compute, "find_label_issues", lambda *arrays: tuple(find_issues(*arrays)))


@pytest.fixture
def run(lab: Lab, make_run: MakeRun) -> RunRecord:
    """30 images of three classes, of which the network is sure; two of them are labelled wrong."""
    truth = np.arange(30) % 3
    given = truth.copy()
    given[list(WRONG)] = (given[list(WRONG)] + 1) % 3
    rows = [(NAMES[label], i) for i, label in enumerate(given.tolist())]
    train = [(name, 100 + i) for i, name in enumerate(NAMES)]
    info = prepared(lab.paths, "pets", {"train": train, "test": rows})
    record = make_run(dataset=info, accuracy=1.0)
    proba = np.full((30, 3), 0.05, np.float32)
    proba[np.arange(30), truth] = 0.9
    proba[9] = [0.96, 0.02, 0.02]  # the clearest contradiction
    proba[20] = [0.48, 0.02, 0.5]
    predictions = Predictions(given.astype(np.int32), proba, np.arange(30))
    save_predictions(lab.paths.run(record.id).predictions, {"test": predictions})
    return record


def opened_at(app: OpenPage, run: RunRecord, lang: str = "en") -> AppTest:
    page = app("errors", run, lang=lang)
    page.segmented_control(key="errors.view").set_value("labels").run()
    assert not page.exception, page.exception
    return page


def shown(page: AppTest) -> list[str]:
    """First lines of the pictures."""
    import json

    grids = page.get("bidi_component")
    return [item["lines"][0] for grid in grids for item in json.loads(grid.proto.json)["items"]]


def said(page: AppTest) -> str:
    blocks = (page.info, page.warning, page.error, page.success, page.caption, page.text)
    return "\n".join(plain(str(e.value)) for block in (*blocks, page.markdown) for e in block)


def tick(page: AppTest, run: RunRecord, *rows: int) -> AppTest:
    key = f"{GALLERY}.{run.id}.test"
    state = page.session_state
    generation = state[f"{key}.generation"] if f"{key}.generation" in state else 0
    page.session_state[key] = {"ticked": {"generation": generation, "ids": [*map(str, rows)]}}
    return page.run()


def press(page: AppTest, name: str) -> AppTest:
    page.button(key=f"labels.{name}").click().run()
    assert not page.exception, page.exception
    return page


def held(lab: Lab) -> dict[tuple[str, int], tuple[str, str]]:
    fingerprint = fingerprint_of(lab, "pets")
    found = decisions(read_acts(lab.paths, fingerprint))
    return {tuple(place): (d.verdict.value, d.label) for place, d in found.items()}


def fingerprint_of(lab: Lab, name: str) -> str:
    from core.datasets.registry import open_dataset

    return open_dataset(lab.paths, name).info.fingerprint


def test_probe(app: OpenPage, lab: Lab, run: RunRecord) -> None:
    page = opened_at(app, run)
    print(page.main)
    print(said(page))
    print(held(lab))
    page = tick(page, run, 9)
    print(said(page))
    page = press(page, "suggested")
    print(held(lab))
    assert 0
