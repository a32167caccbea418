"""What was found out about a run's network: robustness, the map, similar images, distortions, and
strange pictures, in every state of their computation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.registry import delete_dataset
from core.datasets.writer import Owner
from core.errors import N_, RunError, text
from core.evaluation.predictions import load_split
from core.inspection import service
from core.inspection.service import Task
from core.jobs.service import ComputeService
from core.lab import Lab
from core.paths import Paths, write_atomic
from core.records import RunRecord
from core.task_paths import InspectionPaths
from core.tasks import TaskProgress, TaskState
from tests.inspection.making import leave_features, leave_robustness
from tests.pages.conftest import OpenPage, plain
from ui.closer_similar import similar
from ui.closer_subject import Subject
from ui.errors_data import pictures
from ui.frame import TRANSLATED_KEYS
from ui.unknown import strangeness

MakeRun = Callable[..., RunRecord]
VIEW_OF: dict[Task, str] = {"robustness": "robustness", "features": "map"}


@pytest.fixture(autouse=True)
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Tasks that were begun, by this process as it seems; nothing is done about them."""
    begun: list[Task] = []

    def launch(paths: Paths, run_id: str, task: Task, files: InspectionPaths) -> None:
        begun.append(task)
        write_atomic(files.process(task), Owner.me().model_dump_json())

    monkeypatch.setattr(service, "_launch", launch)
    return begun


def view(app: OpenPage, run: RunRecord, name: str, lang: str = "en") -> AppTest:
    page = app("start", run, lang=lang)
    page.session_state["errors.view"] = name
    page.switch_page("pages/errors.py").run()
    assert not page.exception, page.exception
    return page


def said(page: AppTest) -> str:
    blocks = (page.info, page.warning, page.error, page.caption, page.markdown)
    return "\n".join(plain(str(element.value)) for block in blocks for element in block)


def drawn(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def leave(lab: Lab, run: RunRecord, task: Task, state: TaskState, alive: bool) -> None:
    """What a job has said last."""
    files = lab.paths.run(run.id).inspection
    files.folder.mkdir(exist_ok=True)
    owner = Owner.me() if alive else Owner(pid=1, started=0.0, host=Owner.me().host)
    write_atomic(files.process(task), owner.model_dump_json())
    write_atomic(files.progress(task), state.model_dump_json())


@pytest.mark.parametrize("task", list(VIEW_OF))
def test_nothing_is_computed_unasked(
    app: OpenPage, make_run: MakeRun, launched: list[Task], task: Task
) -> None:
    page = view(app, make_run(), VIEW_OF[task])
    assert "it goes on if you leave the page" in said(page)
    assert launched == []
    page.button(key=f"inspect.errors.{task}").click().run()
    assert launched == [task]
    assert page.button(key=f"inspect.errors.{task}.cancel")


def test_progress_is_told_and_can_be_ended(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    progress = TaskProgress(phase="distorting", share=0.5, started=0.0)
    leave(lab, run, "robustness", TaskState(status="running", progress=progress), alive=True)
    page = view(app, run, "robustness")
    (bar,) = page.get("progress")
    assert "Judging images that get worse · 50 %" in plain(bar.proto.text)
    page.button(key="inspect.errors.robustness.cancel").click().run()
    assert lab.paths.run(run.id).inspection.cancel("robustness").exists()


def test_failures_are_told_and_can_be_tried_again(
    app: OpenPage, lab: Lab, make_run: MakeRun, launched: list[Task]
) -> None:
    run = make_run()
    what = text("The analysis failed unexpectedly ({error}).", error="OSError: *disk*")
    leave(lab, run, "features", TaskState(status="failed", message=what), alive=False)
    page = view(app, run, "map")
    assert "OSError: *disk*" in plain(page.error[0].value)
    page.button(key="inspect.errors.features").click().run()
    assert launched == ["features"]


def test_damaged_results_can_be_computed_again(
    app: OpenPage, lab: Lab, make_run: MakeRun, launched: list[Task]
) -> None:
    run = make_run()
    leave(lab, run, "robustness", TaskState(status="finished"), alive=False)
    lab.paths.run(run.id).inspection.result("robustness").write_bytes(b"cut off")
    page = view(app, run, "robustness")
    assert "missing or damaged" in said(page)
    page.button(key="inspect.again.robustness").click().run()
    assert launched == ["robustness"]


@pytest.mark.parametrize("lang", ["en", "es"])
def test_robustness_in_curves_words_and_pictures(
    app: OpenPage, lab: Lab, make_run: MakeRun, lang: str
) -> None:
    run = make_run()
    leave_robustness(lab.paths, run.id)
    page = view(app, run, "robustness", lang)
    assert len(page.get("plotly_chart")) == 1
    assert page.session_state["robust.name"] == "noise"  # what hurts most
    assert drawn(page).count("<figure") == 3 * 7
    if lang == "en":
        assert "Measured on 10 images of the validation split" in said(page)
        assert "Loses more than 10 points from 10 grey levels on" in said(page)
        assert "never trained on noisy images" in said(page)
        assert "20 grey levels, judged wrong" in drawn(page)
    page.button_group(key="robust.name").set_value("jpeg").run()
    assert not page.exception
    if lang == "en":
        assert "Holds to the end" in said(page)


def test_without_the_images_the_curves_remain(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    leave_robustness(lab.paths, run.id)
    delete_dataset(lab.paths, "pets")
    page = view(app, run, "robustness")
    assert len(page.get("plotly_chart")) == 1
    assert "no longer here" in said(page)


def test_without_the_images_nothing_is_computed_anew(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    leave_features(lab.paths, run.id)
    delete_dataset(lab.paths, "pets")
    page = view(app, run, "map")
    assert "no longer here" in said(page)
    assert not [b for b in page.button if b.key == "inspect.again.features"]


def test_the_training_split_is_offered_once_it_was_judged(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    run = make_run()
    assert "Training split" not in str(view(app, run, "classes").button_group)
    leave_features(lab.paths, run.id)
    page = view(app, run, "classes")
    page.session_state["errors.split"] = "train"
    page.run()
    assert page.metric[0].value == "100.0 %"
    assert page.metric[3].value == "6"


@pytest.mark.parametrize("colour", ["truth", "answer", "right"])
def test_the_map_shows_the_images_of_the_split(
    app: OpenPage, lab: Lab, make_run: MakeRun, colour: str
) -> None:
    run = make_run()
    leave_features(lab.paths, run.id)
    page = app("start", run)
    page.session_state["errors.view"] = "map"
    page.session_state["errors.map.colour"] = colour
    page.switch_page("pages/errors.py").run()
    assert not page.exception
    (chart,) = page.get("echarts_chart")
    assert "Map with 30 images" in chart.proto.alt
    assert "Click a point" in said(page)


def subject(lab: Lab, run: RunRecord, split: str, position: int) -> Subject:
    predictions = load_split(lab.paths.run(run.id).predictions, split)
    row = int(predictions.rows[position])
    images = pictures(run, split)
    return Subject(
        *(run, images.names[row], np.array(images.images[row]), predictions.proba[position]),
        *(int(predictions.y_true[position]), split, row),
    )


def test_the_map_is_nothing_that_a_change_of_language_sets(
    app: OpenPage, lab: Lab, make_run: MakeRun
) -> None:
    """A server would refuse to draw it in the first language again; here it would not."""
    run = make_run()
    leave_features(lab.paths, run.id)
    (chart,) = view(app, run, "map").get("echarts_chart")
    assert not str(chart.key).startswith(TRANSLATED_KEYS)


def test_similar_images_come_by_their_features(
    lab: Lab, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    leave_features(lab.paths, run.id)
    asked = subject(lab, run, "test", 1)
    truth = asked.truth
    assert truth == 1
    found = similar(asked)
    assert len(found) == 6
    assert [thumb.caption[0] for thumb in found[:2]] == [run.class_names[1]] * 2
    marked = [thumb.tone == "good" for thumb in found]
    assert marked == [thumb.caption[0] == run.class_names[asked.pred] for thumb in found]
    # A training image is not its own neighbour.
    own = asked._replace(split="train", row=1, name="train-1.png")
    assert len(similar(own)) == 5
    assert not [thumb for thumb in similar(own) if "train-1.png" in thumb.alt]

    def features(self: ComputeService, run_id: str, images: Any) -> Any:
        return np.eye(3, dtype=np.float32)[[2]]

    monkeypatch.setattr(ComputeService, "features", features)
    elsewhere = asked._replace(split=None, row=None)
    assert similar(elsewhere)[0].caption[0] == run.class_names[2]


def dialog() -> None:
    """A page with nothing but one tab, given by the session."""
    import streamlit as st

    st.session_state["_tab"](st.session_state["_subject"])


def tab(show: Callable[[Subject], None], about: Subject) -> AppTest:
    page = AppTest.from_function(dialog, default_timeout=60)
    page.session_state["_tab"], page.session_state["_subject"] = show, about
    page.session_state["lang"] = "en"
    page.run()
    assert not page.exception, page.exception
    return page


def test_the_tab_of_similar_images_offers_to_look_first(
    lab: Lab, make_run: MakeRun, launched: list[Task]
) -> None:
    from ui.closer_similar import similar_tab

    run = make_run()
    page = tab(similar_tab, subject(lab, run, "test", 0))
    page.button(key="inspect.closer.features").click().run()
    assert launched == ["features"]
    other = make_run()
    leave_features(lab.paths, other.id)
    page = tab(similar_tab, subject(lab, other, "test", 0))
    assert drawn(page).count("<figure") == 7  # itself and the six there are
    assert "of the class that was predicted" in said(page)


def test_of_a_folder_from_elsewhere_that_names_too_few_classes(
    lab: Lab, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.closer_distort import distort_tab
    from ui.closer_similar import similar_tab

    run = make_run()
    lab.paths.run(run.id).model.touch()
    about = subject(lab, run, "test", 1)
    leave_features(lab.paths, run.id)
    about = about._replace(record=run.changed(class_names=run.class_names[:1]))
    proba = np.array([[0.1, 0.2, 0.7]], np.float32)
    monkeypatch.setattr(ComputeService, "predict", lambda *_asked: proba)
    assert "2 70" in drawn(tab(distort_tab, about))
    assert drawn(tab(similar_tab, about)).count("<figure") == 7


def test_distorting_one_picture_asks_the_network(
    lab: Lab, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.closer_distort import distort_tab

    seen: list[Any] = []

    def asked(self: ComputeService, run_id: str, images: Any) -> Any:
        seen.append(images)
        return np.array([[0.1, 0.2, 0.7]], np.float32)

    monkeypatch.setattr(ComputeService, "predict", asked)
    run = make_run()
    lab.paths.run(run.id).model.touch()
    about = subject(lab, run, "test", 0)._replace(proba=np.array([0.8, 0.2, 0], np.float32))
    page = tab(distort_tab, about)
    assert "It was cat; now it is bird." in said(page)
    assert "45°" in drawn(page)
    page.selectbox(key="closer.distort.name").set_value("darker").run()
    page.slider(key="closer.distort.strength").set_value(0).run()
    np.testing.assert_array_equal(seen[-1][0], about.pixels)
    assert "100 % of its light" in drawn(page)

    def broken(self: ComputeService, run_id: str, images: Any) -> Any:
        raise RunError(N_("The computing process ended or took too long; please try again."))

    monkeypatch.setattr(ComputeService, "predict", broken)
    page.slider(key="closer.distort.strength").set_value(100).run()
    assert "please try again" in said(page)


def test_strange_pictures_are_told_on_the_predict_page(
    app: OpenPage, lab: Lab, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    lab.paths.run(run.id).model.write_bytes(b"a network")
    image = np.zeros((8, 8, 3), np.uint8)
    assert strangeness(run, [image]) == []
    page = app("predict", run)
    assert page.button(key="inspect.predict.features")
    leave_features(lab.paths, run.id)

    def predicted(self: ComputeService, run_id: str, images: Any, varied: bool) -> Any:
        return np.tile(np.array([0.1, 0.2, 0.7], np.float32), (len(images), 1))

    def judged(self: ComputeService, run_id: str, images: Any) -> Any:
        return np.linspace(0, 5, len(images), dtype=np.float32), 2.5

    monkeypatch.setattr(ComputeService, "predict", predicted)
    monkeypatch.setattr(ComputeService, "judge_unknown", judged)
    first, second = strangeness(run, [image, image + 1])
    assert (first.unknown, second.unknown, second.threshold) == (False, True, 2.5)
    page = app("predict", run)
    page.toggle(key="with_samples").set_value(True).run()
    assert not page.exception
    assert said(page).count("Not like anything the network was trained on") == 2
    assert said(page).count("Like the training images") == 2
    assert said(page).count("95 % of the validation images stay below") == 2
    # Of a run without validation the line was drawn by the test images.
    lab.paths.run(run.id).inspection.features("val").unlink()
    assert said(page.run()).count("95 % of the test images stay below") == 2
