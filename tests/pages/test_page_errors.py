"""The Errors page in every state of a run, and what it does on a click."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation.predictions import Predictions, load_split
from core.lab import Lab
from core.records import RunRecord, RunStatus
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import HOSTILE, make_dataset, many_classes

MakeRun = Callable[..., RunRecord]


def said(test: AppTest) -> str:
    """Every message on the page."""
    blocks = (test.info, test.warning, test.error, test.success, test.caption, test.text)
    return "\n".join(plain(str(element.value)) for block in blocks for element in block)


def shown(test: AppTest) -> str:
    """The page's HTML: title of the cell and the gallery."""
    return "\n".join(element.proto.body for element in test.get("html"))


def files(test: AppTest) -> list[str]:
    return re.findall(r'<figure title="([\w-]+\.png)', shown(test))


def predictions(lab: Lab, run: RunRecord, split: str = "val") -> Predictions:
    return load_split(lab.paths.run(run.id).predictions, split)


def expected(lab: Lab, run: RunRecord, true: int, pred: int) -> list[str]:
    """The file names of a cell, the most confident first."""
    p = predictions(lab, run)
    rows = np.flatnonzero((p.y_true == true) & (p.y_pred == pred))
    return [f"val-{p.rows[i]}.png" for i in rows[np.argsort(-p.confidence[rows])]]


def charts(test: AppTest) -> list[Any]:
    return list(test.get("echarts_chart"))


def test_without_any_run_it_says_what_to_do(app: OpenPage) -> None:
    page = app("errors")
    assert "Choose a run" in said(page)
    assert not page.dataframe


def test_without_a_chosen_run_it_offers_the_finished_ones(app: OpenPage, make_run: MakeRun) -> None:
    make_run(RunStatus.FAILED)
    run = make_run()
    page = app("errors")
    assert page.dataframe[0].value["run"].tolist() == [
        f"{run.id[4:8]}-{run.id[9:13]}-{run.id[-4:]}"
    ]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (RunStatus.QUEUED, "waits for its turn"),
        (RunStatus.RUNNING, "is being trained"),
        (RunStatus.FAILED, "The loss became NaN in epoch 2."),
        (RunStatus.INTERRUPTED, "interrupted before it had ended"),
    ],
)
def test_a_run_without_predictions_says_why(
    app: OpenPage, make_run: MakeRun, status: RunStatus, words: str
) -> None:
    page = app("errors", make_run(status))
    assert words in said(page)
    assert not charts(page)


def test_a_run_stopped_at_once_says_so(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run(RunStatus.RUNNING, epochs=0).changed(status=RunStatus.STOPPED)
    lab.store.save(run)
    assert "stopped before its first epoch had ended" in said(app("errors", run))
    assert "No training has finished yet." in "".join(m.value for m in app("errors").markdown)


def test_it_shows_the_run_when_it_has_ended(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run(RunStatus.RUNNING)
    page = app("errors", run)
    finished = make_run()
    files = lab.paths.run(finished.id).predictions
    shutil.copy(files, lab.paths.run(run.id).predictions)
    lab.store.save(run.changed(status=RunStatus.FINISHED, summary=finished.summary))
    page.run()
    assert charts(page)


def test_lost_predictions_are_told_and_not_fatal(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    lab.paths.run(run.id).predictions.write_bytes(b"nothing of the kind")
    assert "cannot be read" in said(app("errors", run))
    lab.paths.run(run.id).predictions.unlink()
    assert "There are no predictions" in said(app("errors", run))


def test_the_headline(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    p = predictions(lab, run)
    right = int((p.y_true == p.y_pred).sum())
    metrics = {m.label: m for m in app("errors", run).metric}
    assert metrics["Accuracy"].value == f"{100 * right / 30:.1f} %"
    assert metrics["Accuracy"].delta.startswith("95 %: ")
    assert metrics["Images"].value == "30"
    assert metrics["Images"].delta == f"{30 - right} misjudged"


def test_figures_in_the_readers_language(app: OpenPage, make_run: MakeRun) -> None:
    page = app("errors", make_run(), lang="es")
    assert re.fullmatch(r"\d+,\d %", page.metric[0].value)


def test_the_other_split(app: OpenPage, make_run: MakeRun) -> None:
    page = app("errors", make_run())
    page.segmented_control(key="errors.split").set_value("test").run()
    page.button(key="seal.unlock").click().run()
    assert page.metric[3].value == "60"


def test_two_classes_chosen_show_exactly_their_images(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    page = app("errors", run)
    page.selectbox(key="cell.true").set_value(0).run()
    page.selectbox(key="cell.pred").set_value(1).run()
    assert files(page) == expected(lab, run, 0, 1) != []
    assert "cat, taken for dog" in shown(page)
    page.button(key="cell.clear").click().run()
    assert files(page) == []
    assert page.dataframe  # the pairs are back


def test_the_most_confused_pairs(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    table = app("errors", run).dataframe[0].value
    assert table["Images"].is_monotonic_decreasing
    first = table.iloc[0]
    cell = [run.class_names.index(first[name]) for name in ("True class", "Predicted class")]
    assert first["Images"] == len(expected(lab, run, *cell))


def test_a_cell_of_another_run_is_forgotten(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    small = make_run(dataset=make_dataset(lab.paths, "two", ("a", "b")))
    page = app("errors", make_run())
    page.selectbox(key="cell.true").set_value(2).run()
    page.sidebar.selectbox(key="run").set_value(small.id).run()
    assert not page.exception
    assert page.selectbox(key="cell.true").value is None


def test_the_scale_changes_the_chart(app: OpenPage, make_run: MakeRun) -> None:
    page = app("errors", make_run())
    before = charts(page)[0].proto.spec
    page.segmented_control(key="errors.scale").set_value("share").run()
    assert charts(page)[0].proto.spec != before


def test_classes_worst_first(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    page = app("errors", run)
    page.segmented_control(key="errors.view").set_value("classes").run()
    table = page.dataframe[0].value
    assert sorted(table["class"]) == sorted(run.class_names)
    assert table["recall"].is_monotonic_increasing
    assert table["support"].sum() == 30


@pytest.mark.parametrize("order", ["confidence", "loss", "class"])
def test_all_mistakes(app: OpenPage, lab: Lab, make_run: MakeRun, order: str) -> None:
    run = make_run()
    page = app("errors", run)
    page.segmented_control(key="errors.view").set_value("mistakes").run()
    page.segmented_control(key="errors.order").set_value(order).run()
    p = predictions(lab, run)
    wrong = np.flatnonzero(p.y_true != p.y_pred)
    assert sorted(files(page)) == sorted(f"val-{i}.png" for i in wrong)


def test_at_most_sixty_on_a_page(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    many = make_dataset(lab.paths, "many", rows={"val": 900})
    page = app("errors", make_run(dataset=many))
    page.segmented_control(key="errors.view").set_value("mistakes").run()
    assert len(files(page)) == 60
    assert page.get("pagination")


def test_a_run_without_mistakes(app: OpenPage, make_run: MakeRun) -> None:
    page = app("errors", make_run(accuracy=1.0))
    assert "Not a single mistake" in said(page)
    page.segmented_control(key="errors.view").set_value("mistakes").run()
    assert "Not a single mistake" in said(page)


def test_class_names_are_never_taken_for_html(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    hostile = make_dataset(lab.paths, "hostile", HOSTILE)
    page = app("errors", make_run(dataset=hostile))
    page.segmented_control(key="errors.view").set_value("mistakes").run()
    assert "&lt;script&gt;" in shown(page)
    assert "<script" not in shown(page)
    page.segmented_control(key="errors.view").set_value("matrix").run()
    page.selectbox(key="cell.true").set_value(0).run()
    assert "<script" not in shown(page)


def test_a_hundred_classes(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    hundred = make_dataset(lab.paths, "hundred", many_classes(100), rows={"val": 1000})
    run = make_run(dataset=hundred)
    page = app("errors", run)
    page.selectbox(key="cell.true").set_value(7).run()
    page.selectbox(key="cell.pred").set_value(8).run()
    assert files(page) == expected(lab, run, 7, 8)[:24]


def test_figures_without_images_when_the_dataset_is_gone(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    shutil.rmtree(lab.paths.dataset("pets").folder)
    page = app("errors", run)
    assert charts(page)
    page.segmented_control(key="errors.view").set_value("mistakes").run()
    assert "The dataset “pets” is no longer here." in said(page)
    assert files(page) == []


def test_never_the_images_of_another_dataset(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    shutil.rmtree(lab.paths.dataset("pets").folder)
    make_dataset(lab.paths, "pets", rows={"test": 61})
    page = app("errors", run)
    page.segmented_control(key="errors.view").set_value("mistakes").run()
    assert "it was replaced" in said(page)
    assert files(page) == []


def test_a_dataset_without_test_images(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    untested = make_dataset(lab.paths, "untested", rows={"test": 0})
    page = app("errors", make_run(dataset=untested))
    assert page.segmented_control(key="errors.split").options == ["Validation split"]
    assert page.metric[3].value == "30"
