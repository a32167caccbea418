"""The options of an import: what is found in the file, the three ways to fit, the splits."""

from __future__ import annotations

import json
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.datasets import jobs
from core.datasets.dataset import UNLABELLED, DatasetInfo
from core.datasets.jobs import JobPaths, JobRequest
from core.datasets.options import SPLIT_PRESETS, SplitMode
from core.datasets.resizing import RESIZE_MODES
from core.datasets.sampling import Facts, SourceSample
from core.errors import text
from core.lab import Lab
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import make_dataset
from ui import import_options
from ui.import_options import fitted


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> SourceSample:
    """What a look at any upload finds, without a process for it."""
    pictures = [np.full((60, 90, 3), shade, np.uint8) for shade in (10, 200)]
    facts = Facts(
        pictures=30, unlabelled=4, classes=["*cat*", "dog"], given=True, height=60, width=90
    )
    found = SourceSample(facts, pictures)
    monkeypatch.setattr(import_options, "sample_source", lambda *args: found)
    return found


def opened(app: OpenPage, lang: str = "en") -> AppTest:
    page = app("data", lang=lang)
    page.session_state["data_view"] = "import"
    page.run()
    page.file_uploader[0].upload("pets.tar.gz", b"bytes", "application/gzip").run()
    assert not page.exception, page.exception
    return page


def said(page: AppTest) -> str:
    boxes = [*page.caption, *page.warning, *page.markdown]
    return plain(" ".join(box.value for box in boxes))


def test_what_is_in_the_file_is_said_first(app: OpenPage, sample: SourceSample) -> None:
    page = opened(app)
    words = said(page)
    assert "30 pictures · 2 classes: *cat*, dog · median size 90 × 60 pixels" in words
    assert "4 without label · with splits of its own" in words
    assert "Automatic would be 90 × 60 pixels here." in words
    assert page.text_input(key="import_name").value == "pets"
    page.selectbox(key="import_size").set_value(32).run()
    assert "Your own pictures at 32 × 32 pixels" in said(page)


def test_a_file_that_cannot_be_imported(app: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Facts(problem=text("The archive “{name}” is torn.", name="*x*"))
    found = SourceSample(problem, [])
    monkeypatch.setattr(import_options, "sample_source", lambda *args: found)
    page = opened(app)
    assert "The archive “*x*” is torn." in said(page)
    assert not page.button(key="import_start").disabled


def test_the_three_ways_to_fit(sample: SourceSample) -> None:
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, 20:] = 255
    found = SourceSample(sample.facts, [wide])
    by_mode = {mode: fitted(found, (20, 20), mode, 1)[0] for mode in RESIZE_MODES}
    assert all(pixels.shape == (20, 20, 1) for pixels in by_mode.values())
    assert [by_mode["pad"][row].min() for row in (0, 10)] == [255, 0]  # on the background
    assert by_mode["crop"][10, 0, 0] == by_mode["stretch"][10, 0, 0] == 0
    assert (np.asarray(Image.fromarray(by_mode["crop"][..., 0]))[:, -1] == 255).all()


def test_all_choices_reach_the_import(
    app: OpenPage, lab: Lab, sample: SourceSample, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[JobPaths] = []
    monkeypatch.setattr(jobs, "_launch", held.append)
    page = opened(app)
    page.radio(key="import_splits").set_value("anew").run()
    page.selectbox(key="import_shares").set_value("4:1:1").run()
    page.number_input(key="import_per_class").set_value(50).run()
    page.number_input(key="import_seed").set_value(7).run()
    page.toggle(key="import_truncated").set_value(True).run()
    page.color_picker(key="import_background").set_value("#00ff00").run()
    page.button(key="import_start").click().run()
    options = JobRequest.model_validate_json(held[0].request.read_bytes()).options
    assert options.splits == "anew"
    assert options.fractions == SPLIT_PRESETS["4:1:1"]
    assert (options.per_class, options.seed) == (50, 7)
    assert (options.truncated, options.background) == (True, "#00ff00")


def test_every_choice_is_explained() -> None:
    assert set(import_options.SPLITS) == set(get_args(SplitMode))
    assert set(import_options.SHARES) == set(SPLIT_PRESETS)


def with_unlabelled(lab: Lab) -> DatasetInfo:
    info = make_dataset(lab.paths)
    files = lab.paths.dataset(info.name)
    np.save(files.images(UNLABELLED), np.zeros((5, 8, 8, 3), np.uint8))
    np.save(files.labels(UNLABELLED), np.full(5, -1, np.int32))
    files.names(UNLABELLED).write_text(json.dumps([f"test/{i}.png" for i in range(5)]))
    info = info.model_copy(update={"splits": {**info.splits, UNLABELLED: 5}})
    files.info.write_text(info.model_dump_json())
    return info


def test_pictures_without_label_are_shown_and_are_no_class(app: OpenPage, lab: Lab) -> None:
    info = with_unlabelled(lab)
    page = app("data")
    page.selectbox(key="dataset").set_value(info.name).run()
    assert "Not counted here: 5 images without label." in said(page)
    choice = page.segmented_control(key=f"split.{info.name}")
    assert "without label (5)" in choice.options
    choice.set_value(UNLABELLED).run()
    assert not page.exception, page.exception
    drawn = " ".join(str(block.proto.body) for block in page.get("html"))
    assert "test/0.png" in drawn or "test/1.png" in drawn
    assert "kept for predictions" in said(page)
    for other in ("train", "predict", "errors", "runs"):
        page.switch_page(f"pages/{other}.py").run()
        assert not page.exception, page.exception
