"""Understanding a dataset: every state of its analysis, and every part of it."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis import service
from core.analysis.job import compute
from core.analysis.service import Task, analysis_paths, read_task
from core.datasets.dataset import DatasetInfo
from core.datasets.registry import open_dataset
from core.datasets.writer import Owner
from core.errors import text
from core.lab import Lab
from core.paths import Paths, write_atomic
from core.task_paths import TaskPaths
from core.tasks import TaskProgress, TaskState
from tests.analysis.making import Part, photographs, write
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import HOSTILE, make_dataset, many_classes
from tests.pages.test_data import drawn, press, said
from ui import understand_task
from ui.scatter_map import NEIGHBOURS, neighbours
from ui.understand_view import PARTS


@pytest.fixture(autouse=True)
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Tasks that were begun, by this process as it seems; nothing is done about them."""
    begun: list[Task] = []

    def launch(paths: Paths, name: str, task: Task, files: TaskPaths) -> None:
        begun.append(task)
        write_atomic(files.process(task), Owner.me().model_dump_json())

    monkeypatch.setattr(service, "_launch", launch)
    return begun


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every dataset were large: nothing begins by itself."""
    monkeypatch.setattr(understand_task, "AUTO_SECONDS", 0.0)


def copies(paths: Paths) -> DatasetInfo:
    """Two classes; one picture in train twice, once with the other label, and in the test."""
    images = photographs(12)
    images[[4, 7]] = images[0]
    test = photographs(4, 1)
    test[2] = images[0]
    labels = [0, 1] * 6
    return write(paths, "copies", {"train": Part(images, labels), "test": Part(test, [0, 1, 0, 1])})


def analysed(lab: Lab, info: DatasetInfo, task: Task = "basic") -> None:
    compute(lab.paths, open_dataset(lab.paths, info.name), task)


def part(app: OpenPage, name: str, dataset: str = "digits", lang: str = "en") -> AppTest:
    page = app("start", lang=lang)
    page.session_state["dataset"] = dataset
    page.session_state["data_view"] = "understand"
    page.session_state["data_view.part"] = name
    page.switch_page("pages/data.py").run()
    assert not page.exception, page.exception
    return page


def leave(lab: Lab, info: DatasetInfo, state: TaskState, alive: bool) -> None:
    """What a job has said last."""
    files = analysis_paths(lab.paths, info)
    files.folder.mkdir(parents=True, exist_ok=True)
    owner = Owner.me() if alive else Owner(pid=1, started=0.0, host=Owner.me().host)
    write_atomic(files.process("basic"), owner.model_dump_json())
    write_atomic(files.progress("basic"), state.model_dump_json())


@pytest.mark.parametrize("lang", ["en", "es"])
def test_balance_needs_no_analysis(app: OpenPage, launched: list[Task], lang: str) -> None:
    page = part(app, "balance", lang=lang)
    assert len(page.get("plotly_chart")) == 1
    assert launched == []


def test_small_sets_begin_by_themselves(app: OpenPage, launched: list[Task]) -> None:
    page = part(app, "means")
    assert launched == ["basic"]
    assert "computed once and kept" in said(page)
    assert [b.key for b in page.button if b.key == "analysis.basic.cancel"]
    page.run()
    assert launched == ["basic"]


@pytest.mark.usefixtures("by_hand")
def test_large_sets_ask_first(app: OpenPage, launched: list[Task]) -> None:
    page = part(app, "copies")
    assert "1,797 images: up to 10 s on a slow machine." in said(page)
    assert launched == []
    press(page, "analysis.basic")
    assert launched == ["basic"]


def test_progress_is_told_and_can_be_ended(app: OpenPage, lab: Lab) -> None:
    info = make_dataset(lab.paths)
    progress = TaskProgress(phase="comparing", share=0.5, started=0.0)
    leave(lab, info, TaskState(status="running", progress=progress), alive=True)
    page = part(app, "unlike", "pets")
    (bar,) = page.get("progress")
    assert bar.proto.value == 50
    assert "Comparing the images with one another · 50 %" in bar.proto.text
    assert "left" in bar.proto.text
    press(page, "analysis.basic.cancel")
    assert analysis_paths(lab.paths, info).cancel("basic").exists()


@pytest.mark.usefixtures("by_hand")
def test_failures_are_told_and_can_be_tried_again(
    app: OpenPage, lab: Lab, launched: list[Task]
) -> None:
    info = make_dataset(lab.paths)
    what = text("The analysis failed unexpectedly ({error}).", error="OSError: *disk*")
    leave(lab, info, TaskState(status="failed", message=what), alive=False)
    page = part(app, "map", "pets")
    assert "OSError: *disk*" in plain(page.error[0].value)
    press(page, "analysis.basic")
    assert launched == ["basic"]
    assert read_task(lab.paths, info, "basic").status == "running"


@pytest.mark.usefixtures("by_hand")
def test_a_job_that_died(app: OpenPage, lab: Lab) -> None:
    info = make_dataset(lab.paths)
    leave(lab, info, TaskState(status="running"), alive=False)
    assert "ended unexpectedly" in said(part(app, "means", "pets"))


@pytest.mark.parametrize("lang", ["en", "es"])
@pytest.mark.parametrize("name", list(PARTS))
def test_every_part_of_the_digits(app: OpenPage, lab: Lab, name: str, lang: str) -> None:
    analysed(lab, open_dataset(lab.paths, "digits").info)
    page = part(app, name, lang=lang)
    assert not page.error
    assert not [b for b in page.button if str(b.key).startswith("analysis.")]


def test_means_show_both_images_of_every_class(app: OpenPage, lab: Lab) -> None:
    analysed(lab, copies(lab.paths))
    page = part(app, "means", "copies")
    assert drawn(page).count("<figure") == 2
    assert "8 images" in drawn(page)
    assert "Mean image and variance image of class 1" in drawn(page)


def test_duplicates_side_by_side(app: OpenPage, lab: Lab) -> None:
    analysed(lab, copies(lab.paths))
    page = part(app, "copies", "copies")
    assert "more than one split" in said(page)
    assert "different labels" in said(page)
    assert "4 identical images" in said(page)
    figures = drawn(page)
    assert [name for name in ("train-0", "train-4", "train-7", "test-2") if name in figures] == [
        *("train-0", "train-4", "train-7", "test-2")
    ]
    assert "train-1.png" not in figures


def test_a_set_without_duplicates(app: OpenPage, lab: Lab) -> None:
    parts = {"train": Part(photographs(6), [0, 1] * 3)}
    analysed(lab, write(lab.paths, "clean", parts))
    assert "No image occurs twice" in said(part(app, "copies", "clean"))


def test_the_unusual_ones_of_a_class(app: OpenPage, lab: Lab) -> None:
    info = make_dataset(lab.paths, classes=HOSTILE, rows={"train": 60})
    analysed(lab, info)
    page = part(app, "unlike", "pets")
    assert "<script>" not in drawn(page)
    assert "&lt;script&gt;" in drawn(page)
    page.selectbox(key="unlike.pets").select_index(1).run()
    assert drawn(page).count("<figure") > 10
    assert "&lt;script&gt;" not in drawn(page).replace("closer to &lt;script&gt;", "")


def test_too_small_to_have_unusual_ones(app: OpenPage, lab: Lab) -> None:
    analysed(lab, write(lab.paths, "few", {"train": Part(photographs(4), [0, 1] * 2)}))
    assert "at least five" in said(part(app, "unlike", "few"))


def test_brightness_by_class(app: OpenPage, lab: Lab) -> None:
    analysed(lab, make_dataset(lab.paths))
    page = part(app, "brightness", "pets")
    page.multiselect(key="brightness.pets").set_value([0, 2]).run()
    chart = page.get("plotly_chart")[0].proto.spec
    assert '"cat"' in chart
    assert '"bird"' in chart
    assert '"dog"' not in chart


def test_very_different_brightness_is_pointed_out(app: OpenPage, lab: Lab) -> None:
    images = np.zeros((8, 8, 8, 1), np.uint8)
    images[1::2] = 200
    analysed(lab, write(lab.paths, "light", {"train": Part(images, [0, 1] * 4)}))
    assert "by the light alone" in said(part(app, "brightness", "light"))


def test_a_point_shows_its_image_and_its_neighbours(app: OpenPage, lab: Lab) -> None:
    info = make_dataset(lab.paths)
    analysed(lab, info)
    page = part(app, "map", "pets")
    assert "Click a point" in said(page)
    (element,) = page.get("echarts_chart")
    chart = element.proto.id.split("-", 2)[2]  # after the prefix and a hash
    page.session_state[chart] = {"selection": {"selected": [{"data_indices": [5]}], "brush": []}}
    page.run()
    assert drawn(page).count("<figure") == NEIGHBOURS + 1
    rows = list(range(30))
    page.session_state[chart] = {"selection": {"selected": [{"data_indices": rows}], "brush": []}}
    page.run()
    assert "30 images" in said(page)
    assert drawn(page).count("<figure") == 24


def test_neighbours_begin_with_the_point_itself() -> None:
    points = np.array([[0, 0], [5, 5], [1, 0], [0, 0]], np.float32)
    assert neighbours(points, 3) == [3, 0, 2, 1]


def test_a_hundred_classes_on_the_map(app: OpenPage, lab: Lab) -> None:
    analysed(lab, make_dataset(lab.paths, classes=many_classes(100), rows={"train": 300}))
    page = part(app, "map", "pets")
    assert page.multiselect(key="map.colours.pets").value == list(range(6))
    page.multiselect(key="map.colours.pets").set_value([99]).run()
    assert not page.exception


@pytest.mark.usefixtures("by_hand")
def test_tsne_when_asked_for(app: OpenPage, lab: Lab, launched: list[Task]) -> None:
    info = make_dataset(lab.paths)
    analysed(lab, info)
    page = part(app, "map", "pets")
    page.session_state["data_view.map"] = "tsne"
    page.run()
    press(page, "analysis.tsne")
    assert launched == ["tsne"]
    analysed(lab, info, "tsne")
    page.run()
    assert not page.exception
    assert len(page.get("echarts_chart")) == 1


def test_a_damaged_result_is_computed_anew(app: OpenPage, lab: Lab, launched: list[Task]) -> None:
    info = make_dataset(lab.paths)
    analysed(lab, info)
    analysis_paths(lab.paths, info).result("basic").write_bytes(b"cut")
    page = part(app, "means", "pets")
    assert "missing or damaged" in page.error[0].value
    press(page, "analysis.again")
    assert launched == ["basic"]
