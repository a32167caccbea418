"""The Runs page: what is listed, chosen, compared and deleted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.lab import Lab
from core.parts import Composition, Member, Start
from core.records import RunRecord, RunStatus
from tests.pages.conftest import OpenPage, plain
from ui.frame import short_name
from ui.runs_diff import differences, differing

MakeRun = Callable[..., RunRecord]


def listed(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["run"])


def choose(page: AppTest, *runs: RunRecord) -> AppTest:
    page.session_state["runs.chosen"] = [run.id for run in runs]
    page.run()
    assert not page.exception
    return page


def look(page: AppTest, view: str) -> AppTest:
    page.session_state["runs.set.view"] = view
    page.run()
    assert not page.exception
    return page


def test_without_runs_it_says_what_to_do(app: OpenPage) -> None:
    page = app("runs")
    assert "no runs yet" in page.info[0].value
    assert not page.dataframe


@pytest.mark.parametrize("status", list(RunStatus))
def test_every_status_is_listed(app: OpenPage, make_run: MakeRun, status: RunStatus) -> None:
    run = make_run(status)
    page = app("runs")
    assert listed(page) == [short_name(run)]
    assert status.value in page.dataframe[0].value["status"][0]


def test_the_newest_run_is_on_top(app: OpenPage, make_run: MakeRun) -> None:
    runs = [make_run(), make_run(), make_run()]
    assert listed(app("runs")) == [short_name(run) for run in reversed(runs)]


def test_filters(app: OpenPage, make_run: MakeRun) -> None:
    mlp = make_run(model__architecture="mlp")
    failed = make_run(RunStatus.FAILED)
    page = app("runs")
    page.text_input(key="runs.text").set_value("PETS mlp").run()
    assert listed(page) == [short_name(mlp)]
    page.text_input(key="runs.text").set_value("").run()
    page.multiselect(key="runs.set.status").set_value([RunStatus.FAILED]).run()
    assert listed(page) == [short_name(failed)]
    page.text_input(key="runs.text").set_value("nothing like that").run()
    assert "No run fits" in page.info[0].value
    assert not page.exception


def test_the_differences_of_chosen_runs_are_told(app: OpenPage, make_run: MakeRun) -> None:
    one = make_run(model__filters=8)
    two = make_run(model__filters=16, augment__flip="both", optimizer__momentum=0.5)
    page = choose(app("runs"), one, two)
    table = page.dataframe[1].value.set_index("Setting")
    assert table.index.tolist() == ["Flip", "Filters (filters)"]  # Adam has no momentum
    assert sorted(table.loc["Filters (filters)"]) == ["16", "8"]


def test_going_on_from_another_run_is_a_difference(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    one, two = make_run(), make_run()
    lab.store.save(
        two.changed(start=Start(run=one.id, epochs=5), dataset_fingerprint="images added")
    )
    table = choose(app("runs"), one, two).dataframe[1].value.set_index("Setting")
    assert sorted(table.loc["Goes on from"]) == sorted(
        ["a new network", f"{short_name(one)}, epoch 5"]
    )
    assert list(table.loc["State of the dataset"]) == ["1", "2"]


def test_runs_without_an_epoch_have_no_curve(app: OpenPage, make_run: MakeRun) -> None:
    page = choose(look(app("runs"), "curves"), make_run(RunStatus.QUEUED))
    assert not page.get("plotly_chart")
    assert any("finished an epoch" in c.value for c in page.caption)


def test_other_peoples_runs_keep_the_choice(app: OpenPage, make_run: MakeRun) -> None:
    mine = make_run()
    page = choose(app("runs"), mine)
    theirs = make_run()
    page.run()
    assert listed(page) == [short_name(theirs), short_name(mine)]
    assert page.session_state["runs.chosen"] == [mine.id]
    assert page.button(key="runs.errors")


def test_cloning_fills_the_form(app: OpenPage, make_run: MakeRun) -> None:
    page = choose(app("runs"), make_run(train__epochs=7))
    page.button(key="clone").click().run()
    assert page.session_state["form.train.epochs"] == 7


def test_the_errors_page_of_a_run(app: OpenPage, make_run: MakeRun) -> None:
    run = make_run()
    page = choose(app("runs"), run)
    page.button(key="runs.errors").click().run()
    assert not page.exception
    assert page.session_state["run"] == run.id
    assert page.get("echarts_chart")


def test_deletion_asks_first(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    runs = [make_run(), make_run(), make_run()]
    page = choose(app("runs", runs[0]), *runs[:2])
    page.button(key="runs.delete").click().run()
    assert lab.store.count() == 3
    page.button(key="runs.really").click().run()
    assert not page.exception
    assert [run.id for run in lab.store.runs()] == [runs[2].id]
    assert page.session_state["run"] is None
    assert listed(page) == [short_name(runs[2])]


def test_a_running_run_is_not_deleted(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    running, over = make_run(RunStatus.RUNNING), make_run()
    page = choose(app("runs"), running, over)
    page.button(key="runs.delete").click().run()
    assert "is running: stop it" in plain(page.warning[0].value)
    page.button(key="runs.really").click().run()
    assert [run.id for run in lab.store.runs()] == [running.id]


def test_a_run_that_starts_meanwhile_is_not_deleted(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run(RunStatus.QUEUED)
    page = choose(app("runs"), run)
    page.button(key="runs.delete").click().run()
    lab.store.save(run.taken_by_this_process())
    page.button(key="runs.really").click().run()
    assert lab.store.count() == 1
    assert "is running" in " ".join(e.value for e in page.error)


def test_folders_that_are_no_runs(app: OpenPage, lab: Lab) -> None:
    (lab.paths.runs / "holiday pictures").mkdir()
    lab.store.reindex()
    page = app("runs")
    assert "1 folder cannot be read" in page.expander[0].label
    assert "holiday pictures is not the folder of a run." in page.text[0].value
    (lab.paths.runs / "holiday pictures").rmdir()
    page.button(key="runs.reindex").click().run()
    assert not page.text


def test_differing_settings_of_two_architectures(make_run: MakeRun) -> None:
    cnn, mlp = make_run(), make_run(model__architecture="mlp")
    found = {field.key: values for field, values in differing([cnn, mlp])}
    assert found["model.architecture"] == ["cnn", "mlp"]
    assert found["model.blocks"] == [3, None]
    assert "model.dropout" not in found


def test_an_ensemble_differs_by_no_settings_of_its_first_member(make_run: MakeRun) -> None:
    one, two = make_run(), make_run(model__filters=8)
    whole = one.changed(
        kind="ensemble",
        composition=Composition(method="mean", members=(Member(run=one.id), Member(run=two.id))),
    )
    assert differing([two, whole]) == []
    found = {field.key: values for field, values in differing([one, two, whole])}
    assert list(found) == ["model.filters"]
    assert found["model.filters"][2] is None
    table = differences([two, whole])
    assert table.iloc[0].tolist() == ["Network", two.network, "Ensemble × 2"]


def test_a_run_stopped_at_once_says_so(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run(RunStatus.RUNNING, epochs=0).changed(status=RunStatus.STOPPED)
    lab.store.save(run)
    page = choose(look(app("runs"), "curves"), run)
    assert any("before its first epoch had ended" in c.value for c in page.caption)
