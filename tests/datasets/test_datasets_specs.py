"""What can be asked for, as plain data, and what it means."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from core.datasets import import_job, jobs
from core.datasets.benchmarks import BenchmarkSource
from core.datasets.collected import CollectedSource, collection
from core.datasets.containers import opening
from core.datasets.containers.zip import ZipContainer
from core.datasets.jobs import JobPaths, list_imports, read_import, start_import
from core.datasets.registry import open_dataset
from core.datasets.shapes import ShapesOptions, ShapesSource
from core.datasets.sources import PathSource
from core.datasets.specs import (
    SOURCES,
    BenchmarkSpec,
    CollectedSpec,
    Kind,
    Place,
    ServerSpec,
    ShapesSpec,
    SourceSpec,
    UploadSpec,
    make_source,
)
from core.errors import DatasetError
from core.paths import Paths
from tests.datasets.making import classes, pack, picture

ID = "0123456789abcdef"
SPECS: list[SourceSpec] = [
    UploadSpec(filename="a.zip"),
    ServerSpec(path="one/a.zip"),
    BenchmarkSpec(name="cifar100", coarse=True),
    ShapesSpec(options=ShapesOptions(images=60, classes=2)),
    CollectedSpec(collection=ID),
]
AS_SPEC: TypeAdapter[SourceSpec] = TypeAdapter(SourceSpec)


@pytest.fixture
def place(paths: Paths, tmp_path: Path) -> Place:
    return Place(paths, tmp_path / "upload")


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are stored, and worked on by the test itself."""
    monkeypatch.setattr(jobs, "_launch", lambda files: files.log.touch())


def test_every_kind_has_a_row() -> None:
    assert set(SOURCES) == set(get_args(Kind)) == {spec.kind for spec in SPECS}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_a_spec_survives_a_file(spec: SourceSpec) -> None:
    assert AS_SPEC.validate_json(spec.model_dump_json()) == spec
    assert spec.called


@pytest.mark.parametrize(
    "text", ['{"kind": "magic"}', '{"kind": "benchmark", "name": "imagenet"}', "{}"]
)
def test_what_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        AS_SPEC.validate_json(text)


def test_what_each_means(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIENZO_DATA_DIR", str(tmp_path))
    file = tmp_path / "one" / "a.zip"
    file.parent.mkdir()
    pack(file, classes("a", "b"))
    assert [make_source(spec, place) for spec in SPECS] == [
        PathSource(place.upload / "upload.zip", "a.zip"),
        PathSource(file, "a.zip"),
        BenchmarkSource("cifar100", coarse=True),
        ShapesSource(ShapesOptions(images=60, classes=2)),
        CollectedSource(collection(place.paths, ID)),
    ]


@pytest.mark.parametrize(
    ("filename", "stored"),
    [
        ("pets.zip", "upload.zip"),
        ("MY PETS.ZIP", "upload.zip"),
        ("pets.tar.gz", "upload.tar.gz"),
        ("train.csv", "upload.csv"),
        ("../../etc/passwd.zip", "upload.zip"),
        ("a/b\\c", "upload"),
        ("x" * 5000, "upload"),
    ],
)
def test_uploads_are_stored_under_a_harmless_name(
    filename: str, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for end in (".gz", ".tar.gz", ".csv"):
        monkeypatch.setitem(opening.OPENERS, end, ZipContainer)
    assert UploadSpec(filename=filename).stored_name == stored


@pytest.mark.usefixtures("unstarted")
def test_an_upload_is_opened_by_its_true_name(paths: Paths, tmp_path: Path) -> None:
    data = pack(tmp_path / "x", classes("a", "b")).read_bytes()
    job_id = start_import(paths, UploadSpec(filename="my pets.ZIP"), "pets", None, io.BytesIO(data))
    files = JobPaths(paths.imports / job_id)
    assert [file.name for file in files.upload.iterdir()] == ["upload.ZIP".lower()]
    import_job.run_job(files.folder)
    assert not files.upload.exists()
    assert read_import(paths, job_id).filename == "my pets.ZIP"
    assert open_dataset(paths, "pets").info.origin == "my pets.ZIP"


@pytest.mark.usefixtures("unstarted")
def test_jobs_of_other_sources_need_no_upload(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENZO_DATA_DIR", str(tmp_path))
    pack(tmp_path / "pets.zip", classes("a", "b"))
    collected = collection(paths, ID)
    for i in range(10):
        collected.add("ab"[i % 2], picture(i))
    asked: dict[str, SourceSpec] = {
        "server": ServerSpec(path="pets.zip"),
        "shapes": ShapesSpec(options=ShapesOptions(images=60, classes=2)),
        "webcam": CollectedSpec(collection=ID),
    }
    for name, spec in asked.items():
        import_job.run_job(paths.imports / start_import(paths, spec, name))
    assert {s.name: s.status for s in list_imports(paths)} == dict.fromkeys(asked, "finished")
    images = {name: sum(open_dataset(paths, name).info.splits.values()) for name in asked}
    assert images == {"server": 8, "shapes": 60, "webcam": 10}


@pytest.mark.usefixtures("unstarted")
def test_a_source_that_is_not_there_fails_in_words(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENZO_DATA_DIR", str(tmp_path / "artifacts"))
    paths.create()
    job_id = start_import(paths, ServerSpec(path="../secret.zip"), "pets")
    import_job.run_job(paths.imports / job_id)
    state = read_import(paths, job_id)
    assert state.status == "failed"
    assert "not inside" in str(state.message)


@pytest.mark.slow
def test_a_whole_job_of_shapes(paths: Paths) -> None:
    """In its own process, as on the page."""
    import time

    job_id = start_import(paths, ShapesSpec(options=ShapesOptions(images=60)), "shapes")
    deadline = time.monotonic() + 60
    while not (state := read_import(paths, job_id)).is_over():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (state.status, state.filename) == ("finished", "Shapes")


def test_a_name_that_is_taken_leaves_nothing(paths: Paths) -> None:
    paths.dataset("pets").folder.mkdir(parents=True)
    with pytest.raises(DatasetError, match="exists already"):
        start_import(paths, ShapesSpec(), "pets")
    assert list_imports(paths) == []
