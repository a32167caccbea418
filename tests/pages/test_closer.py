"""The dialog about one picture of the Errors page, and what leads to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import sealing
from core.comments import Spot, read_comments, write_comment
from core.errors import N_, RunError
from core.evaluation.predictions import load_split
from core.lab import Lab
from core.records import RunRecord
from tests.pages.conftest import OpenPage, plain
from ui import errors_gallery
from ui.closer_asking import HeatMap
from ui.closer_attack import fooled_from, magnified
from ui.closer_heat import strongest_place
from ui.gallery import gallery_html

MakeRun = Callable[..., RunRecord]


@pytest.fixture(autouse=True)
def _nothing_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is for test_page_sealing."""
    monkeypatch.setenv(sealing.SETTING, "0")


def drawn(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def said(page: AppTest) -> str:
    blocks = (page.info, page.warning, page.error, page.caption, page.markdown)
    return "\n".join(plain(str(element.value)) for block in blocks for element in block)


def files(page: AppTest) -> list[str]:
    return re.findall(r'<figure title="([\w-]+\.png)', drawn(page))


class Network:
    """Instead of the computing process: answers of the right shapes, and what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.error: RunError | None = None

    def note(self, *asked: Any) -> None:
        if self.error:
            raise self.error
        self.asked.append(asked)

    def heat_maps(self, run_id: str, image: Any, method: str, labels: Any) -> list[Any]:
        self.note(method, labels)
        heat = np.zeros((8, 8), np.float32)
        heat[7, 0] = 1
        numbers = (1.25, 1.5) if method == "integrated" else (None, None)
        return [(heat, *numbers, (4, 4) if "cam" in method else None) for _ in labels]

    def attack(self, run_id: str, image: Any, label: int) -> Any:
        self.note("attack", label)
        proba = np.tile(np.eye(3, dtype=np.float32)[1], (17, 1))
        proba[3:] = np.eye(3)[2]
        return np.tile(image, (17, 1, 1, 1)), proba

    def layers(self, run_id: str) -> list[Any]:
        self.note("layers")
        return [("conv1", "Conv2D", 8, 8, 2), ("conv2", "Conv2D", 4, 4, 5)]

    def activations(self, run_id: str, image: Any, layer: str) -> Any:
        self.note("activations", layer)
        return np.zeros((2, 4, 4), np.uint8), np.array([4, 0]), np.array([2.5, 1], np.float32)

    def filters(self, run_id: str) -> Any:
        return "conv1", np.zeros((2, 3, 3, 3), np.uint8)

    def apply_augmentation(self, config: Any, images: Any, shares: Any, seed: int) -> Any:
        self.note("augment", config.mixing, seed)
        return images, shares

    def predict(self, run_id: str, images: Any) -> Any:
        return np.tile(np.eye(3, dtype=np.float32)[1], (len(images), 1))


@pytest.fixture
def network(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network()
    for name in ("heat_maps", "attack", "layers", "activations", "filters", "predict"):
        monkeypatch.setattr(lab.compute, name, getattr(found, name))
    monkeypatch.setattr(lab.compute, "apply_augmentation", found.apply_augmentation)
    return found


@pytest.fixture
def finished(lab: Lab, make_run: MakeRun) -> RunRecord:
    run = make_run(augment__rotation=10, augment__mixing="mixup")
    lab.paths.run(run.id).model.touch()
    return run


@pytest.fixture
def opened(
    app: OpenPage, finished: RunRecord, network: Network, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AppTest]:
    """The dialog on the first mistake, with a tab open: a test cannot press within HTML."""

    def press(items: Any, numbers: list[int], *, key: str, size: int) -> int:
        st.html(gallery_html(items, size, buttons=numbers))
        return numbers[0]

    monkeypatch.setattr(errors_gallery, "pick", press)

    def open_tab(tab: str, lang: str = "en") -> AppTest:
        page = app("errors", finished, lang=lang)
        page.session_state["closer.tab"] = tab
        page.segmented_control(key="errors.view").set_value("mistakes").run()
        assert not page.exception, page.exception
        return page

    return open_tab


def first_mistake(lab: Lab, run: RunRecord) -> tuple[int, int, int]:
    """(row, true, pred) of the most confident one."""
    p = load_split(lab.paths.run(run.id).predictions, "val")
    wrong = np.flatnonzero(p.y_true != p.y_pred)
    best = wrong[np.argsort(-p.confidence[wrong], kind="stable")[0]]
    return int(p.rows[best]), int(p.y_true[best]), int(p.y_pred[best])


def test_pressed_an_image_opens(opened: Any, lab: Lab, finished: RunRecord) -> None:
    page = opened("Probabilities")
    row, true, _pred = first_mistake(lab, finished)
    assert page.get("dialog")
    assert f"val-{row}.png" in drawn(page)
    assert f"in truth: {finished.class_names[true]}" in drawn(page)
    assert page.get("plotly_chart")


def test_a_heat_map_of_the_predicted_and_the_true_class(
    opened: Any, lab: Lab, finished: RunRecord, network: Network
) -> None:
    page = opened("Heat map")
    _row, true, pred = first_mistake(lab, finished)
    assert network.asked == [("grad_cam", (pred, true))]
    names = finished.class_names
    assert f"Why {names[pred]}, and why not {names[true]}?" in said(page)
    assert f"Heat map for {names[true]}: strongest at the bottom left" in drawn(page)
    assert "It tells 4×4 places apart" in said(page)
    other = ({0, 1, 2} - {true, pred}).pop()
    page.selectbox(key=f"closer.class.{finished.id}").set_value(other)
    page.segmented_control(key="closer.method").set_value("integrated").run()
    assert network.asked[-1] == ("integrated", (pred, true, other))
    assert f"For {names[other]} all pixels together add 1.25; it should be 1.5" in said(page)
    asked = len(network.asked)
    page.slider(key="closer.opacity").set_value(20).run()
    assert len(network.asked) == asked  # the same maps in other colours


def test_the_same_image_under_augmentation(opened: Any, network: Network) -> None:
    page = opened("Augmented")
    assert ("augment", "none", 0) in network.asked
    assert "11 draws" in said(page)
    assert "Mixing with other images is left out." in said(page)
    page.button(key="closer.draw").click().run()
    assert network.asked[-1] == ("augment", "none", 1)


def test_maps_of_a_layer_and_filters(opened: Any, finished: RunRecord, network: Network) -> None:
    page = opened("Inside")
    assert "#4 · 2.5" in drawn(page)
    assert "The 2 strongest of 2 maps" in said(page)
    page.selectbox(key=f"closer.layer.{finished.id}").set_value("conv2").run()
    assert network.asked[-1] == ("activations", "conv2")
    assert "What the first layer (conv1) looks for" in said(page)


def test_an_attack(opened: Any, lab: Lab, finished: RunRecord, network: Network) -> None:
    page = opened("Attack")
    assert ("attack", first_mistake(lab, finished)[1]) in network.asked
    assert "wrong about this picture without any help" in said(page)
    page.slider(key="closer.epsilon").set_value(16).run()
    assert "Changed by 16" in drawn(page)


def test_a_comment_is_kept_marked_and_taken_away(
    opened: Any, lab: Lab, finished: RunRecord
) -> None:
    row, _true, _pred = first_mistake(lab, finished)
    page, key = opened("Comment"), f"closer.note.{finished.id}.val.{row}"
    page.text_area(key=key).set_value("a <b>fox</b>?")
    page.button(key="closer.note.save").click().run()
    comment = read_comments(lab.paths.run(finished.id))[Spot("val", row)]
    assert comment.text == "a <b>fox</b>?"
    assert comment.by == page.session_state["my_name"]
    page = opened("Comment")
    assert "✎" in drawn(page)
    assert f"Written by {comment.by}" in said(page)
    assert "<b>fox" not in drawn(page)
    page.text_area(key=key).set_value("")
    page.button(key="closer.note.save").click().run()
    assert read_comments(lab.paths.run(finished.id)) == {}


@pytest.mark.parametrize("tab", ["Heat map", "Augmented", "Inside", "Attack"])
def test_nothing_to_ask_is_told(
    opened: Any, lab: Lab, finished: RunRecord, network: Network, tab: str
) -> None:
    network.error = RunError(N_("The computing process ended or took too long; please try again."))
    assert "please try again" in said(opened(tab))
    lab.paths.run(finished.id).model.unlink()
    assert "its network is not there" in said(opened(tab))


def test_damaged_comments_are_told(opened: Any, lab: Lab, finished: RunRecord) -> None:
    lab.paths.run(finished.id).comments.write_text("[")
    assert said(opened("Comment")).count("cannot be read") == 2  # gallery and tab


def test_filters_orders_and_counts(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    p = load_split(lab.paths.run(run.id).predictions, "val")
    wrong = p.y_true != p.y_pred
    page = app("errors", run)
    page.segmented_control(key="errors.view").set_value("mistakes").run()
    assert f"{wrong.sum()} of 30 images. Most confident first." in said(page)
    ahead = files(page)
    page.toggle(key="errors.turned").set_value(True).run()
    assert files(page) == ahead[::-1]
    assert "Least confident first" in said(page)
    page.segmented_control(key="errors.outcome").set_value("all")
    page.selectbox(key="errors.only.true").set_value(1)
    page.segmented_control(key="errors.order").set_value("margin").run()
    assert sorted(files(page)) == sorted(f"val-{i}.png" for i in np.flatnonzero(p.y_true == 1))
    page.slider(key="errors.in.confidence").set_value((90, 100)).run()
    sure = (p.y_true == 1) & (p.confidence >= 0.9)
    assert sorted(files(page)) == sorted(f"val-{i}.png" for i in np.flatnonzero(sure))
    page.slider(key="errors.in.loss").set_value((16.0, 16.2)).run()
    assert "No image of this split meets all filters" in said(page)
    page.button(key="errors.clear").click().run()
    assert len(files(page)) == wrong.sum()
    assert page.button(key="errors.clear").disabled


def test_only_what_has_a_comment(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run()
    for split, row in (("test", 7), ("val", 8)):
        write_comment(lab.paths.run(run.id), Spot(split, row), "look", by="Ana")
    page = app("errors", run)
    page.segmented_control(key="errors.view").set_value("mistakes").run()
    page.segmented_control(key="errors.outcome").set_value("all")
    page.toggle(key="errors.commented").set_value(True).run()
    assert files(page) == ["val-8.png"]
    assert "Comment: look" in drawn(page)


def test_the_class_of_another_run_is_forgotten(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    first, second = make_run(), make_run()
    page = app("errors", first)
    page.segmented_control(key="errors.view").set_value("mistakes").run()
    page.selectbox(key="errors.only.pred").set_value(2).run()
    page.sidebar.selectbox(key="run").set_value(second.id).run()
    assert page.selectbox(key="errors.only.pred").value is None


def test_where_a_map_is_strongest_in_words() -> None:
    heat = np.zeros((9, 9), np.float32)
    assert strongest_place(HeatMap(heat, None, None, None)) == "nothing in the picture"
    heat[4, 8] = 1
    assert strongest_place(HeatMap(heat, None, None, None)) == "strongest on the right"


def test_from_which_change_on_the_network_is_fooled() -> None:
    proba = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], np.float32)
    assert fooled_from(proba) == 2
    assert fooled_from(proba[:2]) is None
    changed = np.array([[[14], [6], [10]]], np.uint8)
    assert magnified(np.full((1, 3, 1), 10, np.uint8), changed).ravel().tolist() == [255, 0, 128]


def test_a_folder_from_elsewhere_that_names_too_few_classes(
    opened: Any, lab: Lab, finished: RunRecord
) -> None:
    lab.store.save(finished.changed(class_names=finished.class_names[:1]))
    for tab in ("Probabilities", "Heat map", "Attack"):
        assert opened(tab).get("dialog")
