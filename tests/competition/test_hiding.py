"""A copy that hides the test labels, and the competition that is opened about it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from core.competition import opening
from core.competition.hiding import Hidden, hide_test
from core.competition.job import hide_job
from core.competition.leaks import leaks, stop_leak
from core.competition.opening import (
    begin_hidden,
    delete,
    list_competitions,
    load_solution,
    read_preparing,
)
from core.competition.settings import Settings
from core.datasets.lineage import Ancestor, Lineage
from core.datasets.registry import list_datasets, open_dataset, rename_dataset
from core.datasets.retiring import is_retired
from core.errors import CompetitionError, DatasetError
from core.paths import Paths
from core.records import RunStatus
from core.store import Store
from tests.competition.contest import make_unlabelled
from tests.pages.making import make_dataset, make_run


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


def test_who_still_shows_the_labels(paths: Paths) -> None:
    """The original by whatever name, its other versions, and what runs show of them; not another
    dataset that has its name by now, nor what was made of the copy."""
    store = Store(paths)
    source = make_dataset(paths, "pets")
    hide_job(paths, begin_hidden(paths, "pets", "contest", Settings(title="Pets")))
    (made,) = list_competitions(paths).competitions
    rename_dataset(paths, "pets", "animals")
    derive(paths, "pets", "elsewhere")
    derive(paths, "pets-clean", source.fingerprint)
    derive(paths, "contest-clean", made.fingerprint)
    assert [leak.name for leak in leaks(paths, made)] == ["animals", "pets-clean"]
    make_run(store, RunStatus.FINISHED, source)
    store.delete_dataset("animals")  # as the Data page does, which keeps what runs show
    assert [(leak.name, leak.retired) for leak in leaks(paths, made)] == [
        ("pets-clean", False),
        ("pets", True),
    ]
    while found := leaks(paths, made):
        stop_leak(store, found[0])
    assert {info.name for info in list_datasets(paths)} == {"contest", "contest-clean", "pets"}
    assert not is_retired(paths, source.fingerprint)
    store.close()


def derive(paths: Paths, name: str, parent: str) -> None:
    info = make_dataset(paths, name)
    derived = Lineage(ancestors=(Ancestor(name="x", fingerprint=parent),))
    described = info.model_copy(update={"derived": derived, "fingerprint": f"another {name}"})
    paths.dataset(name).info.write_text(described.model_dump_json())


def test_what_cannot_be_hidden(paths: Paths) -> None:
    make_unlabelled(paths)
    with pytest.raises(CompetitionError, match="no test images"):
        begin_hidden(paths, "secret", "contest", Settings(title="Pets"))
    make_dataset(paths, "pets")
    with pytest.raises(DatasetError, match="exists already"):
        begin_hidden(paths, "pets", "secret", Settings(title="Pets"))
    assert list_competitions(paths) == ([], [], [])


def test_one_that_is_deleted_over_its_last_image_does_not_come_back(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_dataset(paths, "pets")
    made = begin_hidden(paths, "pets", "contest", Settings(title="Pets"))

    def too_late(*args: Any) -> Hidden:
        hidden = hide_test(*args)
        delete(paths, made)
        return hidden

    monkeypatch.setattr(opening, "hide_test", too_late)
    assert hide_job(paths, made).status == "cancelled"
    assert not paths.competition(made).folder.exists()


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
