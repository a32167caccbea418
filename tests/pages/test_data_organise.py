"""The Data page: other datasets, zip files and names made of a dataset; its duplicates."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Multiselect

from core.datasets import import_job, jobs
from core.datasets.dataset import DatasetInfo
from core.datasets.jobs import JobPaths, list_imports
from core.datasets.registry import list_datasets, open_dataset
from core.lab import Lab
from core.records import RunRecord, RunStatus
from tests.datasets.prepared import opened, prepared
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import HOSTILE, make_dataset
from tests.pages.test_data import drawn, press, said, see
from ui.lineage import dropped_csv

ROWS = {
    "train": [("cat", 1), ("dog", 2), ("cat", 3), ("dog", 3), ("cow", 4), ("cat", 1)],
    "val": [("dog", 5), ("cat", 6)],
    "test": [("dog", 2), ("cow", 7)],
}


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are worked on by the test, when it wants."""
    monkeypatch.setattr(jobs, "_launch", lambda files: files.log.touch())


@pytest.fixture
def pets(lab: Lab) -> DatasetInfo:
    return prepared(lab.paths, "pets", ROWS)


@pytest.fixture
def page(app: OpenPage, pets: DatasetInfo) -> AppTest:
    return organise(app, "derive")


def organise(app: OpenPage, task: str, dataset: str = "pets") -> AppTest:
    page = app("data")
    page.session_state["dataset"] = dataset
    page.session_state["organise_view"] = task
    return see(page, "organise")


def work(lab: Lab, page: AppTest) -> AppTest:
    for state in list_imports(lab.paths):
        if not state.is_over():
            import_job.run_job(lab.paths.imports / state.job_id)
    page.run()
    assert not page.exception, page.exception
    return page


def classes(page: AppTest) -> Multiselect[str]:
    return next(box for box in page.multiselect if str(box.key).startswith("organise.classes"))


def preview(page: AppTest) -> dict[str, list[int]]:
    table = page.dataframe[1].value  # after that of the names
    return {str(name): table[name].tolist() for name in table}


def test_only_some_classes(page: AppTest, lab: Lab) -> None:
    assert preview(page) == {"training": [3, 2, 1], "validation": [1, 1, 0], "test": [0, 1, 1]}
    assert classes(page).options == ["cat (4)", "dog (4)", "cow (2)"]
    classes(page).set_value(["cat", "dog"]).run()
    assert preview(page) == {"training": [3, 2], "validation": [1, 1], "test": [0, 1]}
    assert page.text_input(key="organise.name").placeholder == "pets cat dog"
    press(page, "organise.make")
    assert page.button(key="organise.make").disabled
    work(lab, page)
    assert opened(lab.paths, "pets cat dog")["val"] == ROWS["val"]
    # The new dataset is looked at, and says where it comes from.
    assert page.session_state["dataset"] == "pets cat dog"
    text = plain(said(page))
    assert "“pets cat dog” is ready. Images: 8; left out: 2." in text
    assert "8 of 10 images taken" in text
    assert "Only the classes “cat”, “dog”." in text
    assert [button.key for button in page.get("download_button")] == ["dropped"]
    assert opened(lab.paths, "pets") == ROWS


def test_what_cannot_be_is_said_before(page: AppTest, lab: Lab) -> None:
    classes(page).set_value(["cat"]).run()
    assert "at least two classes; there would be “cat”" in plain(said(page))
    assert page.button(key="organise.make").disabled


def test_every_choice_reaches_the_recipe(page: AppTest, lab: Lab) -> None:
    prepared(lab.paths, "farm", {"train": [("cow", 9), ("pig", 8)]}, shape=(8, 8, 3))
    page.run()
    others = next(box for box in page.multiselect if str(box.key).startswith("organise.others"))
    others.set_value(["farm"]).run()
    page.checkbox(key="organise.undoubled").check()
    page.number_input(key="organise.cap").set_value(100)
    page.radio(key="organise.split").set_value("anew").run()
    page.slider(key="organise.val").set_value(0)
    page.slider(key="organise.test").set_value(40)
    page.number_input(key="organise.seed").set_value(7)
    page.radio(key="organise.resize").set_value("pad")
    page.text_input(key="organise.name").set_value("all animals").run()
    press(page, "organise.make")
    (state,) = list_imports(lab.paths)
    assert (state.name, state.filename, state.kind) == ("all animals", "pets + farm", "derive")
    assert state.request.work is not None
    assert state.request.work.model_dump() == {
        "kind": "derive",
        "recipe": {
            "origins": (
                {"name": "pets", "relabel": {}, "exclude": {}},
                {"name": "farm", "relabel": {}, "exclude": {}},
            ),
            "classes": None,
            "rename": {},
            "duplicates": "drop",
            "per_class": 100,
            "fractions": (0.6, 0.0, 0.4),
            "seed": 7,
            "size": None,
            "resize": "pad",
        },
    }
    work(lab, page)
    assert open_dataset(lab.paths, "all animals").info.class_names == ("cat", "dog", "cow", "pig")


def test_a_taken_name_is_refused(page: AppTest, lab: Lab) -> None:
    page.text_input(key="organise.name").set_value("Pets").run()
    press(page, "organise.make")
    assert "“Pets” exists already" in plain(said(page))
    assert list_imports(lab.paths) == []


def test_classes_of_any_name(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "odd", HOSTILE)
    page = organise(app, "derive", "odd")
    assert page.dataframe[1].value.index.tolist() == list(HOSTILE)
    assert not page.button(key="organise.make").disabled


def test_duplicates_are_looked_for_and_left_out(app: OpenPage, lab: Lab, pets: DatasetInfo) -> None:
    page = organise(app, "duplicates")
    press(page, "organise.look")
    assert "being compared" in said(page)
    assert not [b for b in page.button if b.key == "organise.look"]
    work(lab, page)
    assert list_imports(lab.paths) == []
    text = said(page)
    assert "different classes – one of the labels must be wrong: **1**" in text
    assert "different splits – a network is measured on what it has learned: a leak: **1**" in text
    assert "twice in one split – it counts more than others: **1**" in text
    pictures = drawn(page)
    # The worst first; class, split and file name of each.
    heads = ("in different classes</b>", "in different splits</b>", "in one split</b>")
    places = [pictures.index(head) for head in heads]
    assert places == sorted(places)
    assert "<span>test</span><span>0.png</span>" in pictures
    assert pictures.count("<figure") == 6
    assert page.text_input[0].placeholder == "pets without duplicates"
    button = page.button(key="organise.drop")
    assert button.label == "Leave out 4 images"
    page.radio(key="organise.rule").set_value("drop_but_one").run()
    assert page.button(key="organise.drop").label == "Leave out 3 images"
    press(page, "organise.drop")
    work(lab, page)
    assert opened(lab.paths, "pets without duplicates") == {
        **ROWS,
        "train": [("cat", 1), ("cat", 3), ("cow", 4)],
    }
    assert opened(lab.paths, "pets") == ROWS
    see(page, "organise")
    press(page, "organise.look")
    work(lab, page)
    assert "No image is there twice" in said(page)


def test_a_leak_leads_to_its_pictures(app: OpenPage, lab: Lab, pets: DatasetInfo) -> None:
    page = organise(app, "derive")
    press(page, "organise.make")
    work(lab, page)
    assert "also in “training”" in plain(said(page))
    press(page, "duplicates.test")
    assert page.session_state["data_view"] == "organise"
    work(lab, page)
    assert "in different splits</b>" in drawn(page)


def test_export(app: OpenPage, lab: Lab, pets: DatasetInfo) -> None:
    page = organise(app, "export")
    press(page, "organise.export")
    assert page.button(key="organise.export").disabled
    work(lab, page)
    (state,) = list_imports(lab.paths)
    assert [b.key for b in page.get("download_button")] == [f"download.{state.job_id}"]
    assert "The zip file is ready. Images: 10." in plain(said(page))
    with zipfile.ZipFile(JobPaths(lab.paths.imports / state.job_id).export) as archive:
        assert len(archive.namelist()) == 10
    press(page, f"dismiss.{state.job_id}")
    assert not (lab.paths.imports / state.job_id).exists()


def test_rename(
    app: OpenPage, lab: Lab, pets: DatasetInfo, make_run: Callable[..., RunRecord]
) -> None:
    run = make_run(RunStatus.FINISHED, pets)
    page = organise(app, "rename")
    assert page.button(key="organise.rename").disabled
    assert "1 run was trained on it" in said(page)
    page.text_input[0].set_value("a/b").run()
    press(page, "organise.rename")
    assert "cannot be the name" in plain(said(page))
    page.text_input[0].set_value("animals").run()
    press(page, "organise.rename")
    assert page.session_state["dataset"] == "animals"
    assert [info.name for info in list_datasets(lab.paths)] == ["digits", "animals"]
    errors = app("errors", run)
    assert not errors.warning, errors.warning


def test_digits_keep_their_name(app: OpenPage, lab: Lab) -> None:
    page = organise(app, "rename", "digits")
    assert "built in" in said(page)
    assert [box.key for box in page.text_input] == ["my_name"]


def test_in_use(app: OpenPage, lab: Lab, pets: DatasetInfo) -> None:
    """A dataset that is being copied can be neither renamed nor deleted."""
    page = organise(app, "export")
    press(page, "organise.export")
    press(page, "delete")
    assert "“pets” is in use" in plain(said(page))


@pytest.mark.parametrize("keep", [True, False])
def test_errors_after_deletion(
    app: OpenPage, lab: Lab, make_run: Callable[..., RunRecord], keep: bool
) -> None:
    run = make_run(RunStatus.FINISHED)
    page = organise(app, "derive")
    press(page, "delete")
    page.checkbox(key="delete_keep").set_value(keep)
    press(page, "delete_sure")
    errors = app("errors", run)
    errors.session_state["errors.view"] = "mistakes"
    errors.run()
    assert not errors.exception
    assert ("<figure" in drawn(errors)) == keep
    assert ("no longer here" in plain(said(errors))) != keep


def test_reasons_in_the_readers_language(tmp_path: Path) -> None:
    file = tmp_path / "dropped.csv"
    file.write_text("dataset,reason\n=x,leak\n,cap\n")
    lines = dropped_csv(file, str.upper).splitlines()
    assert lines[0] == "dataset,reason"
    assert lines[1].startswith("'=x,SAME PIXELS AS AN IMAGE OF THE TEST")
    assert lines[2] == ",MORE THAN ASKED FOR OF ITS CLASS"


def test_every_task_in_spanish(
    app: OpenPage, pets: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.i18n.language", lambda: "es")
    page = app("data", lang="es")
    page.session_state["dataset"] = "pets"
    for task in ("derive", "duplicates", "export", "rename"):
        page.session_state["organise_view"] = task
        see(page, "organise")


def test_unlabelled_images_are_counted(app: OpenPage, lab: Lab) -> None:
    rows = {"train": [("a", 1), ("b", 2)], "unlabelled": [("", 3), ("", 4)]}
    info = prepared(lab.paths, "x", rows)
    assert np.load(lab.paths.dataset("x").labels("unlabelled")).tolist() == [-1, -1]
    assert info.splits["unlabelled"] == 2
    page = organise(app, "derive", "x")
    assert "2 images without a class are taken along" in said(page)


@pytest.mark.parametrize("task", ["derive", "duplicates", "export", "rename"])
def test_the_language_can_be_changed_in_every_task(
    app: OpenPage, pets: DatasetInfo, task: str
) -> None:
    """Choices stay as they are; a button or table that was set anew would end the page."""
    page = organise(app, task)
    if task == "derive":
        page.radio(key="organise.split").set_value("anew").run()
        page.text_input(key="organise.name").set_value("mine").run()
    page.selectbox(key="lang").set_value("es").run()
    assert not page.exception
    assert page.session_state["organise_view"] == task
    if task == "derive":
        assert page.radio(key="organise.split").value == "anew"
        assert page.text_input(key="organise.name").value == "mine"
