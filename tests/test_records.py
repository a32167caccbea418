"""The run folder: what is read from it, also when it is torn, damaged or not ours."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from core import records
from core.config import RunConfig
from core.errors import NotFoundError, StoreError
from core.paths import Paths, RunPaths, write_atomic
from core.records import Epoch, Progress, RunRecord, RunStatus, now

DEAD_PID = 2**22 + 1  # above the largest pid that Linux gives


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path).create()


@pytest.fixture
def record(paths: Paths) -> RunRecord:
    """A queued run that has a folder."""
    made = RunRecord(
        id=records.new_run_id(),
        config=RunConfig(),
        status=RunStatus.QUEUED,
        created=now(),
        owner="server",
        lab_id="here",
    )
    paths.run(made.id).folder.mkdir()
    records.write_record(paths, made)
    return made


def epoch(number: int) -> Epoch:
    return Epoch(
        epoch=number,
        loss=1 / number,
        accuracy=0.5,
        learning_rate=0.001,
        seconds=2.0,
        images_per_second=100.0,
    )


def test_write_atomic_replaces_the_whole_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.json"
    write_atomic(file, "old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(file, "new")
    assert file.read_text() == "old"
    monkeypatch.undo()
    write_atomic(file, "new")
    assert file.read_text() == "new"


def test_run_ids_sort_by_time_and_are_recognised() -> None:
    ids = [records.new_run_id() for _ in range(50)]
    moments = [run_id[:19] for run_id in ids]
    assert moments == sorted(moments)
    assert all(records.is_run_id(run_id) for run_id in ids)


@pytest.mark.parametrize(
    "from_address_bar",
    ["../x", "..", ".", "", "/etc/passwd", "20260101-000000-000-abcd/../x", "a" * 500, "x\0y"],
)
def test_nothing_but_a_run_id_becomes_a_path(paths: Paths, from_address_bar: str) -> None:
    (paths.root / "x").mkdir()
    (paths.root / "x" / "run.json").write_text("{}")
    with pytest.raises(NotFoundError, match="There is no run"):
        records.read_record(paths, from_address_bar)


def test_record_round_trip(paths: Paths, record: RunRecord) -> None:
    assert records.read_record(paths, record.id) == record


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"schema_version": 2}', "\0" * 40],
    ids=["empty", "torn", "list", "future", "zeros"],
)
def test_a_damaged_record_is_reported_with_its_file(
    paths: Paths, record: RunRecord, content: str
) -> None:
    paths.run(record.id).record.write_text(content)
    with pytest.raises(StoreError, match=r"run\.json is damaged or of another version"):
        records.read_record(paths, record.id)


def test_a_renamed_folder_is_reported(paths: Paths, record: RunRecord) -> None:
    other = records.new_run_id()
    paths.run(record.id).folder.rename(paths.run(other).folder)
    with pytest.raises(StoreError, match="its folder has another name"):
        records.read_record(paths, other)


class TestHistory:
    @pytest.fixture
    def files(self, tmp_path: Path) -> RunPaths:
        return RunPaths(tmp_path)

    def test_epochs_come_back_in_order(self, files: RunPaths) -> None:
        assert records.read_history(files) == []
        for number in (1, 2, 3):
            records.append_epoch(files, epoch(number))
        assert records.read_history(files) == [epoch(1), epoch(2), epoch(3)]

    @pytest.mark.parametrize("torn", [b'{"epoch": 3, "lo', b"\n", b"\0\0\0"])
    def test_a_torn_last_line_is_left_out(self, files: RunPaths, torn: bytes) -> None:
        records.write_history(files, [epoch(1), epoch(2)])
        with files.metrics.open("ab") as file:
            file.write(torn)
        assert records.read_history(files) == [epoch(1), epoch(2)]

    def test_rewriting_removes_what_came_after(self, files: RunPaths) -> None:
        records.write_history(files, [epoch(1), epoch(2)])
        records.write_history(files, [epoch(1)])
        assert records.read_history(files) == [epoch(1)]

    def test_a_loss_that_is_no_number_leaves_a_readable_line(self, files: RunPaths) -> None:
        records.append_epoch(files, epoch(1).model_copy(update={"val_loss": float("inf")}))
        assert records.read_history(files) == [epoch(1)]

    def test_progress_that_is_missing_or_torn_is_none(self, files: RunPaths) -> None:
        assert records.read_progress(files) is None
        files.progress.write_text('{"phase":')
        assert records.read_progress(files) is None
        records.write_progress(files, Progress(epoch=2, epochs=5))
        assert records.read_progress(files) == Progress(epoch=2, epochs=5)

    @pytest.mark.parametrize("content", ["", "{}", '{"buckets": [[1'])
    def test_steps_that_are_missing_or_torn_are_none(self, files: RunPaths, content: str) -> None:
        assert records.read_steps(files) == []
        files.steps.write_text(content)
        assert records.read_steps(files) == []


class TestAbandoned:
    """Marked as running, and nobody runs it?"""

    def test_this_process_is_alive(self, paths: Paths, record: RunRecord) -> None:
        mine = record.taken_by_this_process()
        assert records.process_alive(mine)
        assert not records.is_abandoned(paths, mine)

    def test_a_pid_that_is_gone(self, paths: Paths, record: RunRecord) -> None:
        assert records.is_abandoned(paths, record.taken_by_this_process().changed(pid=DEAD_PID))

    def test_a_pid_that_is_another_process_by_now(self, paths: Paths, record: RunRecord) -> None:
        mine = record.taken_by_this_process()
        before = mine.changed(pid_started=(mine.pid_started or 0) - 3600)
        assert not records.process_alive(before)
        assert records.is_abandoned(paths, before)

    def test_a_process_that_has_ended_but_was_not_waited_for(
        self, paths: Paths, record: RunRecord
    ) -> None:
        child = psutil.Popen(["true"])
        try:
            started = child.create_time()
            while child.status() != psutil.STATUS_ZOMBIE:
                pass
            theirs = record.taken_by_this_process().changed(pid=child.pid, pid_started=started)
            assert records.is_abandoned(paths, theirs)
        finally:
            child.wait()

    def test_no_pid_at_all(self, paths: Paths, record: RunRecord) -> None:
        assert records.is_abandoned(paths, record.changed(status=RunStatus.RUNNING))

    @pytest.mark.parametrize("status", [s for s in RunStatus if s is not RunStatus.RUNNING])
    def test_only_what_is_marked_as_running(
        self, paths: Paths, record: RunRecord, status: RunStatus
    ) -> None:
        assert not records.is_abandoned(paths, record.changed(status=status, pid=DEAD_PID))

    @pytest.mark.parametrize(("age", "abandoned"), [(5, False), (3600, True), (None, True)])
    def test_on_another_host_the_last_heartbeat_decides(
        self, paths: Paths, record: RunRecord, age: int | None, abandoned: bool
    ) -> None:
        there = record.taken_by_this_process().changed(host="not-" + socket.gethostname())
        files = paths.run(record.id)
        if age is not None:
            records.write_progress(files, Progress())
            moment = (now() - timedelta(seconds=age)).timestamp()
            os.utime(files.progress, (moment, moment))
        assert records.is_abandoned(paths, there) is abandoned


def test_taking_a_run_clears_how_its_last_life_ended(record: RunRecord) -> None:
    earlier = now() - timedelta(hours=1)
    before = record.changed(
        status=RunStatus.INTERRUPTED, started=earlier, ended=now(), interrupted_by="worker"
    )
    taken = before.taken_by_this_process()
    assert (taken.status, taken.started, taken.ended) == (RunStatus.RUNNING, earlier, None)
    assert taken.interrupted_by is None


def test_a_lab_keeps_its_name(paths: Paths, tmp_path: Path) -> None:
    name = records.lab_id(paths)
    assert len(name) == 16
    assert records.lab_id(paths) == name
    assert records.lab_id(Paths(tmp_path / "other").create()) != name
