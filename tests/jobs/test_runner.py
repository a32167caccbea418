"""The queue and its supervisor, with workers that only pretend."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from core.config import RunConfig
from core.errors import ConfigError, RunError, StoreError
from core.jobs import devices, runner
from core.jobs.runner import (
    KILL_GRACE_SECONDS,
    MAX_RESUMES,
    STOP_GRACE_SECONDS,
    Supervisor,
    make_launcher,
)
from core.jobs.workers import HostLauncher, PopenLauncher
from core.paths import Paths
from core.records import (
    Progress,
    RunRecord,
    RunStatus,
    read_record,
    write_progress,
    write_record,
)
from core.store import Store

DEAD_PID = 2**22 + 1  # above the largest pid that Linux gives
QUEUED, RUNNING, FINISHED = RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.FINISHED
STOPPED, INTERRUPTED, FAILED = RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED


class FakeWorker:
    """Does what a worker does to its folder when it is told to."""

    def __init__(self, paths: Paths, run_id: str, device: str) -> None:
        self.paths = paths
        self.run_id = run_id
        self.device = device
        self.pid = DEAD_PID
        self.exit_code: int | None = None
        self.signals: list[str] = []

    def poll(self) -> int | None:
        return self.exit_code

    def terminate(self) -> None:
        self.signals.append("terminate")

    def kill(self) -> None:
        self.signals.append("kill")

    def take(self) -> None:
        record = read_record(self.paths, self.run_id)
        write_record(self.paths, record.taken_by_this_process())

    def end(self, status: RunStatus, code: int = 0, **values: object) -> None:
        record = read_record(self.paths, self.run_id)
        write_record(self.paths, record.changed(status=status, **values))
        self.exit_code = code

    def die(self, code: int) -> None:
        """Without a word."""
        record = read_record(self.paths, self.run_id)
        write_record(self.paths, record.changed(status=RUNNING, pid=DEAD_PID))
        self.exit_code = code


class FakeLauncher:
    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.started: list[FakeWorker] = []
        self.broken: Exception | None = None
        self.closed = False

    def start(self, run_id: str, device: str) -> FakeWorker:
        if self.broken:
            raise self.broken
        assert not self.closed
        self.started.append(FakeWorker(self.paths, run_id, device))
        return self.started[-1]

    def close(self) -> None:
        self.closed = True


class FakeClock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A supervisor whose thread does not run: the tests turn its crank."""

    def __init__(self, root: Path, slots: list[str]) -> None:
        self.paths = Paths(root)
        self.store = Store(self.paths)
        self.launcher = FakeLauncher(self.paths)
        self.clock = FakeClock()
        self.supervisor = Supervisor(self.store, self.launcher, slots, self.clock)

    def submit(self, number: int = 1) -> list[str]:
        made = []
        for _ in range(number):
            made.append(self.supervisor.submit(RunConfig()))
            time.sleep(0.002)  # ids sort by the millisecond
        return made

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.supervisor.tick()

    def started(self) -> list[str]:
        return [worker.run_id for worker in self.launcher.started]

    def statuses(self, *run_ids: str) -> list[RunStatus]:
        """As the folders and the index both say."""
        index = {record.id: record.status for record in self.store.runs()}
        folders = [self.store.read(run_id).status for run_id in run_ids]
        assert [index[run_id] for run_id in run_ids] == folders
        return folders

    def left_behind(self, **values: object) -> RunRecord:
        """A run that a server left as running when it died, with its worker."""
        record = self.store.create(RunConfig(), owner="server", taken=True)
        record = record.changed(pid=DEAD_PID, **values)
        self.store.save(record)
        return record


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, ["cpu"])


class TestQueue:
    def test_oldest_first_one_per_slot(self, bench: Bench) -> None:
        first, second, third = bench.submit(3)
        bench.tick(3)
        assert bench.started() == [first]
        bench.launcher.started[0].take()
        bench.tick()
        assert bench.statuses(first, second, third) == [RUNNING, QUEUED, QUEUED]
        bench.launcher.started[0].end(FINISHED)
        bench.tick()
        assert bench.started() == [first, second]
        assert bench.statuses(first) == [FINISHED]

    def test_every_slot_is_used_and_given_back(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, ["0", "1"])
        bench.submit(4)
        bench.tick()
        assert [w.device for w in bench.launcher.started] == ["0", "1"]
        bench.launcher.started[1].end(FINISHED)
        bench.tick()
        bench.launcher.started[0].end(FAILED, code=1)
        bench.tick()
        assert [w.device for w in bench.launcher.started] == ["0", "1", "1", "0"]

    def test_the_queue_survives_the_server(self, bench: Bench) -> None:
        (queued,) = bench.submit()
        again = Bench(bench.paths.root, ["cpu"])
        again.tick()
        assert again.started() == [queued]

    def test_another_server_submits_into_the_same_queue(self, bench: Bench) -> None:
        (other,) = Bench(bench.paths.root, ["cpu"]).submit()
        bench.tick()
        assert bench.started() == [other]

    def test_a_run_of_the_command_line_is_left_alone(self, bench: Bench) -> None:
        mine = bench.store.create(RunConfig(), owner="cli").id
        bench.tick()
        assert (bench.started(), bench.statuses(mine)) == ([], [QUEUED])

    def test_the_folder_is_believed_not_the_index(self, bench: Bench) -> None:
        """The last server was killed after its worker had begun and before it noted that."""
        (run_id,) = bench.submit()
        write_record(bench.paths, bench.store.read(run_id).taken_by_this_process())
        bench.tick()
        assert (bench.started(), bench.statuses(run_id)) == ([], [RUNNING])

    def test_a_run_queued_elsewhere_waits_for_a_person(self, bench: Bench) -> None:
        copied = bench.store.create(RunConfig(), owner="server").changed(lab_id="elsewhere")
        bench.store.save(copied)
        bench.tick(2)
        assert (bench.started(), bench.statuses(copied.id)) == ([], [INTERRUPTED])
        bench.supervisor.resume(copied.id)
        bench.tick()
        assert bench.started() == [copied.id]

    def test_a_launch_that_fails_is_said_and_the_queue_goes_on(self, bench: Bench) -> None:
        first, second = bench.submit(2)
        bench.launcher.broken = OSError("no more processes")
        bench.tick()
        bench.launcher.broken = None
        (third,) = bench.submit()
        bench.tick()
        assert bench.statuses(first, second) == [FAILED, FAILED]
        failure = bench.store.read(first).failure
        assert failure
        assert str(failure.what) == "The training could not be started: no more processes."
        assert bench.started() == [third]


class TestStop:
    def test_a_queued_run_leaves_the_queue_though_no_slot_is_free(self, bench: Bench) -> None:
        first, second = bench.submit(2)
        bench.tick()
        bench.supervisor.stop(second)
        bench.tick()
        assert bench.statuses(first, second) == [QUEUED, STOPPED]
        assert not bench.paths.run(second).stop.exists()

    def test_a_waiting_run_that_a_search_gives_up_leaves_the_queue(self, bench: Bench) -> None:
        first, second = bench.submit(2)
        bench.tick()
        bench.store.ask_to_stop(second, "pruned")
        bench.tick()
        assert bench.statuses(first, second) == [QUEUED, RunStatus.PRUNED]

    def test_companions_have_their_turn_whatever_becomes_of_others(self, bench: Bench) -> None:
        turns: list[str] = []
        bench.supervisor.companions += [Mock(side_effect=OSError), lambda: turns.append("mine")]
        bench.tick(2)
        assert turns == ["mine", "mine"]

    def test_a_running_run_is_asked_then_terminated_then_killed(self, bench: Bench) -> None:
        (run_id,) = bench.submit()
        bench.tick()
        worker = bench.launcher.started[0]
        worker.take()
        bench.supervisor.stop(run_id)
        assert bench.paths.run(run_id).stop.exists()
        bench.tick()
        bench.clock.now = STOP_GRACE_SECONDS - 1
        bench.tick()
        assert worker.signals == []
        bench.clock.now = STOP_GRACE_SECONDS + 1
        bench.tick(2)
        assert worker.signals == ["terminate"]
        bench.clock.now = STOP_GRACE_SECONDS + KILL_GRACE_SECONDS + 1
        bench.tick()
        assert worker.signals == ["terminate", "kill"]
        files = bench.paths.run(run_id)
        files.checkpoint.touch()
        files.model.touch()
        worker.die(-9)
        bench.tick()
        assert bench.statuses(run_id) == [STOPPED]
        assert not files.stop.exists()
        assert not files.checkpoint.exists()

    def test_what_was_killed_before_its_network_was_saved_can_go_on(self, bench: Bench) -> None:
        """Otherwise a stop would throw away what the run has learnt."""
        (run_id,) = bench.submit()
        bench.tick()
        bench.launcher.started[0].take()
        bench.supervisor.stop(run_id)
        bench.paths.run(run_id).checkpoint.touch()
        bench.launcher.started[0].die(-9)
        bench.tick()
        assert bench.statuses(run_id) == [INTERRUPTED]
        assert bench.paths.run(run_id).checkpoint.exists()

    def test_an_evaluation_that_takes_its_time_is_left_alone(self, bench: Bench) -> None:
        (run_id,) = bench.submit()
        bench.tick()
        worker = bench.launcher.started[0]
        worker.take()
        bench.supervisor.stop(run_id)
        write_progress(bench.paths.run(run_id), Progress(phase="evaluating"))
        bench.tick()
        bench.clock.now = 10 * STOP_GRACE_SECONDS
        bench.tick()
        assert worker.signals == []

    def test_what_is_over_cannot_be_stopped(self, bench: Bench) -> None:
        (run_id,) = bench.submit()
        bench.store.save(bench.store.read(run_id).changed(status=FINISHED))
        with pytest.raises(RunError, match=r"is over \(finished\)"):
            bench.supervisor.stop(run_id)
        assert not bench.paths.run(run_id).stop.exists()

    def test_a_stop_is_not_forgotten_when_the_server_dies(self, bench: Bench) -> None:
        run_id = bench.left_behind().id
        bench.supervisor.stop(run_id)
        bench.tick(2)
        assert (bench.started(), bench.statuses(run_id)) == ([], [STOPPED])


class TestDeath:
    def test_of_a_worker_is_told_and_waits_for_a_person(self, bench: Bench) -> None:
        first, second = bench.submit(2)
        bench.tick()
        bench.launcher.started[0].die(-9)
        bench.tick(3)
        assert bench.started() == [first, second]
        assert bench.statuses(first) == [INTERRUPTED]
        record = bench.store.read(first)
        assert record.failure
        assert "ended unexpectedly (exit code -9)" in str(record.failure.what)
        assert "short of memory" in str(record.failure.remedy)
        bench.launcher.started[1].end(FINISHED)
        bench.supervisor.resume(first)
        assert bench.statuses(first) == [QUEUED]
        bench.tick()
        assert bench.started() == [first, second, first]
        assert bench.store.read(first).resumes == 1

    def test_of_a_worker_that_had_not_begun(self, bench: Bench) -> None:
        (run_id,) = bench.submit()
        bench.tick()
        bench.launcher.started[0].exit_code = 1
        bench.tick()
        assert bench.statuses(run_id) == [INTERRUPTED]
        failure = bench.store.read(run_id).failure
        assert failure
        assert "the log says more" in str(failure.remedy)

    def test_a_last_word_counts(self, bench: Bench) -> None:
        (run_id,) = bench.submit()
        bench.tick()
        bench.paths.run(run_id).checkpoint.touch()
        bench.launcher.started[0].end(FINISHED, code=-9)  # killed after it had finished
        bench.tick()
        assert bench.statuses(run_id) == [FINISHED]
        assert not bench.paths.run(run_id).checkpoint.exists()

    def test_another_process_that_trains_the_run_is_left_alone(self, bench: Bench) -> None:
        (run_id,) = bench.submit()
        bench.tick()
        worker = bench.launcher.started[0]
        worker.take()  # that is: this process, which lives
        worker.exit_code = 1
        bench.tick(2)
        assert bench.statuses(run_id) == [RUNNING]

    def test_of_the_server_makes_its_runs_go_on_by_themselves(self, bench: Bench) -> None:
        run_id = bench.left_behind().id
        bench.tick(3)
        assert bench.started() == [run_id]
        assert bench.store.read(run_id).resumes == 1

    def test_a_worker_that_outlives_its_server_is_waited_for(self, bench: Bench) -> None:
        record = bench.store.create(RunConfig(), owner="server", taken=True)
        bench.tick(2)
        assert (bench.started(), bench.statuses(record.id)) == ([], [RUNNING])
        write_record(bench.paths, record.changed(status=INTERRUPTED, interrupted_by="server"))
        bench.tick(3)
        assert bench.started() == [record.id]

    def test_what_finished_meanwhile_is_only_noted(self, bench: Bench) -> None:
        record = bench.left_behind()
        write_record(bench.paths, record.changed(status=FINISHED))
        bench.tick(2)
        assert (bench.started(), bench.statuses(record.id)) == ([], [FINISHED])

    @pytest.mark.parametrize(
        "values", [{"owner": "cli"}, {"lab_id": "elsewhere"}, {"resumes": MAX_RESUMES}], ids=str
    )
    def test_not_everything_goes_on_by_itself(
        self, bench: Bench, values: dict[str, object]
    ) -> None:
        """Not what a person runs at a terminal, nor other labs' runs, nor what kills servers."""
        run_id = bench.left_behind(**values).id
        bench.tick(3)
        assert (bench.started(), bench.statuses(run_id)) == ([], [INTERRUPTED])
        bench.supervisor.resume(run_id)
        bench.tick()
        assert bench.started() == [run_id]

    @pytest.mark.parametrize("status", [QUEUED, RUNNING, FINISHED, STOPPED, FAILED])
    def test_only_what_was_interrupted_can_be_resumed(
        self, bench: Bench, status: RunStatus
    ) -> None:
        record = bench.store.create(RunConfig(), owner="server").changed(status=status)
        bench.store.save(record)
        with pytest.raises(RunError, match="only an interrupted run"):
            bench.supervisor.resume(record.id)
        assert bench.store.read(record.id) == record


class TestNothingBlocksTheQueue:
    def vanish(self, bench: Bench, run_id: str) -> None:
        folder = bench.paths.run(run_id).folder
        folder.rename(bench.paths.root / run_id)

    @pytest.mark.parametrize("status", [QUEUED, RUNNING, INTERRUPTED])
    def test_a_folder_deleted_by_hand(self, bench: Bench, status: RunStatus) -> None:
        gone = bench.left_behind(status=status, interrupted_by="server")
        self.vanish(bench, gone.id)
        time.sleep(0.002)
        (waiting,) = bench.submit()
        bench.tick(2)
        assert bench.started() == [waiting]
        assert [record.id for record in bench.store.runs()] == [waiting]

    @pytest.mark.parametrize("status", [QUEUED, RUNNING, INTERRUPTED])
    def test_a_record_damaged_by_hand(self, bench: Bench, status: RunStatus) -> None:
        bad = bench.left_behind(status=status, interrupted_by="server")
        bench.paths.run(bad.id).record.write_text("{")
        time.sleep(0.002)
        (waiting,) = bench.submit()
        bench.tick(2)
        assert bench.started() == [waiting]
        assert [folder for folder, _ in bench.store.problems()] == [bad.id]

    def test_the_folder_of_a_run_at_work(self, bench: Bench) -> None:
        first, second = bench.submit(2)
        bench.tick()
        self.vanish(bench, first)
        bench.tick()
        worker = bench.launcher.started[0]
        assert worker.signals == ["kill"]
        worker.exit_code = -9
        bench.tick(2)
        assert bench.started() == [first, second]

    def test_a_store_that_fails_for_a_while(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_id = bench.left_behind().id

        def full(record: RunRecord) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(bench.store, "save", full)
        bench.tick(3)
        assert bench.store.read(run_id).status is RUNNING
        monkeypatch.undo()
        bench.tick(3)
        assert bench.started() == [run_id]


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


class TestThread:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runner, "TICK_SECONDS", 0.01)
        monkeypatch.setattr(runner, "IDLE_SECONDS", 0.01)

    @pytest.fixture
    def started(self, bench: Bench) -> Iterator[Bench]:
        bench.supervisor.start()
        yield bench
        bench.supervisor.close()

    def test_a_submitted_run_is_started(self, started: Bench) -> None:
        (run_id,) = started.submit()
        until(lambda: started.started() == [run_id])

    def test_an_error_does_not_end_it(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = []

        def broken() -> None:
            calls.append(1)
            raise StoreError("the index is away") if len(calls) % 2 else ValueError("a bug")

        monkeypatch.setattr(bench.supervisor, "tick", broken)
        bench.supervisor.start()
        until(lambda: len(calls) > 4)
        monkeypatch.undo()
        (run_id,) = bench.submit()
        until(lambda: bench.started() == [run_id])
        bench.supervisor.close()

    def test_it_notes_what_its_predecessor_could_not(self, bench: Bench) -> None:
        """Killed between the folder of a new run and its row in the index."""
        (run_id,) = bench.submit()
        with bench.store._engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM runs")
        bench.supervisor.start()
        until(lambda: bench.started() == [run_id])
        bench.supervisor.close()

    def test_only_one_works_on_a_folder_and_the_next_takes_over(self, started: Bench) -> None:
        second = Bench(started.paths.root, ["cpu"])
        second.supervisor.start()
        (run_id,) = second.submit()
        until(lambda: started.started() == [run_id])
        started.launcher.started[0].end(FINISHED)
        time.sleep(0.1)
        assert second.started() == []
        started.supervisor.close()
        (later,) = second.submit()
        until(lambda: second.started() == [later])
        second.supervisor.close()
        assert started.started() == [run_id]

    def test_a_waiting_one_does_not_spin(
        self, started: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        second = Bench(started.paths.root, ["cpu"])
        tries: list[int] = []

        def refused() -> bool:
            tries.append(1)
            return False

        monkeypatch.setattr(second.supervisor, "_acquire", refused)
        second.supervisor.start()
        second.submit()
        time.sleep(0.2)
        second.supervisor.close()
        assert len(tries) <= 4

    def test_close_lets_go_and_starts_nothing_more(self, started: Bench) -> None:
        started.supervisor.close()
        assert started.launcher.closed
        assert "supervisor" not in [t.name for t in threading.enumerate() if t.is_alive()]
        started.submit()
        time.sleep(0.05)
        assert started.started() == []


class TestDevices:
    def test_one_training_at_a_time_on_a_cpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        monkeypatch.delenv("LIENZO_SLOTS", raising=False)
        assert devices.slots() == ["cpu"]
        monkeypatch.setenv("LIENZO_SLOTS", "3")
        assert devices.slots() == ["cpu"] * 3

    @pytest.mark.parametrize("wanted", ["0", "-1", "two", "1.5", ""])
    def test_a_bad_number_of_slots(self, monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        monkeypatch.setenv("LIENZO_SLOTS", wanted)
        with pytest.raises(ConfigError, match=f"LIENZO_SLOTS: expected.*received {wanted}"):
            devices.slots()

    def test_the_gpus_that_may_be_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 3")
        assert devices.slots() == ["2", "3"]

    def test_no_driver_no_gpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setenv("PATH", "/nowhere")
        assert devices.slots()[0] == "cpu"

    def test_a_gpu_is_never_forked_onto(self, bench: Bench) -> None:
        assert isinstance(make_launcher(bench.store, ["cpu"]), HostLauncher)
        assert isinstance(make_launcher(bench.store, ["0"]), PopenLauncher)
