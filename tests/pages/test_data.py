"""The Data page: looking, augmenting, importing, deleting, and handing over to the form."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.config import AugmentConfig
from core.datasets import jobs
from core.datasets.dataset import ResizeMode
from core.datasets.jobs import list_imports
from core.datasets.options import ColorMode
from core.datasets.registry import list_datasets, open_dataset
from core.datasets.report import ImportReport, Reason, Skipped
from core.datasets.writer import Owner
from core.errors import N_, RunError, text
from core.lab import Lab
from core.paths import write_atomic
from core.records import RunRecord, RunStatus
from tests.competition.contest import make_competition
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import HOSTILE, make_dataset, many_classes
from ui import import_options, import_view
from ui.augment_view import DRAWS, PICTURES, first_of_each_class, mixed_label
from ui.balance_view import skewed
from ui.data_look import CLASSES_PER_PAGE, sample_strips
from ui.forms import key
from ui.import_sources import stem_of
from ui.strips import Strip, strips_html

HEAD = '<div class="lz-strip-head">'
MakeRun = Callable[..., RunRecord]


def said(page: AppTest) -> str:
    blocks = (page.info, page.warning, page.error, page.success, page.caption, page.markdown)
    return "\n".join(str(element.value) for block in blocks for element in block)


def drawn(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def see(page: AppTest, view: str) -> AppTest:
    page.session_state["data_view"] = view
    page.run()
    assert not page.exception, page.exception
    return page


def press(page: AppTest, name: str) -> AppTest:
    page.button(key=name).click().run()
    assert not page.exception, page.exception
    return page


def archive(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return out.getvalue()


def two_classes(each: int = 6) -> dict[str, bytes]:
    files = {}
    for i, name in enumerate(("paper", "rock & <b>roll</b>")):
        for j in range(each):
            out = io.BytesIO()
            pixels = np.random.default_rng(10 * i + j).integers(0, 256, (9, 12, 3), np.uint8)
            Image.fromarray(pixels).save(out, "PNG")
            files[f"{name}/{j}.png"] = out.getvalue()
    return files


def upload(page: AppTest, data: bytes, filename: str = "hands.zip") -> AppTest:
    see(page, "import").file_uploader[0].upload(filename, data, "application/zip").run()
    assert not page.exception, page.exception
    return page


HELD: list[jobs.JobPaths] = []
launch = jobs._launch


@pytest.fixture(autouse=True)
def _held_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports begin when the test waits for them: a small one would sometimes be over before the
    page that started it had been drawn, and its message be shown and gone."""

    def hold(files: jobs.JobPaths) -> None:
        write_atomic(files.process, Owner.of(os.getpid()).model_dump_json())
        HELD.append(files)

    HELD.clear()
    monkeypatch.setattr(jobs, "_launch", hold)


def wait(lab: Lab, page: AppTest) -> AppTest:
    """Until the imports are over; the page then says how they ended."""
    while HELD:
        launch(HELD.pop())
    end = time.monotonic() + 60
    while not all(state.is_over() for state in list_imports(lab.paths)):
        assert time.monotonic() < end, "the import did not end"
        time.sleep(0.1)
    page.run()
    assert not page.exception, page.exception
    return page


# Looking


def test_at_first_it_shows_the_digits(app: OpenPage) -> None:
    page = app("data")
    values = {metric.label: metric.value for metric in page.metric}
    assert values == {
        "Images": "1,797",
        "Classes": "10",
        "Size in pixels": "8×8",
        "Colours": "grey",
    }
    assert drawn(page).count("<img") >= 10 * 10
    assert len(page.get("plotly_chart")) == 1
    assert "1,797 of 1,797 files imported" in said(page).replace("\\", "")
    assert not [button for button in page.button if button.key == "delete"]


def test_other_samples_are_others(app: OpenPage) -> None:
    page = app("data")
    before = drawn(page)
    assert drawn(press(page, "others")) != before


def test_a_dataset_in_the_address_is_opened(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "pets")
    page = app("data")
    page.query_params["dataset"] = "pets"
    page.run()
    assert page.selectbox(key="dataset").value == "pets"


def test_names_are_shown_as_they_are(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "hostile", HOSTILE, rows={"train": 31})
    page = app("data")
    page.selectbox(key="dataset").set_value("hostile").run()
    assert "<script>" not in drawn(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in drawn(page)


def test_many_classes_come_page_by_page(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "hundred", many_classes(100), rows={"train": 300})
    page = app("data")
    page.selectbox(key="dataset").set_value("hundred").run()
    assert drawn(page).count(HEAD) == CLASSES_PER_PAGE
    assert "Fewest training images" not in said(page)
    assert "Every class has 3 training images." in plain(said(page))
    page.segmented_control(key="classes.order.hundred").set_value("name").run()
    assert not page.exception
    page.multiselect(key="classes.hundred").set_value([3, 77]).run()
    assert drawn(page).count(HEAD) == 2


def test_a_dataset_that_is_not_here_is_not_replaced_by_another(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "pets")
    page = app("data")
    page.query_params["dataset"] = "gone *away*"
    page.run()
    assert "There is no dataset “gone *away*” here (any more)" in plain(said(page))
    assert page.selectbox(key="dataset").value is None
    assert not page.metric
    page.run()
    assert "gone" in said(page)
    page.selectbox(key="dataset").set_value("pets").run()
    assert not page.exception
    assert "gone" not in said(page)
    assert page.query_params["dataset"] == "pets"


def test_samples_are_of_the_class_they_stand_under(lab: Lab) -> None:
    make_dataset(lab.paths, "pets")
    dataset = open_dataset(lab.paths, "pets")
    rows = dataset.split("test")
    dog = sample_strips(dataset, "test", [1], seed=0, each=5)[0]
    assert (dog.name, dog.note, len(dog.images)) == ("dog", "20 images", 5)
    for name, image in zip(dog.alts, dog.images, strict=True):
        row = list(rows.names).index(name)
        assert rows.labels[row] == 1
        assert np.array_equal(rows.images[row], image)


def test_a_damaged_dataset_is_named_and_can_be_deleted(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "torn")
    lab.paths.dataset("torn").labels("train").unlink()
    page = app("data")
    assert "torn" in said(page)
    press(page, "delete.torn")
    press(page, "delete_sure")
    assert "torn" not in said(page)
    assert not lab.paths.dataset("torn").folder.exists()


def test_a_dataset_without_its_report_is_shown_all_the_same(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "pets")
    page = app("data")
    page.selectbox(key="dataset").set_value("pets").run()
    assert "report\\.json" in said(page)
    assert "cat" in drawn(page)


def test_the_report_counts_reasons_and_lists_files(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "pets")
    report = ImportReport(
        origin="pets.zip",
        imported=96,
        skipped=[
            Skipped(name="a.txt", reason=Reason.NOT_IMAGE),
            Skipped(name="=b.txt", reason=Reason.NOT_IMAGE),
            Skipped(name="c.png", reason=Reason.DAMAGED, detail=text(N_("it is torn"))),
        ],
        warnings=[text("The class “{name}” is empty.", name="*stars*")],
    )
    lab.paths.dataset("pets").report.write_text(report.model_dump_json())
    page = app("data")
    page.selectbox(key="dataset").set_value("pets").run()
    tables = [frame.value.to_numpy().tolist() for frame in page.dataframe]
    assert [
        ["imported", "", 96],
        ["skipped", "not a picture", 2],
        ["skipped", "damaged picture", 1],
        ["all files", "", 99],
    ] in tables
    assert ["c.png", "it is torn"] in tables[-1]
    assert r"\*stars\*" in said(page)
    assert len(page.get("download_button")) == 1


def test_a_skewed_training_split_is_pointed_out(lab: Lab) -> None:
    info = make_dataset(lab.paths, "pets")
    assert skewed(info) is None
    counts = {**info.class_counts, "train": [30, 10, 20]}
    assert skewed(info.model_copy(update={"class_counts": counts})) == ("dog", "cat", 3.0)


# Augmentation


class Turned:
    """Instead of the computing process: turns pictures upside down, gives each three tenths of
    its partner's label if images are mixed, and counts its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[AugmentConfig, int]] = []
        self.labels: list[int] = []

    def apply_augmentation(self, config: AugmentConfig, images: Any, shares: Any, seed: int) -> Any:
        self.calls.append((config, seed))
        self.labels = shares.argmax(axis=1).tolist()
        own = 0.7 if config.mixes else 1
        return images[:, ::-1], own * shares + (1 - own) * shares[::-1]


@pytest.fixture
def turned(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Turned:
    service = Turned()
    monkeypatch.setattr(lab.compute, "apply_augmentation", service.apply_augmentation)
    return service


def flip(page: AppTest, how: str) -> AppTest:
    return page.selectbox(key=key("augment", "flip")).set_value(how).run()


def test_without_augmentation_it_says_so_and_asks_nobody(app: OpenPage, turned: Turned) -> None:
    page = see(app("data"), "augment")
    assert "Nothing is switched on" in said(page)
    assert drawn(page).count("<img") == PICTURES
    assert turned.calls == []


def test_each_original_is_shown_beside_its_draw(app: OpenPage, turned: Turned) -> None:
    page = flip(see(app("data"), "augment"), "vertical")
    assert drawn(page).count("<img") == 2 * PICTURES
    page.run()
    assert turned.calls == [(AugmentConfig(flip="vertical"), 0)]
    assert turned.labels[:10] == list(range(10))
    press(page, "draw_again")
    page.number_input(key="augment_seed").set_value(0).run()
    # The third time the pictures of the first are shown again.
    assert turned.calls[1:] == [(AugmentConfig(flip="vertical"), 1)]


def test_one_image_is_drawn_many_times(app: OpenPage, lab: Lab, turned: Turned) -> None:
    page = see(app("data"), "augment")
    page.session_state["augment_view"] = "one"
    page.session_state[key("augment", "mixing")] = "mixup"
    page.run()
    assert not page.exception
    fingerprint = open_dataset(lab.paths, "digits").info.fingerprint
    page.selectbox(key=f"augment_class.{fingerprint}").set_value(3).run()
    assert drawn(page).count("<img") == 1 + DRAWS
    # So many times the same image, then those that it is mixed with, none of which it is itself.
    assert turned.labels[:DRAWS] == [3] * DRAWS
    assert len(turned.labels) == 2 * DRAWS
    assert "70\u00a0% 3 + 30\u00a0% " in drawn(page)
    page.number_input(key=f"augment_image.{fingerprint}.3").set_value(2).run()
    assert len(turned.calls) == 3


def test_mixed_labels_by_hand(lab: Lab) -> None:
    info = make_dataset(lab.paths, "pets")
    labels = {
        (1, 0, 0): "cat",
        (0.3, 0.7, 0): "70 % dog + 30 % cat",
        (0.998, 0, 0.002): "cat",
        (0.5, 0, 0.5): "50 % cat + 50 % bird",
    }
    for shares, expected in labels.items():
        assert mixed_label(info, np.array(shares, np.float32)).replace("\u00a0", " ") == expected


def test_augmentation_is_that_of_the_form(app: OpenPage, lab: Lab, turned: Turned) -> None:
    make_dataset(lab.paths, "pets")
    page = app("data")
    page.selectbox(key="dataset").set_value("pets").run()
    flip(see(page, "augment"), "horizontal")
    page.session_state["augment_group"] = "colour"
    page.run().slider(key=key("augment", "hue")).set_value(90.0).run()
    assert "Flip horizontal · Hue 90°" in said(page)
    press(page, "augment_use")
    assert page.session_state[key("data", "dataset")] == "pets"
    assert page.session_state[key("model", "architecture")] == "cnn"
    config = read_form_of(page)
    assert config == AugmentConfig(flip="horizontal", hue=90)
    press(page, "augment_off")
    assert read_form_of(page) == AugmentConfig()


def read_form_of(page: AppTest) -> AugmentConfig:
    """What a training would be launched with."""
    stored = {name: key("augment", name) for name in AugmentConfig.model_fields}
    state = page.session_state
    return AugmentConfig(**{name: state[k] for name, k in stored.items() if k in state})


def test_what_may_change_the_meaning_is_said_until_it_is_dismissed(
    app: OpenPage, lab: Lab, turned: Turned
) -> None:
    make_dataset(lab.paths, "pets")
    page = flip(see(app("data"), "augment"), "horizontal")
    assert "mirrored, b is d" in said(page)
    page.selectbox(key="dataset").set_value("pets").run()
    assert not page.warning
    page.selectbox(key="dataset").set_value("digits").run()
    press(page, "augment_dismiss.flip")
    assert not page.warning
    page.session_state[key("augment", "hue")] = 30.0
    page.run()
    assert "left out in training" in said(page)  # of another setting
    press(page, "augment_use")
    assert "left out in training" in said(page)
    assert "mirrored" not in said(page)


def test_trouble_of_the_computing_process_is_said(
    app: OpenPage, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def died(*_arguments: object) -> None:
        raise RunError(N_("The computing process ended or took too long; please try again."))

    monkeypatch.setattr(lab.compute, "apply_augmentation", died)
    page = see(app("data"), "augment")
    page.slider(key=key("augment", "rotation")).set_value(20.0).run()
    assert "please try again" in said(page)


def test_the_preview_shows_as_many_classes_as_it_can() -> None:
    labels = np.array([2, 2, 0, 2, 1, 0], np.int32)
    assert first_of_each_class(labels, 3) == [2, 4, 0]
    assert first_of_each_class(labels, 5) == [2, 4, 0, 1, 3]
    assert first_of_each_class(labels, 99) == [2, 4, 0, 1, 3, 5]


# Importing


def test_before_a_file_is_chosen_nothing_can_be_imported(app: OpenPage) -> None:
    page = see(app("data"), "import")
    assert page.button(key="import_start").disabled


def test_every_choice_of_the_import_is_explained() -> None:
    assert set(import_options.RESIZE) == set(get_args(ResizeMode))
    assert set(import_options.COLORS) == set(get_args(ColorMode))


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("Flores (año 2).zip", "Flores año 2"),
        ("digits.zip", "digits 2"),
        ("../.hidden.zip", "hidden"),
        ("???.zip", ""),
        ("con.zip", "con 2"),
    ],
)
def test_a_name_is_proposed_that_can_be_had(lab: Lab, filename: str, name: str) -> None:
    assert import_view.propose_name(lab.paths, stem_of(filename)) == name


@pytest.mark.slow
def test_a_zip_becomes_the_dataset_that_is_looked_at(app: OpenPage, lab: Lab) -> None:
    page = upload(app("data"), archive({**two_classes(), "rock & <b>roll</b>/no.txt": b"hm"}))
    assert page.text_input(key="import_name").value == "hands"
    page.selectbox(key="import_size").set_value(16).run()
    page.radio(key="import_resize").set_value("pad").run()
    press(page, "import_start")
    wait(lab, page)
    assert page.selectbox(key="dataset").value == "hands"
    assert "hands” is ready" in said(page)
    assert "12 of 13 files imported" in said(page).replace("\\", "")
    assert "rock &amp; &lt;b&gt;roll&lt;/b&gt;" in drawn(page).replace("\u2060", "")
    info = open_dataset(lab.paths, "hands").info
    assert (info.image_shape, info.resize) == ((16, 16, 3), "pad")
    # The next run of the page imports nothing again, and the form is ready for another file.
    see(page, "import")
    assert list_imports(lab.paths) == []
    assert len(list_datasets(lab.paths)) == 2
    assert page.file_uploader[0].value is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"this is a letter", "is not a zip archive"),
        (archive(two_classes())[:-300], ""),
        (archive({"../x.png": b"x"}), ""),
        (archive({"one/a.png": next(iter(two_classes().values()))}), "class"),
    ],
    ids=["text", "truncated", "unsafe", "one class"],
)
def test_a_bad_zip_is_refused_and_the_form_stays(
    app: OpenPage, lab: Lab, data: bytes, expected: str
) -> None:
    page = upload(app("data"), data, "my hands.zip")
    page.selectbox(key="import_size").set_value(48).run()
    wait(lab, press(page, "import_start"))
    assert len(page.error) == 1
    assert expected in page.error[0].value
    assert page.text_input(key="import_name").value == "my hands"
    assert page.selectbox(key="import_size").value == 48
    assert [info.name for info in list_datasets(lab.paths)] == ["digits"]
    # Until it is dismissed, and in another session too.
    assert app("data").error[0].value == page.error[0].value
    [state] = list_imports(lab.paths)
    press(page, f"dismiss.{state.job_id}")
    assert not page.error


def test_a_name_that_exists_is_refused_in_place(app: OpenPage, lab: Lab) -> None:
    page = upload(app("data"), archive(two_classes()))
    page.text_input(key="import_name").set_value("Digits").run()
    press(page, "import_start")
    assert "exists already" in page.error[0].value
    assert page.text_input(key="import_name").value == "Digits"
    assert list_imports(lab.paths) == []


@pytest.mark.slow
def test_an_import_is_found_again_by_another_session(
    app: OpenPage, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = press(upload(app("data"), archive(two_classes())), "import_start")
    [state] = list_imports(lab.paths)
    wait(lab, page)  # the first session dismisses it
    again = press(upload(app("data"), archive(two_classes())), "import_start")
    assert again.text_input(key="import_name").value == "hands 2"
    wait(lab, other := app("data"))
    [state] = list_imports(lab.paths)
    press(other, f"open.{state.job_id}")
    assert other.selectbox(key="dataset").value == "hands 2"
    assert not again.run().exception


def test_an_import_under_way_can_be_cancelled(app: OpenPage, lab: Lab) -> None:
    page = press(upload(app("data"), archive(two_classes(200))), "import_start")
    [state] = list_imports(lab.paths)
    assert len(page.get("progress")) == 2, "the panel's at the top, and one below the button"
    press(page, f"cancel.{state.job_id}")
    wait(lab, page)
    assert "cancelled" in said(page)


# Deleting


def test_deleting_asks_first(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    make_run()  # of pets
    page = app("data")
    page.selectbox(key="dataset").set_value("pets").run()
    press(page, "delete")
    assert len(page.get("dialog")) == 1
    assert page.checkbox(key="delete_keep").value is True
    assert "that 1 run shows on the Errors page (1 MB)" in page.checkbox(key="delete_keep").label
    assert lab.paths.dataset("pets").folder.exists()
    press(page, "delete_sure")
    assert page.selectbox(key="dataset").value == "digits"
    assert not lab.paths.dataset("pets").folder.exists()


def test_who_deletes_what_a_competition_asks_about_is_warned(app: OpenPage, lab: Lab) -> None:
    make_competition(lab.paths, title="Pets *2026*")
    page = app("data")
    page.session_state["dataset"] = "secret"
    page.run()
    press(page, "delete")
    assert "“Pets *2026*” asks about these images" in plain(page.warning[0].value)


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING])
def test_what_a_training_needs_is_not_deleted(
    app: OpenPage, lab: Lab, make_run: MakeRun, status: RunStatus
) -> None:
    run = make_run(status)
    page = app("data")
    page.selectbox(key="dataset").set_value("pets").run()
    press(page, "delete")
    assert any(run.id in error.value.replace("\\", "") for error in page.error)
    assert not [button for button in page.button if button.key == "delete_sure"]


def test_every_view_works_in_spanish(
    app: OpenPage, turned: Turned, monkeypatch: pytest.MonkeyPatch
) -> None:
    # AppTest asks for the labels of options outside of the session, too.
    monkeypatch.setattr("ui.i18n.language", lambda: "es")
    page = app("data", lang="es")
    for view in ("augment", "import", "organise", "look"):
        see(page, view)


def test_strips_escape_everything() -> None:
    image = np.zeros((8, 8, 1), np.uint8)
    page = strips_html([Strip('"<b>', "<i>", [image], ['"><script>'])])
    assert "<b>" not in page
    assert "<i>" not in page
    assert "<script>" not in page
