"""The Tune page's view "Search": the form with ranges, and studies in every state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import text
from core.lab import Lab
from core.parts import Part
from core.records import RunRecord, RunStatus
from core.search.backing import RemakingError
from core.search.ranges import Choices, FloatRange, IntRange
from core.search.space import SearchSpace
from core.search.spec import StudyStatus, Wanted, read_state, write_state
from core.search.study import create_study, list_studies, read_study
from tests.pages.conftest import OpenPage, plain
from ui.forms import key
from ui.search_ranges import slot

MakeRun = Callable[..., RunRecord]
RATE, BATCH = "optimizer.learning_rate", "train.batch_size"
SPACE = SearchSpace(
    fields={
        RATE: FloatRange(low=1e-4, high=0.1, log=True),
        BATCH: Choices(values=(32, 64, 128)),
    }
)


def switch_on(page: AppTest, name: str) -> AppTest:
    return page.button(key=f"search.on.{name}").click().run()


@pytest.fixture
def study(lab: Lab, make_run: MakeRun) -> Callable[..., str]:
    """``study(statuses)``: a study with a trial per status, better and better."""

    def make(statuses: Sequence[RunStatus] = (), **changes: object) -> str:
        first = make_run(RunStatus.QUEUED)
        lab.store.delete(first.id)  # its dataset stays
        wanted = Wanted(config=first.config, space=SPACE, trials=10, by="Ana")
        study_id = create_study(lab.store, wanted)
        for number, status in enumerate(statuses):
            settings = {"optimizer__learning_rate": 0.01 * 2**-number, "train__batch_size": 64}
            run = make_run(status, epochs=2 + number, **settings)
            part = Part(kind="study", of=study_id, number=number)
            summary = run.summary and run.summary.model_copy(
                update={"val_accuracy": 0.5 + number / 8}
            )
            lab.store.save(run.changed(part=part, summary=summary))
        if changes:
            files = lab.paths.study(study_id)
            write_state(files, read_state(files).model_copy(update=dict(changes)))
        return study_id

    return make


def open_study(app: OpenPage, study_id: str, lang: str = "en") -> AppTest:
    page = app("start", lang=lang)
    page.query_params["study"] = study_id
    page.switch_page("pages/tune.py").run()
    assert not page.exception, page.exception
    return page


def test_nothing_searched_yet_says_what_to_do(app: OpenPage) -> None:
    page = app("tune")
    assert page.button(key="search.launch").disabled
    assert any("Nothing yet" in plain(box.value) for box in page.info)
    page.segmented_control(key="tune_part").set_value("study").run()
    assert any("Nothing has been searched yet" in plain(box.value) for box in page.info)
    page.button(key="search.begin").click().run()
    assert page.segmented_control(key="tune_part").value == "setup"


def test_a_search_is_made_on_the_form_itself_and_launched(app: OpenPage, lab: Lab) -> None:
    page = app("tune")
    page.number_input(key=key("train", "epochs")).set_value(3).run()
    switch_on(page, RATE)
    switch_on(page, BATCH)
    switch_on(page, "model.blocks")
    page.number_input(key=slot("model.blocks", "high")).set_value(3).run()
    (table,) = page.dataframe
    assert list(table.value["setting"]) == ["Blocks", "Learning rate", "Batch size"]
    assert list(table.value["where"])[:2] == ["1 to 3", "0.0001 to 0.1 (log)"]
    # In a browser a field is left by the click itself: what it holds is not in what was drawn.
    page.number_input(key="search.trials").set_value(7)
    page.number_input(key=slot("model.blocks", "high")).set_value(2)
    page.button(key="search.launch").click().run()
    assert not page.exception
    (found,) = list_studies(lab.paths)
    assert found.spec.space.fields == {
        "model.blocks": IntRange(low=1, high=2),
        RATE: FloatRange(low=1e-4, high=0.1, log=True),
        BATCH: Choices(values=(32, 64, 128, 256)),
    }
    assert (found.spec.trials, found.spec.config.train.epochs) == (7, 3)
    assert found.spec.by == page.session_state["my_name"]
    assert page.session_state["study"] == found.spec.id
    assert page.button(key="search.stop")


def test_switching_to_and_fro_loses_nothing(app: OpenPage) -> None:
    page = app("tune")
    page.number_input(key=key("optimizer", "learning_rate")).set_value(0.02).run()
    switch_on(page, RATE)
    page.number_input(key=slot(RATE, "low")).set_value(0.003).run()
    page.button(key=f"search.off.{RATE}").click().run()
    assert page.number_input(key=key("optimizer", "learning_rate")).value == 0.02
    switch_on(page, RATE)
    assert page.number_input(key=slot(RATE, "low")).value == 0.003


def test_a_bad_range_is_said_in_the_words_of_the_form(app: OpenPage) -> None:
    page = app("tune")
    switch_on(page, RATE)
    page.number_input(key=slot(RATE, "low")).set_value(0.5).run()
    assert ["Learning rate: the range must end" in plain(e.value) for e in page.error] == [True]
    assert page.button(key="search.launch").disabled
    page.segmented_control(key=slot(RATE, "way")).set_value("list").run()
    assert not page.error
    page.multiselect(key=slot(RATE, "list")).set_value([]).run()
    assert ["Learning rate: the list" in plain(e.value) for e in page.error] == [True]


def test_a_grid_needs_an_end(app: OpenPage) -> None:
    page = app("tune")
    switch_on(page, RATE)
    page.selectbox(key="search.set.sampler").set_value("grid").run()
    assert ["A grid needs an end" in plain(e.value) for e in page.error] == [True]


def test_settings_follow_the_architectures_that_are_searched(app: OpenPage) -> None:
    page = app("tune")
    switch_on(page, "model.architecture")
    architectures = slot("model.architecture", "options")
    page.multiselect(key=architectures).set_value(["resnet", "wide_resnet"]).run()
    assert page.session_state[key("model", "architecture")] == "resnet"
    buttons = {button.key for button in page.button}
    assert {"search.on.model.resnet.depth", "search.on.model.wide_resnet.depth"} <= buttons
    assert "search.on.model.cnn.blocks" not in buttons
    switch_on(page, "model.wide_resnet.depth")
    (table,) = page.dataframe
    assert list(table.value["setting"]) == ["Architecture", "Depth (WideResNet)"]


def test_what_depends_on_a_searched_choice_is_offered(app: OpenPage) -> None:
    page = app("tune")
    page.toggle(key="advanced").set_value(True).run()
    assert "search.on.optimizer.momentum" not in {button.key for button in page.button}
    switch_on(page, "optimizer.name")  # SGD is among the usual ones
    assert "search.on.optimizer.momentum" in {button.key for button in page.button}


def test_the_first_search_is_one_click(app: OpenPage, lab: Lab) -> None:
    page = app("tune")
    page.button(key="search.guided.fill").click().run()
    assert not page.exception
    (table,) = page.dataframe
    assert len(table.value) == 4
    assert page.number_input(key="search.minutes").value == 20
    page.button(key="search.nothing").click().run()
    assert not page.dataframe
    page.button(key="search.guided.start").click().run()
    assert not page.exception
    (found,) = list_studies(lab.paths)
    assert set(found.spec.space.fields) == {RATE, BATCH, "model.dropout", "model.l2"}


@pytest.mark.parametrize("lang", ["en", "es"])
def test_a_running_study(app: OpenPage, study: Callable[..., str], lang: str) -> None:
    statuses = (RunStatus.FINISHED, RunStatus.PRUNED, RunStatus.FAILED, RunStatus.RUNNING)
    page = open_study(app, study(statuses), lang)
    assert [m.value for m in page.metric][1:5] == ["1", "1", "1", "1"]
    assert page.button(key="search.stop")
    assert "search.delete" not in {button.key for button in page.button}
    (table,) = page.dataframe
    assert len(table.value) == 1  # the leaderboard


def test_the_figures_of_a_finished_study(
    app: OpenPage, lab: Lab, study: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab.compute, "importance", lambda _study: [(RATE, 0.75), (BATCH, 0.25)])
    finished = study((RunStatus.FINISHED,) * 6, status=StudyStatus.FINISHED, settled=True)
    page = open_study(app, finished)
    for name in ("curves", "importance", "parallel", "slice", "contour"):
        page.segmented_control(key="search.set.figure").set_value(name).run()
        assert not page.exception, name
        assert page.get("plotly_chart") or page.get("echarts_chart"), name
    page.toggle(key="search.every").set_value(True).run()
    assert len(page.dataframe[1].value) == 6
    assert not any("est accuracy" in head for table in page.dataframe for head in table.columns)


def test_a_figure_says_how_many_trials_it_needs(app: OpenPage, study: Callable[..., str]) -> None:
    page = open_study(app, study((RunStatus.FINISHED,)))
    page.segmented_control(key="search.set.figure").set_value("importance").run()
    assert any("needs 5 finished trials; there are 1" in plain(i.value) for i in page.info)


def test_the_best_goes_into_the_form(app: OpenPage, study: Callable[..., str]) -> None:
    page = open_study(app, study((RunStatus.FINISHED,) * 2))
    page.button(key="search.take").click().run()
    assert not page.exception
    assert page.segmented_control(key="train_view").value == "setup"
    assert page.number_input(key=key("optimizer", "learning_rate")).value == 0.005


def test_the_last_training_learns_from_validation_too(
    app: OpenPage, lab: Lab, study: Callable[..., str]
) -> None:
    page = open_study(app, study((RunStatus.FINISHED,) * 2))
    page.number_input(key="search.seeds").set_value(2).run()
    page.button(key="search.final").click().run()
    assert not page.exception
    queued = lab.store.runs(RunStatus.QUEUED)
    assert sorted(run.config.train.seed for run in queued) == [0, 1]
    assert all(run.config.data.with_validation for run in queued)


def test_stop_go_on_and_delete(app: OpenPage, lab: Lab, study: Callable[..., str]) -> None:
    study_id = study((RunStatus.FINISHED,))
    page = open_study(app, study_id)
    page.button(key="search.stop").click().run()
    assert read_study(lab.paths, study_id).state.status is StudyStatus.STOPPED
    page.number_input(key="search.more.trials").set_value(5).run()
    page.button(key="search.continue").click().run()
    assert read_study(lab.paths, study_id).spec.trials == 15
    page.button(key="search.stop").click().run()
    page.button(key="search.delete").click().run()
    page.button(key="search.really").click().run()
    assert not page.exception
    assert not list_studies(lab.paths)
    assert len(lab.store.runs()) == 1


def test_a_failed_study_says_why(app: OpenPage, study: Callable[..., str]) -> None:
    why = text("The dataset is gone.")
    page = open_study(app, study((), status=StudyStatus.FAILED, why=why, settled=True))
    assert [plain(e.value) for e in page.error] == ["The dataset is gone."]
    assert any("first finished trial" in plain(c.value) for c in page.caption)


def test_nothing_measured_is_no_empty_figure(app: OpenPage, study: Callable[..., str]) -> None:
    page = open_study(app, study())
    assert any("begins with the first epoch" in plain(box.value) for box in page.info)


def test_lost_trials_are_told_and_not_waited_for(
    app: OpenPage, study: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = study((RunStatus.FINISHED,), status=StudyStatus.FINISHED, settled=True)

    def remaking(*_: object, **asked: bool) -> None:
        assert asked == {"wait": False}
        raise RemakingError(3, 10)

    with monkeypatch.context() as patch:
        patch.setattr("ui.search_study.trials_of", remaking)
        page = open_study(app, study_id)
        assert "3 of 10 so far" in page.get("progress")[0].proto.text
    assert page.run().metric


def test_a_mistyped_address_is_told(app: OpenPage, study: Callable[..., str]) -> None:
    study()
    page = open_study(app, "../../etc/passwd")
    assert ["passwd" in plain(w.value) for w in page.warning] == [True]


def test_the_runs_of_a_study_are_found(app: OpenPage, study: Callable[..., str]) -> None:
    page = open_study(app, study((RunStatus.FINISHED,) * 2))
    page.button(key="search.runs").click().run()
    assert not page.exception
    assert len(page.session_state["runs.parts"]) == 1
    assert len(page.dataframe[0].value) == 2


def test_ranges_survive_a_change_of_language(app: OpenPage) -> None:
    page = app("tune")
    switch_on(page, "optimizer.name")
    options = slot("optimizer.name", "options")
    page.multiselect(key=options).set_value(["adam", "lion"]).run()
    page.selectbox(key="search.set.pruner").set_value("hyperband").run()
    page.sidebar.selectbox(key="lang").set_value("es").run()
    assert not page.exception
    assert page.multiselect(key=options).value == ["adam", "lion"]
    assert page.selectbox(key="search.set.pruner").value == "hyperband"


def test_home_says_of_which_search_a_trial_is(
    app: OpenPage, lab: Lab, study: Callable[..., str]
) -> None:
    study_id = study((RunStatus.RUNNING,))
    page = app("start")
    said = f"trial 1 of search {study_id[4:8]}-{study_id[9:13]}-{study_id[-4:]}"
    assert [said in plain(m.value) for m in page.markdown].count(True) == 1
