"""The view "Cross-validation" of the Tune page: empty, set up, at work, at its end; and what other
pages make of a run that has folds instead of a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.config import RunConfig
from core.crossval.conductor import FoldConductor
from core.crossval.parent import Folding, fold_config, launch, part_of, whole
from core.crossval.standing import folds_of
from core.datasets.joining import learned_from
from core.datasets.registry import open_dataset
from core.errors import text
from core.evaluation.predictions import save_predictions
from core.lab import Lab
from core.records import Failure, Progress, RunRecord, RunStatus, RunSummary, write_progress
from core.store import Store
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import _begun, make_dataset, make_predictions
from ui.closer_fold import as_its_fold
from ui.crossval_data import CHOSEN, PART
from ui.errors_data import judged, pictures
from ui.errors_gallery import subject_of
from ui.forms import key
from ui.labels_desk import desk


@pytest.fixture
def parent(lab: Lab) -> RunRecord:
    return made(lab)


def made(lab: Lab, **values: object) -> RunRecord:
    if not lab.paths.dataset("pets").info.is_file():
        make_dataset(lab.paths, rows={"train": 30})
    settings = {"data.dataset": "pets", "model.architecture": "mlp", **values}
    return launch(lab.store, whole(RunConfig().with_values(settings), Folding(3)))


def fold(store: Store, parent: RunRecord, number: int, status: RunStatus, right: float) -> None:
    """As a training would leave it."""
    config = fold_config(parent.config, number)
    record = store.create(config, owner="server", part=part_of(parent, number))
    if status is RunStatus.QUEUED:
        return
    stored = open_dataset(store.paths, "pets")
    record = _begun(store, record, stored.info, status, 4)
    if status is RunStatus.FINISHED:
        seen = learned_from(stored, config.data)
        splits = {}
        for name in ("val", "test"):
            rows = seen.rows(name)
            found = make_predictions(seen.split(name).labels[rows], 3, right)
            splits[name] = found._replace(rows=rows)
        save_predictions(store.paths.run(record.id).predictions, splits)
        figures = RunSummary(
            epochs=4, parameters=9, seconds=3.0, val_accuracy=right, val_loss=1 - right
        )
        record = record.changed(summary=figures)
    if status is RunStatus.FAILED:
        record = record.changed(failure=Failure(what=text("No memory for batches of 64.")))
    store.save(record)


def ended(lab: Lab, parent: RunRecord, shares: tuple[float, ...] = (0.7, 0.8, 0.9)) -> RunRecord:
    for number, share in enumerate(shares):
        fold(lab.store, parent, number, RunStatus.FINISHED, share)
    FoldConductor(lab.store, lab.runner)()
    return lab.store.read(parent.id)


def tune(app: OpenPage, language: str = "en", /, **state: object) -> AppTest:
    return app("tune", lang=language, state={"tune_view": "crossval", **state})


def said(page: AppTest) -> str:
    boxes = (*page.info, *page.warning, *page.success, *page.error, *page.caption, *page.markdown)
    return " ".join(plain(box.value) for box in boxes)


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


class TestSetup:
    def test_with_an_empty_form(self, app: OpenPage) -> None:
        assert "The form is still empty" in said(tune(app))

    def test_of_the_form_to_its_launch(self, app: OpenPage, lab: Lab) -> None:
        make_dataset(lab.paths, rows={"train": 30})
        values = {
            key("data", "dataset"): "pets",
            key("model", "architecture"): "mlp",
            key("train", "restore_best"): True,
        }
        page = tune(app, **values)
        assert metrics(page)["Trainings"] == "5"
        assert metrics(page)["To judge with"] == "12"
        assert "a little too good" in said(page)
        page.slider("crossval.folds").set_value(3)
        page.toggle("crossval.fixed").set_value(True).run()
        assert "a little too good" not in said(page)
        page.slider("crossval.folds").set_value(4)  # left by the click
        page.button("crossval.launch").click().run()
        assert not page.exception
        (record,) = lab.store.runs()
        assert (record.kind, record.config.data.folds) == ("crossval", 4)
        assert not record.config.train.restore_best
        assert page.session_state[CHOSEN] == record.id
        assert record.network == "MLP × 4"

    def test_what_cannot_be_dealt_is_refused(self, app: OpenPage, lab: Lab) -> None:
        make_dataset(lab.paths, rows={"train": 30})
        values = {key("data", "dataset"): "pets", key("model", "architecture"): "mlp"}
        page = tune(app, **values, **{"crossval.grouping": "prefix"})
        # All are called "train-…" or "val-…".
        assert "2 groups of images that stay together" in said(page)
        assert page.button("crossval.launch").disabled

    def test_of_a_run(self, app: OpenPage, make_run: Callable[..., RunRecord]) -> None:
        record = make_run(train__epochs=7)
        page = tune(app, run=record.id, crossval_source="run")
        assert "takes 7 epochs at most" in said(page)
        assert not page.button("crossval.launch").disabled

    def test_a_limit_counts(self, app: OpenPage, make_run: Callable[..., RunRecord]) -> None:
        record = make_run(data__limit=20)
        page = tune(app, run=record.id, crossval_source="run")
        assert metrics(page)["To learn from"] == "20"
        page.number_input("crossval.seed").set_value(1).run()
        assert not page.exception

    def test_what_was_not_trained_has_no_settings(
        self, app: OpenPage, lab: Lab, make_run: Callable[..., RunRecord]
    ) -> None:
        record = make_run()
        lab.store.save(record.changed(kind="ensemble"))
        page = tune(app, run=record.id, crossval_source="run")
        assert "was not trained itself" in said(page)


class TestResult:
    def test_none_yet(self, app: OpenPage) -> None:
        assert "There is no cross-validation yet" in said(tune(app, **{PART: "result"}))

    def test_at_work(self, app: OpenPage, lab: Lab, parent: RunRecord) -> None:
        fold(lab.store, parent, 0, RunStatus.FINISHED, 0.7)
        fold(lab.store, parent, 1, RunStatus.RUNNING, 0)
        running = folds_of(lab.store, parent.id)[1]
        now = Progress(phase="training", epoch=2, epochs=4, step=1, steps=2, eta_seconds=60)
        write_progress(lab.paths.run(running.id), now)
        FoldConductor(lab.store, lab.runner)()
        page = tune(app, **{PART: "result"})
        texts = [bar.proto.text for bar in page.get("progress")]
        assert texts[0].startswith("1 fold of 3 ended · about")
        assert texts[1].startswith("Fold 2 · epoch 2 of 4")
        assert "○ queued" in said(page)
        assert metrics(page)["Accuracy"] == "70.0 %"
        page.button("crossval.stop").click().run()
        assert lab.paths.run(parent.id).stop.exists()

    @pytest.mark.parametrize("lang", ["en", "es"])
    def test_at_its_end(self, app: OpenPage, lab: Lab, parent: RunRecord, lang: str) -> None:
        ended(lab, parent)
        page = tune(app, lang, **{PART: "result"})
        values = [metric.value for metric in page.metric]
        assert values[0] == ("80,0 % ± 10,0 %" if lang == "es" else "80.0 % ± 10.0 %")
        assert len(page.get("plotly_chart")) == 2
        assert page.dataframe[0].value.shape[0] == 3
        lab.store.delete(folds_of(lab.store, parent.id)[0].id)
        if lang == "en":
            page = tune(app, lang, **{PART: "result"})
            assert "1 fold was deleted" in said(page)
            assert metrics(page)["Accuracy"].startswith("85.0 %")

    def test_some_failed_and_go_on(self, app: OpenPage, lab: Lab, parent: RunRecord) -> None:
        fold(lab.store, parent, 0, RunStatus.FINISHED, 0.7)
        fold(lab.store, parent, 1, RunStatus.FAILED, 0)
        fold(lab.store, parent, 2, RunStatus.FINISHED, 0.8)
        FoldConductor(lab.store, lab.runner)()
        page = tune(app, **{PART: "result"})
        assert "Only 2 of 3 folds have come to an end; left out: 2." in said(page)
        page.button("crossval.resume").click().run()
        assert lab.store.read(parent.id).status is RunStatus.QUEUED

    def test_all_failed(self, app: OpenPage, lab: Lab, parent: RunRecord) -> None:
        for number in range(3):
            fold(lab.store, parent, number, RunStatus.FAILED, 0)
        FoldConductor(lab.store, lab.runner)()
        page = tune(app, **{PART: "result"})
        assert "None of the folds has come to its end. No memory for batches" in said(page)

    def test_two_on_the_same_folds(self, app: OpenPage, lab: Lab, parent: RunRecord) -> None:
        ended(lab, parent)
        other = ended(lab, made(lab), (0.6, 0.7, 0.81))
        strange = launch(
            lab.store, whole(parent.config.with_values({"train.epochs": 3}), Folding(3, seed=4))
        )
        ended(lab, strange)
        page = tune(app, **{PART: "result", CHOSEN: parent.id, "crossval_other": other.id})
        assert "is better than" in said(page)
        assert "Nadeau and Bengio" in said(page)
        page.session_state["crossval_other"] = strange.id
        page.run()
        assert "they cannot be compared fold by fold" in said(page)
        assert not page.exception


class TestOtherPages:
    def test_watched_on_the_train_page(self, app: OpenPage, lab: Lab, parent: RunRecord) -> None:
        page = app("train", parent)
        assert "has no curves of its own" in said(page)
        page.button("crossval.open").click().run()
        assert page.session_state["tune_view"] == "crossval"

    def test_at_home_its_folds_have_rows_and_itself_has_none(
        self, app: OpenPage, lab: Lab, parent: RunRecord
    ) -> None:
        fold(lab.store, parent, 0, RunStatus.RUNNING, 0)
        fold(lab.store, parent, 1, RunStatus.RUNNING, 0)
        FoldConductor(lab.store, lab.runner)()
        page = app("start")
        shown = " ".join(plain(box.value) for box in page.markdown)
        assert shown.count("pets · MLP**") == 3  # one of them waits
        assert "MLP × 3" not in shown

    def test_the_errors_page_shows_every_image_once(
        self, app: OpenPage, lab: Lab, parent: RunRecord
    ) -> None:
        record = ended(lab, parent)
        page = app("errors", record)
        assert metrics(page)["Images"] == "60"
        assert "each judged by the fold that has not learned from it" in said(page)
        assert not page.error
        first = folds_of(lab.store, record.id)[0]
        assert "from which this fold has not learned" in said(app("errors", first))
        assert "fold 1 of cross-validation" in said(app("train", first))

    def test_the_pictures_are_those_that_were_judged(self, lab: Lab, parent: RunRecord) -> None:
        record = ended(lab, parent)
        for run in (record, *folds_of(lab.store, record.id).values()):
            found = judged(run, "val")
            shown = pictures(run, "val")
            rows = found.predictions.rows
            assert (shown.labels[rows] == found.predictions.y_true).all()
            raw = open_dataset(lab.paths, "pets")
            table = desk(run, found)
            for row in rows[[0, -1]].tolist():
                place = table.place(row)
                image = raw.split(place.split).images[place.row]
                assert (np.asarray(shown.images[row]) == image).all()
                assert (table.image(row) == image).all()

    def test_who_is_asked_about_an_image_has_not_learned_from_it(
        self, lab: Lab, parent: RunRecord
    ) -> None:
        record = ended(lab, parent)
        everything = judged(record, "val")
        for fold_ in folds_of(lab.store, record.id).values():
            found = judged(fold_, "val").predictions
            position = int(found.rows[3])
            subject = subject_of(record, everything, pictures(record, "val"), position)
            asked = as_its_fold(subject)
            assert asked is not None
            assert (asked.record.id, asked.row) == (fold_.id, position)
            assert (asked.proba == found.proba[3]).all()
        assert as_its_fold(subject._replace(split="test")) is None
        assert as_its_fold(subject._replace(record=fold_)) is None
        lab.store.delete(folds_of(lab.store, record.id)[0].id)
        gone = subject._replace(row=int(everything.predictions.rows.max()) + 1)
        assert as_its_fold(gone) is None

    def test_settings_of_a_fold_in_the_form_are_an_ordinary_training(
        self, app: OpenPage, lab: Lab, parent: RunRecord
    ) -> None:
        record = folds_of(lab.store, ended(lab, parent).id)[1]
        page = app("train", record)
        page.button("clone").click().run()
        assert page.session_state[key("data", "folds")] is None
        assert page.session_state[key("data", "fold")] is None
        assert page.session_state[key("data", "grouping")] == "none"

    def test_deleted_with_its_folds(self, app: OpenPage, lab: Lab, parent: RunRecord) -> None:
        record = ended(lab, parent)
        page = app("runs")
        page.session_state["runs.chosen"] = [record.id]
        page.run()
        page.button("runs.delete").click().run()
        assert "deleted with it" in said(page)
        page.button("runs.really").click().run()
        assert lab.store.count() == 0
