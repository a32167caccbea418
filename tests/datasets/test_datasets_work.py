"""Work on datasets as jobs: reserved names, datasets in use, cancelled, killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.datasets import import_job, jobs
from core.datasets.duplicates import read_duplicates
from core.datasets.jobs import (
    ImportState,
    JobPaths,
    cancel_import,
    check_idle,
    dismiss_import,
    list_imports,
    read_import,
    start_import,
    start_work,
)
from core.datasets.recipe import Origin, Recipe
from core.datasets.registry import list_datasets
from core.datasets.specs import UploadSpec
from core.datasets.work import Derive, Export, FindDuplicates
from core.datasets.writer import Owner
from core.errors import DatasetError
from core.paths import Paths
from tests.datasets.making import classes, left_behind, pack
from tests.datasets.prepared import opened, prepared

ROWS = {"train": [("cat", 1), ("dog", 2), ("cat", 3)], "test": [("dog", 2)]}


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are stored, and worked on by the test itself."""
    monkeypatch.setattr(jobs, "_launch", lambda files: files.log.touch())


def derive(*names: str, **values: object) -> Derive:
    origins = tuple(Origin(name=name) for name in names)
    return Derive(recipe=Recipe.model_validate({"origins": origins, **values}))


def work(paths: Paths, job_id: str) -> ImportState:
    import_job.run_job(paths.imports / job_id)
    return read_import(paths, job_id)


def wait_for(paths: Paths, job_id: str, reached: Callable[[ImportState], bool]) -> ImportState:
    end = time.monotonic() + 30
    while not reached(state := read_import(paths, job_id)):
        assert time.monotonic() < end, f"still {state}"
        time.sleep(0.02)
    return state


@pytest.mark.usefixtures("unstarted")
def test_every_kind_of_work(paths: Paths) -> None:
    info = prepared(paths, "pets", ROWS)
    made = work(paths, start_work(paths, derive("pets"), "copy", "pets"))
    assert (made.status, made.kind, made.filename) == ("finished", "derive", "pets")
    assert str(made.message) == "“copy” is ready. Images: 4; left out: 0."
    assert opened(paths, "copy") == ROWS

    job_id = start_work(paths, Export(dataset="pets"), "pets")
    state = work(paths, job_id)
    assert str(state.message) == "The zip file is ready. Images: 4."
    assert JobPaths(paths.imports / job_id).export.is_file()

    state = work(paths, start_work(paths, FindDuplicates(dataset="pets"), "pets"))
    assert str(state.message) == "Images that are there more than once: 1."
    found = read_duplicates(paths, info.fingerprint)
    assert found is not None
    assert found.row.tolist() == [1, 0]
    for state in list_imports(paths):
        dismiss_import(paths, state.job_id)
    assert not [f for f in left_behind(paths) if "export" in f]


@pytest.mark.usefixtures("unstarted")
def test_names_are_reserved_between_all_kinds(paths: Paths, tmp_path: Path) -> None:
    prepared(paths, "pets", ROWS)
    archive = pack(tmp_path / "x.zip", classes("a", "b"))
    first = start_work(paths, derive("pets"), "New")
    with pytest.raises(DatasetError, match="“new” is being made right now"):
        start_work(paths, derive("pets"), "new")
    with archive.open("rb") as upload, pytest.raises(DatasetError, match="right now"):
        start_import(paths, UploadSpec(filename="x.zip"), "new", upload=upload)
    with pytest.raises(DatasetError, match="“pets” exists already"):
        start_work(paths, derive("pets"), "pets")
    # What makes no dataset needs no name.
    start_work(paths, Export(dataset="pets"), "pets")
    assert work(paths, first).status == "finished"


@pytest.mark.usefixtures("unstarted")
def test_origins_are_in_use_until_the_end(paths: Paths) -> None:
    for name in ("a", "b", "c"):
        prepared(paths, name, ROWS)
    job_id = start_work(paths, derive("a", "b"), "new")
    for name in ("a", "b"):
        with pytest.raises(DatasetError, match=f"“{name}” is in use"):
            check_idle(paths, name)
    check_idle(paths, "c")
    work(paths, job_id)
    check_idle(paths, "a")


@pytest.mark.usefixtures("unstarted")
def test_an_origin_that_is_gone(paths: Paths) -> None:
    prepared(paths, "pets", ROWS)
    state = work(paths, start_work(paths, derive("pets", "fish"), "new"))
    assert state.status == "failed"
    assert "There is no dataset called “fish”" in str(state.message)


@pytest.mark.usefixtures("unstarted")
def test_cancelled(paths: Paths) -> None:
    prepared(paths, "pets", ROWS)
    job_id = start_work(paths, derive("pets"), "new")
    cancel_import(paths, job_id)
    state = work(paths, job_id)
    assert (state.status, str(state.message)) == (
        "cancelled",
        "It was cancelled; nothing was kept.",
    )
    assert [info.name for info in list_datasets(paths)] == ["pets"]


@pytest.mark.usefixtures("unstarted")
def test_unforeseen_failure(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **options: object) -> None:
        raise ZeroDivisionError("oh")

    prepared(paths, "pets", ROWS)
    monkeypatch.setattr("core.datasets.work_job.derive_dataset", broken)
    state = work(paths, start_work(paths, derive("pets"), "new"))
    assert str(state.message) == "The work failed unexpectedly (ZeroDivisionError: oh)."


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_killed_in_the_middle(paths: Paths) -> None:
    """Nothing is left of it, and it can be started again under the same name."""
    rows = [("ab"[i % 2], i % 256) for i in range(40_000)]
    prepared(paths, "many", {"train": rows}, shape=(8, 8, 3))
    job_id = start_work(paths, derive("many", size=(48, 48)), "larger", "many")
    wait_for(paths, job_id, lambda s: s.progress.phase == "decoding" and s.progress.done > 0)
    pid = Owner.model_validate_json(JobPaths(paths.imports / job_id).process.read_bytes()).pid
    os.kill(pid, signal.SIGKILL)
    state = wait_for(paths, job_id, ImportState.is_over)
    assert state.status == "failed"
    assert str(state.message) == "The work on “larger” ended unexpectedly; nothing was kept."
    assert [info.name for info in list_datasets(paths)] == ["many"]
    assert not [f for f in left_behind(paths) if "staging" in f]
    again = start_work(paths, derive("many", per_class=10), "larger")
    assert wait_for(paths, again, ImportState.is_over).status == "finished"
