"""Adding a dataset: every source, from the page to the job."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets import benchmarks, jobs
from core.datasets.collected import Collection, collection
from core.datasets.containers.opening import OPENERS
from core.datasets.jobs import list_imports
from core.datasets.shapes import Drawn, ShapesOptions, class_sizes, draw
from core.datasets.specs import (
    SOURCES,
    BenchmarkSpec,
    CollectedSpec,
    Kind,
    ServerSpec,
    ShapesSpec,
)
from core.datasets.vocabularies import SHAPE_NAMES
from core.datasets.writer import Owner
from core.lab import Lab
from core.paths import write_atomic
from tests.datasets.making import classes, pack, picture, unpack
from tests.pages.conftest import OpenPage
from tests.pages.making import make_dataset
from ui import import_sources, webcam_view
from ui.browser import unmasked
from ui.forms import key
from ui.import_sources import FORMS, HINTS, megabytes, stem_of
from ui.shapes_view import EACH, _drawn


def said(page: AppTest) -> str:
    blocks = (page.info, page.warning, page.error, page.success, page.caption, page.markdown)
    return "\n".join(str(e.value) for block in blocks for e in block).replace("\\", "")


def drawn(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def ran(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception, page.exception
    return page


@pytest.fixture(autouse=True)
def _held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Imports are asked for and not begun; nothing of this machine's is found."""

    def hold(files: jobs.JobPaths) -> None:
        write_atomic(files.process, Owner.of(os.getpid()).model_dump_json())

    monkeypatch.setattr(jobs, "_launch", hold)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("LIENZO_DATA_DIR", raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    below = tmp_path / "data"
    below.mkdir()
    monkeypatch.setenv("LIENZO_DATA_DIR", str(below))
    return below


def source(app: OpenPage, kind: Kind) -> AppTest:
    page = app("data")
    page.session_state["data_view"] = "import"
    page.session_state["import_source"] = kind
    return ran(page)


def start(page: AppTest) -> AppTest:
    page.button(key="import_start").click()
    return ran(page)


def asked(lab: Lab) -> jobs.JobRequest:
    [state] = list_imports(lab.paths)
    return state.request


# The choice


def test_every_source_has_a_form_and_a_hint() -> None:
    assert set(FORMS) == set(HINTS) == set(SOURCES)


@pytest.mark.parametrize("kind", list(SOURCES))
@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_source_is_explained(
    app: OpenPage, kind: Kind, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # AppTest asks for the labels of options outside of the session, too.
    monkeypatch.setattr("ui.i18n.language", lambda: lang)
    page = source(app, kind)
    if lang == "en":
        assert SOURCES[kind].explanation in said(page)
    assert page.button(key="import_start").disabled is (kind not in ("benchmark", "shapes"))


def test_the_uploader_takes_what_can_be_opened(app: OpenPage) -> None:
    page = source(app, "upload")
    taken = tuple(page.file_uploader[0].proto.type)
    # MNIST's unpacked files have no ending, and come in fours: in an archive or as .gz.
    assert [end for end in OPENERS if not end.endswith(taken)] == ["-ubyte"]


@pytest.mark.parametrize(
    ("filename", "stem"),
    [("pets.zip", "pets"), ("a.b.ZIP", "a.b"), ("course/pets.zip", "pets"), ("flowers", "flowers")],
)
def test_the_stem_of_a_name(filename: str, stem: str) -> None:
    assert stem_of(filename) == stem


def test_another_source_proposes_another_name(app: OpenPage) -> None:
    page = source(app, "shapes")
    assert page.text_input(key="import_name").value == "Shapes"
    page.session_state["import_source"] = "benchmark"
    assert ran(page).text_input(key="import_name").value == "MNIST"


def test_a_name_of_ones_own_stays(app: OpenPage) -> None:
    page = source(app, "shapes")
    page.text_input(key="import_name").set_value("mine")
    ran(page)
    page.session_state["import_source"] = "benchmark"
    assert ran(page).text_input(key="import_name").value == "mine"


def test_a_proposed_name_is_free(app: OpenPage, lab: Lab) -> None:
    make_dataset(lab.paths, "Shapes")
    assert source(app, "shapes").text_input(key="import_name").value == "Shapes 2"


# The server's folder


def test_without_a_folder_it_says_how_to_have_one(app: OpenPage) -> None:
    page = source(app, "server")
    assert "no folder of data yet" in said(page)
    assert page.code[0].value.startswith("LIENZO_DATA_DIR=")
    assert page.button(key="import_start").disabled


def test_an_empty_folder_says_where_to_put_files(app: OpenPage, folder: Path) -> None:
    page = source(app, "server")
    assert str(folder) in said(page)
    assert not [box for box in page.selectbox if box.key == "import_server"]


def test_a_file_of_the_server_is_imported_where_it_is(
    app: OpenPage, lab: Lab, folder: Path
) -> None:
    pack(folder / "my *pets*.zip", classes("a", "b"))
    unpack(folder / "flowers", classes("daisy", "rose"))
    page = source(app, "server")
    table = page.dataframe[0].value.to_numpy().tolist()
    assert [row[0] for row in table] == ["flowers", "my *pets*.zip"]
    assert table[0][1:] == ["folder of class folders", "–"]
    page.selectbox(key="import_server").set_value("my *pets*.zip")
    ran(page)
    assert "archive of class folders · " in said(page)
    assert page.text_input(key="import_name").value == "my pets"
    start(page)
    assert asked(lab).source == ServerSpec(path="my *pets*.zip")
    assert not (lab.paths.imports / asked(lab).job_id / "upload").exists()


def test_a_file_that_has_gone_is_chosen_no_more(
    app: OpenPage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pack(folder / "pets.zip", classes("a", "b"))
    pack(folder / "other.zip", classes("a", "b"))
    page = source(app, "server")
    page.selectbox(key="import_server").set_value("pets.zip")
    ran(page)
    file.unlink()
    import_sources._listed.clear()
    assert ran(page).selectbox(key="import_server").value is None


# Benchmarks


def test_a_benchmark_that_is_not_here_names_its_files(app: OpenPage, lab: Lab) -> None:
    page = source(app, "benchmark")
    page.radio(key="import_benchmark").set_value("fashion_mnist")
    ran(page)
    assert "30.9 MB" in said(page)
    assert page.code[0].value.count("-ubyte.gz") == 4
    start(page)
    assert asked(lab).source == BenchmarkSpec(name="fashion_mnist")
    assert asked(lab).filename == "Fashion-MNIST"


def test_coarse_labels_are_offered_where_there_are_any(app: OpenPage, lab: Lab) -> None:
    page = source(app, "benchmark")
    assert "import_coarse" not in [toggle.key for toggle in page.toggle]
    page.radio(key="import_benchmark").set_value("cifar100")
    ran(page).toggle(key="import_coarse").set_value(True)
    assert ran(page).text_input(key="import_name").value == "CIFAR-100 coarse"
    start(page)
    assert asked(lab).source == BenchmarkSpec(name="cifar100", coarse=True)


def test_a_benchmark_on_this_machine_says_so(
    app: OpenPage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "x.npz").write_bytes(b"x")
    digest = hashlib.sha256(b"x").hexdigest()
    file = benchmarks.GenuineFile("x.npz", "https://x/x.npz", digest, 1, ("x.npz",))
    row = benchmarks.Benchmark("MNIST", "", (file,))
    monkeypatch.setitem(benchmarks.BENCHMARKS, "mnist", row)
    assert "no internet is needed" in said(source(app, "benchmark"))


# Shapes


def test_shapes_are_previewed_as_they_will_be(app: OpenPage) -> None:
    page = source(app, "shapes")
    assert drawn(page).count("<img") == 8 * EACH
    page.slider(key=key("shapes", "classes")).set_value(3)
    ran(page)
    assert drawn(page).count("<img") == 3 * EACH
    assert "triangle" in drawn(page)
    assert "star" not in drawn(page)
    assert not [radio for radio in page.radio if radio.key == "import_resize"]


def test_the_preview_is_the_beginning_of_each_class() -> None:
    options = ShapesOptions(classes=3, images=90, imbalance=4)
    first, second, _third = class_sizes(options)
    rows = _drawn(options)
    assert np.array_equal(rows[0][0], draw(options, Drawn(0, 0, False)))
    assert np.array_equal(rows[2][1], draw(options, Drawn(first + second + 1, 2, False)))


def test_a_shortcut_is_shown_with_and_without_it(app: OpenPage) -> None:
    page = source(app, "shapes")
    page.selectbox(key=key("shapes", "color")).set_value("shortcut")
    assert "a network that learns colours will fail" in said(ran(page))
    options = ShapesOptions(color="shortcut", noise=0, position=0, size=0, rotation=0)
    for label, row in enumerate(_drawn(options)):
        middles = [tuple(image[16, 19]) for image in row]
        if SHAPE_NAMES[label] not in ("ring", "crescent"):
            assert len(set(middles[: EACH // 2])) == 1
            assert len(set(middles)) == 1 + EACH // 2


def test_shapes_are_asked_for_as_chosen(app: OpenPage, lab: Lab) -> None:
    page = source(app, "shapes")
    page.slider(key=key("shapes", "noise")).set_value(0.2)
    page.selectbox(key=key("shapes", "side")).set_value(64)
    start(ran(page))
    assert asked(lab).source == ShapesSpec(options=ShapesOptions(noise=0.2, side=64))
    assert asked(lab).name == "Shapes"


# Webcam


def mine(lab: Lab, page: AppTest) -> Collection:
    return collection(lab.paths, page.session_state[webcam_view.OWN])


def choose_class(lab: Lab, page: AppTest, name: str) -> None:
    """AppTest cannot type a new option: the class has had a picture before."""
    if name not in mine(lab, page).class_names():
        mine(lab, page).add(name, picture())
        mine(lab, page).undo()
    ran(page).selectbox(key=webcam_view.CLASS).set_value(name)
    ran(page)


def shoot(lab: Lab, page: AppTest, name: str, count: int) -> None:
    choose_class(lab, page, name)
    for i in range(count):
        data = picture(len(mine(lab, page).pictures()) + i, fmt="JPEG")
        page.camera_input[0].upload("x.jpg", data, "image/jpeg")
        ran(page)


def test_before_a_class_has_a_name_there_is_no_camera(app: OpenPage) -> None:
    page = source(app, "collected")
    assert page.camera_input[0].disabled
    assert "at least 2 classes with 5 pictures" in said(page)
    assert page.button(key="import_start").disabled


def test_every_picture_goes_into_its_class(app: OpenPage, lab: Lab) -> None:
    page = source(app, "collected")
    shoot(lab, page, "cup", 3)
    shoot(lab, page, "<b>pen</b>", 2)
    assert mine(lab, page).counts() == {"cup": 3, "<b>pen</b>": 2}
    assert drawn(page).count("<img") == 5
    assert "&lt;b&gt;pen" in drawn(page)
    assert "Needed: 2 classes with 5 pictures each." in said(page)
    assert page.button(key="import_start").disabled
    assert page.camera_input[0].value is None  # ready for the next


def test_the_last_picture_is_undone(app: OpenPage, lab: Lab) -> None:
    page = source(app, "collected")
    shoot(lab, page, "cup", 2)
    page.button(key="webcam_undo").click()
    ran(page)
    assert mine(lab, page).counts() == {"cup": 1}
    assert drawn(page).count("<img") == 1


def test_chosen_pictures_are_deleted(app: OpenPage, lab: Lab) -> None:
    page = source(app, "collected")
    shoot(lab, page, "cup", 3)
    first = mine(lab, page).pictures()[0].file.name
    page.multiselect[0].set_value([first])
    ran(page).button(key="webcam_delete_these").click()
    ran(page)
    assert first not in [s.file.name for s in mine(lab, page).pictures()]
    assert mine(lab, page).counts() == {"cup": 2}
    page.button(key="webcam_clear").click()
    ran(page)
    assert mine(lab, page).counts() == {}
    assert "No pictures yet" in said(page)


def test_enough_pictures_are_a_dataset(app: OpenPage, lab: Lab) -> None:
    page = source(app, "collected")
    shoot(lab, page, "cup", 5)
    shoot(lab, page, "pen", 5)
    assert "Needed" not in said(page)
    start(page)
    assert asked(lab).source == CollectedSpec(collection=page.session_state[webcam_view.OWN])
    assert asked(lab).name == "Webcam"


def test_a_picture_that_is_none_is_said(app: OpenPage, lab: Lab) -> None:
    page = source(app, "collected")
    choose_class(lab, page, "cup")
    page.camera_input[0].upload("x.jpg", b"no picture", "image/jpeg")
    ran(page)
    assert page.error
    assert mine(lab, page).counts() == {}


def test_two_sessions_have_two_collections(app: OpenPage, lab: Lab) -> None:
    one, two = source(app, "collected"), source(app, "collected")
    shoot(lab, one, "cup", 1)
    assert mine(lab, two).counts() == {}


@pytest.mark.parametrize(
    ("cookie", "secret"),
    [
        ("2|01020304|01030305|1795266017", b"\0\1\0\1"),
        ("2|ffffffff|feffff0000ff|9", b"\1\0\0\xff\xff\0"),
        ("2|xyz|01|9", None),
        ("plain", None),
        ("", None),
    ],
)
def test_what_stays_the_same_in_the_cookie(cookie: str, secret: bytes | None) -> None:
    assert unmasked(cookie) == secret


@pytest.mark.parametrize(
    ("url", "insecure"),
    [
        ("http://192.168.1.5:8501/data", True),
        ("http://lab.example.org/data", True),
        ("https://lab.example.org/data", False),
        ("http://localhost:8501/data", False),
        ("http://127.0.0.1:8501/data", False),
        ("http://[::1]:8501/", False),
        ("", False),
    ],
)
def test_where_browsers_give_no_camera(url: str, insecure: bool) -> None:
    assert webcam_view._is_insecure(url) is insecure


def test_few_bytes_are_not_a_fraction_of_a_megabyte(lab: Lab) -> None:
    assert [megabytes(n) for n in (34_150, 999_499, 999_500, 62_190_935)] == [
        "34.1 kB",
        "999 kB",
        "1 MB",
        "62.2 MB",
    ]
