"""Home: what is running, the latest runs, and a first network in one click."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.errors import N_, RunError
from core.lab import Lab
from core.presets import preset_config
from core.records import Progress, RunRecord, RunStatus, write_progress
from tests.pages.conftest import OpenPage, plain
from ui.i18n import percent
from ui.state import FOLLOW

MakeRun = Callable[..., RunRecord]


def test_an_empty_lab_says_that_nothing_runs_and_what_to_do(app: OpenPage) -> None:
    page = app("start")
    said = [c.value for c in page.caption]
    assert any("Nothing is running" in text for text in said)
    assert any("No runs yet" in text for text in said)


def test_one_click_queues_the_first_network_and_watches_it(app: OpenPage, lab: Lab) -> None:
    page = app("start").button(key="quick").click().run()
    assert not page.exception
    (record,) = lab.store.runs()
    assert record.preset == "digits-quick"
    assert record.config == preset_config("digits-quick", None, (8, 8, 1))
    assert page.session_state["run"] == record.id
    assert page.segmented_control(key="train_view").value == "watch"
    assert any("Starting" in info.value for info in page.info)


def test_a_first_network_that_cannot_be_queued_is_told(
    app: OpenPage, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise RunError(N_("The disk is full."))

    monkeypatch.setattr(lab.runner, "submit", full)
    page = app("start").button(key="quick").click().run()
    assert not page.exception
    assert [plain(e.value) for e in page.error] == ["The disk is full."]
    assert FOLLOW not in page.session_state


@pytest.mark.parametrize("where", ["start", "train"])
def test_a_followed_run_that_has_finished_opens_its_errors(
    app: OpenPage, make_run: MakeRun, where: str
) -> None:
    """Also when the page is drawn as a whole just then."""
    run = make_run(RunStatus.FINISHED)
    page = app(where, run)
    assert not page.get("echarts_chart") or where == "train"
    page.session_state[FOLLOW] = run.id
    page.run()
    assert not page.exception
    assert "Confusion matrix" in page.get("echarts_chart")[0].proto.alt
    assert FOLLOW not in page.session_state


def test_runs_of_every_status_are_listed(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    for status in RunStatus:
        make_run(status)
    page = app("start")
    (latest,) = page.dataframe
    assert len(latest.value) == 5
    watched = {b.key for b in page.button if str(b.key).startswith("watch.")}
    active = lab.store.runs(RunStatus.RUNNING, RunStatus.QUEUED)
    assert watched == {f"watch.{run.id}" for run in active}


def test_a_running_run_shows_how_far_it_is_and_is_watched(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run(RunStatus.RUNNING, epochs=3)
    progress = Progress(
        phase="training", epoch=4, epochs=8, step=1, steps=2, accuracy=0.5, eta_seconds=80
    )
    write_progress(lab.paths.run(run.id), progress)
    page = app("start")
    bar = page.get("progress")[0]
    assert (bar.proto.value, bar.proto.text) == (43, "Training · epoch 4 of 8 · step 1 of 2")
    best = percent(0.95 * (1 - 0.7**3))
    assert f"1 min 20 s left  \nbest so far: {best}" in [c.value for c in page.caption]
    page.button(key=f"watch.{run.id}").click().run()
    assert page.session_state["run"] == run.id
    assert page.segmented_control(key="train_view").value == "watch"


def test_it_speaks_spanish(app: OpenPage) -> None:
    page = app("start", lang="es")
    assert page.button(key="quick").label == "Empezar"
