"""A copy that hides the test labels, and the competition that is opened about it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.competition import opening
from core.competition.hiding import hide_test
from core.competition.job import hide_job
from core.competition.opening import (
    begin_hidden,
    delete,
    list_competitions,
    load_solution,
    read_preparing,
)
from core.competition.settings import Settings
from core.datasets.registry import list_datasets, open_dataset
from core.errors import CompetitionError, DatasetError
from core.paths import Paths
from tests.competition.contest import make_unlabelled
from tests.pages.making import make_dataset


def test_the_copy_has_no_labels_names_or_order(paths: Paths) -> None:
    make_dataset(paths, "pets")
    source = open_dataset(paths, "pets")
    hidden = hide_test(paths, source, "contest")
    copy = open_dataset(paths, "contest")
    assert copy.info.splits == {"train": 6, "val": 30, "test": 0, "unlabelled": 60}
    there, test = copy.split("unlabelled"), source.split("test")
    assert (there.labels == -1).all()
    assert there.names[:3] == ["01.png", "02.png", "03.png"]
    # Every picture is unlike all others: which one became which can be found out here.
    pixels = {test.images[i].tobytes(): i for i in range(60)}
    origin = np.array([pixels[image.tobytes()] for image in there.images])
    assert sorted(origin.tolist()) == list(range(60))
    assert (origin != np.arange(60)).sum() > 40
    np.testing.assert_array_equal(hidden.y_true, test.labels[origin])
    for split in ("train", "val"):
        np.testing.assert_array_equal(copy.split(split).images, source.split(split).images)
        np.testing.assert_array_equal(copy.split(split).labels, source.split(split).labels)
    assert "labels hidden" in str(copy.info.derived)
    again = hide_test(paths, source, "again")
    assert again.info.fingerprint != copy.info.fingerprint
    written = b"".join(
        file.read_bytes() for file in copy.files.folder.iterdir() if file.suffix == ".json"
    )
    assert b"test-" not in written
    assert not copy.files.recipe.exists()


def test_the_whole_way_and_its_traces(paths: Paths) -> None:
    make_dataset(paths, "pets")
    made = begin_hidden(paths, "pets", "contest", Settings(title="Pets"), 0.7)
    assert [request.id for request in list_competitions(paths).preparing] == [made]
    assert hide_job(paths, made).status == "finished"
    assert read_preparing(paths, made).status == "finished"
    found = list_competitions(paths)
    assert found.preparing == []
    (competition,) = found.competitions
    assert (competition.dataset, competition.copied_from) == ("contest", "pets")
    labels = load_solution(paths, made).y_true
    assert np.bincount(labels).tolist() == [20, 20, 20]
    assert not paths.competition(made).request.exists()
    shown = json.dumps(competition.model_dump(mode="json"))
    assert "seed" not in shown


def test_what_cannot_be_hidden(paths: Paths) -> None:
    make_unlabelled(paths)
    with pytest.raises(CompetitionError, match="no test images"):
        begin_hidden(paths, "secret", "contest", Settings(title="Pets"))
    make_dataset(paths, "pets")
    with pytest.raises(DatasetError, match="exists already"):
        begin_hidden(paths, "pets", "secret", Settings(title="Pets"))
    assert list_competitions(paths) == ([], [], [])


def test_cancelled_or_failed_it_leaves_no_dataset(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset(paths, "pets")
    made = begin_hidden(paths, "pets", "contest", Settings(title="Pets"))
    paths.competition(made).cancel("solution").touch()
    assert hide_job(paths, made).status == "cancelled"
    paths.competition(made).cancel("solution").unlink()
    monkeypatch.setattr(opening, "open_dataset", lambda *_: 1 / 0)
    assert hide_job(paths, made).status == "failed"
    assert {info.name for info in list_datasets(paths)} == {"pets"}
    delete(paths, made)
    assert list_competitions(paths) == ([], [], [])
