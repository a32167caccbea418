"""Imports of the app: in a process of their own, watched through their folder."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest
from PIL import Image

from core.datasets import import_job, jobs
from core.datasets.jobs import (
    ImportState,
    JobPaths,
    cancel_import,
    dismiss_import,
    list_imports,
    read_import,
)
from core.datasets.options import ImportOptions, ImportProgress
from core.datasets.registry import list_datasets, open_dataset
from core.datasets.specs import UploadSpec
from core.datasets.writer import Owner
from core.errors import DatasetError, NotFoundError
from core.paths import Paths
from tests.datasets.making import classes, encode, left_behind, pack

PATIENCE = 30.0


def start_import(
    paths: Paths,
    upload: BinaryIO,
    filename: str,
    name: str,
    options: ImportOptions | None = None,
) -> str:
    return jobs.start_import(paths, UploadSpec(filename=filename), name, options, upload)


@pytest.fixture
def upload(tmp_path: Path) -> io.BytesIO:
    return io.BytesIO(pack(tmp_path / "x.zip", classes("cat", "dog")).read_bytes())


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are stored, and worked on by the test itself."""
    monkeypatch.setattr(jobs, "_launch", lambda files: files.log.touch())


def wait_for(paths: Paths, job_id: str, reached: Callable[[ImportState], bool]) -> ImportState:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = read_import(paths, job_id)
        if reached(state):
            return state
        time.sleep(0.02)
    pytest.fail(f"still {state.status} after {PATIENCE} s: {state}")


def work(paths: Paths, job_id: str) -> ImportState:
    import_job.run_job(paths.imports / job_id)
    return read_import(paths, job_id)


def many(folder: Path, each: int = 1500) -> io.BytesIO:
    """Small to store and slow to decode: enough to be caught in the middle."""
    data = encode(Image.new("RGB", (1000, 1000), "teal"))
    files = {f"{c}/{i}.png": data for c in "ab" for i in range(each)}
    return io.BytesIO(pack(folder / "many.zip", files).read_bytes())


@pytest.mark.slow
def test_a_whole_import(paths: Paths, upload: io.BytesIO) -> None:
    options = ImportOptions(size=5, resize="pad", color="grey")
    job_id = start_import(paths, upload, "my pets.zip", "pets", options)
    state = wait_for(paths, job_id, ImportState.is_over)
    assert (state.status, state.filename, state.name) == ("finished", "my pets.zip", "pets")
    assert str(state.message) == "“pets” is ready. Pictures imported: 8; files skipped: 0."
    info = open_dataset(paths, "pets").info
    assert (info.image_shape, info.resize, info.origin) == ((5, 5, 1), "pad", "my pets.zip")
    assert not JobPaths(paths.imports / job_id).upload.exists()
    dismiss_import(paths, job_id)
    assert list_imports(paths) == []
    assert [info.name for info in list_datasets(paths)] == ["pets"]


@pytest.mark.usefixtures("unstarted")
def test_states_of_a_job(paths: Paths, upload: io.BytesIO, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = start_import(paths, upload, "x.zip", "pets")
    files = JobPaths(paths.imports / job_id)
    assert read_import(paths, job_id).status == "running"
    seen: list[ImportState] = []
    original = import_job._Reporter.write

    def write(self: import_job._Reporter, state: jobs.JobProgress) -> None:
        original(self, state)
        seen.append(read_import(paths, job_id))

    monkeypatch.setattr(import_job._Reporter, "write", write)
    import_job.run_job(files.folder)
    assert {s.progress.phase for s in seen} == {"listing", "probing", "decoding", "writing"}
    assert [s.status for s in seen[:-1]] == ["running"] * (len(seen) - 1)
    assert seen[-1].status == "finished"
    assert (seen[-1].progress.done, seen[-1].progress.total) == (8, 8)


@pytest.mark.usefixtures("unstarted")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "“pets.zip” is not a zip archive."),
        (b"", "“pets.zip” is empty (0 bytes)."),
        (b"PK\x03\x04 and so on", "“pets.zip” begins like a zip archive"),
    ],
)
def test_failures_name_the_users_file(paths: Paths, content: bytes, message: str) -> None:
    job_id = start_import(paths, io.BytesIO(content), "pets.zip", "pets")
    state = work(paths, job_id)
    assert state.status == "failed"
    assert str(state.message).startswith(message)
    assert list_datasets(paths) == []
    assert not [f for f in left_behind(paths) if "upload" in f or "staging" in f]


@pytest.mark.usefixtures("unstarted")
def test_remedy_is_kept(paths: Paths, tmp_path: Path) -> None:
    only = pack(tmp_path / "x.zip", classes("cat")).open("rb")
    state = work(paths, start_import(paths, only, "x.zip", "pets"))
    assert "only one class, “cat”" in str(state.message)
    assert str(state.remedy).startswith("Expected: one folder of pictures for each class")


@pytest.mark.usefixtures("unstarted")
def test_unforeseen_failure(
    paths: Paths, upload: io.BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(import_job, "import_dataset", broken)
    state = work(paths, start_import(paths, upload, "x.zip", "pets"))
    assert state.status == "failed"
    assert str(state.message) == "The import failed unexpectedly (ZeroDivisionError: oh)."
    assert "log.txt" in str(state.remedy)


@pytest.mark.usefixtures("unstarted")
@pytest.mark.parametrize("name", ["", "../x", ".x", "digits"])
def test_impossible_names_are_refused_before_anything_is_stored(
    paths: Paths, upload: io.BytesIO, name: str
) -> None:
    with pytest.raises(DatasetError):
        start_import(paths, upload, "x.zip", name)
    assert upload.tell() == 0
    assert list_imports(paths) == []


@pytest.mark.usefixtures("unstarted")
def test_second_import_of_a_name_is_refused(paths: Paths, upload: io.BytesIO) -> None:
    first = start_import(paths, upload, "x.zip", "Pets")
    with pytest.raises(DatasetError, match="“pets” is being made right now"):
        start_import(paths, upload, "x.zip", "pets")
    assert [state.job_id for state in list_imports(paths)] == [first]
    work(paths, first)
    with pytest.raises(DatasetError, match="“pets” exists already"):
        start_import(paths, upload, "x.zip", "pets")


@pytest.mark.usefixtures("unstarted")
def test_a_failed_import_gives_its_name_back(paths: Paths, upload: io.BytesIO) -> None:
    work(paths, start_import(paths, io.BytesIO(b"hello"), "x.zip", "pets"))
    assert work(paths, start_import(paths, upload, "x.zip", "pets")).status == "finished"


@pytest.mark.usefixtures("unstarted")
def test_upload_that_breaks_off(paths: Paths) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("connection lost")

    with pytest.raises(OSError, match="connection lost"):
        start_import(paths, Broken(), "x.zip", "pets")
    assert [f for f in left_behind(paths) if not f.endswith(".lock")] == []


@pytest.mark.usefixtures("unstarted")
def test_newest_first_and_foreign_folders_ignored(paths: Paths, upload: io.BytesIO) -> None:
    ids = []
    for name in ("a", "b", "c"):
        upload.seek(0)
        ids.append(start_import(paths, upload, "x.zip", name))
    (paths.imports / "foreign").mkdir()
    (paths.imports / "torn").mkdir()
    (paths.imports / "torn/job.json").write_text('{"job_id":')
    assert [state.job_id for state in list_imports(paths)] == ids[::-1]


@pytest.mark.usefixtures("unstarted")
def test_torn_progress_does_no_harm(paths: Paths, upload: io.BytesIO) -> None:
    job_id = start_import(paths, upload, "x.zip", "pets")
    JobPaths(paths.imports / job_id).progress.write_text('{"status": "run')
    assert read_import(paths, job_id).status == "running"


@pytest.mark.parametrize("job_id", ["", ".", "..", "nothing", "../datasets", ".staging-x"])
def test_unknown_jobs(paths: Paths, job_id: str) -> None:
    paths.create()
    for act in (read_import, cancel_import, dismiss_import):
        with pytest.raises(NotFoundError, match="There is no import"):
            act(paths, job_id)
    assert paths.imports.is_dir()


@pytest.mark.usefixtures("unstarted")
def test_cancelled_before_it_began(paths: Paths, upload: io.BytesIO) -> None:
    job_id = start_import(paths, upload, "x.zip", "pets")
    with pytest.raises(DatasetError, match="still running"):
        dismiss_import(paths, job_id)
    cancel_import(paths, job_id)
    assert work(paths, job_id).status == "cancelled"
    cancel_import(paths, job_id)
    dismiss_import(paths, job_id)
    assert [f for f in left_behind(paths) if not f.endswith(".lock")] == []


@pytest.mark.slow
def test_cancel_in_the_middle(paths: Paths, tmp_path: Path) -> None:
    job_id = start_import(paths, many(tmp_path), "many.zip", "many")
    wait_for(paths, job_id, lambda s: s.progress.phase == "decoding")
    asked = time.monotonic()
    cancel_import(paths, job_id)
    state = wait_for(paths, job_id, ImportState.is_over)
    assert (state.status, str(state.message)) == (
        "cancelled",
        "The import was cancelled; nothing was kept.",
    )
    assert time.monotonic() - asked < 5
    assert list_datasets(paths) == []
    assert not [f for f in left_behind(paths) if ".npy" in f or "upload" in f]


def running(process: psutil.Process) -> bool:
    """Orphans are zombies until the system's first process cares to bury them."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_killed_process(paths: Paths, tmp_path: Path) -> None:
    """Its workers end too, what it left is removed, and the page says what has happened."""
    job_id = start_import(paths, many(tmp_path), "many.zip", "many")
    files = JobPaths(paths.imports / job_id)
    wait_for(paths, job_id, lambda s: s.progress.phase == "decoding" and s.progress.done > 0)
    pid = Owner.model_validate_json(files.process.read_bytes()).pid
    workers = psutil.Process(pid).children(recursive=True)
    os.kill(pid, signal.SIGKILL)
    state = wait_for(paths, job_id, ImportState.is_over)
    assert state.status == "failed"
    assert str(state.message) == "The import of “many.zip” ended unexpectedly; nothing was kept."
    deadline = time.monotonic() + 10
    while any(map(running, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    list_imports(paths)
    assert not [f for f in left_behind(paths) if ".npy" in f or "upload" in f]
    upload = pack(tmp_path / "x.zip", classes("a", "b")).open("rb")
    again = start_import(paths, upload, "x.zip", "many")
    assert wait_for(paths, again, ImportState.is_over).status == "finished"


@pytest.mark.usefixtures("unstarted")
def test_the_process_says_itself_who_works(paths: Paths, upload: io.BytesIO) -> None:
    """Its starter may be killed before it could."""
    job_id = start_import(paths, upload, "x.zip", "pets")
    files = JobPaths(paths.imports / job_id)
    files.process.unlink()
    assert work(paths, job_id).status == "finished"
    assert Owner.model_validate_json(files.process.read_bytes()) == Owner.me()


def test_process_id_in_use_again(paths: Paths, upload: io.BytesIO, unstarted: None) -> None:
    """The same number, but another process: started at another time."""
    job_id = start_import(paths, upload, "x.zip", "pets")
    files = JobPaths(paths.imports / job_id)
    files.process.write_text(Owner.me().model_copy(update={"started": 1000.0}).model_dump_json())
    assert read_import(paths, job_id).status == "failed"


@pytest.mark.usefixtures("unstarted")
def test_killed_after_the_dataset_was_in_its_place(paths: Paths, upload: io.BytesIO) -> None:
    """Before the last word: the dataset is there, and the job says so; one of before is not its."""
    job_id = start_import(paths, upload, "x.zip", "pets")
    files = JobPaths(paths.imports / job_id)
    work(paths, job_id)
    files.progress.write_text('{"status": "running"}')
    files.process.write_text(Owner.me().model_copy(update={"started": 1000.0}).model_dump_json())
    state = read_import(paths, job_id)
    assert state.status == "finished"
    assert str(state.message).startswith("“pets” is ready. Pictures imported: ")
    request = json.loads(files.request.read_text())
    files.request.write_text(json.dumps({**request, "created": request["created"] + 60}))
    files.progress.write_text('{"status": "running"}')
    assert read_import(paths, job_id).status == "failed"


def test_time_left() -> None:
    progress = ImportProgress(phase="decoding", done=25, total=100, started=1000.0)
    assert progress.seconds_left(now=1010.0) == pytest.approx(30.0)
    assert ImportProgress(phase="probing", done=5, total=9).seconds_left() is None
    assert ImportProgress(phase="decoding", total=9).seconds_left() is None
