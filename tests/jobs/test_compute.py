"""The computing process behind the pages: answers, errors, and its death."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from unittest.mock import Mock

import numpy as np
import numpy.typing as npt
import psutil
import pytest
from PIL import Image

from core.alive import come_on, listening
from core.asking.items import Item
from core.asking.judging import taker
from core.augment import apply_augmentation
from core.config import AugmentConfig, CNNConfig, MLPConfig
from core.errors import LabError, RunError
from core.jobs import service as service_module
from core.jobs.service import ComputeService
from core.jobs.workers import ROOT
from core.paths import Paths
from core.prediction import predict
from core.store import Store
from core.training import run_training
from tests.jobs.helpers import gone, until
from tests.training.helpers import QUICK, make_stripes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    made = Paths(tmp_path_factory.mktemp("lab")).create()
    make_stripes(made)
    return made


@pytest.fixture(scope="module")
def service(paths: Paths) -> Iterator[ComputeService]:
    """One for all tests here, in the order of a day's work; a test may kill its process."""
    made = ComputeService(paths)
    yield made
    made.close()


def pid(service: ComputeService) -> int:
    assert service._process
    return service._process.pid


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_it_predicts_as_the_model_does(service: ComputeService, paths: Paths) -> None:
    run_id = Store(paths).create(QUICK, owner="server").id
    with pytest.raises(LabError, match="has no model"):
        service.predict(run_id, np.zeros((1, 8, 8, 1), np.uint8))
    run_training(paths, run_id)
    images = np.load(paths.dataset("stripes").images("test"))
    proba = service.predict(run_id, images)
    np.testing.assert_allclose(proba, predict(paths, run_id, images), atol=1e-5)
    labels = np.load(paths.dataset("stripes").labels("test"))
    assert (proba.argmax(axis=1) == labels).mean() > 0.8
    # The same images as files, and judged in one version, as the run was trained.
    record = Store(paths).read(run_id)
    given = [Item(str(i), f"{i}.png", as_png(image)) for i, image in enumerate(images[:3])]
    verdicts = service.judge([*given, Item("x", "x.png", b"hello")], [taker(record)], True)
    assert [verdict.problem is None for verdict in verdicts] == [True, True, True, False]
    found = np.concatenate([verdict.proba[0][None] for verdict in verdicts[:3]])
    np.testing.assert_allclose(found, proba[:3], atol=1e-5)
    vectors = service.features(run_id, images)
    np.testing.assert_allclose((vectors**2).sum(axis=1), 1, atol=1e-5)
    with pytest.raises(LabError, match="Compute it again"):
        service.judge_unknown(run_id, images)  # nobody has looked into the run yet


def as_png(image: npt.NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(out, "PNG")
    return out.getvalue()


def test_it_explains_in_plain_arrays(service: ComputeService, paths: Paths) -> None:
    """Of the network that the test before has trained."""
    run_id = next(paths.runs.iterdir()).name
    image = np.load(paths.dataset("stripes").images("test"))[0]
    maps = service.heat_maps(run_id, image, "integrated", (0, 2))
    assert [type(one) for one in maps] == [tuple, tuple]
    heat, total, difference, grid = maps[0]
    assert (heat.shape, str(heat.dtype), grid) == ((8, 8), "float32", None)
    assert total == pytest.approx(difference, rel=0.1)
    images, proba = service.attack(run_id, image, 0)
    np.testing.assert_allclose(proba, predict(paths, run_id, images), atol=1e-5)
    assert service.layers(run_id) == []
    name, filters = service.filters(run_id)
    assert (name, filters.shape) == ("dense1", (16, 8, 8, 1))
    for asked in (
        lambda: service.heat_maps(run_id, image, "grad_cam", (0,)),
        lambda: service.activations(run_id, image, "dense1"),
    ):
        with pytest.raises(LabError, match=r"all pixels in a row|no layer “dense1” with maps"):
            asked()
    paths.run(run_id).model.write_bytes(b"nothing of the kind")
    with pytest.raises(LabError, match="cannot be read"):
        service.filters(run_id)


def test_the_layer_table_comes_as_plain_tuples(service: ComputeService) -> None:
    rows = service.layer_table(MLPConfig(layers=1, units=4, dropout=0), (8, 8, 1), 3)
    assert [type(row) for row in rows] == [tuple] * len(rows)
    assert [(kind, shape, n) for _, kind, shape, n, _adds in rows][2:] == [
        ("Flatten", (64,), 0),
        ("Dense", (4,), 260),
        ("Activation", (4,), 0),
        ("Dense", (3,), 15),
    ]


def test_the_preview_is_what_training_does(service: ComputeService) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1)).astype(np.uint8)
    shares = np.eye(3, dtype=np.float32)
    config = AugmentConfig(rotation=30, flip="horizontal", rand_augment=1, mixing="either")
    here, there = (
        apply_augmentation(config, images, shares, 5),
        service.apply_augmentation(config, images, shares, 5),
    )
    for mine, theirs in zip(here, there, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_it_finds_wrong_labels(service: ComputeService) -> None:
    truth = np.repeat(np.arange(3), 4)
    proba = np.eye(3, dtype=np.float32)[truth] * 0.85 + 0.05
    given = truth.astype(np.int32)
    given[5] = 2
    position, quality = service.find_label_issues(given, proba)
    assert position.tolist() == [5]
    assert quality == pytest.approx([0.05 / (0.05 + 0.9**2)])


def test_errors_come_back_in_their_words_and_end_nothing(service: ComputeService) -> None:
    before = pid(service)
    with pytest.raises(LabError, match="At most 3 blocks would fit") as caught:
        service.layer_table(CNNConfig(blocks=5), (8, 8, 1), 10)
    assert caught.value.text.params["fitting"] == 3  # to be said in another language
    with pytest.raises(LabError, match="There is no run nonsense"):
        service.predict("nonsense", np.zeros((1, 8, 8, 1), np.uint8))
    with pytest.raises(RunError, match=r"Unexpected error: .*KeyError"):
        service.ask("no such thing")
    nothing = np.zeros(3, np.uint8), np.zeros((1, 2), np.float32)
    with pytest.raises(RunError, match="Unexpected error"):
        service.apply_augmentation(AugmentConfig(zoom=0.1), *nothing, 0)
    with pytest.raises((TypeError, AttributeError)):
        service.ask("ready", lambda: None)  # cannot be sent
    assert service.ask("ready") is True
    assert pid(service) == before


def test_requests_of_many_sessions_take_turns(service: ComputeService) -> None:
    answers: dict[int, int] = {}

    def ask(units: int) -> None:
        table = service.layer_table(MLPConfig(layers=1, units=units, dropout=0), (2, 2, 1), 2)
        answers[units] = table[3][3]

    threads = [threading.Thread(target=ask, args=(units,)) for units in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == {units: 5 * units for units in range(1, 9)}


def test_its_death_is_said_and_the_next_request_finds_another(service: ComputeService) -> None:
    before = pid(service)
    process = psutil.Process(before)
    process.suspend()
    killer = threading.Timer(0.2, process.kill)
    killer.start()
    with pytest.raises(RunError, match="please try again"):
        service.ask("ready")
    assert service.ask("ready") is True
    assert pid(service) != before


def test_it_is_not_waited_for_for_ever(
    service: ComputeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    psutil.Process(pid(service)).suspend()
    monkeypatch.setattr(service_module, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(RunError, match="took too long"):
        service.ask("ready")


def test_who_says_that_it_is_coming_on_is_waited_for_anew() -> None:
    """Three pieces of work, then the answer; each piece begins the time anew."""
    said, asked = io.BytesIO(), io.BytesIO()
    with listening(lambda: pickle.dump(("working", None), said)):
        for _ in range(3):
            come_on()
    come_on()  # nobody listens any more
    pickle.dump(("ok", 7), said)
    said.seek(0)
    process, watchdog = Mock(stdin=asked, stdout=said), Mock()
    assert service_module._exchange(process, "a question", watchdog) == ("ok", 7)
    assert pickle.dumps("a question") == asked.getvalue()
    assert watchdog.calm.call_count == 3


SERVER = """
import sys
from pathlib import Path
from core.config import CNNConfig, AugmentConfig
from core.errors import LabError
from core.jobs.service import ComputeService
from core.paths import Paths
import numpy as np
service = ComputeService(Paths(Path(sys.argv[1])))
service.layer_table(CNNConfig(blocks=1), (8, 8, 1), 3)
images, shares = np.zeros((2, 8, 8, 1), np.uint8), np.eye(2, dtype=np.float32)
service.apply_augmentation(AugmentConfig(zoom=0.1, mixing="mixup"), images, shares, 0)
try:
    service.layer_table(CNNConfig(blocks=5), (8, 8, 1), 3)
except LabError as error:
    print(error)
print(sorted({"keras", "tensorflow"} & set(sys.modules)), service._process.pid)
"""


def test_its_answers_load_no_keras_into_the_server_and_it_ends_with_it(paths: Paths) -> None:
    said = subprocess.run(
        [sys.executable, "-c", SERVER, str(paths.root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert "would fit" in said[0]
    loaded, _, child = said[1].rpartition(" ")
    assert loaded == "[]"
    until(lambda: not psutil.pid_exists(int(child)) or gone(psutil.Process(int(child))))
