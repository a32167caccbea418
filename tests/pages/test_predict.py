"""The Predict page in every state of a run, with good and bad pictures."""

from __future__ import annotations

import base64
import io
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.asking.judging import judge
from core.datasets.dataset import DatasetInfo
from core.datasets.decoding import Decoding, Picture, decode_image
from core.datasets.registry import delete_dataset
from core.datasets.resizing import prepare
from core.errors import N_, RunError
from core.lab import Lab
from core.records import RunRecord, RunStatus
from core.sealing import unlock
from tests.pages.conftest import OpenPage, plain
from tests.pages.making import HOSTILE, WORDS, make_dataset
from ui import predict_inputs, predict_pictures
from ui.names import literal, shortened
from ui.predict_all import get_batches
from ui.predict_draw import PNG, SIDE
from ui.predict_kept import MOST_FILES, Kept, _bounded
from ui.predict_pictures import SAMPLES
from ui.predict_view import PER_PAGE

MakeRun = Callable[..., RunRecord]
Upload = tuple[str, bytes, str]


def said(page: AppTest) -> str:
    blocks = (page.info, page.warning, page.error, page.caption, page.markdown)
    return "\n".join(str(element.value) for block in blocks for element in block)


def drawn(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def encoded(image: Image.Image, fmt: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, fmt, **options)
    return out.getvalue()


def picture(brightness: int, size: tuple[int, int] = (20, 12)) -> bytes:
    return encoded(Image.new("RGB", size, (brightness, brightness, brightness)))


def upload(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    uploads: list[Upload] = [(name, data, "image/png") for name, data in files]
    page.file_uploader(key="pictures").set_value(uploads).run()
    assert not page.exception, page.exception
    return page


class Brightness:
    """Instead of a network: the brighter the picture, the surer of the last class."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.asked: list[NDArray[np.uint8]] = []

    def predict(
        self, run_id: str, images: NDArray[np.uint8], varied: bool = False
    ) -> NDArray[np.float32]:
        self.asked.append(images)
        proba = np.zeros((len(images), self.classes), np.float32)
        proba[:, -1] = images.mean(axis=(1, 2, 3)) / 255
        proba[:, 0] = 1 - proba[:, -1]
        return proba


@pytest.fixture
def finished(lab: Lab, make_run: MakeRun) -> RunRecord:
    run = make_run()
    lab.paths.run(run.id).model.touch()
    return run


@pytest.fixture
def network(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Brightness:
    service = Brightness(classes=3)
    monkeypatch.setattr(lab.compute, "predict", service.predict)
    return service


def test_without_a_run_it_says_what_to_do(app: OpenPage) -> None:
    page = app("predict")
    assert "No run is chosen" in said(page)
    assert not page.file_uploader


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (RunStatus.QUEUED, "in the queue"),
        (RunStatus.RUNNING, "still training"),
        (RunStatus.FAILED, "has failed"),
        (RunStatus.INTERRUPTED, "was interrupted"),
        (RunStatus.STOPPED, "saved no network"),
    ],
)
def test_a_run_without_a_network_says_why(
    app: OpenPage, make_run: MakeRun, status: RunStatus, expected: str
) -> None:
    page = app("predict", make_run(status))
    assert expected in said(page)
    assert not page.file_uploader
    assert len(page.get("page_link")) == 1


def test_a_run_stopped_at_once_says_so(app: OpenPage, lab: Lab, make_run: MakeRun) -> None:
    run = make_run(RunStatus.RUNNING, epochs=0).changed(status=RunStatus.STOPPED)
    lab.store.save(run)
    assert "before its first epoch had ended" in said(app("predict", run))


def test_a_finished_run_waits_for_pictures(app: OpenPage, finished: RunRecord) -> None:
    page = app("predict", finished)
    assert "8×8 pixels, RGB, and knows 3 classes" in said(page)
    assert len(page.file_uploader) == 1
    assert not page.get("plotly_chart")


def test_each_picture_is_shown_and_judged(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    page = upload(app("predict", finished), ("white.png", picture(255)), ("dark.png", picture(51)))
    assert f"**{WORDS[2]}** · 100.0 %" in said(page)
    assert f"**{WORDS[0]}** · 80.0 %" in said(page)
    assert literal("cat: 80.0 % · bird: 20.0 % · dog: 0.0 %") in said(page)
    assert len(page.get("plotly_chart")) == 2
    assert "20×12 pixels" in drawn(page)
    assert drawn(page).count("8×8, RGB") == 2


@pytest.mark.parametrize("fmt", ["PNG", "JPEG"])
def test_the_network_gets_what_an_import_would_make(
    app: OpenPage, finished: RunRecord, network: Brightness, fmt: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 1410, 3), np.uint8)
    data = encoded(Image.fromarray(noise), fmt)
    upload(app("predict", finished), ("noise.png", data))
    expected = prepare(data, (8, 8, 3), "crop").pixels
    assert np.array_equal(network.asked[0], expected[None])


def test_the_same_picture_is_asked_for_once(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    page = upload(app("predict", finished), ("white.png", picture(255)))
    page.slider(key="top_k").set_value(1).run()
    upload(page, ("white.png", picture(255)), ("copy.png", picture(255)))
    assert len(network.asked) == 1
    assert "·" not in page.get("plotly_chart")[0].proto.alt  # one class only


PICTURES = {
    "grey.png": encoded(Image.new("L", (9, 9), 200)),
    "palette.gif": encoded(Image.new("P", (9, 9), 3), "GIF"),
    "alpha.webp": encoded(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "WEBP"),
    "ink.jpg": encoded(Image.new("CMYK", (9, 9), (0, 200, 10, 30)), "JPEG"),
    "deep.png": encoded(Image.fromarray(np.full((9, 9), 60000, np.uint16))),
    "bits.bmp": encoded(Image.new("1", (9, 9), 1), "BMP"),
    "dot.png": picture(9, (1, 1)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_kind_of_picture_is_read(
    app: OpenPage, finished: RunRecord, network: Brightness, name: str
) -> None:
    page = upload(app("predict", finished), (name, PICTURES[name]))
    assert not page.error
    assert len(page.get("plotly_chart")) == 1


def test_exif_turns_the_picture_and_says_so(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif)
    page = upload(app("predict", finished), ("phone.jpg", data))
    assert "20×40 pixels" in drawn(page)
    assert "turned upright" in said(page)


def test_bad_files_are_named_and_the_others_still_judged(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    page = upload(
        app("predict", finished),
        ("*letter*.png", b"dear network"),
        ("empty.png", b""),
        ("torn.png", picture(255, (300, 300))[:200]),
        ("white.png", picture(255)),
    )
    assert [error.value.split(":")[0] for error in page.error] == [
        r"**\*letter\*\.png**",
        r"**empty\.png**",
        r"**torn\.png**",
    ]
    assert len(page.get("plotly_chart")) == 1


def test_a_picture_of_too_many_pixels_is_refused(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    data = encoded(Image.new("1", (20_000, 20_000)))
    page = upload(app("predict", finished), ("huge.png", data))
    assert "400,000,000 pixels" in page.error[0].value
    assert not page.get("plotly_chart")


def test_many_pictures_come_page_by_page(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    files = [(f"{i}.png", picture(i)) for i in range(PER_PAGE + 2)]
    page = upload(app("predict", finished), *files)
    assert [len(images) for images in network.asked] == [PER_PAGE]
    assert len(page.get("plotly_chart")) == PER_PAGE


def test_only_the_pictures_of_the_page_are_read_and_only_once(
    app: OpenPage, finished: RunRecord, network: Brightness, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[bytes] = []

    def decode(data: bytes, decoding: Decoding, *, at_least: int | None = None) -> Picture:
        decoded.append(data)
        return decode_image(data, decoding, at_least=at_least)

    monkeypatch.setattr(predict_pictures, "decode_image", decode)
    files = [(f"{i}.png", picture(i)) for i in range(3 * PER_PAGE)]
    page = upload(app("predict", finished), *files)
    page.slider(key="top_k").set_value(1).run()
    assert decoded == [data for _name, data in files[:PER_PAGE]]


def test_trouble_of_the_computing_process_is_said(
    app: OpenPage, lab: Lab, finished: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def died(*_arguments: object) -> None:
        raise RunError(N_("The computing process ended or took too long; please try again."))

    monkeypatch.setattr(lab.compute, "predict", died)
    page = upload(app("predict", finished), ("white.png", picture(255)))
    assert "please try again" in page.error[0].value


def test_test_images_are_judged_beside_the_truth(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    page = app("predict", finished)
    page.toggle(key="with_samples").set_value(True).run()
    assert len(page.get("plotly_chart")) == SAMPLES
    assert drawn(page).count("in truth: ") == SAMPLES
    before = drawn(page)
    page.button(key="other_samples").click().run()
    assert drawn(page) != before


def test_images_of_a_sealed_test_are_not_shown(
    app: OpenPage, lab: Lab, finished: RunRecord, network: Brightness
) -> None:
    def names() -> set[str]:
        page = app("predict", finished)
        page.toggle(key="with_samples").set_value(True).run()
        return set(re.findall(r"(train|val|test)-\d+\.png", drawn(page)))

    lab.paths.run(finished.id).looks.unlink(missing_ok=True)
    assert names() == {"val"}
    unlock(lab.paths, finished.id)
    assert names() == {"test"}


def test_without_validation_images_the_sealed_test_stays_hidden(
    app: OpenPage, lab: Lab, make_run: MakeRun, network: Brightness
) -> None:
    learned = make_run(data__with_validation=True)
    lab.paths.run(learned.id).model.touch()
    lab.paths.run(learned.id).looks.unlink(missing_ok=True)
    page = app("predict", learned)
    page.toggle(key="with_samples").set_value(True).run()
    assert "results of the test images are sealed" in said(page)
    assert "test-" not in drawn(page)
    assert "val-" not in drawn(page)


def test_without_its_dataset_there_are_no_test_images(
    app: OpenPage, lab: Lab, finished: RunRecord, network: Brightness
) -> None:
    delete_dataset(lab.paths, "pets")
    page = app("predict", finished)
    page.toggle(key="with_samples").set_value(True).run()
    assert not page.exception
    assert "is not there any more" in said(page)
    assert len(page.file_uploader) == 1


def zipped(**pictures: bytes) -> bytes:
    """In the names a double underscore is a slash, and the end is ``.png``."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in pictures.items():
            archive.writestr(name.replace("__", "/") + ".png", data)
        archive.writestr("notes.txt", b"hello")
    return out.getvalue()


def judged(page: AppTest) -> AppTest:
    """The page when all pictures are judged: a thread does it."""
    page.button(key="predict_all").click().run()
    for _ in range(200):
        if not any(button.key == "predict_cancel" for button in page.button):
            return page
        time.sleep(0.02)
        page.run()
    raise AssertionError("it did not end")


@pytest.fixture
def computing(lab: Lab, network: Brightness, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The computing process in this one; every page's batches begin anew."""

    def answer(items: Any, takers: Any, varied: bool) -> Any:
        return judge(items, takers, network.predict)

    monkeypatch.setattr(lab.compute, "judge", answer)
    get_batches.clear()
    yield
    get_batches.clear()


def test_a_zip_is_judged_with_its_folders_for_truth(
    app: OpenPage, finished: RunRecord, network: Brightness, computing: None
) -> None:
    data = zipped(
        **{"Bird__white": picture(255), "bird__dark": picture(0), "cat__dark": picture(9)},
        **{"cat__torn": b"no picture", "else__white": picture(255), "..__out": picture(0)},
    )
    page = upload(app("predict", finished), ("pets.zip", data), ("torn.zip", b"PK"))
    assert [e.value.split(":")[0] for e in page.error] == [
        r"**torn\.zip**",
        r"**pets\.zip/cat/torn\.png**",
    ]
    assert "1 file is no picture · 1 file was not read" in [e.label for e in page.expander]
    assert drawn(page).count("✓ in truth: bird") == 1
    assert drawn(page).count("× in truth: bird") == 1
    page = judged(page)
    assert page.metric[0].value == "66.7 %"
    assert "2 of 3 are right" in said(page)
    assert "4 pictures judged · 1 picture could not be read" in said(page)
    batch_id = page.session_state["_predict_batch"][0]
    lines = get_batches().result(batch_id).decode().splitlines()
    assert len(lines) == 6
    assert lines[1].startswith(f"pets.zip/Bird/white.png,{finished.id},bird,bird,1.000000,")
    # Another question is another batch.
    page.slider(key="top_k").set_value(1).run()
    assert [b.label for b in page.button if b.key == "predict_all"] == ["Judge all 5 pictures"]


def test_a_batch_that_fails_says_so_and_can_be_begun_again(
    app: OpenPage, lab: Lab, finished: RunRecord, computing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = lab.compute.judge

    def died(*_arguments: object) -> None:
        raise RunError(N_("The computing process ended or took too long; please try again."))

    page = upload(app("predict", finished), ("white.png", picture(255)))
    monkeypatch.setattr(lab.compute, "judge", died)
    get_batches.clear()
    page = judged(page)
    assert "please try again" in "".join(error.value for error in page.error)
    monkeypatch.setattr(lab.compute, "judge", working)
    get_batches.clear()
    page = judged(page.run())
    assert "1 picture judged" in said(page)
    assert all(button.key != "predict_all" for button in page.button)


def test_a_zip_without_pictures_says_so(app: OpenPage, finished: RunRecord) -> None:
    page = upload(app("predict", finished), ("letters.zip", zipped()))
    assert "There is no picture in" in said(page)
    assert all(button.key != "predict_all" for button in page.button)


def test_a_picture_above_the_limit_is_refused(
    app: OpenPage, finished: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_inputs, "MAX_MEGABYTES", 0)
    page = upload(app("predict", finished), ("large.png", picture(1)))
    assert "at most 0 MB" in page.error[0].value


def test_two_runs_side_by_side(
    app: OpenPage, lab: Lab, make_run: MakeRun, finished: RunRecord, network: Brightness
) -> None:
    larger = make_run(dataset=make_dataset(lab.paths, "large", ("cat", "dog", "cow"), side=16))
    lab.paths.run(larger.id).model.touch()
    make_run()  # without a network: not offered
    page = app("predict", finished)
    assert len(page.multiselect(key="predict_beside").options) == 1
    page.multiselect(key="predict_beside").set_value([larger.id]).run()
    page = upload(page, ("dark.png", picture(0)), ("white.png", picture(255)))
    assert [images.shape for images in network.asked] == [(2, 8, 8, 3), (2, 16, 16, 3)]
    assert [b for b in said(page).splitlines() if b.startswith("**bird")] == ["**bird** · 100.0 %"]
    assert "**cow** · 100.0 %" in said(page)
    badges = [m.value for m in page.markdown if "agree" in m.value]
    assert ["disagree" in badge for badge in badges] == [False, True]
    assert len(page.get("plotly_chart")) == 4
    # Chosen in the sidebar, a run no longer stands beside itself.
    page.sidebar.selectbox(key="run").set_value(larger.id).run()
    assert page.multiselect(key="predict_beside").value == []


def test_versions_are_those_of_the_training(
    app: OpenPage, lab: Lab, make_run: MakeRun, finished: RunRecord, network: Brightness
) -> None:
    varied = make_run(augment__flip="horizontal", augment__translation=0.1)
    lab.paths.run(varied.id).model.touch()
    page = app("predict", varied)
    page.toggle(key="predict_varied").set_value(True).run()
    assert "5 more versions: mirrored, shifted" in plain(said(page))
    page.sidebar.selectbox(key="run").set_value(finished.id).run()
    assert "judged as they are" in said(page)


def test_a_closer_look_at_a_picture(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    page = upload(app("predict", finished), ("white.png", picture(255)))
    page.button(key="closer.own.0.0").click().run()
    assert not page.exception
    assert len(page.get("dialog")) == 1


def test_the_camera_gives_a_picture_and_files_are_kept_meanwhile(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    page = upload(app("predict", finished), ("black.png", picture(0)))
    page.segmented_control(key="predict_place").set_value("camera").run()
    assert "black.png" not in drawn(page)
    assert any("predict_files_hidden" in html.proto.body for html in page.get("html"))
    photo = encoded(Image.new("RGB", (20, 12), "white"), "JPEG")
    page.camera_input(key="predict_camera").upload("x.jpg", photo, "image/jpeg").run()
    assert f"**{WORDS[2]}** · 100.0 %" in said(page)
    page.segmented_control(key="predict_place").set_value("files").run()
    assert "black.png" in drawn(page)


def drawing(colour: str, paper: str = "black") -> str:
    sheet = Image.new("RGB", (SIDE, SIDE), paper)
    sheet.paste(colour, (70, 35, 98, 245))
    return "data:image/png;base64," + base64.b64encode(encoded(sheet)).decode()


def draw(page: AppTest, paper: str, png: str) -> AppTest:
    page.segmented_control(key="predict_place").set_value("draw").run()
    page.session_state[f"sheet.{paper}"] = {"png": png}
    return page.run()


def test_a_drawn_digit_is_prepared_as_the_digits_are(
    app: OpenPage, lab: Lab, make_run: MakeRun, network: Brightness
) -> None:
    digits = DatasetInfo.model_validate_json(lab.paths.dataset("digits").info.read_bytes())
    run = make_run(dataset=digits)
    lab.paths.run(run.id).model.touch()
    network.classes = 10
    page = draw(app("predict", run), "#000000", drawing("white"))
    assert not page.exception
    (asked,) = network.asked
    assert asked.shape == (1, 8, 8, 1)
    # Its height is that of the image, light on dark, in the middle.
    assert asked[0, :, :, 0].max(axis=1).tolist() == [255] * 8
    (column,) = np.flatnonzero(asked[0, :, :, 0].max(axis=0))
    assert column in (3, 4)
    assert len(page.get("plotly_chart")) == 1
    page = draw(page, "#000000", "")
    assert not page.get("plotly_chart")
    # What somebody sends who is not the sheet: no picture, no text, far too many pixels.
    many = base64.b64encode(encoded(Image.new("1", (5000, 5000)))).decode()
    for other in ("data:text/html,<b>", "data:image/png;base64,ñ", f"{PNG}{many}"):
        page = draw(page, "#000000", other)
        assert "not a drawing" in page.error[0].value


def test_on_photographs_a_drawing_is_a_picture(
    app: OpenPage, finished: RunRecord, network: Brightness
) -> None:
    page = draw(app("predict", finished), "#ffffff", drawing("red", "white"))
    assert not page.exception
    assert network.asked[0].shape == (1, 8, 8, 3)
    assert network.asked[0][0, 0, 0].tolist() == [255, 255, 255]


def test_class_and_file_names_are_shown_as_they_are(
    app: OpenPage, lab: Lab, make_run: MakeRun, network: Brightness
) -> None:
    hostile: DatasetInfo = make_dataset(lab.paths, "hostile", HOSTILE)
    run = make_run(RunStatus.FINISHED, hostile)
    lab.paths.run(run.id).model.touch()
    name = "<script>x</script> $a$ *b*.png"
    page = upload(app("predict", run, lang="es"), (name, picture(0)))
    assert "<script>" not in drawn(page)
    assert "&lt;script&gt;x&lt;/script&gt; $a$ *b*.png" in drawn(page)
    assert literal(HOSTILE[0]) in said(page)
    assert "<script>" not in said(page)


def test_long_names_are_cut_unless_they_would_be_the_same() -> None:
    assert shortened(["cat", "a" * 30], 10) == ["cat", "a" * 9 + "…"]
    assert shortened(["a" * 30 + "1", "a" * 30 + "2"], 10) == ["a" * 30 + "1", "a" * 30 + "2"]


def test_pictures_stay_while_another_page_is_looked_at_until_they_are_cleared(
    app: OpenPage, lab: Lab, finished: RunRecord, network: Brightness
) -> None:
    page = upload(app("predict", finished), ("white.png", picture(255)), ("pets.zip", zipped()))
    assert not [b for b in page.button if b.key == "predict_clear"]

    def away_and_back(page: AppTest) -> AppTest:
        page = page.switch_page("pages/runs.py").run()
        return page.switch_page("pages/predict.py").run()

    page = away_and_back(page)
    assert "2 files from before are still here: white.png, pets.zip" in plain(said(page))
    assert "white.png" in drawn(page)
    page = upload(page, ("black.png", picture(0)))
    assert "2 files from before" in said(page)  # what the uploader shows is not from before
    page = away_and_back(page)
    assert "3 files from before" in said(page)
    assert len(list(lab.paths.tried.iterdir())) == 3
    page.button(key="predict_clear").click().run()
    assert "from before" not in said(page)
    assert "white.png" not in drawn(page)
    assert list(lab.paths.tried.iterdir()) == []
    assert "from before" not in said(away_and_back(page))


def test_of_one_session_the_latest_files_are_kept(tmp_path: Path) -> None:
    files = [Kept(str(i), tmp_path, 400_000_000) for i in range(4)]
    assert [file.name for file in _bounded(files)] == ["2", "3"]
    many = [Kept(str(i), tmp_path, 1) for i in range(MOST_FILES + 3)]
    assert _bounded(many) == many[3:]
