"""The label check of the Errors page: what is offered, what is decided, and what comes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import sealing
from core.analysis.rows import Rows
from core.analysis.service import analysis_paths
from core.continuing import Next
from core.datasets import jobs
from core.datasets.decisions import Decided, Verdict, decide, decisions, read_acts
from core.datasets.deriving import derive_dataset
from core.datasets.jobs import JobProgress, list_imports
from core.datasets.recipe import Origin, Recipe
from core.datasets.registry import open_dataset
from core.datasets.work import Derive
from core.errors import DatasetError, RunError, text
from core.evaluation.labels import find_issues
from core.evaluation.predictions import Predictions, save_predictions
from core.following import plan_on
from core.lab import Lab
from core.parts import Start
from core.paths import write_atomic
from core.records import RunRecord, RunStatus
from tests.datasets.prepared import opened, prepared
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import HOSTILE, make_dataset
from ui import labels_desk, labels_version, tick_gallery
from ui.errors_labels import GALLERY, PER_PAGE

MakeRun = Callable[..., RunRecord]
Press = Callable[[str, str], None]
WRONG = (5, 9)
"""Rows of the test split that are planted: labelled as the next class."""
NAMES = ("cat", "dog", "cow")


@pytest.fixture(autouse=True)
def _in_this_process(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the computing process; nothing is sealed (see test_page_sealing)."""
    monkeypatch.setenv(sealing.SETTING, "0")
    monkeypatch.setattr(
        lab.compute, "find_label_issues", lambda *arrays: tuple(find_issues(*arrays))
    )


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
    page = app("start", run, lang=lang)
    page.session_state["errors.view"] = "labels"
    page.switch_page("pages/errors.py").run()
    assert not page.exception, page.exception
    return page


def pictures(page: AppTest) -> list[list[str]]:
    """The lines below every picture."""
    grids = page.get("bidi_component")
    return [item["lines"] for grid in grids for item in json.loads(grid.proto.json)["items"]]


def rows_shown(page: AppTest) -> list[str]:
    grids = page.get("bidi_component")
    return [item["id"] for grid in grids for item in json.loads(grid.proto.json)["items"]]


def shown(page: AppTest) -> list[str]:
    """The first of these lines."""
    return [lines[0] for lines in pictures(page)]


def said(page: AppTest) -> str:
    blocks = (page.info, page.warning, page.error, page.success, page.caption, page.text)
    return "\n".join(plain(str(e.value)) for block in (*blocks, page.markdown) for e in block)


def tick(page: AppTest, run: RunRecord, *rows: int) -> AppTest:
    key = f"{GALLERY}.{run.id}.test"
    counter = f"{key}.generation"
    # The test's session state has no get().
    generation = page.session_state[counter] if counter in page.session_state else 0  # noqa: SIM401
    page.session_state[key] = {"ticked": {"generation": generation, "ids": [*map(str, rows)]}}
    return page.run()


def press(page: AppTest, name: str) -> AppTest:
    page.button(key=f"labels.{name}").click().run()
    assert not page.exception, page.exception
    return page


def held(lab: Lab) -> dict[tuple[str, int], tuple[str, str]]:
    fingerprint = fingerprint_of(lab)
    found = decisions(read_acts(lab.paths, fingerprint))
    return {(p.split, p.row): (d.verdict.value, d.label) for p, d in found.items()}


def fingerprint_of(lab: Lab) -> str:
    return open_dataset(lab.paths, "pets").info.fingerprint


@pytest.fixture
def pressed(monkeypatch: pytest.MonkeyPatch) -> Press:
    """A letter that the browser sends with the next run of the page."""
    waiting: list[tuple[str, str]] = []

    def component(*, key: str, on_act_change: Callable[[], None], **rest: object) -> None:
        for verb, row in waiting:
            st.session_state[key] = {"act": {"verb": verb, "ids": [row]}}
            on_act_change()
        waiting.clear()

    monkeypatch.setattr(tick_gallery, "_COMPONENT", component)
    return lambda verb, row: waiting.append((verb, row))


def test_the_clearest_contradiction_first(app: OpenPage, run: RunRecord) -> None:
    page = opened_at(app, run)
    assert shown(page) == ["dog → cat", "cat → cow"]
    assert "2 images." in said(page)
    assert "right for 93.3 %" in said(page)
    assert "0 relabelled · 0 left out · 0 kept" in said(page)
    assert page.button(key="labels.keep").disabled
    assert page.button(key="labels.undo").disabled


def test_relabelled_as_suggested(app: OpenPage, lab: Lab, run: RunRecord) -> None:
    page = opened_at(app, run)
    page.sidebar.text_input(key="my_name").set_value("Ana").run()
    page = tick(page, run, *WRONG)
    assert "2 pictures ticked." in said(page)
    page = press(page, "suggested")
    assert held(lab) == {("test", 5): ("relabel", "cow"), ("test", 9): ("relabel", "cat")}
    assert "2 relabelled · 0 left out · 0 kept" in said(page)
    assert "Everything in this list is decided." in said(page)
    page.segmented_control(key="labels.list").set_value("decided").run()
    assert pictures(page) == [["cat", "→ cow", "Ana"], ["dog", "→ cat", "Ana"]]
    page = press(page, "undo")
    assert held(lab) == {}
    assert "about 2 images is taken back" in said(page)


def test_labels_of_the_training_split(app: OpenPage, lab: Lab, run: RunRecord) -> None:
    """Once the run was looked into: three images, of which the last is contradicted."""
    files = lab.paths.run(run.id).inspection
    files.folder.mkdir()
    proba = np.full((3, 3), 0.05, np.float32)
    proba[[0, 1, 2], [0, 1, 1]] = 0.9
    judged = Predictions(np.arange(3, dtype=np.int32), proba, np.arange(3))
    save_predictions(files.train_predictions, {"train": judged})
    page = opened_at(app, run)
    page.segmented_control(key="errors.split").set_value("train").run()
    page.segmented_control(key="labels.list").set_value("strange").run()
    assert "has learned these labels" in said(page)
    row = rows_shown(page)[0]
    page.session_state[f"{GALLERY}.{run.id}.train"] = {"ticked": {"generation": 0, "ids": [row]}}
    press(page.run(), "exclude")
    assert held(lab) == {("train", int(row)): ("exclude", "")}


def test_any_other_class_and_left_out(app: OpenPage, lab: Lab, run: RunRecord) -> None:
    page = opened_at(app, run)
    page.selectbox(key=f"labels.class.{fingerprint_of(lab)}").set_value(2).run()
    page = press(tick(page, run, 9), "relabel")
    page = press(tick(page, run, 5), "exclude")
    assert held(lab) == {("test", 5): ("exclude", ""), ("test", 9): ("relabel", "cow")}


def test_what_was_ticked_before_is_not_ticked_after(
    app: OpenPage, lab: Lab, run: RunRecord
) -> None:
    page = press(tick(opened_at(app, run), run, 9), "keep")
    assert held(lab) == {("test", 9): ("keep", "")}
    assert shown(page) == ["cat → cow"]
    assert page.button(key="labels.keep").disabled


def test_a_letter_decides(app: OpenPage, lab: Lab, run: RunRecord, pressed: Press) -> None:
    page = opened_at(app, run)
    pressed("suggested", "9")
    page.run()
    assert held(lab) == {("test", 9): ("relabel", "cat")}
    # From a browser, so anything: what is not shown, or not offered, is no decision.
    pressed("exclude", "3")
    pressed("delete", "5")
    page.run()
    assert len(held(lab)) == 1


def test_a_closer_look(app: OpenPage, run: RunRecord) -> None:
    page = tick(opened_at(app, run), run, *WRONG)
    assert page.button(key="labels.look").disabled  # one at a time
    page = press(tick(page, run, 9), "look")
    assert "test/9.png" in plain(page.get("dialog")[0].proto.dialog.title)
    page.run()
    assert not page.get("dialog")


def test_somebody_else_was_quicker(app: OpenPage, lab: Lab, run: RunRecord) -> None:
    page = tick(opened_at(app, run), run, *WRONG)
    theirs = [Decided(split="test", row=9, verdict=Verdict.EXCLUDE)]
    # Between the drawing of the page and the click.
    decide(lab.paths, fingerprint_of(lab), theirs, by="Leo")
    page.button(key="labels.suggested").click().run()
    assert held(lab) == {("test", 9): ("exclude", ""), ("test", 5): ("relabel", "cow")}
    assert "1 image was decided by somebody else in the meantime" in said(page)


def test_other_lists(app: OpenPage, run: RunRecord) -> None:
    page = opened_at(app, run)
    page.segmented_control(key="labels.list").set_value("ambiguous").run()
    assert shown(page) == ["cow → cat"]
    page.segmented_control(key="labels.list").set_value("strange").run()
    assert shown(page) == ["cow → cat"]
    page.segmented_control(key="labels.list").set_value("decided").run()
    assert "Nothing has been decided" in said(page)


def test_what_the_analysis_of_the_dataset_finds_strange(
    app: OpenPage, lab: Lab, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By turns with what the network finds; its rows are numbered through all splits."""
    dataset = open_dataset(lab.paths, "pets")
    result = analysis_paths(lab.paths, dataset.info).result("basic")
    result.parent.mkdir(parents=True)
    result.touch()
    rows = np.array([3 + 7, 0, 3 + 20, 3 + 8])  # three training images come first
    outliers = SimpleNamespace(row=rows)
    about = SimpleNamespace(rows=Rows.of(dataset), found=SimpleNamespace(outliers=outliers))
    monkeypatch.setattr(labels_desk, "understood", lambda dataset: about)
    page = opened_at(app, run)
    page.segmented_control(key="labels.list").set_value("strange").run()
    assert rows_shown(page) == ["20", "7", "8"]


def test_no_label_is_wrong(app: OpenPage, make_run: MakeRun) -> None:
    page = opened_at(app, make_run(accuracy=1.0))
    assert "No label of this split contradicts the network clearly." in said(page)
    assert shown(page) == []


def test_at_most_a_page_and_the_last_one_may_go(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    many = make_dataset(lab.paths, "many", rows={"val": 300})
    run = make_run(dataset=many)
    page = opened_at(app, run)
    assert len(shown(page)) == PER_PAGE
    assert page.get("pagination")


def test_without_the_images_nothing_can_be_checked(app: OpenPage, lab: Lab, run: RunRecord) -> None:
    shutil.rmtree(lab.paths.dataset("pets").folder)
    page = opened_at(app, run)
    assert "no longer here" in said(page)
    assert "Without the images no label can be checked." in said(page)


def test_a_deleted_dataset_can_be_looked_at_but_not_changed(
    app: OpenPage, lab: Lab, run: RunRecord
) -> None:
    lab.store.delete_dataset("pets", keep_images=True)
    page = opened_at(app, run)
    assert len(shown(page)) == 2
    assert "no version of it can be made any more" in said(page)


def test_the_computing_process_may_die(
    app: OpenPage, lab: Lab, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dead(*arrays: object) -> None:
        raise RunError("The computing process ended or took too long; please try again.")

    monkeypatch.setattr(lab.compute, "find_label_issues", dead)
    assert "please try again" in said(opened_at(app, run))


def test_names_from_outside_in_spanish(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    hostile = make_dataset(lab.paths, "hostile", HOSTILE)
    page = opened_at(app, make_run(dataset=hostile), lang="es")
    assert any(HOSTILE[0] in line for line in shown(page))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Derive, str]]:
    """Versions that were asked for, instead of processes that make them."""
    asked: list[tuple[Derive, str]] = []
    monkeypatch.setattr(
        labels_version, "start_work", lambda paths, work, name, about: asked.append((work, name))
    )
    return asked


def test_a_new_version_and_a_run_on_it(
    app: OpenPage, lab: Lab, run: RunRecord, begun: list[tuple[Derive, str]]
) -> None:
    page = opened_at(app, run)
    assert page.button(key="labels.make").disabled
    page = press(tick(page, run, 9), "suggested")
    page = press(tick(page, run, 5), "exclude")
    assert page.button(key="labels.make").label == "Make it with 2 changes"
    page = press(page, "make")
    ((work, name),) = begun
    assert name == "pets-v2"
    derive_dataset(lab.paths, work.recipe, name)  # as the job's process does
    page.run()
    assert "**pets-v2** · Images left out by hand: 1. Images given another class: 1." in said(page)
    before = opened(lab.paths, "pets")["test"]
    after = opened(lab.paths, "pets-v2")["test"]
    assert after == [*before[:5], *before[6:9], ("cat", 9), *before[10:]]
    page = page.button(key="labels.retrain.pets-v2").click().run()
    assert not page.exception
    (queued,) = lab.store.runs(RunStatus.QUEUED)
    assert queued.config == run.config.with_values({"data.dataset": "pets-v2"})
    assert page.session_state["run"] == queued.id
    assert page.segmented_control(key="train_view").value == "watch"


def test_a_run_on_another_dataset(lab: Lab, run: RunRecord) -> None:
    """One that went on from another network does so again, if the classes are those."""
    prepared(lab.paths, "others", {"train": [("cat", 1), ("fox", 2)]})
    assert plan_on(lab.store, run, "pets") == Next(run.config)
    gone_on = run.changed(start=Start(run="20260101-000000-000-aaaa", epochs=3))
    start = plan_on(lab.store, gone_on, "pets").start
    assert start is not None
    assert (start.kept_in, start.epochs) == (run.id, 3)
    with pytest.raises(DatasetError, match="other classes than those of “others”"):
        plan_on(lab.store, gone_on, "others")


def test_a_fold_that_went_on_is_no_fold_of_another_dataset(lab: Lab, run: RunRecord) -> None:
    """Dealt anew, it would be judged by images that its first network has learned from."""
    folded = run.config.with_values({"data.folds": 2, "data.fold": 0})
    assert plan_on(lab.store, run.changed(config=folded), "pets") == Next(folded)
    gone_on = run.changed(config=folded, start=Start(run="20260101-000000-000-aaaa", epochs=3))
    with pytest.raises(RunError, match="train from the beginning"):
        plan_on(lab.store, gone_on, "pets")


def test_a_name_that_is_taken_is_told(app: OpenPage, lab: Lab, run: RunRecord) -> None:
    page = press(tick(opened_at(app, run), run, 9), "suggested")
    page.text_input(key="labels.name").set_value("pets").run()
    page = press(page, "make")
    assert "A dataset called “pets” exists already." in said(page)
    assert list_imports(lab.paths) == []


def test_progress_and_failure_of_a_version(
    app: OpenPage, lab: Lab, run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(origins=(Origin(name="pets"),))
    monkeypatch.setattr(jobs, "_launch", lambda files: files.log.touch())
    job_id = jobs.start_work(lab.paths, Derive(recipe=recipe), "pets-v2", "pets")
    page = opened_at(app, run)
    assert "is being made" in page.get("progress")[0].proto.text
    failed = JobProgress(status="failed", message=text("The disk is full."))
    write_atomic(lab.paths.imports / job_id / "progress.json", failed.model_dump_json())
    page.run()
    assert "pets-v2: The disk is full." in said(page)
    page.button(key=f"labels.dismiss.{job_id}").click().run()
    assert "The disk is full." not in said(page)


def test_a_table_of_decisions_is_taken_over(app: OpenPage, lab: Lab, run: RunRecord) -> None:
    page = opened_at(app, run)
    table = b"split,row,decision,new\ntest,9,relabel,cat\ntrain,0,exclude,\n"
    page.file_uploader(key="labels.upload").upload("d.csv", table, "text/csv").run()
    assert not page.exception
    assert held(lab) == {("test", 9): ("relabel", "cat"), ("train", 0): ("exclude", "")}
    page.file_uploader(key="labels.upload").upload("bad.csv", b"a,b\n1,2\n", "text/csv").run()
    assert "A table of decisions has the columns" in said(page)
    assert len(held(lab)) == 2
