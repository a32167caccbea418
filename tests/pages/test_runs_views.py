"""The views of the Runs page: columns, tags, curves, scatter, two runs, seeds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation.predictions import Predictions, load_split, save_predictions
from core.lab import Lab
from core.records import RunRecord, RunStatus
from core.remarks import Remarks, read_remarks
from core.sealing import looks, unlock
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import make_dataset
from tests.pages.test_page_runs import choose, listed, look
from ui import runs_list, runs_pair_images
from ui.closer_subject import Subject
from ui.frame import short_name
from ui.runs_view import DIALOG
from ui.runs_views import VIEWS

MakeRun = Callable[..., RunRecord]


def said(page: AppTest) -> str:
    boxes = (*page.info, *page.success, *page.warning, *page.caption)
    return plain(" ".join(box.value for box in boxes))


@pytest.mark.parametrize("view", [v for v in VIEWS if v != "table"])
def test_every_view_with_none_one_and_many(app: OpenPage, make_run: MakeRun, view: str) -> None:
    """With a run that waits, one that has failed, and then three that have ended."""
    runs = [make_run(RunStatus.QUEUED), make_run(RunStatus.FAILED)]
    page = look(app("runs"), view)
    assert page.info
    choose(page, runs[0])
    runs += [make_run(train__seed=seed) for seed in range(3)]
    choose(page, *runs)
    choose(page, *runs[2:4])
    assert page.get("plotly_chart") or page.get("echarts_chart") or page.metric


def test_every_view_speaks_spanish(app: OpenPage, make_run: MakeRun) -> None:
    runs = [make_run(train__seed=seed) for seed in range(2)]
    for view in VIEWS:
        page = app("start", lang="es")
        page.session_state["runs.set.view"] = view
        page.session_state["runs.chosen"] = [run.id for run in runs]
        page.switch_page("pages/runs.py").run()
        assert not page.exception


def test_any_field_can_be_a_column(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run(optimizer__learning_rate=0.01, train__early_stopping=False)
    page = app("runs")
    assert "test_accuracy" not in page.dataframe[0].value.columns
    columns = ["test_accuracy", "optimizer.learning_rate", "augment.flip", "train.early_stopping"]
    page.multiselect(key="runs.set.columns").set_value(columns).run()
    table = page.dataframe[0].value
    assert list(table.columns) == ["run", *columns]
    assert table["optimizer.learning_rate"].tolist() == [0.01]
    assert table["augment.flip"].tolist() == ["none"]
    assert table["train.early_stopping"].tolist() == ["no"]
    assert table["test_accuracy"][0] is None or np.isnan(table["test_accuracy"][0])
    assert "test_accuracy" not in page.selectbox(key="runs.set.sort").options
    unlock(lab.paths, run.id)
    assert 0 < page.run().dataframe[0].value["test_accuracy"][0] < 1


def test_pages_and_order(app: OpenPage, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_list, "PER_PAGE", 2)
    runs = [make_run(RunStatus.QUEUED, train__epochs=n) for n in (1, 3, 2)]
    names = [short_name(run) for run in runs]
    page = app("runs")
    assert listed(page) == names[:0:-1]
    page.multiselect(key="runs.set.columns").set_value(["train.epochs"]).run()
    page.selectbox(key="runs.set.sort").set_value("train.epochs").run()
    assert listed(page) == [names[1], names[2]]
    page.toggle(key="runs.descending").set_value(False).run()
    assert listed(page) == [names[0], names[2]]
    page.session_state["runs.page"] = 2
    page.run()
    assert listed(page) == [names[1]]
    # A run that is chosen on another page stays chosen.
    choose(page, runs[0])
    assert page.button(key="runs.watch")


def test_more_filters(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    ana, bea = make_run(epochs=9), make_run(epochs=2)
    lab.store.save(ana.changed(by="Ana"))
    lab.store.remark(bea.id, Remarks(tags=("demo",), note="blurred pictures"))
    page = app("runs")
    page.multiselect(key="runs.by").set_value(["Ana"]).run()
    assert listed(page) == [short_name(ana)]
    assert "1 run of 2 fits." in said(page)
    page.multiselect(key="runs.by").set_value([]).run()
    page.multiselect(key="runs.tags").set_value(["demo"]).run()
    assert listed(page) == [short_name(bea)]
    lab.store.remark(bea.id, Remarks(note="blurred pictures"))  # the tag is gone, and the choice
    page.run()
    assert len(listed(page)) == 2
    page.text_input(key="runs.text").set_value("blurred").run()
    assert listed(page) == [short_name(bea)]
    page.text_input(key="runs.text").set_value("").run()
    page.slider(key="runs.accuracy").set_value(80).run()
    assert listed(page) == [short_name(ana)]


def test_tags_and_a_note(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    one, two = make_run(), make_run()
    page = choose(app("runs"), one)
    page.button(key="runs.remark").click().run()
    assert page.session_state["runs.dialog"]  # other people's runs do not close it
    where = f"runs.words.{one.id}.1"
    page.multiselect(key=f"{where}.tags").set_value(["best"])
    page.text_area(key=f"{where}.note").set_value("It works.")
    page.button(key="runs.words.save").click().run()
    assert not page.exception
    assert not page.session_state["runs.dialog"]
    assert read_remarks(lab.paths, one.id) == Remarks(tags=("best",), note="It works.")
    choose(page, one, two).button(key="runs.remark").click().run()
    page.multiselect(key=f"runs.words.{one.id}.2.tags").set_value(["demo"])
    page.button(key="runs.words.save").click().run()
    assert read_remarks(lab.paths, one.id) == Remarks(tags=("best", "demo"), note="It works.")
    assert page.dataframe[0].value["tags"].tolist() == ["demo", "best, demo"]


def test_too_many_tags_leave_the_dialog_open(app: OpenPage, make_run: MakeRun) -> None:
    run = make_run()
    page = choose(app("runs"), run)
    page.button(key="runs.remark").click().run()
    where = f"runs.words.{run.id}.1"
    page.multiselect(key=f"{where}.tags").set_value([f"word {i}" for i in range(21)])
    page.button(key="runs.words.save").click().run()
    # Shown in the dialog, which a browser draws anew by itself and AppTest does not.
    assert "20 tags" in page.session_state["runs.refused"]
    assert "runs.remarked" not in page.session_state


def test_none_chosen_is_none_ticked(app: OpenPage, make_run: MakeRun) -> None:
    """Ticks belong to the table in the browser, which only another table forgets."""
    runs = make_run(), make_run(), make_run(model__architecture="mlp")
    page = choose(app("runs"), *runs)
    page.multiselect(key="runs.set.architecture").set_value(["mlp"]).run()
    assert "2 chosen runs do not fit the filter" in said(page)
    before = page.dataframe[0].proto.id
    page.button(key="runs.none").click().run()
    assert page.session_state["runs.chosen"] == []
    assert page.dataframe[0].proto.id != before


def test_a_folder_removed_by_hand_is_told(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    there, gone = make_run(), make_run()
    shutil.rmtree(lab.paths.run(gone.id).folder)
    page = choose(app("runs"), there, gone)
    assert gone.id in plain(page.warning[0].value)
    assert page.session_state["runs.chosen"] == [there.id]


def test_curves_of_chosen_runs(app: OpenPage, make_run: MakeRun) -> None:
    one, two = make_run(model__filters=8), make_run(model__filters=16)
    page = choose(look(app("runs"), "curves"), one, two)

    def names() -> list[str]:
        spec = json.loads(page.get("plotly_chart")[0].proto.spec)
        return [trace["name"] for trace in spec["data"] if "name" in trace]

    both = [f"{short_name(r)} · {s}" for r in (one, two) for s in ("training", "validation")]
    assert names() == both
    assert page.dataframe[0].value["Setting"].tolist() == ["Filters (filters)"]
    page.session_state["runs.set.by"] = "step"
    page.session_state["runs.set.measure"] = "loss"
    page.session_state["runs.smoothing"] = 0.9
    page.run()
    assert names() == both
    page.multiselect(key="runs.pick").set_value([two.id]).run()
    assert names() == both[2:]
    assert page.session_state["runs.chosen"] == [two.id]


def test_settings_and_results(app: OpenPage, make_run: MakeRun) -> None:
    runs = [make_run(model__filters=n, epochs=n) for n in (4, 8)]
    page = look(app("runs"), "fields")
    (trace,) = json.loads(page.get("plotly_chart")[0].proto.spec)["data"]
    assert [text.split()[0] for text in trace["text"]] == [short_name(r) for r in runs[::-1]]
    page.selectbox(key="runs.set.x").set_value("train.seed").run()
    page.selectbox(key="runs.set.y").set_value("epochs").run()
    assert not page.exception
    page.session_state["runs.set.figure"] = "lines"
    page.run()
    assert page.get("echarts_chart")
    assert page.session_state["runs.set.axes"] == ["model.filters"]
    page.multiselect(key="runs.set.axes").set_value([]).run()
    assert "at least one axis" in said(page)


def test_two_runs(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    """Run B has every second of the validation images right, which A has all wrong."""
    runs = [make_run(), make_run()]
    for number, run in enumerate(runs):
        files = lab.paths.run(run.id)
        before = load_split(files.predictions, "val")
        right = (np.arange(30) % 2 == 0) & (number == 1)
        y_pred = np.where(right, before.y_true, (before.y_true + 1) % 3)
        proba = np.eye(3, dtype=np.float32)[y_pred]
        save_predictions(files.predictions, {"val": before._replace(proba=proba)})
    page = choose(look(app("runs"), "pair"), *runs)
    assert [m.value for m in page.metric] == ["0.0 %", "50.0 %", "+50.0", "50.0 %"]
    assert "by 50 points; with 30 images that is not luck" in plain(page.success[0].value)
    assert "15 images that A gets wrong and B right" in said(page)
    page.session_state["runs.set.pair"] = "broken"
    page.run()
    assert "0 images that A gets right" in said(page)
    page.session_state["runs.set.pair"] = "classes"
    page.run()
    assert page.dataframe[0].value["b"].tolist() == [0.5, 0.5, 0.5]
    page.session_state["runs.set.pair"] = "settings"
    page.run()
    assert "all settings are the same" in said(page)
    page.session_state["runs.b"] = runs[0].id
    page.run()
    assert "not two runs" in said(page)


def test_a_fixed_image_opens_as_b_sees_it(
    app: OpenPage, lab: Lab, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [make_run(), make_run()]
    for right, run in zip((False, True), runs, strict=True):
        file = lab.paths.run(run.id).predictions
        found = load_split(file, "val")
        y_pred = (found.y_true + (not right)) % 3
        save_predictions(file, {"val": found._replace(proba=np.eye(3, dtype=np.float32)[y_pred])})
    asked: list[Subject] = []
    monkeypatch.setattr(runs_pair_images, "pick", lambda items, numbers, **_: numbers[-1])
    monkeypatch.setattr(runs_pair_images, "look_closer", lambda of, **_: asked.append(of))
    page = choose(look(app("runs"), "pair"), *runs)
    subject = asked[-1]
    assert (subject.record.id, subject.split) == (runs[1].id, "val")
    assert subject.pred == subject.truth
    assert subject.name == f"val-{subject.row}.png"
    assert page.session_state[DIALOG]  # the poll for other people's runs waits


def test_images_that_one_of_them_has_not_judged_are_left_out(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    a, b = make_run(), make_run()
    file = lab.paths.run(b.id).predictions
    y_true, proba, rows = load_split(file, "val")
    save_predictions(file, {"val": Predictions(y_true[:20], proba[:20], rows[:20])})
    page = choose(look(app("runs"), "pair"), a, b)
    assert "Compared over the 20 images that both have judged; left out: 10 of A" in said(page)
    assert "nothing tells them apart in 20 images" in said(page)


def test_runs_that_cannot_be_compared_say_why(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    pets, birds = make_run(), make_run(dataset=make_dataset(lab.paths, "birds"))
    page = choose(look(app("runs"), "pair"), pets, birds)
    assert "different datasets, “pets” and “birds”" in said(page)
    without = make_run()
    lab.paths.run(without.id).predictions.unlink()
    choose(page, pets, without)
    assert "no predictions to compare" in said(page)
    (lab.paths.run(without.id).predictions).write_bytes(b"not a file")
    choose(page, pets, without)
    assert "cannot be read" in said(page)


def test_the_validation_split_is_compared_first(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    a, b = make_run(), make_run()
    unlock(lab.paths, a.id)
    page = choose(look(app("runs"), "pair"), a, b)
    assert "runs.set.split" not in page.session_state  # b's test is sealed: no choice
    assert f"unlocked on the Errors page: {short_name(b)}" in plain(said(page))
    unlock(lab.paths, b.id)
    page.run()
    assert page.session_state["runs.set.split"] == "val"
    page.segmented_control(key="runs.set.split").set_value("test").run()
    assert [len(looks(lab.paths, run.id)) for run in (a, b)] == [2, 2]


def test_seeds(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    for seed in range(3):
        make_run(train__seed=seed)
    make_run(train__epochs=7)
    other = make_dataset(lab.paths, "others")
    for seed in range(2):
        make_run(dataset=other, train__seed=seed, train__batch_size=7)
    page = look(app("runs"), "seeds")
    # What tells them from groups of other datasets is no name.
    another, row = page.dataframe[0].value.to_dict("records")
    assert (row["n"], row["seeds"], row["settings"]) == (3, "0, 1, 2", "pets · CNN")
    assert (another["n"], another["settings"]) == (2, "others · CNN")
    assert row["best"].endswith("± 0.0 %")
    assert page.get("plotly_chart")
