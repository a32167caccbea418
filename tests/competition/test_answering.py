"""A real run, small as it is, answers about images without a label: here and in a process."""

from __future__ import annotations

import time

import numpy as np
import pytest

from core.competition import answering
from core.competition.answering import answer, portion_rows
from core.competition.answers import (
    cancel_answering,
    load_answers,
    read_answering,
    start_answering,
    task_files,
)
from core.competition.hiding import hide_test
from core.competition.job import answers_job
from core.datasets.dataset import UNLABELLED, Dataset
from core.datasets.registry import open_dataset
from core.errors import CompetitionError
from core.paths import Paths
from core.prediction import predict
from core.store import Store
from core.tasks import TaskCancelledError, TaskProgress
from core.training import run_training
from tests.pages.making import make_dataset
from tests.training.helpers import QUICK, make_stripes

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, str, Dataset]:
    """A run, and a dataset like its own whose labels are hidden."""
    paths = Paths(tmp_path_factory.mktemp("lab")).create()
    make_stripes(paths, test=300)
    hide_test(paths, open_dataset(paths, "stripes"), "hidden")
    run_id = Store(paths).create(QUICK, owner="cli").id
    run_training(paths, run_id)
    return paths, run_id, open_dataset(paths, "hidden")


def test_in_portions(trained: tuple[Paths, str, Dataset], monkeypatch: pytest.MonkeyPatch) -> None:
    paths, run_id, dataset = trained
    monkeypatch.setattr(answering, "PORTION_BYTES", 1)
    seen: list[TaskProgress] = []
    task_files(paths, run_id, dataset.info)[0].folder.mkdir(exist_ok=True)
    with pytest.raises(TaskCancelledError):
        answer(paths, run_id, dataset, seen.append, lambda: len(seen) == 1)
    assert read_answering(paths, run_id, dataset.info).status == "none"
    answer(paths, run_id, dataset, seen.append)
    assert [round(progress.share * 300) for progress in seen] == [0, 0, 256]
    found = load_answers(paths, run_id, dataset.info)
    images = np.asarray(dataset.split(UNLABELLED).images)
    np.testing.assert_allclose(found, predict(paths, run_id, images), atol=1e-6)
    start_answering(paths, run_id, dataset.info, again=False)  # it is there


def test_in_a_process_of_its_own(trained: tuple[Paths, str, Dataset]) -> None:
    paths, run_id, dataset = trained
    start_answering(paths, run_id, dataset.info, again=True)
    deadline = time.monotonic() + 180
    while read_answering(paths, run_id, dataset.info).status == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    state = read_answering(paths, run_id, dataset.info)
    assert state.status == "finished", state
    assert load_answers(paths, run_id, dataset.info).shape == (300, 3)


def test_a_run_that_does_not_fit(trained: tuple[Paths, str, Dataset]) -> None:
    paths, run_id, _dataset = trained
    make_dataset(paths, "pets", ("top", "middle", "bottom"))
    hide_test(paths, open_dataset(paths, "pets"), "pets-hidden")
    info = open_dataset(paths, "pets-hidden").info
    with pytest.raises(CompetitionError, match="8×8×1"):
        start_answering(paths, run_id, info)
    assert answers_job(paths, run_id, "pets-hidden").status == "failed"
    cancel_answering(paths, run_id, info)


def test_portions_are_whole_batches() -> None:
    assert portion_rows((8, 8, 1)) == 1024
    assert portion_rows((224, 224, 3)) == 256
