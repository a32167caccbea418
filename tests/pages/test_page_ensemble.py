"""The Ensembles page, and how other pages take a run that is made of others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.ensembles.combine import cross_fitted, stacking_of
from core.ensembles.making import Asked, make_ensemble
from core.evaluation.predictions import load_predictions, save_predictions
from core.lab import Lab
from core.parts import Composition, Member
from core.records import RunRecord
from core.snapshots import save_snapshot
from tests.pages.conftest import OpenPage, plain

MakeRun = Callable[..., RunRecord]


def said(page: AppTest) -> str:
    elements = [*page.info, *page.warning, *page.caption, *page.markdown, *page.success]
    return plain(" ".join(element.value for element in elements))


def sentences(page: AppTest) -> list[str]:
    return [plain(element.value) for element in page.markdown]


def labels(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


@pytest.fixture
def pair(make_run: MakeRun) -> list[RunRecord]:
    return [
        make_run(accuracy=accuracy, model__architecture=kind)
        for accuracy, kind in ((0.6, "cnn"), (0.7, "mlp"))
    ]


@pytest.fixture
def made(lab: Lab, pair: list[RunRecord]) -> RunRecord:
    members = tuple(Member(run=record.id) for record in pair)
    return make_ensemble(lab.store, Asked(members))


def choose(page: AppTest, runs: list[RunRecord]) -> AppTest:
    return page.multiselect(key="ensemble_runs").set_value([run.id for run in runs]).run()


def test_without_runs_it_says_what_to_do(app: OpenPage, make_run: MakeRun) -> None:
    assert "nearly always better" in said(app("ensemble"))
    make_run()
    assert "train one more" in said(app("ensemble"))


def test_members_are_compared_and_made_a_run(
    app: OpenPage, lab: Lab, pair: list[RunRecord]
) -> None:
    page = app("ensemble")
    assert "two runs or more" in said(page)
    page = choose(page, pair[:1])
    assert "at least one more" in said(page)
    page = choose(page, pair)
    assert not page.exception
    assert set(labels(page)) == {"Together", "Best member", "Gain"}
    assert "no means to choose by" in said(page)
    for view in ("pairs", "growth", "classes"):
        page.session_state["ensemble.view"] = view
        page.run()
        assert not page.exception, page.exception
    assert "only networks of one architecture" in said(page)
    page.button(key="ensemble_make").click().run()
    record = lab.store.runs()[0]
    assert record.kind == "ensemble"
    assert page.session_state["run"] == record.id
    assert "stay sealed" in said(page)
    page.button(key="ensemble_open.ensemble.errors").click().run()
    assert not page.exception
    assert "Accuracy" in labels(page)


def test_stacking_is_asked_of_the_computing_process(
    app: OpenPage, lab: Lab, pair: list[RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def learn(proba: np.ndarray, y_true: np.ndarray) -> tuple[np.ndarray, ...]:
        layer = stacking_of(proba, y_true).stacking
        assert layer is not None
        return tuple(layer)

    monkeypatch.setattr(lab.compute, "cross_fit", cross_fitted)
    monkeypatch.setattr(lab.compute, "learn_stacking", learn)
    page = choose(app("ensemble"), pair)
    page.session_state["ensemble.method"] = "stacking"
    page.run()
    page.button(key="ensemble_make").click().run()
    assert not page.exception
    record = lab.store.runs()[0]
    assert record.composition is not None
    assert record.composition.method == "stacking"
    assert lab.paths.run(record.id).stacking.is_file()


def test_a_rule_and_snapshots(app: OpenPage, lab: Lab, pair: list[RunRecord]) -> None:
    page = app("ensemble")
    page.session_state["ensemble.source"] = "rule"
    page.run()
    assert "2 runs fit the rule" in said(page)
    assert "Together" in labels(page)
    page.session_state["ensemble.source"] = "snapshots"
    page.run()
    assert "has kept snapshots" in said(page)
    config = pair[0].config.with_values({"train.snapshots": "every"})
    lab.store.save(pair[0].changed(config=config))
    files = lab.paths.run(pair[0].id)
    for epoch in (2, 4):
        save_snapshot(files, epoch, [np.zeros(1)])
        files.snapshot_predictions(epoch).write_bytes(files.predictions.read_bytes())
    page.run()
    assert "Together" in labels(page)
    assert page.multiselect[0].value == [2, 4]
    page.button(key="ensemble_soup")  # of one start: offered, and without a warning
    assert not page.warning


def test_members_without_augmentation_are_judged_as_they_are(
    app: OpenPage, pair: list[RunRecord], make_run: MakeRun
) -> None:
    flipped = make_run(augment__flip="horizontal")
    page = choose(app("ensemble"), [*pair, flipped])
    page.toggle(key="ensemble_varied").set_value(True).run()
    assert not page.exception
    assert page.button(key="ensemble_compute").label == "Compute for 1 run"
    assert "because trained without changes" in said(page)


@pytest.mark.parametrize("view", ["matrix", "classes", "curves", "mistakes", "robustness", "map"])
def test_the_errors_page_of_an_ensemble(app: OpenPage, made: RunRecord, view: str) -> None:
    page = app("errors", made)
    page.session_state["errors.view"] = view
    page.run()
    assert not page.exception, page.exception
    assert ("looks into a single network" in said(page)) == (view in ("robustness", "map"))


def test_the_predict_page_names_a_missing_member(
    app: OpenPage, lab: Lab, pair: list[RunRecord], made: RunRecord
) -> None:
    for record in pair:
        lab.paths.run(record.id).model.write_bytes(b"x")
    page = app("predict", made)
    assert "It takes images of" in said(page)
    lab.store.delete(pair[1].id)
    page.run()
    assert "is gone" in said(page)


def test_the_runs_page_offers_what_an_ensemble_can(
    app: OpenPage, lab: Lab, pair: list[RunRecord], made: RunRecord
) -> None:
    page = app("runs")
    page.session_state["runs.chosen"] = [made.id]
    page.run()
    keys = {button.key for button in page.button}
    assert "runs.errors" in keys
    assert not keys & {"clone", "runs.watch"}
    page.session_state["runs.chosen"] = [pair[0].id]
    page.session_state["runs.ask"] = True
    page.run()
    assert "made of them" in said(page)
    page.session_state["runs.chosen"] = [made.id, pair[0].id]
    page.session_state["runs.ask"] = True
    page.run()
    assert not page.exception
    assert "made of them" not in said(page)


@pytest.mark.parametrize("kind", ["ensemble", "crossval", "soup"])
def test_the_train_page_of_what_was_not_trained(
    app: OpenPage, lab: Lab, pair: list[RunRecord], made: RunRecord, kind: str
) -> None:
    lab.store.save(made.changed(kind=kind))
    page = app("train", made)
    assert not page.exception
    keys = {button.key for button in page.button}
    assert not keys & {"clone", "after.continue"}
    lab.store.delete(pair[0].id)
    page.run()
    assert "was deleted" in said(page)


def test_which_moments_of_a_training_are_members_is_told(
    app: OpenPage, lab: Lab, pair: list[RunRecord], made: RunRecord
) -> None:
    members = tuple(Member(run=pair[0].id, snapshot=epoch) for epoch in (4, 2))
    composition = Composition(method="mean", members=members)
    lab.store.save(made.changed(kind="soup", composition=composition))
    linked = [plain(link.proto.label) for link in app("train", made).get("page_link")]
    assert any("(epochs 2, 4)" in label for label in linked)


def test_the_verdict_is_a_sentence_whoever_stands_first(
    app: OpenPage, lab: Lab, pair: list[RunRecord]
) -> None:
    file = lab.paths.run(pair[0].id).predictions
    splits = load_predictions(file)
    val = splits["val"]
    proba = np.roll(np.eye(val.proba.shape[1], dtype=np.float32)[val.y_true], 1, axis=1)
    save_predictions(file, splits | {"val": val._replace(proba=proba)})  # always wrong and sure
    page = choose(app("ensemble"), pair)
    assert any(text.startswith("The best member") for text in sentences(page))
    assert not any(text.startswith("the ") or "than The " in text for text in sentences(page))


def test_a_composition_that_is_not_decided_yet(app: OpenPage, lab: Lab, made: RunRecord) -> None:
    lab.store.save(made.changed(kind="crossval", composition=None))
    assert "no members yet" in said(app("predict", made))
    lab.store.save(made.changed(composition=Composition(method="mean", members=())))
    assert not app("predict", made).exception
