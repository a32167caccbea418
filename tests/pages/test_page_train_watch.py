"""Under the curves of a run: what they say, the last validation, and what can follow it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.continuing import whole_history
from core.errors import text
from core.evaluation.watched import save_watched, watched
from core.failures import TOO_LONG, out_of_memory
from core.lab import Lab
from core.parts import Start
from core.records import Failure, RunRecord, RunStatus, write_history
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import HOSTILE, make_dataset, many_classes
from ui.forms import key

MakeRun = Callable[..., RunRecord]


@pytest.fixture(autouse=True)
def _network(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.compute, "layer_table", lambda *_: [])
    monkeypatch.setattr(lab.compute, "ready", True)


def validated(lab: Lab, record: RunRecord) -> None:
    """As after two epochs: three samples, of which the second is taken for another class now."""
    classes, files = len(record.class_names), lab.paths.run(record.id)
    first, second = (
        watched(
            epoch,
            3 * np.eye(classes, dtype=int),
            {
                "rows": np.array([0, 1, 3]),
                "y_true": np.array([0, 1, 0]),
                "proba": 0.2 / classes + 0.8 * np.eye(classes)[said],
            },
        )
        for epoch, said in ((1, [0, 1, 1]), (2, [0, 0, 1]))
    )
    save_watched(files.watched, second.after(first))


def with_network(lab: Lab, record: RunRecord) -> RunRecord:
    lab.paths.run(record.id).model.write_bytes(b"the network")
    return record


def html_of(page: AppTest) -> str:
    return " ".join(element.proto.body for element in page.get("html"))


def said(page: AppTest) -> str:
    boxes = (*page.info, *page.warning, *page.success, *page.caption, *page.markdown)
    return " ".join(plain(box.value) for box in boxes)


def test_a_run_under_way_says_how_it_goes(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = make_run(RunStatus.RUNNING)
    validated(lab, record)
    page = app("train", record)
    assert "Still improving" in said(page)
    assert "Validation after epoch 2" in said(page)
    assert "9 validation images, 100.0 % of them right." in said(page)
    assert "1 prediction has changed" in said(page)
    assert "cat 87 %" in html_of(page)
    assert "is dog" in html_of(page)
    assert "was dog" in html_of(page)
    assert "since epoch 1" in html_of(page)
    assert "after.continue" not in {button.key for button in page.button}


def test_in_spanish(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = with_network(lab, make_run())
    validated(lab, record)
    assert not app("train", record, "es").exception


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (2, "6 validation images"),
        (120, "Drawn are the 100 classes with the most mistakes, of 120."),
        (1001, "With more than 1,000 classes there is no matrix"),
    ],
)
def test_few_classes_and_many(
    app: OpenPage, lab: Lab, make_run: MakeRun, classes: int, words: str
) -> None:
    dataset = make_dataset(lab.paths, "set", many_classes(classes))
    record = make_run(RunStatus.RUNNING, dataset)
    validated(lab, record)
    page = app("train", record)
    assert words in said(page)
    drawn = [chart.proto.spec for chart in page.get("echarts_chart")]
    assert max(map(len, drawn)) < 100_000  # bytes for every viewer after every epoch


def test_names_are_shown_as_they_are(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = make_run(RunStatus.RUNNING, make_dataset(lab.paths, "bad", HOSTILE))
    validated(lab, record)
    assert "<script>" not in html_of(app("train", record))


def test_without_the_images_the_matrix_is_still_there(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    record = make_run(RunStatus.INTERRUPTED)
    validated(lab, record)
    lab.store.delete_dataset("pets", keep_images=False)
    page = app("train", record)
    assert "no longer here" in said(page)
    assert "of them right" in said(page)


def test_the_proposal_fills_the_form_with_one_change(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    record = make_run(train__epochs=30, model__filters=16)
    page = app("train", record)
    page.button(key="try_next").click().run()
    assert not page.exception
    assert page.segmented_control(key="train_view").value == "setup"
    assert page.number_input(key=key("train", "epochs")).value == 60
    assert [toast.value for toast in page.toast] == ["As the run before, but: 60 epochs"]
    page.button(key="launch").click().run()
    config = lab.store.runs()[0].config
    assert config == record.config.with_values({"train.epochs": 60})


def test_after_a_loss_that_is_no_number_the_named_rate_is_one_click_away(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    record = make_run(RunStatus.FAILED)
    failure = Failure(what=text("It diverged."), remedy=text(TOO_LONG, rate=0.0001))
    lab.store.save(record.changed(failure=failure))
    page = app("train", record)
    page.button(key="try_next").click().run()
    assert page.number_input(key=key("optimizer", "learning_rate")).value == 0.0001
    other = make_run(RunStatus.FAILED)
    assert "try_next" not in {button.key for button in app("train", other).button}


def test_train_on_for_some_epochs(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = with_network(lab, make_run(train__epochs=10))
    page = app("train", record)
    assert "after epoch 5 of 5" in said(page)
    assert "Learning rate 0.001" in said(page)
    assert "identical" in said(page)
    page.number_input(key=f"after.epochs.{record.id}").set_value(7).run()
    page.button(key="after.continue").click().run()
    assert not page.exception
    child = lab.store.runs()[0]
    assert (child.status, child.config.train.epochs) == (RunStatus.QUEUED, 7)
    assert child.start
    assert (child.start.run, child.start.epochs) == (record.id, 5)
    assert len(whole_history(lab.paths.run(child.id))) == 5
    assert page.session_state["run"] == child.id
    assert "the epochs before number 6 are that run's" in said(page)


def test_nothing_goes_on_where_the_images_are_gone(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    dataset = make_dataset(lab.paths)
    record = with_network(lab, make_run(dataset=dataset))
    dead = make_run(RunStatus.INTERRUPTED, dataset=dataset)
    assert not app("train", record).button(key="after.continue").disabled
    assert not app("train", dead).button(key="resume").disabled
    lab.store.delete_dataset(dataset.name)
    page = app("train", record)
    assert page.button(key="after.continue").disabled
    assert "There is no dataset" in said(page)
    button = app("train", dead).button(key="resume")
    assert button.disabled
    assert "There is no dataset" in button.help


def test_a_run_that_goes_on_is_drawn_behind_the_other_one(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    """And read from its own first epoch on."""
    parent = with_network(lab, make_run())
    page = app("train", parent)
    page.button(key="after.continue").click().run()
    child = lab.store.runs()[0]
    files = lab.paths.run(child.id)
    write_history(files, whole_history(lab.paths.run(parent.id))[:1])
    lab.store.save(
        parent.changed(id=child.id, start=child.start, status=RunStatus.RUNNING, summary=None)
    )
    page = app("train", lab.store.read(child.id))
    assert "It has begun" in said(page)
    drawn = [chart.proto.spec for chart in page.get("echarts_chart")]
    assert any("continued" in spec for spec in drawn)
    app("runs", child)


def test_what_a_form_cannot_do_again_is_said(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    """A copy of a run that went on from another one begins with a new network."""
    start = Start(run="20260101-120000-000-abcd", epochs=3)
    record = with_network(lab, make_run())
    lab.store.save(record.changed(start=start))
    page = app("train", record)
    page.button(key="clone").click().run()
    assert "begins with a new one" in said(page)
    page.button(key="preset.cnn").click().run()
    assert "begins with a new one" not in said(page)


def test_with_half_the_batch_it_goes_on_from_the_same_network(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    parent = with_network(lab, make_run())
    app("train", parent).button(key="after.continue").click().run()
    child = lab.store.runs()[0]
    lab.store.save(child.changed(status=RunStatus.FAILED, failure=out_of_memory(child.config)))
    app("train", child).button(key="smaller_batch").click().run()
    again = lab.store.runs()[0]
    assert again.start
    assert (again.start.run, again.start.kept_in) == (parent.id, child.id)
    assert again.config.train.batch_size == child.config.train.batch_size // 2


def test_no_more_epochs_than_the_server_allows(
    app: OpenPage, make_run: MakeRun, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENZO_MAX_EPOCHS", "3")
    page = app("train", with_network(lab, make_run(train__epochs=10)))
    (epochs,) = page.number_input
    assert (epochs.value, epochs.max) == (3, 3)


def test_an_old_time_limit_does_not_keep_a_run_from_going_on(
    app: OpenPage, make_run: MakeRun, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked for it there."""
    monkeypatch.setenv("LIENZO_MAX_MINUTES", "5")
    page = app("train", with_network(lab, make_run(train__time_limit=60)))
    page.button(key="after.continue").click().run()
    assert not page.error
    assert lab.store.runs()[0].config.train.time_limit == 5


def test_train_anew_on_both(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    record = with_network(lab, make_run(train__epochs=10))
    page = app("train", record)
    assert "for 5 epochs" in said(page)
    page.button(key="after.retrain").click().run()
    assert not page.exception
    config = lab.store.runs()[0].config
    assert (config.data.with_validation, config.train.epochs) == (True, 5)


def test_a_run_on_both_splits_has_no_validation_anywhere(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    """Every page copes: curves without a second line, figures with a dash, one split of errors."""
    dataset = make_dataset(lab.paths, rows={"val": 0})
    record = with_network(lab, make_run(dataset=dataset, data__with_validation=True))
    files = lab.paths.run(record.id)
    none = {"val_loss": None, "val_accuracy": None}
    write_history(files, [e.model_copy(update=none) for e in whole_history(files)])
    assert record.summary
    summary = record.summary.model_copy(update={"best_val_accuracy": None})
    lab.store.save(record.changed(summary=summary))
    page = app("train", record)
    assert {m.label: m.value for m in page.metric}["Best validation accuracy"] == "–"
    assert "has learned from the validation images already" in said(page)
    running = record.changed(status=RunStatus.RUNNING, summary=None)
    for name in ("errors", "runs", "start", "predict"):
        app(name, record)
    lab.store.save(running)
    assert "learned from, too" in said(app("train", running))


def test_the_form_says_when_there_is_nothing_to_add(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, rows={"val": 0})
    page = app("train")
    page.selectbox(key=key("data", "dataset")).set_value("pets").run()
    page.toggle(key="advanced").set_value(True).run()
    page.toggle(key=key("data", "with_validation")).set_value(True).run()
    assert "cannot be learned from with its validation images" in plain(page.error[0].value)
    assert page.button(key="launch").disabled


def test_on_a_gpu_nobody_is_promised_the_identical_curve(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    record = with_network(lab, make_run())
    lab.store.save(record.changed(versions={"device": "gpu"}))
    assert "alike, not identical" in said(app("train", record))


def test_nothing_follows_a_run_without_a_network(app: OpenPage, make_run: MakeRun) -> None:
    for status in (RunStatus.INTERRUPTED, RunStatus.FAILED, RunStatus.QUEUED):
        page = app("train", make_run(status))
        assert "after.continue" not in {button.key for button in page.button}
