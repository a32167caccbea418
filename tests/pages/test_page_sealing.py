"""Test results on the pages: hidden until they are unlocked, and every look counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.lab import Lab
from core.records import RunRecord
from core.sealing import looks, unlock
from tests.inspection.making import leave_features, leave_robustness
from tests.pages.conftest import OpenPage
from tests.pages.making import make_dataset
from ui.runs_table import SEALED

MakeRun = Callable[..., RunRecord]


def open_test(page: AppTest) -> AppTest:
    return page.segmented_control(key="errors.split").set_value("test").run()


def captions(page: AppTest) -> str:
    return "\n".join(caption.value for caption in page.caption)


def test_validation_is_shown_at_once_and_the_test_split_when_unlocked(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    page = app("errors", run)
    assert page.segmented_control(key="errors.split").value == "val"
    assert page.metric[3].value == "30"
    open_test(page)
    assert not page.metric
    assert not page.get("echarts_chart")
    assert "sealed" in page.subheader[0].value
    assert looks(lab.paths, run.id) == []
    page.button(key="seal.unlock").click().run()
    assert page.metric[3].value == "60"
    assert "looked at 1 time." in captions(page)


def test_a_look_is_one_per_session_and_run(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    unlock(lab.paths, run.id, "Ana")
    page = open_test(app("errors", run))
    page.run()
    assert len(looks(lab.paths, run.id)) == 2
    open_test(app("errors", run))
    assert len(looks(lab.paths, run.id)) == 3
    assert app("errors", run).metric  # the validation split is no look
    assert len(looks(lab.paths, run.id)) == 3


def test_with_a_pin_others_cannot_unlock(
    app: OpenPage, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    monkeypatch.setenv("LIENZO_TEACHER_PIN", "1234")
    page = open_test(app("errors", run))
    assert page.button(key="seal.unlock").disabled


def test_a_server_without_seals(
    app: OpenPage, lab: Lab, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENZO_SEALED_TEST", "0")
    run = make_run()
    assert open_test(app("errors", run)).metric[3].value == "60"
    assert looks(lab.paths, run.id) == []


def test_a_look_that_cannot_be_counted_is_not_had(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    lab.paths.run(run.id).looks.mkdir()  # not a file that could be written
    page = open_test(app("errors", run))
    page.button(key="seal.unlock").click().run()
    assert "cannot be counted" in page.error[0].value
    assert not page.metric


def test_runs_and_train_say_sealed_until_then(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    assert run.summary is not None
    assert app("start").dataframe[0].value["test"].tolist() == [SEALED]
    tiles = {tile.label: tile.value for tile in app("train", run).metric}
    assert tiles["Test accuracy"] == tiles["Test loss"] == "sealed"
    unlock(lab.paths, run.id)
    assert app("start").dataframe[0].value["test"].tolist() == [run.summary.test_accuracy]
    tiles = {tile.label: tile.value for tile in app("train", run).metric}
    assert tiles["Test accuracy"] == f"{100 * (run.summary.test_accuracy or 0):.1f} %"


def test_without_validation_images_it_says_what_there_is(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    dataset = make_dataset(lab.paths, "untuned", rows={"val": 0})
    page = app("errors", make_run(dataset=dataset))
    assert "kept no images for validation" in page.markdown[0].value
    page.button(key="seal.unlock").click().run()
    assert page.metric[3].value == "60"


def test_robustness_measured_on_test_images_is_sealed_with_them(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    dataset = make_dataset(lab.paths, "untuned", rows={"val": 0})
    run = make_run(dataset=dataset)
    leave_features(lab.paths, run.id)
    leave_robustness(lab.paths, run.id, split="test")
    page = app("start", run)
    page.session_state["errors.split"], page.session_state["errors.view"] = "train", "robustness"
    page.switch_page("pages/errors.py").run()
    assert page.metric  # of the training images
    assert not page.get("plotly_chart")
    page.button(key="seal.unlock").click().run()
    assert page.get("plotly_chart")
    assert len(looks(lab.paths, run.id)) == 1
