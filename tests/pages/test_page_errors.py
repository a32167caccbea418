"""The Errors page in every state of a run, and what it does on a click."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from streamlit.testing.v1 import AppTest

from core.errors import NotFoundError
from core.evaluation.predictions import Predictions, load_split
from core.lab import Lab
from core.records import RunRecord, RunStatus
from core.sealing import unlock
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import HOSTILE, WORDS, make_dataset, many_classes
from ui import errors_data

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
    assert metrics["Loss"].delta.startswith("95 %: ")
    assert metrics["Macro F1"].delta.startswith("95 %: ")
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


def test_a_row_of_the_matrix_shows_all_mistakes_of_the_class(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    page = app("errors", run)
    page.selectbox(key="cell.true").set_value(0).run()
    p = predictions(lab, run)
    wrong = np.flatnonzero((p.y_true == 0) & (p.y_pred != 0))
    assert sorted(files(page)) == sorted(f"val-{i}.png" for i in wrong) != []


def spec(page: AppTest) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(charts(page)[0].proto.spec)
    return loaded


def axis(page: AppTest) -> list[str]:
    """The names beside the rows, without the sums."""
    y = spec(page)["yAxis"]
    names: list[str] = (y[0] if isinstance(y, list) else y)["data"]
    return names[:-1]


def test_the_worst_class_first(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run(dataset=make_dataset(lab.paths, "ten", many_classes(10), rows={"val": 200}))
    page = app("errors", run)
    assert axis(page) == list(run.class_names)
    page.radio(key="errors.sort").set_value("error").run()
    p = predictions(lab, run)
    recall = [(p.y_pred[p.y_true == i] == i).mean() for i in range(10)]
    assert axis(page) == [run.class_names[i] for i in np.argsort(recall, kind="stable")]
    page.radio(key="errors.sort").set_value("similarity").run()
    assert sorted(axis(page)) == sorted(run.class_names)


def test_a_class_that_is_searched_is_shown_with_what_it_is_taken_for(
    app: OpenPage, make_run: MakeRun, lab: Lab
) -> None:
    run = make_run(dataset=make_dataset(lab.paths, "ten", many_classes(10), rows={"val": 200}))
    other = make_run()
    page = app("errors", run)
    page.selectbox(key="errors.focus").set_value(4).run()
    assert axis(page)[0] == run.class_names[4]
    assert {run.class_names[5]} < set(axis(page)) < set(run.class_names)
    # Of another run a class of this number may not even exist.
    page.sidebar.selectbox(key="run").set_value(other.id).run()
    assert not page.exception
    assert len(axis(page)) == 3


def test_a_thousand_classes_show_those_with_the_most_mistakes(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    many = make_dataset(lab.paths, "many", many_classes(300), rows={"val": 900})
    page = app("errors", make_run(dataset=many))
    assert len(axis(page)) == 100
    assert "100 classes with the most mistakes" in said(page)
    page.selectbox(key="errors.most").set_value(0).run()
    assert len(axis(page)) == 300


def test_predictions_that_are_gone_are_told(lab: Lab, make_run: MakeRun) -> None:
    with pytest.raises(NotFoundError):
        errors_data.judged(make_run(), "train")


@pytest.fixture
def animals(lab: Lab, make_run: MakeRun) -> RunRecord:
    """Two carnivores and two flowers of CIFAR-100; every mistake is the next of them."""
    names = ("bear", "wolf", "rose", "tulip")
    run = make_run(dataset=make_dataset(lab.paths, "animals", names, rows={"val": 80}))
    run = run.changed(vocabulary="cifar100")
    lab.store.save(run)
    return run


def test_superclasses_are_rows_and_their_cells_show_their_images(
    app: OpenPage, lab: Lab, animals: RunRecord
) -> None:
    page = app("errors", animals)
    page.selectbox(key="cell.true").set_value(3).run()
    page.segmented_control(key="errors.level").set_value("group").run()
    assert axis(page) == ["flowers", "large carnivores"]
    assert page.selectbox(key="cell.true").value is None
    page.selectbox(key="cell.true").set_value(0).run()
    page.selectbox(key="cell.pred").set_value(1).run()
    p = predictions(lab, animals)
    crossed = np.flatnonzero((p.y_true >= 2) & (p.y_pred < 2))
    assert sorted(files(page)) == sorted(f"val-{i}.png" for i in crossed) != []
    page.sidebar.selectbox(key="lang").set_value("es").run()
    assert len(axis(page)) == 2
    assert not page.exception


def test_from_a_class_to_its_images_though_the_rows_were_superclasses(
    app: OpenPage, animals: RunRecord
) -> None:
    page = app("errors", animals)
    page.segmented_control(key="errors.level").set_value("group").run()
    page.segmented_control(key="errors.view").set_value("classes").run()
    page.selectbox(key="errors.class").set_value(3).run()
    page.button(key="class.missed").click().run()
    assert not page.exception
    assert "tulip, taken for something else" in shown(page)


def test_by_superclass_with_borders(app: OpenPage, animals: RunRecord) -> None:
    page = app("errors", animals)
    page.radio(key="errors.sort").set_value("group").run()
    assert axis(page) == ["rose", "tulip", "bear", "wolf"]
    assert sum(series["type"] == "line" for series in spec(page)["series"]) == 2


def test_the_matrix_is_downloaded_with_its_names(app: OpenPage, make_run: MakeRun) -> None:
    page = app("errors", make_run())
    (button,) = [b for b in page.get("download_button") if b.proto.label == "Matrix as CSV"]
    assert not button.proto.disabled


def test_a_class_closely(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    page = app("errors", run)
    page.segmented_control(key="errors.view").set_value("classes").run()
    p = predictions(lab, run)
    page.selectbox(key="errors.class").set_value(2).run()
    drawn = spec(page)["series"]
    shares = np.histogram(p.proba[p.y_true == 2, 2], 20, (0, 1))[0] / 10 * 100
    assert drawn[0]["data"] == pytest.approx(shares.tolist())
    page.button(key="class.missed").click().run()
    assert page.segmented_control(key="errors.view").value == "matrix"
    assert files(page) == [
        f"val-{i}.png"
        for i in sorted(
            np.flatnonzero((p.y_true == 2) & (p.y_pred != 2)), key=lambda i: -p.confidence[i]
        )
    ]


def test_training_recall_stands_beside_where_it_is_known(
    app: OpenPage, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = app("errors", make_run())
    page.segmented_control(key="errors.view").set_value("classes").run()
    assert "train" not in page.dataframe[0].value
    assert "training images have been predicted" in said(page)
    real = errors_data.judged

    def judged(record: RunRecord, split: str) -> errors_data.Judged:
        """As if the training images had been predicted, all of them right."""
        if split != "train":
            return real(record, split)
        about = real(record, "val")
        perfect = tuple(dataclasses.replace(score, recall=1.0) for score in about.scores)
        return dataclasses.replace(about, split="train", scores=perfect)

    monkeypatch.setattr(errors_data, "judged", judged)
    monkeypatch.setattr("ui.errors_classes.judged_splits", lambda record: ["val", "train"])
    page.run()
    table = page.dataframe[0].value
    assert table["train"].tolist() == [1.0, 1.0, 1.0]
    assert table["gap"].tolist() == (1 - table["recall"]).tolist()
    assert re.search(r"Learned by heart most.*: \w+ \([\d.]+ points\)", said(page))


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["ranking", "calibration", "coverage", "top_k"])
def test_curves(app: OpenPage, lab: Lab, make_run: MakeRun, kind: str, classes: int) -> None:
    dataset = make_dataset(lab.paths, "few", WORDS[:classes], rows={"val": 50})
    page = app("errors", make_run(dataset=dataset))
    page.segmented_control(key="errors.view").set_value("curves").run()
    page.segmented_control(key="errors.curve").set_value(kind).run()
    assert not page.exception
    assert len(charts(page)) == (2 if kind == "ranking" else 1)


def test_figures_of_the_curves_are_those_of_scikit_learn(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    page = app("errors", run)
    page.segmented_control(key="errors.view").set_value("curves").run()
    p = predictions(lab, run)
    auc = roc_auc_score(np.eye(3)[p.y_true], p.proba)
    metrics = {metric.label: metric for metric in page.metric}
    assert metrics["Macro AUC"].value == f"{auc:.3f}".rstrip("0")
    assert metrics["Macro AUC"].delta.startswith("95 %: ")
    page.segmented_control(key="errors.curve").set_value("coverage").run()
    page.slider(key="coverage.threshold").set_value(90).run()
    metrics = {metric.label: metric for metric in page.metric}
    assert metrics["Answered"].value == f"{100 * (p.confidence >= 0.9).mean():.1f} %"


def test_the_temperature_is_fitted_on_validation_and_told_for_the_test_split(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    unlock(lab.paths, run.id)
    page = app("errors", run)
    page.segmented_control(key="errors.view").set_value("curves").run()
    page.segmented_control(key="errors.curve").set_value("calibration").run()
    assert page.dataframe[0].value["Split"].tolist() == ["Validation"]
    error = {metric.label: metric for metric in page.metric}["Calibration error"]
    assert error.value == f"{100 * page.dataframe[0].value['ECE'][0]:.1f} %"
    page.segmented_control(key="errors.split").set_value("test").run()
    table = page.dataframe[0].value
    assert table["Split"].tolist() == ["Validation", "Test"]
    assert table["Loss after"][0] < table["Loss"][0]
    before = spec(page)
    page.toggle(key="calibration.after").set_value(True).run()
    assert spec(page) != before
