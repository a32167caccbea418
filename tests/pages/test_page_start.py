"""Home: what is running, the latest runs, and a first network in one click."""

from __future__ import annotations

from collections.abc import Callable

from core.lab import Lab
from core.presets import preset_config
from core.records import RunRecord, RunStatus
from tests.pages.conftest import OpenPage

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


def test_a_followed_run_that_finishes_opens_its_errors(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    page = app("start").button(key="quick").click().run()
    queued = lab.store.runs()[0]
    done = make_run(RunStatus.FINISHED)  # as the worker would leave it
    finished = done.changed(id=queued.id, config=queued.config)
    done_folder = lab.paths.run(done.id).folder
    for name in ("predictions.npz", "metrics.jsonl"):
        (done_folder / name).rename(lab.paths.run(queued.id).folder / name)
    page.session_state["_follow"] = queued.id
    # The panel was drawn while the run was queued; its next tick finds it finished.
    lab.store.save(queued.changed(status=RunStatus.RUNNING).taken_by_this_process())
    page.run()
    lab.store.save(finished)
    page.run()
    assert not page.exception


def test_runs_of_every_status_are_listed(app: OpenPage, make_run: MakeRun) -> None:
    for status in RunStatus:
        make_run(status)
    page = app("start")
    frames = [frame.value for frame in page.dataframe]
    assert len(frames[-1]) == 5  # the latest five
    shown = {text for frame in frames for text in frame["status"]}
    assert any("running" in text for text in shown)
    assert any("queued" in text for text in shown)


def test_it_speaks_spanish(app: OpenPage) -> None:
    page = app("start", lang="es")
    assert page.button(key="quick").label == "Empezar"
